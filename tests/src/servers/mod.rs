//! Servers of other people, for ACME and DNS: installed once below the target directory, or by Debian, and started on
//! loopback.
//!
//! ```no_run
//! use acme_tests::servers::{Pebble, PebbleOptions};
//!
//! let pebble = Pebble::start(PebbleOptions::default().nonce_reject(50));
//! println!("{} trusts {}", pebble.directory_url(), pebble.root_file().display());
//! ```
//!
//! Nothing here is skipped: a server that cannot be installed or started is a panic that says why.

mod acmev2;
mod boulder;
mod caddy;
mod challtestsrv;
mod gunicorn;
mod https;
mod issuing_ca;
mod knot;
mod mock_dns;
mod pebble;
mod ports;
mod process;
mod resolved;
mod scratch;
mod serles;
mod site;
mod step_ca;
mod web_ca;

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use mock_dns::MockDns;

use crate::install::{DebianPackage, GoProgram, PythonServer, install_boulder, install_eab_tool};

pub use acmev2::{acmev2, acmev2_with_external_accounts};
pub use boulder::{Boulder, BoulderOptions, Part};
pub use caddy::caddy;
pub use challtestsrv::Challtestsrv;
pub use https::get;
pub use knot::Knot;
pub use pebble::{Pebble, PebbleOptions};
pub use ports::free_port;
pub use process::Process;
pub use resolved::free_address;
pub use serles::serles;
pub use site::{Server, Site};
pub use step_ca::{step_ca, step_ca_with_external_accounts};
pub use web_ca::WebCa;

/// Debian's Pebble, from before renewal information and profiles.
const DEBIAN_PEBBLE: DebianPackage =
    DebianPackage { name: "pebble", version: "2.4.0", place: "servers/pebble-debian" };

/// Installs every server that the tests need, several at once.
///
/// # Panics
///
/// If one cannot be installed, with what its package manager said.
pub fn install_servers() -> Vec<PathBuf> {
    thread::scope(|scope| {
        let go = scope.spawn(|| {
            let mut programs: Vec<_> = GoProgram::ALL.iter().map(|p| p.install()).collect();
            programs.push(install_eab_tool()); // after step-ca, whose modules it shares
            programs.push(install_boulder());
            programs
        });
        let python = scope.spawn(|| PythonServer::ALL.map(PythonServer::install).to_vec());
        let debian = scope.spawn(|| vec![DEBIAN_PEBBLE.install()]);
        let all = [go, python, debian].map(|installed| match installed.join() {
            Ok(programs) => programs,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        all.concat()
    })
}

/// How long a server may take until it answers.
const LIMIT: Duration = Duration::from_secs(60);

/// The address of servers whose ports can be set.
const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((LOCALHOST, port))
}

/// Returns the target directory that the running program was built into.
///
/// # Panics
///
/// If the program does not run from a target directory of Cargo.
pub fn target_dir() -> &'static Path {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    TARGET.get_or_init(|| {
        let program = env::current_exe().expect("the system knows the path of a running program");
        // Cargo leaves these in each target directory: the first only if it created it, the second always.
        let is_target = |dir: &&Path| {
            ["CACHEDIR.TAG", ".rustc_info.json"].iter().any(|name| dir.join(name).is_file())
        };
        let target = program.ancestors().find(is_target);
        target
            .unwrap_or_else(|| panic!("{} is not in a target directory", program.display()))
            .to_owned()
    })
}

/// Returns the path of a program of this package.
///
/// # Panics
///
/// If it was not built.
fn built_program(name: &str) -> PathBuf {
    let program = env::current_exe().expect("the system knows the path of a running program");
    let mut dirs = program.ancestors().take_while(|dir| dir.starts_with(target_dir()));
    let program = dirs.find_map(|dir| Some(dir.join(name)).filter(|program| program.is_file()));
    program.unwrap_or_else(|| panic!("`cargo build -p acme-tests --bins` builds {name}"))
}
