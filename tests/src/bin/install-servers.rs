//! Installs the servers that the tests need, so that no test has to wait for it.

use acme_tests::servers::install_all;

fn main() {
    for program in install_all() {
        println!("{}", program.display());
    }
}
