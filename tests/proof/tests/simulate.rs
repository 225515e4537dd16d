//! Simulated issuances: `simulate` says what goes wrong in them, and what must hold.
//!
//! `tests/run` makes ten thousand of them by the optimized program.

use acme_proof::simulate::{Kind, LeftOut, Materials, run, shrink, simulate};

#[test]
fn issuances_on_a_network_that_does_everything_wrong_break_no_invariant() {
    let totals = simulate(1, 400, &Materials::new());
    assert!(totals.violations.is_empty(), "repeat it by ACME_SEED: {:?}", totals.violations);
    assert!(totals.issued * 2 > totals.wishes, "{} of {}", totals.issued, totals.wishes);
    assert!(totals.faults.len() > Kind::ALL.len() * 3 / 4, "{:?}", totals.faults);
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    let all = Materials::new();
    for seed in 1..20 {
        let [first, second] = [(); 2].map(|()| run(seed, &all, &LeftOut::new(), true));
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}

#[test]
fn a_fault_that_is_left_out_does_not_happen() {
    let all = Materials::new();
    let fault = run(3, &all, &LeftOut::new(), false).faults[0];
    let left_out = LeftOut::from([fault]);
    assert!(!run(3, &all, &left_out, false).faults.contains(&fault));
    assert!(shrink(3, &all).is_empty(), "a run that breaks nothing is left as it is");
}
