//! Dynamic updates at Knot DNS, which the test CA asks for TXT records.

use acme_testca::{ChallengeKind, TestCa};
use acme_tests::child::{Outcome, Program, ScratchDir};
use acme_tests::clients::issue_dns_update;
use acme_tests::for_both_programs;
use acme_tests::servers::Knot;
use tokio::runtime::Runtime;

const NAMES: [&str; 2] = ["example.test", "*.example.test"];

for_both_programs! {
    a_name_and_its_wildcard_are_proved_by_the_program_and_nothing_is_left, proved;
    the_daemon_updates_the_server_and_reads_a_new_key_at_sighup, kept;
    a_key_that_the_server_does_not_know_ends_the_program_with_what_to_do, unknown;
    a_key_file_that_cannot_be_used_ends_the_program_before_the_ca_is_asked, unusable;
}

fn run(program: Program, ca: &TestCa, server: &str, key_file: &str, dir: &ScratchDir) -> Outcome {
    dir.write("ca.pem", ca.root_pem());
    let line = ["--directory", ca.directory_url(), "--ca-file", "ca.pem", "--out", "out"];
    let dns = ["--challenge", "dns-01", "--dns-update-server", server];
    let key = ["--dns-update-key-file", key_file];
    program.run(dir, line.iter().chain(&dns).chain(&key).chain(&NAMES))
}

fn proved(program: Program) {
    let knot = Knot::start(&[("example.test", "_acme-challenge 60 TXT \"another client's\"\n")]);
    let server = knot.server().to_string();
    for algorithm in Knot::ALGORITHMS {
        let (ca, dir) = (ca(&knot), ScratchDir::new());
        let key_file = knot.key_file(algorithm);
        let key_file = key_file.to_str().expect("a path of the tests");
        run(program, &ca, &server, key_file, &dir).assert_issued();
        assert_eq!(ca.validations().len(), 2);
        assert_eq!(knot.txt("_acme-challenge.example.test"), ["another client's"]);
    }
}

fn kept(program: Program) {
    let knot = Knot::start(&[("example.test", "")]);
    let (ca, dir) = (ca(&knot), ScratchDir::new());
    dir.write("ca.pem", ca.root_pem());
    let head = format!("folder = \"state\"\n[[ca]]\ndirectory = \"{}\"\n", ca.directory_url());
    let server = knot.server();
    let configure = |names: &str| {
        let text = format!(
            "{head}root_file = \"ca.pem\"\n[dns-01]\ndns_update_server = \"{server}\"\n\
             dns_update_resolver = \"{server}\"\ndns_update_key_file = \"my.key\"\n\
             [[certificate]]\nnames = [{names}]\n"
        );
        dir.write("acme.toml", text);
    };
    configure("\"example.test\", \"*.example.test\"");
    let key = std::fs::read_to_string(knot.key_file("hmac-sha256")).expect("a key");
    let path = dir.write("my.key", key);
    private(&path);
    let daemon = program.start(&dir, ["daemon", "acme.toml"]);
    daemon.wait_for(" example.test: obtained");
    dir.write("my.key", "key nobody { algorithm hmac-sha256; secret c2VjcmV0; };");
    private(&path);
    configure("\"www.example.test\"");
    daemon.signal("HUP");
    daemon.wait_for("does not know the key nobody (hmac-sha256) (BADKEY)");
    daemon.signal("TERM");
    let outcome = daemon.wait(std::time::Duration::from_secs(60));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(!outcome.stdout.contains("c2VjcmV0"), "{outcome:#?}");
    assert_eq!(knot.all_txt(), []);
}

fn unknown(program: Program) {
    let knot = Knot::start(&[("example.test", "")]);
    let (ca, dir) = (ca(&knot), ScratchDir::new());
    let server = knot.server().to_string();
    let path = dir.write("my.key", "key nobody { algorithm hmac-sha256; secret c2VjcmV0; };");
    private(&path);
    let outcome = run(program, &ca, &server, "my.key", &dir);
    outcome.assert_failed(1, &[&server, "does not know the key nobody (hmac-sha256) (BADKEY)"]);
    assert_eq!(outcome.stderr.matches("its configuration must have").count(), 1, "{outcome:#?}");
    assert!(!outcome.stderr.contains("c2VjcmV0"), "{outcome:#?}");
}

fn unusable(program: Program) {
    let knot = Knot::start(&[("example.test", "")]);
    let (ca, dir) = (ca(&knot), ScratchDir::new());
    let server = knot.server().to_string();
    let run = |file| run(program, &ca, &server, file, &dir);
    run("none.key")
        .assert_failed(2, &["--dns-update-key-file: TSIG key file none.key: check that"]);
    let path = dir.write("my.key", "key a {\n  algorithm: hmac-sha256\n}");
    private(&path);
    run("my.key").assert_failed(2, &["TSIG key file my.key: no usable key", "line 2"]);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .expect("a file of the test");
    run("my.key").assert_failed(2, &["(mode 0644)", "chmod 600 my.key"]);
    assert_eq!(ca.requests().len(), 0);
}

fn private(path: &str) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("a file of the test");
}

/// Issues for a name and its wildcard through each adapter, with a solver that changes Knot's zones by this key.
fn issue(ca: &TestCa, update: impl Fn() -> acme_blocking::DnsUpdate) {
    let key = acme_blocking::ProviderKey::generate(acme_blocking::KeyKind::Es256).expect("a key");
    let account = || acme_blocking::AccountKey::generate(acme_blocking::KeyKind::Es256);
    let roots = || acme_blocking::Roots::Pem(ca.root_pem().into());

    let client = acme_blocking::Client::builder(ca.directory_url());
    let client = client.key(account().expect("a key")).roots(roots()).connect().expect("a client");
    client.register().run().expect("an account");
    let issued = client.issue(NAMES).key(&key).solver(update()).run().expect("a certificate");
    assert_eq!(issued.not_cleaned(), []);

    Runtime::new().expect("a runtime").block_on(async {
        let client = acme_tokio::Client::builder(ca.directory_url());
        let client = client.key(account().expect("a key")).roots(roots()).connect().await;
        let client = client.expect("a client");
        client.register().run().await.expect("an account");
        let issued = client.issue(NAMES).key(&key).solver(update()).run().await;
        assert_eq!(issued.expect("a certificate").not_cleaned(), []);
    });
    assert_eq!(ca.certificates_issued(), 2);
    assert_eq!(ca.validations().len(), 4);
}

fn ca(knot: &Knot) -> TestCa {
    TestCa::builder().dns(knot.server()).start().expect("a CA")
}

fn update(knot: &Knot, algorithm: &str) -> acme_blocking::DnsUpdate {
    let key = acme_blocking::TsigKey::load(knot.key_file(algorithm)).expect("a key");
    assert_eq!((key.name(), key.algorithm().as_str()), (knot.key_name(algorithm), algorithm));
    acme_blocking::DnsUpdate::new([knot.server().into()], key)
}

#[test]
fn a_name_and_its_wildcard_are_proved_with_each_algorithm_and_nothing_is_left() {
    let knot = Knot::start(&[("example.test", "")]);
    for algorithm in Knot::ALGORITHMS {
        issue(&ca(&knot), || update(&knot, algorithm));
        assert_eq!(knot.all_txt(), []);
    }
}

#[test]
fn a_value_of_somebody_else_survives() {
    let knot = Knot::start(&[("example.test", "_acme-challenge 60 TXT \"another client's\"\n")]);
    issue(&ca(&knot), || update(&knot, "hmac-sha256"));
    assert_eq!(knot.txt("_acme-challenge.example.test"), ["another client's"]);
}

#[test]
fn an_alias_into_another_zone_is_followed() {
    let alias = "_acme-challenge 60 CNAME example.challenges.test.\n";
    let knot = Knot::start(&[("example.test", alias), ("challenges.test", "")]);
    issue(&ca(&knot), || update(&knot, "hmac-sha256"));
    assert_eq!(knot.all_txt(), []);
}

#[test]
fn an_alias_that_only_another_server_has_is_found_through_a_resolver() {
    let alias = "_acme-challenge 60 CNAME example.challenges.test.\n";
    let both = Knot::start(&[("example.test", alias), ("challenges.test", "")]);
    // It has no zone with the alias, and is what gets the updates.
    let zone = Knot::start(&[("challenges.test", "")]);
    let solver = update(&zone, "hmac-sha512").resolver(both.server().into());
    let name = "_acme-challenge.example.test";
    acme_blocking::Dns01::set_txt(&solver, name, "a value").expect("an update");
    assert_eq!(zone.txt("example.challenges.test"), ["a value"]);
    assert_eq!(both.all_txt(), []);
    let error = acme_blocking::Dns01::set_txt(&update(&zone, "hmac-sha512"), name, "a value");
    let error = error.expect_err("it does not have the zone").to_string();
    assert!(
        error.contains("REFUSED; name the primary server of its zone, or a resolver"),
        "{error}"
    );
}

#[test]
fn dns_account_01_and_dns_persist_01_are_solved_too() {
    use acme_blocking::{Dns01Solver, DnsPersist01Solver, PersistOptions};

    let knot = Knot::start(&[("example.test", "")]);
    let ca = |kind| TestCa::builder().dns(knot.server()).challenges([kind]).start().expect("a CA");
    issue(&ca(ChallengeKind::DnsAccount01), || update(&knot, "hmac-sha256"));
    assert_eq!(knot.all_txt(), []);

    let ca = ca(ChallengeKind::DnsPersist01);
    let key = acme_blocking::ProviderKey::generate(acme_blocking::KeyKind::Es256).expect("a key");
    let account = acme_blocking::AccountKey::generate(acme_blocking::KeyKind::Es256);
    let client = acme_blocking::Client::builder(ca.directory_url())
        .key(account.expect("a key"))
        .roots(acme_blocking::Roots::Pem(ca.root_pem().into()))
        .connect()
        .expect("a client");
    client.register().run().expect("an account");
    let options = PersistOptions::default().with_wildcard_policy();
    let solver = DnsPersist01Solver::new(update(&knot, "hmac-sha384")).options(options);
    for _ in 0..2 {
        client.issue(NAMES).key(&key).solver(&solver).run().expect("a certificate");
        assert_eq!(knot.all_txt().len(), 1, "one record that stays, and is not set again");
    }
    let _ = Dns01Solver::new(update(&knot, "hmac-sha384")).prefer_account_label();
}

#[test]
fn what_knot_objects_to_is_named_with_the_remedy() {
    let knot = Knot::start(&[("example.test", "")]);
    let error = |name: &str, algorithm: acme_blocking::TsigAlgorithm, secret: &str| {
        let key = acme_blocking::TsigKey::new(name, algorithm, secret).expect("a key");
        let solver = acme_blocking::DnsUpdate::new([knot.server().into()], key);
        let set = acme_blocking::Dns01::set_txt(&solver, "_acme-challenge.example.test", "v");
        set.expect_err("a refusal").to_string()
    };
    let (sha256, sha512) =
        (acme_blocking::TsigAlgorithm::HmacSha256, acme_blocking::TsigAlgorithm::HmacSha512);
    let [name, secret] = [knot.key_name("hmac-sha256"), knot.secret("hmac-sha256")];
    let unknown = error("nobody", sha256, &secret);
    assert!(unknown.contains("does not know the key nobody (hmac-sha256) (BADKEY)"), "{unknown}");
    let algorithm = error(&name, sha512, &secret);
    assert!(algorithm.contains("(BADKEY)"), "{algorithm}");
    let other = error(&name, sha256, &knot.secret("hmac-sha512"));
    assert!(other.contains("another secret for the key") && other.contains("(BADSIG)"), "{other}");
    assert_eq!(knot.all_txt(), []);
}

#[test]
fn the_worked_example_over_the_crate_dns_update_proves_both_and_leaves_nothing() {
    let knot = Knot::start(&[("example.test", "_acme-challenge 60 TXT \"another client's\"\n")]);
    let (ca, dir) = (ca(&knot), ScratchDir::new());
    let (name, secret) = (knot.key_name("hmac-sha256"), knot.secret("hmac-sha256"));
    let mut program = std::process::Command::new(issue_dns_update());
    program.args([ca.directory_url(), &dir.write("ca.pem", ca.root_pem())]);
    program.args([&knot.server().to_string(), &name, "example.test"]);
    program.env("TSIG_SECRET", secret);
    let output = program.output().expect("the example starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(output.stdout.starts_with(b"-----BEGIN CERTIFICATE-----"));
    assert_eq!((ca.certificates_issued(), ca.validations().len()), (1, 2));
    assert_eq!(knot.txt("_acme-challenge.example.test"), ["another client's"]);
}
