//! Installs the clients that the tests need, so that no test has to wait for it.

use acme_tests::arguments;
use acme_tests::clients::install_clients;

fn main() {
    arguments::none("Installs the clients that the tests need, below the target directory.");
    install_clients();
}
