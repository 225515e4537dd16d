//! Prints the page `waiting` of the manual: how late clients notice that a CA is done.
//!
//! `cargo run --locked -p acme-tests --bin poll-lag > acme-proto/src/manual/waiting.md`

fn main() {
    print!("{}", acme_tests::poll_lag::page());
}
