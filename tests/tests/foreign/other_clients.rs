//! Clients of other people get what they want from `acme-testca`, feature by feature.

use std::path::Path;

use acme_tests::clients::{Acme4j, AcmeClient, Caddy, Certbot, Client, Dehydrated, Lego, run};

fn all_rows(client: &dyn Client) {
    run(client, Path::new(env!("CARGO_BIN_EXE_testca-hook")));
}

#[test]
fn certbot_works_with_the_test_ca() {
    all_rows(&Certbot);
}

#[test]
fn lego_works_with_the_test_ca() {
    all_rows(&Lego);
}

#[test]
fn dehydrated_works_with_the_test_ca() {
    all_rows(&Dehydrated);
}

#[test]
fn acme_client_works_with_the_test_ca() {
    all_rows(&AcmeClient);
}

#[test]
fn acme4j_works_with_the_test_ca() {
    all_rows(&Acme4j);
}

#[test]
fn caddy_works_with_the_test_ca_and_serves_what_it_got() {
    all_rows(&Caddy);
}
