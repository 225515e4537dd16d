//! Installs the servers that the tests need, so that no test has to wait for it.

use acme_tests::servers::install_pebble;

fn main() {
    let programs = install_pebble();
    println!("{}\n{}", programs.pebble().display(), programs.challtestsrv().display());
}
