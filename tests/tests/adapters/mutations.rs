//! The changes of `core::mutations`, on the way from a CA to the adapters.

use std::sync::{Arc, Mutex};

use acme_tests::mutations::{Case, Change, Which, cases, chosen};
use acme_tests::scenario::{Adapter, ChangedCa, side_by_side};

/// One of so many cases is run, unless the environment variable `ACME_ALL_MUTATIONS` is set: all of them take minutes.
/// `ACME_MUTATION` runs the one of that name.
const ONE_IN: u64 = 9;

/// Lists all cases.
fn all_cases() -> Vec<Case> {
    let nothing: Arc<Change> = Arc::new(Box::new(|_| None));
    let plain = ChangedCa::start().issue(Adapter::Tokio, Which::None, &nothing);
    assert!(plain.result.is_ok(), "{:?}", plain.result);
    cases(&plain.sent)
}

/// Returns what is wrong with an error that a person has to act on.
fn fault_of(error: &str) -> Option<String> {
    let is_plain = error.chars().all(|c| !c.is_control()) && error.len() < 5_000;
    let is_ours = error.contains("bug") || error.contains("panic");
    (is_ours || !error.to_ascii_lowercase().contains("https://") || !is_plain)
        .then(|| error.chars().take(600).collect())
}

fn run(adapter: Adapter) {
    let all = all_cases();
    let one_in = if std::env::var_os("ACME_ALL_MUTATIONS").is_some() { 1 } else { ONE_IN };
    let chosen = chosen(&all, one_in);
    let done = Mutex::new((0, Vec::new()));
    let pieces: Vec<_> = chosen.chunks(chosen.len().div_ceil(4)).collect();
    side_by_side(4, &pieces, |cases| {
        let ca = ChangedCa::start();
        for case in *cases {
            let outcome = ca.issue(adapter, case.which, &case.change);
            let mut done = done.lock().expect("no panic");
            let fault = match &outcome.result {
                Ok(names) => {
                    done.0 += 1;
                    (names != &["example.test"]).then(|| format!("{names:?}"))
                }
                Err(error) => fault_of(error),
            };
            done.1.extend(fault.map(|fault| format!("{}: {fault}", case.name)));
            if !outcome.left.is_empty() {
                done.1.push(format!("{}: left: {:?}", case.name, outcome.left));
            }
        }
    });
    let (certificates, faults) = done.into_inner().expect("no panic");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    println!("{} changed issuances of {}, {certificates} certificates", chosen.len(), all.len());
    assert!(all.len() > 2_000, "{}", all.len());
    let is_one = std::env::var_os("ACME_MUTATION").is_some();
    assert!(is_one || certificates * 3 > chosen.len(), "{certificates} of {}", chosen.len());
}

#[test]
fn a_changed_response_ends_well_or_is_named_by_acme_tokio() {
    run(Adapter::Tokio);
}

#[test]
fn a_changed_response_ends_well_or_is_named_by_acme_blocking() {
    run(Adapter::Blocking);
}
