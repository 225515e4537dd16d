//! Hooks that were written for other ACME clients.

use std::collections::BTreeSet;

use acme_testca::TestCa;
use acme_tests::child::{Outcome, Program};
use acme_tests::clients::webroot;
use acme_tests::dialects::Dialect;
use acme_tests::for_both_programs;

use super::Scene;

for_both_programs! {
    scripts_of_each_dialect_prove_a_wildcard_and_its_base_name, each_dialect;
    certbot_hooks_know_how_many_challenges_remain, certbot;
    certbot_and_dehydrated_hooks_publish_http_01, http_hooks;
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
