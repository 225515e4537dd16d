//! Explores every interleaving of an issuance, and prints what was found, as Markdown.
//!
//! `cargo run --profile proof -p acme-proof --bin explore -- [NAMES FAULTS [MOST_STATES]] [--not-durable] [--in-order]`

use std::process::ExitCode;
use std::time::Instant;

use acme_proof::explore::{Plan, explore};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    let durable = !arguments.iter().any(|argument| argument == "--not-durable");
    let interleaved = !arguments.iter().any(|argument| argument == "--in-order");
    let bounds = match numbers[..] {
        [names, faults, ..] => vec![(names, faults)],
        _ => vec![(1, 0), (1, 1), (2, 0)],
    };
    let most_states = numbers.get(2).copied().unwrap_or(usize::MAX);
    println!(
        "| names | faults | durable | any order | states | steps | ends | certificates | longest | time |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut is_clean = true;
    for (names, faults) in bounds {
        let faults = u32::try_from(faults).unwrap_or(u32::MAX);
        let plan = Plan { names, faults, durable, interleaved, most_states, ..Plan::default() };
        let start = Instant::now();
        let report = explore(&plan);
        println!(
            "| {names} | {faults} | {durable} | {interleaved} | {}{} | {} | {} | {} | {} | {:.0} s |",
            report.states,
            if report.complete { "" } else { " and more" },
            report.steps,
            report.ended,
            report.issued,
            report.longest,
            start.elapsed().as_secs_f64()
        );
        for violation in &report.violations {
            is_clean = false;
            eprintln!("{}:\n  {}", violation.what, violation.actions.join("\n  "));
        }
    }
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
