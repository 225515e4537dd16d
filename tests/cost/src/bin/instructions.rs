//! Runs one signed order of N names without I/O, for `tests/checks/instructions`, which counts its instructions.

use acme_cost::many_names::ManyNames;

fn main() {
    let names = std::env::args().nth(1).and_then(|names| names.parse().ok());
    let names = names.expect("usage: instructions NAMES");
    let cost = ManyNames { signed: true, ..ManyNames::new(names) }.run();
    println!("{} requests, {} signatures", cost.requests, cost.signatures);
}
