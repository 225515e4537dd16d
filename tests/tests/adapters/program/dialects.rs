//! Hooks that were written for other ACME clients.

use std::collections::BTreeSet;

use acme_testca::{ChallengeKind, TestCa};
use acme_tests::child::{Outcome, Program};
use acme_tests::clients::webroot;
use acme_tests::dialects::Dialect;
use acme_tests::for_both_programs;

use super::Scene;

for_both_programs! {
    scripts_of_each_dialect_prove_a_wildcard_and_its_base_name, each_dialect;
    certbot_hooks_know_how_many_challenges_remain, certbot;
    certbot_and_dehydrated_hooks_publish_http_01, http_hooks;
    certbot_hooks_count_the_challenges_of_all_kinds, certbot_of_both_kinds;
    runs_of_a_hook_for_both_kinds_follow_each_other, both_kinds;
    a_hook_without_a_challenge_option_proves_by_dns_01_or_is_refused, unused;
    credentials_of_acme_sh_are_found_where_acme_sh_keeps_them, credentials;
    a_function_of_acme_sh_that_does_not_exist_is_named, unknown_function;
    scripts_of_other_clients_end_at_the_deadline, deadline;
}

fn tool(scene: &Scene) -> String {
    let origin = scene.ca.directory_url().trim_end_matches("/directory");
    format!("exec '{}' {origin} ca.pem \"$@\"", env!("CARGO_BIN_EXE_testca-hook"))
}

/// Runs a program with a hook of a dialect, which finds its credentials in a file.
fn run(scene: &Scene, dialect: Dialect, more: &[&str]) -> Outcome {
    scene.run(&[&dialect.install(&scene.dir, &tool(scene)), more].concat())
}

fn assert_clean(scene: &Scene) {
    assert!(scene.ca.published_txt().values().all(Vec::is_empty), "{:?}", scene.ca.published_txt());
}

fn each_dialect(program: Program) {
    for dialect in Dialect::ALL {
        // It needs openssl; a foreign test runs it.
        if dialect.name == "lego-raw" {
            continue;
        }
        let scene = Scene::new(program);
        scene.env("ACCOUNT_CONF_PATH", "account.conf");
        let outcome =
            run(&scene, dialect, &["--challenge", "dns-01", "*.a.test", "a.test", "b.test"]);
        outcome.assert_issued();
        dialect.assert_called(&scene.read("calls"), 3);
        assert_clean(&scene);
    }
}

fn certbot(program: Program) {
    let scene = Scene::new(program);
    let names: Vec<String> = (0..20).map(|number| format!("n{number}.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let dialect = Dialect::named("certbot");
    run(&scene, dialect, &[&["--challenge", "dns-01"], &names[..]].concat()).assert_issued();
    let calls = scene.read("calls");
    let begun: Vec<&str> = calls.lines().filter(|line| line.starts_with("auth ")).collect();
    for (at, line) in begun.iter().enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[2], format!("remaining={}", 19 - at), "{calls}");
        let all: BTreeSet<&str> = words[3].trim_start_matches("all=").split(',').collect();
        assert_eq!(all, names.iter().copied().collect(), "{calls}");
    }
    let output = "cleanup n0.test output=_acme-challenge.n0.test";
    assert!(calls.lines().any(|line| line == output), "{calls}");
    assert_clean(&scene);
}

fn http_hooks(program: Program) {
    for dialect in [Dialect::named("certbot"), Dialect::named("dehydrated")] {
        let scene = Scene::new(program);
        webroot::serve(scene.ca.http_port(), scene.dir.file("web")).unwrap();
        let line = ["--http-hook", "--challenge", "http-01", "a.test", "b.test"];
        let outcome = run(&scene, dialect, &line);
        outcome.assert_issued();
        dialect.assert_called(&scene.read("calls"), 2);
        assert_eq!(std::fs::read_dir(scene.dir.file("web")).unwrap().count(), 0);
    }
}

/// Proves two names by http-01, and their wildcards by dns-01.
const BOTH: &[&str] = &[
    "--http-hook",
    "--challenge",
    "http-01",
    "--challenge",
    "dns-01",
    "a.test",
    "*.a.test",
    "b.test",
    "*.b.test",
];

fn assert_proved_by_both(scene: &Scene) {
    for kind in [ChallengeKind::Http01, ChallengeKind::Dns01] {
        let count = scene.ca.validations().iter().filter(|one| one.kind == kind).count();
        assert_eq!(count, 2, "{kind:?}");
    }
    assert_clean(scene);
}

fn certbot_of_both_kinds(program: Program) {
    let scene = Scene::new(program);
    webroot::serve(scene.ca.http_port(), scene.dir.file("web")).unwrap();
    run(&scene, Dialect::named("certbot"), BOTH).assert_issued();
    assert_proved_by_both(&scene);
    let calls = scene.read("calls");
    let begun: Vec<&str> = calls.lines().filter(|line| line.starts_with("auth ")).collect();
    for (at, line) in begun.iter().enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[2], format!("remaining={}", 3 - at), "{calls}");
        let mut all: Vec<&str> = words[3].trim_start_matches("all=").split(',').collect();
        all.sort_unstable();
        assert_eq!(all, ["a.test", "a.test", "b.test", "b.test"], "{calls}");
    }
    assert_eq!(begun.len(), 4, "{calls}");
}

fn both_kinds(program: Program) {
    let scene = Scene::new(program);
    webroot::serve(scene.ca.http_port(), scene.dir.file("web")).unwrap();
    Dialect::named("dehydrated").install(&scene.dir, &tool(&scene));
    let script = "echo begin >> turns\nsleep 0.1\nbash dehydrated.sh \"$@\"\ncode=$?\necho end >> turns\nexit $code\n";
    scene.dir.write("turns.sh", script);
    let hook = ["--hook", "sh turns.sh", "--hook-dialect", "dehydrated"];
    scene.run(&[&hook[..], BOTH].concat()).assert_issued();
    assert_proved_by_both(&scene);
    assert_eq!(scene.read("turns"), "begin\nend\n".repeat(8));
}

fn unused(program: Program) {
    let scene = Scene::new(program);
    let dialect = Dialect::named("lego");
    let refused = run(&scene, dialect, &["--challenge", "http-01", "a.test"]);
    refused.assert_failed(2, &["--hook is for dns-01", "leave --hook out"]);
    run(&scene, dialect, &["127.0.0.1"]).assert_failed(2, &["--hook is for dns-01"]);
    assert_eq!(scene.ca.requests().len(), 0);
    run(&scene, dialect, &["a.test", "b.test"]).assert_issued();
    assert!(scene.ca.validations().iter().all(|one| one.kind == ChallengeKind::Dns01));
    dialect.assert_called(&scene.read("calls"), 2);
    assert_clean(&scene);
}

fn credentials(program: Program) {
    let scene = Scene::new(program);
    let dialect = Dialect::named("acme.sh");
    let line = ["--challenge", "dns-01", "a.test"];
    // Neither the environment nor a file has them.
    run(&scene, dialect, &line).assert_failed(1, &["dns_tool.sh", "Tool_User is not set"]);
    scene.env("Tool_User", "you");
    run(&scene, dialect, &line).assert_issued();
    assert_eq!(scene.read("account.conf"), "SAVED_Tool_User='me'\n");
    scene.env("ACCOUNT_CONF_PATH", "account.conf");
    run(&scene, dialect, &[&["--force"], &line[..]].concat()).assert_issued();
    assert_eq!(scene.read("account.conf"), "SAVED_Tool_User='you'\n");
}

fn unknown_function(program: Program) {
    let scene = Scene::new(program);
    scene.dir.write("dns_x.sh", "dns_x_add() { _ssh_tunnel \"$1\"; }\ndns_x_rm() { :; }\n");
    let hook = ["--hook", "dns_x.sh", "--hook-dialect", "acme.sh"];
    let outcome = scene.run(&[&hook[..], &["--challenge", "dns-01", "a.test"]].concat());
    outcome.assert_failed(1, &["dns_x.sh", "_ssh_tunnel", "does not exist here"]);
}

fn deadline(program: Program) {
    for dialect in ["lego", "dehydrated", "certbot"] {
        let scene = Scene::with(program, TestCa::builder());
        let marker = format!("40{}.{}", scene.ca.http_port(), std::process::id());
        let script =
            format!("echo started >> calls; trap '' TERM; sleep {marker} & wait; sleep {marker}\n");
        scene.dir.write("hook.sh", script);
        let line = ["--timeout", "8", "--challenge", "dns-01", "--hook", "sh hook.sh"];
        let line = [&line[..], &["--hook-dialect", dialect, "a.test"]].concat();
        let outcome = scene.run(&line);
        outcome.assert_failed(1, &["--timeout"]);
        assert!(scene.read("calls").starts_with("started"), "{dialect}: {outcome:#?}");
        super::wait_until("nothing is left", || super::sleepers(&marker) == 0);
    }
}
