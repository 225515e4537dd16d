//! Installs the servers that the tests need, so that no test has to wait for it.

use acme_tests::arguments;
use acme_tests::servers::install_servers;

fn main() {
    arguments::none("Installs the servers that the tests need, below the target directory.");
    for program in install_servers() {
        println!("{}", program.display());
    }
}
