//! Installs the servers that the tests need, so that no test has to wait for it.

use acme_tests::servers::install_servers;

fn main() {
    for program in install_servers() {
        println!("{}", program.display());
    }
}
