//! Installs the clients that the tests need, so that no test has to wait for it.

use acme_tests::clients::install_clients;

fn main() {
    install_clients();
}
