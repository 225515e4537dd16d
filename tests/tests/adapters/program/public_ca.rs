//! Public CAs by their names. Nothing of these runs leaves the machine.

use std::time::Duration;

use acme_tests::child::{Outcome, Program, ScratchDir, contents};
use acme_tests::for_both_programs;

for_both_programs! {
    the_help_lists_every_public_ca, help;
    a_name_of_no_ca_is_answered_with_the_list, unknown;
    a_ca_and_a_directory_are_not_both_given, both;
    what_a_new_account_lacks_is_said_before_anything_is_sent, lacks;
    the_daemon_knows_public_cas_by_name, daemon;
}

fn run(program: Program, dir: &ScratchDir, line: &[&str]) -> Outcome {
    program.start_with(dir, line, &[]).wait(Duration::from_secs(60))
}

fn help(program: Program) {
    let outcome = run(program, &ScratchDir::new(), &["--help"]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let words: Vec<&str> = outcome.stdout.split(|c: char| c.is_whitespace() || c == ',').collect();
    for ca in acme_tokio::PublicCa::all() {
        assert!(words.contains(&ca.name()), "{ca}: {outcome:#?}");
    }
}

fn unknown(program: Program) {
    let dir = ScratchDir::new();
    let list = "lets-encrypt, lets-encrypt-staging, zerossl, google, google-staging, ssl-com-rsa, ssl-com-ecc, actalis";
    let outcome = run(program, &dir, &["--ca", "nobody", "a.test"]);
    outcome.assert_failed(2, &["--ca", "no public CA of that name is known", list]);
    let outcome = run(program, &dir, &["--ca", "buypass", "a.test"]);
    outcome.assert_failed(2, &["Buypass has ended its ACME service", list]);
}

fn both(program: Program) {
    let line = ["--ca", "zerossl", "--directory", "https://ca.test/directory", "a.test"];
    let outcome = run(program, &ScratchDir::new(), &line);
    outcome.assert_failed(2, &["--ca", "--directory", "cannot be used with"]);
}

fn lacks(program: Program) {
    let dir = ScratchDir::new();
    let url = "https://app.zerossl.com/developer";
    let out = ["--out", "out", "a.test"];
    for ca in [["--ca", "ZeroSSL"], ["--directory", "https://acme.zerossl.com/v2/DV90"]] {
        let outcome = run(program, &dir, &[&ca[..], &out].concat());
        let said = [
            "ZeroSSL demands external account binding",
            url,
            "--eab-kid KID and --eab-key-file FILE",
        ];
        outcome.assert_failed(2, &said);
        let key =
            ["--eab-kid", "k", "--eab-key", "YSBrZXkgb2YgYXQgbGVhc3QgdGhpcnR5LXR3byBvY3RldHM"];
        let outcome = run(program, &dir, &[&ca[..], &key, &out].concat());
        outcome.assert_failed(2, &["ZeroSSL demands a contact", "--contact MAIL"]);
    }
    assert!(contents(&dir.file("out")).is_empty());
}

fn daemon(program: Program) {
    let dir = ScratchDir::new();
    dir.write("mac.key", "YSBrZXkgb2YgYXQgbGVhc3QgdGhpcnR5LXR3byBvY3RldHM");
    let check = |ca: &str, top: &str| {
        dir.write(
            "acme.toml",
            format!(
                "folder = \"s\"\n{top}\n[[ca]]\n{ca}\n[http-01]\nlisten = \"127.0.0.1:0\"\n\
                 [[certificate]]\nnames = [\"a.test\"]\n"
            ),
        );
        run(program, &dir, &["daemon", "--check", "acme.toml"])
    };
    let outcome = check("name = \"lets-encrypt\"", "");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    check("name = \"nobody\"", "").assert_failed(2, &["acme.toml:4", "nobody", "zerossl"]);
    let both = "name = \"zerossl\"\ndirectory = \"https://ca.test/directory\"";
    check(both, "").assert_failed(2, &["acme.toml:4", "both say which CA it is"]);
    let outcome = check("name = \"zerossl\"", "contact = [\"me@example.test\"]");
    outcome.assert_failed(2, &["acme.toml:4", "external account binding", "eab_key_file"]);
    let bound = "name = \"zerossl\"\neab_kid = \"k\"\neab_key_file = \"mac.key\"";
    check(bound, "").assert_failed(2, &["acme.toml:4", "ZeroSSL demands a contact", "contact = ["]);
    let outcome = check(bound, "contact = [\"me@example.test\"]");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
}
