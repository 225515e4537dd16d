//! What the programs say: the culprit, once, and what to type.

use std::time::Duration;

use acme_testca::{RequestKind, TestCa};
use acme_tests::child::{Outcome, Program, contents};
use acme_tests::for_both_programs;
use acme_tests::servers::free_port;

use super::Scene;

for_both_programs! {
    a_name_that_is_none_is_answered_with_what_to_type, names;
    a_limit_of_names_is_said, too_many;
    a_hook_that_fails_is_the_culprit_and_not_the_ca, hook;
    a_missing_directory_is_answered_with_the_url, not_found;
    the_detail_of_a_failure_is_said_once, once;
    the_file_of_a_bad_pem_is_named, bad_pem;
}

#[track_caller]
fn error(outcome: &Outcome) -> &str {
    let line = outcome.stderr.lines().find(|line| line.starts_with("error: "));
    line.unwrap_or_else(|| panic!("no error: {outcome:#?}"))
}

/// Asserts that a run was short, and left these files and no others in its folder.
#[track_caller]
fn assert_left(scene: &Scene, outcome: &Outcome, files: &[&str]) {
    assert!(outcome.elapsed < Duration::from_secs(30), "{outcome:#?}");
    let out = scene.dir.file("out");
    let left: Vec<_> = contents(&out).into_keys().collect();
    let files: Vec<_> = files.iter().map(|file| out.join(file)).collect();
    assert_eq!(left, files, "{outcome:#?}");
}

fn names(program: Program) {
    let scene = Scene::new(program);
    for (name, answer) in [
        ("a.test.", "type a.test"),
        ("https://a.test/", "type a.test"),
        ("a.test:443", "type a.test"),
        ("*.a.test.", "type *.a.test"),
    ] {
        let outcome = scene.run(&[name]);
        outcome.assert_failed(2, &[name, answer]);
        assert_left(&scene, &outcome, &[]);
    }
    assert_eq!(scene.ca.requests().len(), 0);
}

fn too_many(program: Program) {
    let scene = Scene::new(program);
    let names: Vec<String> = (0..3000).map(|number| format!("n{number}.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let outcome = scene.run(&names);
    outcome.assert_failed(2, &["too many names: 3000, at most 1000"]);
    assert_left(&scene, &outcome, &[]);
    assert_eq!(scene.count(RequestKind::NewAccount), 0);
}

fn hook(program: Program) {
    let scene = Scene::new(program);
    scene.dir.write("hook.sh", "echo the zone is locked >&2\nexit 3\n");
    let outcome = scene.run(&["--challenge", "dns-01", "--dns-hook", "sh hook.sh", "a.test"]);
    outcome.assert_failed(1, &["the zone is locked", "correct what kept the challenge from"]);
    // What may be published is in the order.
    assert_left(&scene, &outcome, &["account.json", "key.pem", "order.json"]);
    assert!(!error(&outcome).contains("what the CA names"), "{outcome:#?}");
}

fn not_found(program: Program) {
    let scene = Scene::new(program);
    let url = format!("{}/nothing", scene.ca.directory_url());
    let port = scene.ca.http_port().to_string();
    let line = ["--directory", &url, "--ca-file", "ca.pem", "--http-port", &port, "a.test"];
    let outcome = program.run(&scene.dir, line);
    outcome.assert_failed(1, &[&url, "404", "check that the URL is that of an ACME directory"]);
    assert!(outcome.elapsed < Duration::from_secs(30), "{outcome:#?}");
    assert!(contents(&scene.dir.file("certs/a.test")).is_empty());
    assert!(!error(&outcome).contains("what the CA names"), "{outcome:#?}");
}

fn once(program: Program) {
    let scene = Scene::new(program);
    // It listens where the CA does not look.
    let outcome = scene.run(&["--http-port", &free_port().to_string(), "a.test"]);
    outcome.assert_failed(1, &["cannot connect to 127.0.0.1"]);
    assert_left(&scene, &outcome, &["account.json", "key.pem"]);
    assert_eq!(error(&outcome).matches("cannot connect to").count(), 1, "{outcome:#?}");
}

fn bad_pem(program: Program) {
    let scene = Scene::new(program);
    for content in ["nothing\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        scene.dir.write("ca.pem", content);
        let outcome = scene.run(&["a.test"]);
        outcome.assert_failed(1, &["--ca-file ca.pem", "PEM"]);
        assert_left(&scene, &outcome, &[]);
    }
    scene.dir.write("ca.pem", TestCa::start().root_pem());
    scene.dir.write("bad.csr", "nothing\n");
    scene.run(&["--csr", "bad.csr", "a.test"]).assert_failed(1, &["--csr bad.csr", "PEM"]);
}
