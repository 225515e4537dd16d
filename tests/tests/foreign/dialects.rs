//! Hooks that were written for other ACME clients, at Knot DNS, which the test CA asks for TXT records.

use std::thread;
use std::time::Duration;

use acme_blocking::{AccountKey, HookCommand, HookDialect, KeyKind, ProviderKey, Roots};
use acme_testca::TestCa;
use acme_tests::child::{IssuedFiles, Program, ScratchDir};
use acme_tests::dialects::Dialect;
use acme_tests::servers::Knot;

const NAMES: [&str; 2] = ["example.test", "*.example.test"];

/// Returns the lines of a shell that edit Knot's zone by `knsupdate`, as `present|cleanup NAME VALUE`.
fn tool(knot: &Knot) -> String {
    let (server, algorithm) = (knot.server(), Knot::ALGORITHMS[0]);
    let key = format!("{algorithm}:{}:{}", knot.key_name(algorithm), knot.secret(algorithm));
    format!(
        "case $1 in present) edit=\"add $2. 60 TXT\" ;; *) edit=\"delete $2. TXT\" ;; esac\n\
         printf 'server %s %s\\nzone example.test.\\nupdate %s \"%s\"\\nsend\\n' {} {} \"$edit\" \"$3\" |\n\
         knsupdate -v -y '{key}'",
        server.ip(),
        server.port()
    )
}

/// Issues by both programs at the same time with a script of each kind.
#[test]
fn scripts_of_each_dialect_leave_no_record_at_a_real_name_server() {
    thread::scope(|scope| {
        for program in Program::ALL {
            scope.spawn(move || {
                Dialect::ALL.into_iter().for_each(|dialect| issue(program, dialect));
            });
        }
    });
}

fn issue(program: Program, dialect: Dialect) {
    let knot = Knot::start(&[("example.test", "_acme-challenge 60 TXT \"another client's\"\n")]);
    let ca = TestCa::builder().dns(knot.server()).start().expect("a CA");
    let dir = ScratchDir::new();
    let root = dir.write("ca.pem", ca.root_pem());
    let hook = dialect.install(&dir, &tool(&knot));
    let line = ["--directory", ca.directory_url(), "--ca-file", &root, "--out", "out"];
    let line = [&line[..], &hook, &["--challenge", "dns-01"], &NAMES].concat();
    let env = [("ACCOUNT_CONF_PATH", "account.conf")];
    let outcome = program.start_with(&dir, line, &env).wait(Duration::from_secs(120));
    outcome.assert_issued();
    let calls = std::fs::read_to_string(dir.file("calls")).expect("the script wrote");
    dialect.assert_called(&calls, NAMES.len());
    IssuedFiles::new(dir.file("out"), dir.file("ca.pem")).assert_complete(&NAMES);
    let left = [("_acme-challenge.example.test".to_owned(), "another client's".to_owned())];
    assert_eq!(knot.all_txt(), left, "{}", dialect.name);
}

/// A script of acme.sh's kind that asks a server over HTTPS by `_get` and `_post`, which need curl or wget.
#[test]
fn a_script_of_acme_sh_reaches_the_api_of_its_provider() {
    reach_the_api("");
    // Debian's wget has another variable for its roots.
    reach_the_api(
        "_exists() { [ \"$1\" != curl ] && command -v \"$1\" >/dev/null; }\nHTTPS_INSECURE=1\n",
    );
}

/// Issues by a script that begins with these lines.
fn reach_the_api(first: &str) {
    let ca = TestCa::start();
    let dir = ScratchDir::new();
    let root = dir.write("ca.pem", ca.root_pem());
    let origin = ca.directory_url().trim_end_matches("/directory");
    let script = include_str!("../../peers/hooks/dns_api.sh")
        .replace("ORIGIN", origin)
        .replace("ROOT", &root);
    let script = format!("{first}{script}");
    let script = dir.write("dns_api.sh", script);
    let hook = HookCommand::new(&format!("'{script}'")).dialect(HookDialect::AcmeSh);

    let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
    let account = AccountKey::generate(KeyKind::Es256).expect("a key");
    let client = acme_blocking::Client::builder(ca.directory_url());
    let client = client.key(account).roots(Roots::Pem(ca.root_pem().into()));
    let client = client.connect().expect("a client");
    client.register().run().expect("an account");
    let issued = client.issue(NAMES).key(&key).solver(hook).run().expect("a certificate");
    assert_eq!(issued.not_cleaned(), []);
    assert!(ca.published_txt().values().all(Vec::is_empty));
}
