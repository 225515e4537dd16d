//! Every interleaving of an issuance, up to a number of faults: `explore::Plan` says what is tried, and what must hold.

use acme_proof::explore::{Plan, Report, explore};

fn explored(plan: &Plan) -> Report {
    let report = explore(plan);
    for violation in &report.violations {
        println!("{}:\n  {}", violation.what, violation.actions.join("\n  "));
    }
    assert!(report.violations.is_empty(), "{} broken invariants", report.violations.len());
    assert!(report.complete && report.issued > 0, "{report:?}");
    report
}

#[test]
fn one_name_in_any_order_of_what_can_happen_is_issued() {
    let report = explored(&Plan { faults: 0, ..Plan::default() });
    assert!(report.states > 200 && report.issued == report.ended, "{report:?}");
}

#[test]
fn one_name_with_any_one_fault_at_any_step_is_safe_and_ends() {
    let report = explored(&Plan { interleaved: false, ..Plan::default() });
    assert!(report.states > 1500 && report.ended > 100, "{report:?}");
}

#[test]
fn an_issuance_that_saves_nothing_is_as_safe_while_its_process_lives() {
    explored(&Plan { durable: false, interleaved: false, ..Plan::default() });
}

#[test]
fn two_names_with_any_one_fault_at_any_step_are_safe_and_end() {
    let report = explored(&Plan { names: 2, interleaved: false, ..Plan::default() });
    assert!(report.states > 2500, "{report:?}");
}
