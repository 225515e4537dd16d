//! Measures what a poll costs one flow of many in a process, each of which waits for its validation, as Markdown: processor
//! time, with that of the server, which formats each response.
//!
//! `cargo run --release -p acme-cost --bin many-flows -- [FLOWS ...]`

use std::hint::black_box;

use acme_cost::cpu;
use acme_cost::many_names::{ManyNames, Waiting};

/// About how many polls are measured; each flow polls three times at least.
const POLLS: usize = 30_000;
/// A wait for a validation ends after so many, at the soonest.
const MOST_POLLS_OF_A_FLOW: usize = 20;

fn main() {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1, 10, 100, 1000, 10_000, 100_000];
    }
    println!("| flows | polls | requests | per poll |");
    println!("| ---: | ---: | ---: | ---: |");
    for flows in sizes {
        let (mut polls, mut requests, mut micros) = (0, 0, 0.0);
        let rounds = (POLLS / flows).clamp(3, MOST_POLLS_OF_A_FLOW);
        while polls < POLLS {
            let mut server = ManyNames::new(1).prepare();
            let mut session = server.session();
            let mut waiting: Vec<Waiting> = (0..flows).map(|_| server.wait(&mut session)).collect();
            server.take_cost();
            let start = cpu::of_this_thread();
            // In turn, so that each flow is cold when it is polled.
            for _ in 0..rounds {
                waiting.iter_mut().for_each(|flow| server.step(&mut session, flow));
            }
            micros += (cpu::of_this_thread() - start).as_secs_f64() * 1e6;
            polls += rounds * flows;
            requests += server.take_cost().requests;
            black_box(waiting);
        }
        println!("| {flows} | {polls} | {requests} | {:.1} us |", micros / polls as f64);
    }
}
