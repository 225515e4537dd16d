//! What the example programs say of waits and of failures.

use acme_testca::{FaultAction, FaultRule, Faults, Quirks, RequestKind, TestCa};
use acme_tests::child::{Outcome, Program, ScratchDir};
use acme_tests::for_both_programs;
use acme_tests::servers::free_port;

for_both_programs! {
    a_wait_of_the_cas_is_announced_with_its_end, announced;
    a_first_registration_raises_no_alarm, quiet;
    a_failed_validation_is_told_once_and_with_what_to_do, told;
    a_limit_is_told_with_a_time_without_fractions, limit;
    a_certificate_that_has_expired_is_reported, expired;
    a_validation_that_fails_at_the_ca_itself_is_tried_again, away;
}

fn issue(program: Program, ca: &TestCa) -> Outcome {
    let dir = ScratchDir::new();
    dir.write("ca.pem", ca.root_pem());
    let port = ca.http_port().to_string();
    let line = ["--directory", ca.directory_url(), "--ca-file", "ca.pem", "--http-port", &port];
    program.run(&dir, line.iter().chain(&["--out", "out", "a.test"]))
}

fn start(change: impl FnOnce(&mut acme_testca::CaConfig)) -> TestCa {
    TestCa::builder().http_port(free_port()).configure(change).start().expect("a CA")
}

fn announced(program: Program) {
    let ca = start(|_| ());
    let away = FaultAction::unavailable(Some("6"));
    ca.set_faults(Faults::none().with(FaultRule::next(away).on(RequestKind::NewOrder)));
    let outcome = issue(program, &ca);
    outcome.assert_issued();
    let line = outcome.stderr.lines().find(|line| line.contains("503")).unwrap_or_default();
    assert!(line.contains("trying again in ") && line.contains(" s, at 20"), "{outcome:#?}");
}

fn quiet(program: Program) {
    let ca = start(|config| config.quirks = Quirks { no_orders_url: true, ..Quirks::default() });
    let outcome = issue(program, &ca);
    outcome.assert_issued();
    assert!(!outcome.stderr.contains("deviates"), "{outcome:#?}");
}

fn told(program: Program) {
    let ca = TestCa::builder().http_port(free_port()).start().expect("a CA");
    let dir = ScratchDir::new();
    dir.write("ca.pem", ca.root_pem());
    // It listens where the CA does not look.
    let port = free_port().to_string();
    let line = ["--directory", ca.directory_url(), "--ca-file", "ca.pem", "--http-port", &port];
    let outcome = program.run(&dir, line.iter().chain(&["--out", "out", "a.test"]));
    outcome.assert_failed(1, &["a.test: http-01 failed: ", "make sure that the CA can reach"]);
    let error = outcome.stderr.lines().find(|line| line.starts_with("error: "));
    assert_eq!(error.unwrap_or_default().matches("make sure").count(), 1, "{outcome:#?}");
}

fn limit(program: Program) {
    let ca = start(|_| ());
    let limited = FaultAction::Respond {
        status: 429,
        headers: vec![
            ("Content-Type".into(), "application/problem+json".into()),
            ("Retry-After".into(), "86400".into()),
        ],
        body: r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"}"#.into(),
    };
    ca.set_faults(Faults::none().with(FaultRule::next(limited).on(RequestKind::NewOrder)));
    let outcome = issue(program, &ca);
    outcome.assert_failed(1, &["too many", "wait until 20"]);
    let error = outcome.stderr.lines().find(|line| line.starts_with("error: "));
    let time = error.and_then(|error| error.split("wait until ").nth(1)).unwrap_or_default();
    assert_eq!(time.find('Z'), Some("2026-11-30T08:00:00".len()), "{outcome:#?}");
}

fn away(program: Program) {
    let ca = start(|config| config.validations_away = 1);
    let outcome = issue(program, &ca);
    outcome.assert_issued();
    for said in ["http-01 failed for a.test", "waiting until 20"] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome:#?}");
    }
}

fn expired(program: Program) {
    let outcome = issue(program, &start(|config| config.certificate_lifetime = 0));
    outcome.assert_issued();
    assert!(outcome.stderr.contains(" by this system's clock"), "{outcome:#?}");
}
