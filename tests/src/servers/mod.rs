//! ACME servers of other people, installed once below the target directory and started on loopback.
//!
//! ```no_run
//! use acme_tests::servers::{Pebble, PebbleOptions};
//!
//! let pebble = Pebble::start(PebbleOptions::default().nonce_reject(50));
//! println!("{} trusts {}", pebble.directory_url(), pebble.root_file().display());
//! ```
//!
//! Nothing here is skipped: a server that cannot be installed or started is a panic that says why.

mod challtestsrv;
mod https;
mod install;
mod pebble;
mod ports;
mod process;
mod web_ca;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use challtestsrv::Challtestsrv;
pub use https::get;
pub use install::{PebblePrograms, install_pebble};
pub use pebble::{Pebble, PebbleOptions};
pub use ports::free_port;
pub use process::Process;
pub use web_ca::WebCa;

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
