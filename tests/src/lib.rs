//! What the test suites of the ACME workspace share. `tests/README.md` says which of it to take for what.
//!
//! - [`arguments`]: the command line of programs that take no arguments.
//! - [`balancer`]: a CA of several machines, where a nonce holds only at the machine that gave it.
//! - [`canned_server`]: a server with canned responses by path, in any order.
//! - [`child`]: the example programs as child processes (Unix).
//! - [`clients`]: ACME clients of other people, run against `acme-testca` (Unix).
//! - [`crowded`]: certificates with more names than anybody asks for.
//! - [`error_chain`]: the rule that a chain of errors prints no sentence twice.
//! - [`interop`]: the matrix of other people's servers, both adapters and what works (Unix).
//! - [`made_up_kind`]: a kind of challenge that the published crates do not know.
//! - [`mutations`]: every way in which a valid response can be changed.
//! - [`name_servers`]: a DNS resolver and authoritative servers on loopback.
//! - [`numbering`]: a server whose responses number their connections.
//! - [`responders`]: the listeners of both adapters, and clients that look at them.
//! - [`script`]: a server that expects one exchange after the other, and responds as a test says.
//! - [`servers`]: ACME servers of other people, installed and started on loopback (Unix).
//! - [`tls_server`]: an HTTPS server with any certificate, and requests made by hand.

pub mod arguments;
pub mod balancer;
pub mod canned_server;
#[cfg(unix)]
pub mod child;
#[cfg(unix)]
pub mod clients;
pub mod crowded;
pub mod dialects;
pub mod error_chain;
#[cfg(unix)]
mod install;
#[cfg(unix)]
pub mod interop;
pub mod made_up_kind;
pub mod mutations;
pub mod name_servers;
pub mod numbering;
pub mod polite;
pub mod poll_lag;
pub mod responders;
pub mod scenario;
pub mod script;
#[cfg(unix)]
pub mod servers;
pub mod tls_server;
pub mod world;

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// Starts a CA whose certificates live for so long, and which suggests no renewal windows: a client
/// renews them at half of that.
///
/// # Panics
/// If there is no port.
pub fn short_lived_ca(lifetime: std::time::Duration) -> acme_testca::TestCa {
    let builder = acme_testca::TestCa::builder().certificate_lifetime(lifetime);
    builder.renewal_info(false).start().expect("a CA")
}

/// A folder of its own for one test, which is removed when it is dropped.
pub struct Scratch(std::path::PathBuf);

/// Makes an empty folder.
///
/// # Panics
/// If there is no place for it.
pub fn scratch(name: &str) -> Scratch {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(format!("acme-{name}-{process}-{next}"));
    std::fs::create_dir_all(&path).expect("a place for temporary files");
    Scratch(path)
}

impl Scratch {
    /// Returns the path.
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of it harms no other test.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
