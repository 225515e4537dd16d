//! Every scenario by every driver: equal transcripts, and equal to the golden ones.

use std::fs;
use std::path::PathBuf;

use acme_tests::scenario::{Run, Scenario, run_blocking, run_raw, run_tokio, side_by_side, table};

fn check_outcome(scenario: &Scenario, driver: &str, run: &Run) {
    let fault = scenario.fault(run);
    assert!(fault.is_none(), "{} (by {driver})", fault.unwrap_or_default());
}

/// Compares with the golden transcript; `ACME_BLESS=1` writes it.
fn check_golden(scenario: &Scenario, run: &Run) {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let file = dir.join(format!("{}.txt", scenario.name));
    if std::env::var_os("ACME_BLESS").is_some() {
        fs::write(&file, run.to_string()).expect("the transcript can be written");
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(run.to_string(), golden, "{} is not as in {}", scenario.name, file.display());
}

#[test]
fn with_one_exchange_at_a_time_all_drivers_send_the_same_line_by_line() {
    side_by_side(8, &table(), |scenario| {
        let raw = run_raw(scenario, 1);
        check_outcome(scenario, "raw", &raw);
        check_golden(scenario, &raw);
        for (driver, run) in
            [("tokio", run_tokio(scenario, 1)), ("blocking", run_blocking(scenario, 1))]
        {
            check_outcome(scenario, driver, &run);
            assert_eq!(run.transcript, raw.transcript, "{} by {driver}", scenario.name);
        }
    });
}

#[test]
fn with_several_exchanges_at_once_all_drivers_send_the_same_requests() {
    side_by_side(8, &table(), |scenario| {
        // Which nonces a CA refuses depends on the order of requests.
        if scenario.name == "half_of_the_nonces_refused" {
            return;
        }
        let raw = run_raw(scenario, 16);
        check_outcome(scenario, "raw", &raw);
        for (driver, run) in
            [("tokio", run_tokio(scenario, 16)), ("blocking", run_blocking(scenario, 16))]
        {
            check_outcome(scenario, driver, &run);
            assert_eq!(run.sorted(), raw.sorted(), "{} by {driver}", scenario.name);
        }
    });
}
