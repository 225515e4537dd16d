//! Measures what one order of N names costs without I/O, as Markdown: processor time, with that of the server, which is
//! linear in the names.
//!
//! `cargo run --release -p acme-cost --bin many-names -- [N ...]`; with `--durable` snapshots are saved too,
//! and with `--signed` ring signs each request.

use acme_cost::cpu;
use acme_cost::many_names::{Cost, ManyNames, Server};

/// How many names are enough for the clock.
const NAMES: usize = 10_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_given = |option: &str| arguments.iter().any(|argument| argument == option);
    let (durable, signed) = (is_given("--durable"), is_given("--signed"));
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1, 10, 100, 1000, 10_000];
    }
    println!("| names | inputs | requests | CPU | per name | saves | challenges saved | octets |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for names in sizes {
        let order = ManyNames { durable, signed, ..ManyNames::new(names) };
        // Small orders are too short for the clock, so that many are run at once.
        let servers: Vec<Server> = (0..(NAMES / names).max(1)).map(|_| order.prepare()).collect();
        let runs = servers.len() as f64;
        let start = cpu::of_this_thread();
        let last = servers.into_iter().map(Server::issue).last();
        let micros = (cpu::of_this_thread() - start).as_secs_f64() * 1e6 / runs;
        let cost = last.expect("one run at least");
        let Cost { inputs, requests, saves, saved_challenges, saved_octets, .. } = cost;
        println!(
            "| {names} | {inputs} | {requests} | {:.2} ms | {:.1} us | {saves} | {saved_challenges} | {saved_octets} |",
            micros / 1e3,
            micros / names as f64,
        );
    }
}
