//! Says what a plain `cargo test` leaves out; `tests/run` leaves out nothing, and does not build this.

fn main() {
    println!(
        "not run: the tests that need other people's software (ACME servers and clients, OpenSSL, root).\n\
         tests/run installs it and runs everything; where it is installed, this runs these tests alone:\n\
         cargo test -p acme-tests --features foreign --test foreign"
    );
}
