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
    let known = known(&dir)?;
    let mut shortest: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut state = 1;
    for round in 0..60_000_u64 {
        // Some endings take several things at once: inputs near one that was found to be of interest, and inputs in which one
        // response is unusual and all else is well.
        let near = known.get(next(&mut state) as usize % known.len().max(1));
        let input = match (round % 3, near) {
            (1, Some(near)) => changed(near, &mut state),
            (2, _) => one_odd_response(&mut state),
            _ => input(round, &mut state),
        };
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

/// Returns the inputs of the corpus that this program has not written.
fn known(dir: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let is_own = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("ends_in_"));
        files.extend((!is_own).then_some(path));
    }
    files.sort();
    files.iter().map(fs::read).collect()
}

/// Changes up to four octets, or cuts the end off.
fn changed(near: &[u8], state: &mut u64) -> Vec<u8> {
    let mut input = near.to_vec();
    if next(state).is_multiple_of(4) {
        input.truncate(next(state) as usize % (near.len() + 1));
    }
    for _ in 0..next(state) % 5 {
        let at = next(state) as usize % input.len().max(1);
        if let Some(octet) = input.get_mut(at) {
            *octet = next(state) as u8;
        }
    }
    input
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

/// Makes an input with one fault of the CA, whose details are one small number, again and again.
fn one_odd_response(state: &mut u64) -> Vec<u8> {
    let mut input = vec![0; (next(state) % 100) as usize];
    input.push(24 + (next(state) % 20) as u8);
    let detail = 1 + (next(state) % 9) as u8;
    input.extend((0..next(state) % 8).map(|_| detail));
    input
}

/// xorshift64: the same seeds every time.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 16
}
