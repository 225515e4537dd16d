//! Looks for short inputs of the target `issuance` that lead to each ending, and writes them to the
//! corpus.
//!
//! It is run by hand when the world of the targets asks its input other questions than before:
//! `cargo run --release -p acme-fuzz --example seeds`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/issuance");
    let mut shortest: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut state = 1;
    for round in 0..60_000_u64 {
        let input = input(round, &mut state);
        let ending = acme_fuzz::issuance_ending(&input);
        let held = shortest.entry(ending).or_insert_with(|| input.clone());
        if input.len() < held.len() {
            *held = input;
        }
    }
    for (ending, input) in shortest {
        println!("{ending}: {} bytes", input.len());
        fs::write(dir.join(format!("ends_in_{ending}")), input)?;
    }
    Ok(())
}

/// Makes an input of mostly zeros, which mean that all is well.
fn input(round: u64, state: &mut u64) -> Vec<u8> {
    let length = next(state) % 120;
    let density = 1 + round % 16;
    let mut input: Vec<u8> = (0..length)
        .map(|_| if next(state) % 16 < density { next(state) as u8 } else { 0 })
        .collect();
    while input.last() == Some(&0) {
        input.pop();
    }
    input
}

/// xorshift64: the same seeds every time.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 16
}
