//! Simulates issuances with faults, and prints what came of them.
//!
//! `cargo run --profile proof -p acme-proof --bin simulate -- [WISHES [FIRST_SEED]]`; with `ACME_SEED=…` it repeats one run,
//! made as small as possible if it breaks an invariant (unless `ACME_WHOLE` is set), and prints everything that happened.

use std::process::ExitCode;
use std::time::Instant;

use acme_proof::simulate::{LeftOut, Materials, run, shrink, simulate};

fn main() -> ExitCode {
    let all = Materials::new();
    let seed = std::env::var("ACME_SEED").ok().map(|seed| seed.parse().expect("a number"));
    if let Some(seed) = seed {
        return replay(seed, &all);
    }
    let mut numbers = std::env::args().skip(1).map(|a| a.parse().expect("a number"));
    let wishes = numbers.next().unwrap_or(10_000);
    let first = numbers.next().unwrap_or(1);
    let start = Instant::now();
    let totals = simulate(first, wishes, &all);
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "seeds {first} to {}: {} issuances, {} certificates, {} requests, {} faults in {seconds:.0} s",
        first + totals.runs - 1,
        totals.wishes,
        totals.issued,
        totals.requests,
        totals.faults.values().sum::<u64>(),
    );
    println!("faults: {:?}", totals.faults);
    println!("errors: {:?}", totals.errors);
    for (seed, what) in &totals.violations {
        eprintln!("ACME_SEED={seed}: {what}");
    }
    if totals.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn replay(seed: u64, all: &Materials) -> ExitCode {
    let is_broken = run(seed, all, &LeftOut::new(), false).violation.is_some();
    let is_broken = is_broken && std::env::var_os("ACME_WHOLE").is_none();
    let left_out = if is_broken { shrink(seed, all) } else { LeftOut::new() };
    let outcome = run(seed, all, &left_out, true);
    outcome.trace.iter().for_each(|line| println!("{line}"));
    for fault in &outcome.faults {
        println!("fault: {fault}");
    }
    match outcome.violation {
        Some(what) => {
            println!("broken: {what}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}
