//! The main job in one command: both example programs issue certificates that `openssl verify` accepts.
#![allow(clippy::unwrap_used)] // tests, in functions that two programs share

use std::fs;

use acme_testca::TestCa;
use acme_tests::child::{IssuedFiles, Outcome, Program, ScratchDir, openssl};
use acme_tests::for_both_programs;

/// Issues with the embedded CA into `out`, and checks every file that it must write.
fn issue(program: Program, arguments: &[&str], names: &[&str]) -> Outcome {
    let dir = ScratchDir::new();
    let outcome = program
        .run(&dir, arguments.iter().copied().chain(["--out", "out"]).chain(names.iter().copied()));
    outcome.assert_issued();
    let out = dir.file("out");
    IssuedFiles::new(&out, out.join("root.pem")).assert_complete(names);
    outcome
}

for_both_programs! {
    http_01_proves_a_name, http_01;
    dns_01_proves_a_wildcard, dns_01;
    tls_alpn_01_proves_a_name, tls_alpn_01;
    http_01_proves_an_ip_address, ip_address;
    a_wildcard_and_its_base_name_share_a_certificate, mixed;
    the_default_directory_is_named_after_the_first_name, default_directory;
    a_second_run_uses_the_key_again, again;
    a_csr_of_the_users_needs_no_key, csr;
    keys_of_other_kinds_are_made, keys;
    the_trace_has_a_line_for_each_exchange_and_no_secrets, trace;
    terms_are_agreed_to_by_an_option, terms;
    an_external_account_is_bound, external_account;
    a_known_account_saves_requests, known_account;
    a_profile_is_asked_for, profile;
    help_lists_every_option, help;
}

fn http_01(program: Program) {
    let outcome = issue(program, &[], &["example.test", "www.example.test"]);
    for word in
        ["out/cert.pem", "out/key.pem", "out/root.pem", "example.test", "valid", "requests", " s\n"]
    {
        assert!(outcome.stdout.contains(word), "{word}: {}", outcome.stdout);
    }
    for line in ["connecting", "ordered", "the CA validates", "the order is valid"] {
        assert!(outcome.stderr.contains(line), "{line}: {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains('\x1b'), "control sequences go to terminals only");
}

fn dns_01(program: Program) {
    issue(program, &["--challenge", "dns-01"], &["*.example.test"]);
}

fn tls_alpn_01(program: Program) {
    issue(program, &["--challenge", "tls-alpn-01"], &["example.test"]);
}

fn ip_address(program: Program) {
    issue(program, &[], &["127.0.0.1"]);
}

fn mixed(program: Program) {
    issue(program, &[], &["*.example.test", "example.test", "other.test"]);
}

fn default_directory(program: Program) {
    let dir = ScratchDir::new();
    program.run(&dir, ["Example.test", "b.test"]).assert_issued();
    let out = dir.file("certs/embedded-ca/example.test");
    IssuedFiles::new(&out, out.join("root.pem")).assert_complete(&["example.test", "b.test"]);
    assert!(out.join("embedded-account.json").is_file());
}

fn again(program: Program) {
    let dir = ScratchDir::new();
    let out = dir.file("certs/embedded-ca/a.test");
    program.run(&dir, ["a.test"]).assert_issued();
    let [key, certificate] = ["key.pem", "cert.pem"].map(|name| fs::read(out.join(name)).unwrap());
    program.run(&dir, ["a.test"]).assert_issued();
    assert_eq!(fs::read(out.join("key.pem")).unwrap(), key);
    assert_ne!(fs::read(out.join("cert.pem")).unwrap(), certificate);
    IssuedFiles::new(&out, out.join("root.pem")).assert_complete(&["a.test"]);
}

fn csr(program: Program) {
    let dir = ScratchDir::new();
    let [key, csr] = ["own.key", "own.csr"].map(|name| dir.file(name));
    let curve = [
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/",
    ];
    let names = ["-addext", "subjectAltName=DNS:a.test,DNS:b.test"];
    let words = curve.into_iter().chain(names);
    openssl(words, [&"-keyout".into(), &key, &"-out".into(), &csr]);
    let outcome = program.run(&dir, ["--csr", "own.csr", "--out", "out", "b.test", "a.test"]);
    outcome.assert_issued();
    let out = dir.file("out");
    IssuedFiles::new(&out, out.join("root.pem")).assert_chain(&["a.test", "b.test"]);
    assert!(!out.join("key.pem").exists() && !outcome.stdout.contains("key.pem"));
}

fn keys(program: Program) {
    for kind in ["es384", "rsa2048"] {
        issue(program, &["--key", kind], &["a.test"]);
    }
}

fn trace(program: Program) {
    let dir = ScratchDir::new();
    let outcome = program.run(&dir, ["--trace", "trace.jsonl", "--out", "out", "a.test"]);
    outcome.assert_issued();
    let trace = fs::read_to_string(dir.file("trace.jsonl")).unwrap();
    for line in trace.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        for member in ["time", "method", "url", "status", "sent", "received"] {
            assert!(!line[member].is_null(), "{member}: {line}");
        }
    }
    let requests = format!("{} in ", trace.lines().count());
    assert!(outcome.stdout.contains(&requests), "{requests}: {}", outcome.stdout);
    let account = fs::read_to_string(dir.file("out/embedded-account.json")).unwrap();
    let account: serde_json::Value = serde_json::from_str(&account).unwrap();
    let secret = account["key"].as_str().unwrap().lines().nth(1).unwrap().to_owned();
    assert!(!(trace + &outcome.stdout + &outcome.stderr).contains(&secret));
}

/// Starts a CA outside, and returns what names it on the command line.
fn outside(dir: &ScratchDir, ca: &TestCa) -> Vec<String> {
    let root = dir.write("ca.pem", ca.root_pem());
    let port = ca.http_port().to_string();
    ["--directory", ca.directory_url(), "--ca-file", &root, "--http-port", &port, "--out", "out"]
        .map(str::to_owned)
        .to_vec()
}

fn terms(program: Program) {
    let terms = "https://ca.test/terms/v1";
    let ca = TestCa::builder().terms_of_service(terms).require_terms(true).start().unwrap();
    let dir = ScratchDir::new();
    let mut line = outside(&dir, &ca);
    line.push("a.test".to_owned());
    program.run(&dir, &line).assert_failed(2, &[terms, "--agree-tos"]);
    line.push("--agree-tos".to_owned());
    program.run(&dir, &line).assert_issued();
    IssuedFiles::new(dir.file("out"), dir.file("ca.pem")).assert_complete(&["a.test"]);
    assert!(!dir.file("out/root.pem").exists(), "the root is the embedded CA's to show");
}

fn external_account(program: Program) {
    let ca = TestCa::builder().external_account("kid-1", [7; 32]).require_external_account(true);
    let ca = ca.start().unwrap();
    let dir = ScratchDir::new();
    let mut line = outside(&dir, &ca);
    line.push("a.test".to_owned());
    program.run(&dir, &line).assert_failed(2, &["--eab-kid", "--eab-key"]);
    let key = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    line.extend(["--eab-kid", "kid-1", "--eab-key", key].map(str::to_owned));
    line.extend(["--contact", "me@example.test"].map(str::to_owned));
    let outcome = program.run(&dir, &line);
    outcome.assert_issued();
    assert!(!(outcome.stdout + &outcome.stderr).contains(key));
}

fn known_account(program: Program) {
    let ca = TestCa::start();
    let dir = ScratchDir::new();
    let mut line = outside(&dir, &ca);
    line.extend(["--force", "a.test"].map(str::to_owned));
    program.run(&dir, &line).assert_issued();
    let requests = |ca: &TestCa| {
        ca.requests().iter().filter(|r| r.kind != acme_testca::RequestKind::Order).count()
    };
    let (first, certificates) = (requests(&ca), ca.certificates_issued());
    ca.clear_log();
    program.run(&dir, &line).assert_issued();
    // Beside the polls of the order, and with the account known.
    assert!(first <= 10 && requests(&ca) <= 8, "{first}, {}", requests(&ca));
    assert_eq!((certificates, ca.certificates_issued()), (1, 2));
}

fn profile(program: Program) {
    let ca = TestCa::builder().profile(
        "short",
        "a few days",
        std::time::Duration::from_secs(6 * 86_400),
    );
    let ca = ca.start().unwrap();
    let dir = ScratchDir::new();
    let mut line = outside(&dir, &ca);
    line.extend(["--profile", "short", "a.test"].map(str::to_owned));
    let outcome = program.run(&dir, &line);
    outcome.assert_issued();
    assert!(
        outcome.stdout.contains("(144 hours)") || outcome.stdout.contains("(145 hours)"),
        "{}",
        outcome.stdout
    );
    line[9] = "tall".to_owned();
    program.run(&dir, &line).assert_failed(1, &["tall", "--profile"]);
}

fn help(program: Program) {
    let outcome = program.run(&ScratchDir::new(), ["--help"]);
    outcome.assert_issued();
    for option in [
        "directory",
        "ca-file",
        "account",
        "contact",
        "agree-tos",
        "eab-kid",
        "eab-key",
        "challenge",
        "http-port",
        "tls-port",
        "listen",
        "hook",
        "hook-dialect",
        "by-hand",
        "dns-update-server",
        "dns-update-key-file",
        "dns-update-resolver",
        "key",
        "csr",
        "profile",
        "timeout",
        "out",
        "trace",
    ] {
        assert!(outcome.stdout.contains(&format!("--{option}")), "--{option}: {}", outcome.stdout);
    }
    assert!(outcome.stdout.contains("[OPTIONS] <NAME>..."), "{}", outcome.stdout);
}
