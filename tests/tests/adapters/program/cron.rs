//! Runs by a timer: what is good is left alone, what is due is renewed, and what stumbled is made up for.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use acme_testca::{FaultAction, FaultRule, Faults, RequestKind, TestCa};
use acme_tests::child::Program;
use acme_tests::for_both_programs;

use super::Scene;

for_both_programs! {
    a_stored_certificate_that_is_not_due_is_left_alone, not_due;
    a_ca_that_is_away_is_no_failure_while_the_certificate_is_good, away;
    a_certificate_that_is_due_is_renewed_and_the_order_says_what_it_replaces, due;
    a_renewal_that_failed_is_not_tried_again_before_its_time, backs_off;
    an_account_file_serves_the_embedded_ca_and_another_one, shared_account;
    by_force_a_certificate_is_ordered_before_it_is_due, forced;
    other_names_are_ordered_at_once, other_names;
    a_deploy_hook_runs_after_a_new_certificate_with_its_paths, deployed;
    a_deploy_hook_that_fails_is_reported_and_run_again, deploy_failed;
    the_mac_key_of_an_external_account_is_read_from_a_file, mac_key_file;
    kinds_of_challenges_are_tried_in_the_order_of_the_options, preferred;
    a_port_in_use_is_found_before_an_account_is_registered, port_in_use;
    the_embedded_ca_is_not_in_the_way_of_another_one, after_embedded;
    the_embedded_ca_replaces_no_certificate_of_another_one, before_embedded;
    a_ca_that_is_not_trusted_is_named_at_once_with_the_option, untrusted;
}

#[track_caller]
fn assert_not_due(outcome: &acme_tests::child::Outcome) {
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let is_line = |line: &&str| line.starts_with("not due until 20") && line.contains("--force");
    assert_eq!(outcome.stdout.lines().filter(is_line).count(), 1, "{outcome:#?}");
}

fn not_due(program: Program) {
    let scene = Scene::new(program);
    scene.run(&["a.test"]).assert_issued();
    let certificate = scene.read("out/cert.pem");
    scene.ca.clear_log();
    assert_not_due(&scene.run(&["a.test"]));
    assert_eq!(scene.count(RequestKind::RenewalInfo), 1, "{:?}", scene.ca.requests());
    assert_eq!(scene.ca.requests().len(), 1, "{:?}", scene.ca.requests());
    // The CA's answer holds for hours.
    assert_not_due(&scene.run(&["a.test"]));
    assert_eq!(scene.ca.requests().len(), 1, "{:?}", scene.ca.requests());
    assert_eq!(scene.read("out/cert.pem"), certificate);
}

fn away(program: Program) {
    let scene = Scene::new(program);
    scene.run(&["a.test"]).assert_issued();
    let line = ["--directory", scene.ca.directory_url(), "--ca-file", "ca.pem", "--out", "out"];
    let line: Vec<String> = line.iter().chain(&["a.test"]).map(ToString::to_string).collect();
    let Scene { ca, dir, .. } = scene;
    ca.stop();
    let outcome = program.run(&dir, &line);
    assert_not_due(&outcome);
    assert!(outcome.stderr.contains("cannot be asked about the renewal"), "{outcome:#?}");
}

/// Has the CA suggest that its last certificate be renewed now.
pub(super) fn suggest_renewal(scene: &Scene) -> String {
    let id = scene.ca.certificate_ids().pop().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let now = u64::try_from(now).unwrap();
    assert!(scene.ca.set_renewal_window(&id, now - 7_200_000, now - 3_600_000, None));
    id
}

fn due(program: Program) {
    let scene = Scene::new(program);
    scene.run(&["a.test"]).assert_issued();
    let id = suggest_renewal(&scene);
    let outcome = scene.run(&["a.test"]);
    outcome.assert_issued();
    assert!(!outcome.stdout.contains("not due"), "{outcome:#?}");
    assert_eq!(scene.ca.certificates_issued(), 2);
    let order = scene.ca.order_objects().into_iter().find(|order| order["replaces"].is_string());
    assert_eq!(order.unwrap()["replaces"], id.as_str());
    assert_not_due(&scene.run(&["a.test"]));
}

fn backs_off(program: Program) {
    let scene = Scene::new(program);
    scene.run(&["a.test"]).assert_issued();
    suggest_renewal(&scene);
    let limited = FaultRule::next(FaultAction::rate_limited(Some("1800")));
    scene.ca.set_faults(Faults::none().with(limited.on(RequestKind::NewOrder).times(usize::MAX)));
    let outcome = scene.run(&["--timeout", "20", "a.test"]);
    outcome.assert_failed(1, &["429", "it asks to wait until"]);
    assert!(outcome.stderr.contains("leave the CA alone (--force orders anyway)"), "{outcome:#?}");
    scene.ca.set_faults(Faults::none());
    scene.ca.clear_log();
    let outcome = scene.run(&["a.test"]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    for words in ["not tried again until 20", "the renewal failed at 20", "--force"] {
        assert!(outcome.stdout.contains(words), "{words}: {outcome:#?}");
    }
    assert_eq!(scene.ca.requests().len(), 0, "{:?}", scene.ca.requests());
    scene.run(&["--force", "a.test"]).assert_issued();
    assert_not_due(&scene.run(&["a.test"]));
    assert_eq!(scene.ca.certificates_issued(), 2);
}

fn shared_account(program: Program) {
    let scene = Scene::new(program);
    for _ in 0..2 {
        let line = ["--account", "account.json", "--out", "try", "a.test"];
        program.run(&scene.dir, line).assert_issued();
        scene.run(&["--account", "account.json", "--force", "a.test"]).assert_issued();
    }
    assert!(scene.dir.file("embedded-account.json").exists());
    assert!(scene.read("account.json").contains(scene.ca.directory_url()));
    assert_eq!(scene.ca.account_objects().len(), 1);
}

fn forced(program: Program) {
    let scene = Scene::new(program);
    scene.run(&["a.test"]).assert_issued();
    scene.run(&["--force", "a.test"]).assert_issued();
    assert_eq!(scene.ca.certificates_issued(), 2);
    assert_not_due(&scene.run(&["a.test"]));
}

fn other_names(program: Program) {
    let scene = Scene::new(program);
    scene.run(&["a.test"]).assert_issued();
    scene.run(&["a.test", "b.test"]).assert_issued();
    assert_not_due(&scene.run(&["b.test", "a.test"]));
    assert_eq!(scene.ca.certificates_issued(), 2);
}

fn deployed(program: Program) {
    let scene = Scene::new(program);
    let script = "echo \"$ACME_NAMES $1\" >> deployed\n\
                  test -s \"$ACME_CERT_PATH\" && test -s \"$ACME_KEY_PATH\" && cd / && test -s \"$ACME_KEY_PATH\"\n";
    scene.dir.write("hook.sh", script);
    let line = ["--deploy-hook", "sh hook.sh 'the word'", "a.test", "b.test"];
    scene.run(&line).assert_issued();
    assert_not_due(&scene.run(&line));
    assert_eq!(scene.read("deployed"), "a.test b.test the word\n");
    scene.run(&["--force"].iter().chain(&line).copied().collect::<Vec<_>>()).assert_issued();
    assert_eq!(scene.read("deployed").lines().count(), 2);
}

fn deploy_failed(program: Program) {
    let scene = Scene::new(program);
    scene.dir.write("hook.sh", "echo x >> runs; echo no such server >&2; test -e fixed\n");
    let line = ["--deploy-hook", "sh hook.sh", "a.test"];
    let words = ["out/cert.pem", "sh hook.sh", "exit status: 1", "the next run"];
    for runs in 1..=2 {
        let outcome = scene.run(&line);
        outcome.assert_failed(3, &words);
        assert!(outcome.stderr.contains("no such server"), "{outcome:#?}");
        assert_eq!(scene.read("runs").lines().count(), runs);
        assert!(scene.read("out/cert.pem").starts_with("-----BEGIN CERTIFICATE"));
    }
    scene.dir.write("fixed", "");
    assert_not_due(&scene.run(&line));
    assert_not_due(&scene.run(&line));
    assert_eq!(scene.read("runs").lines().count(), 3);
    assert_eq!(scene.ca.certificates_issued(), 1);
}

fn mac_key_file(program: Program) {
    let builder = TestCa::builder().external_account("kid-1", [7; 32]);
    let scene = Scene::with(program, builder.require_external_account(true));
    let line = ["--eab-kid", "kid-1", "--eab-key-file", "mac.key", "a.test"];
    scene.run(&line).assert_failed(2, &["--eab-key-file", "mac.key"]);
    scene.dir.write("mac.key", "no key!\n");
    scene.run(&line).assert_failed(2, &["--eab-key-file", "mac.key", "copy the whole key"]);
    scene.dir.write("mac.key", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\n");
    scene.run(&line).assert_issued();
}

fn preferred(program: Program) {
    let scene = Scene::new(program);
    let hook = format!("'{}' {} ca.pem", env!("CARGO_BIN_EXE_testca-hook"), origin(&scene));
    let line = ["--challenge", "http-01", "--challenge", "dns-01", "--dns-hook", &hook];
    let names = ["a.test", "*.a.test"];
    let outcome = scene.run(&line.iter().chain(&names).copied().collect::<Vec<_>>());
    outcome.assert_issued();
    for said in ["the CA validates a.test by http-01", "the CA validates *.a.test by dns-01"] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome:#?}");
    }
    let line = ["--challenge", "dns-01", "--challenge", "http-01", "--dns-hook", &hook, "b.test"];
    let outcome = scene.run(&line);
    assert!(outcome.stderr.contains("the CA validates b.test by dns-01"), "{outcome:#?}");
    let line = ["--challenge", "tls-alpn-01", "--challenge", "http-01", "*.a.test"];
    scene.run(&line).assert_failed(2, &["*.a.test", "use dns-01"]);
}

fn origin(scene: &Scene) -> &str {
    scene.ca.directory_url().trim_end_matches("/directory")
}

fn port_in_use(program: Program) {
    let scene = Scene::new(program);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    scene.run(&["--http-port", &port, "a.test"]).assert_failed(1, &[&port, "in use"]);
    assert_eq!(scene.count(RequestKind::NewAccount), 0);
    assert!(!scene.dir.file("out/account.json").exists());
}

fn after_embedded(program: Program) {
    let scene = Scene::new(program);
    // By the README's first command, and in the same folder.
    program.run(&scene.dir, ["a.test"]).assert_issued();
    assert!(scene.dir.file("certs/embedded-ca/a.test/cert.pem").exists());
    program.run(&scene.dir, ["--out", "out", "a.test"]).assert_issued();
    scene.run(&["a.test"]).assert_issued();
    assert_eq!(scene.ca.certificates_issued(), 1);
    assert_not_due(&scene.run(&["a.test"]));
}

fn before_embedded(program: Program) {
    let scene = Scene::new(program);
    scene.run(&["a.test"]).assert_issued();
    let certificate = scene.read("out/cert.pem");
    let outcome = program.run(&scene.dir, ["--out", "out", "a.test"]);
    outcome.assert_failed(1, &["out/cert.pem", scene.ca.directory_url(), "--directory", "--out"]);
    assert_eq!(scene.read("out/cert.pem"), certificate);
}

fn untrusted(program: Program) {
    let scene = Scene::new(program);
    scene.dir.write("ca.pem", TestCa::start().root_pem());
    let outcome = scene.run(&["a.test"]);
    outcome.assert_failed(1, &[scene.ca.directory_url(), "--ca-file"]);
    assert!(outcome.elapsed < Duration::from_secs(20), "{outcome:#?}");
    assert!(!outcome.stderr.contains("trying again"), "{outcome:#?}");
}
