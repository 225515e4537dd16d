//! Measures what the core costs for one order of N names, without I/O, as Markdown.
//!
//! `cargo run --release -p acme-cost --bin many-names -- [N ...]`; with `--durable` snapshots are saved too.

use acme_cost::many_names::{Cost, ManyNames};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let durable = arguments.iter().any(|argument| argument == "--durable");
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1, 10, 100, 1000, 10_000];
    }
    println!("| names | inputs | requests | core | per name | saves | challenges saved | octets |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for names in sizes {
        let order = ManyNames { durable, ..ManyNames::new(names) };
        // Small orders are too short for the clock: the best of a few is shown.
        let runs = (1000 / names).clamp(1, 20);
        let costs = (0..runs).map(|_| order.run());
        let Cost { inputs, requests, core, saves, saved_challenges, saved_octets, .. } =
            costs.min_by_key(|cost| cost.core).expect("one run at least");
        let micros = core.as_secs_f64() * 1e6;
        println!(
            "| {names} | {inputs} | {requests} | {:.2} ms | {:.1} us | {saves} | {saved_challenges} | {saved_octets} |",
            micros / 1e3,
            micros / names as f64,
        );
    }
}
