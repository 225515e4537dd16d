//! The example programs at the test CA with each of its switches: the same exit code and message from both, and no file is
//! damaged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use acme_testca::TestCa;
use acme_tests::child::{Outcome, Program, ScratchDir, contents};
use acme_tests::scenario::{Quirk, Wish, for_each_quirk};
use acme_tests::servers::free_port;

/// How a run of a program ended, without what differs from run to run: ports, and the folder.
#[derive(Debug, PartialEq, Eq)]
struct End {
    code: Option<i32>,
    message: String,
}

#[test]
fn both_programs_come_to_the_same_end_under_every_switch_and_damage_no_file() {
    for_each_quirk(6, |quirk, scenario| {
        // The programs ask for no validity of their own.
        let fails_with = scenario.fails_with.filter(|_| scenario.wish != Wish::Validity);
        let [tokio, blocking] = Program::ALL.map(|program| run(program, quirk, fails_with));
        assert_eq!(tokio, blocking, "{}", quirk.name);
    });
}

/// Issues at a CA without the switch, then renews at the same CA with it.
fn run(program: Program, quirk: &Quirk, fails_with: Option<&str>) -> End {
    let ca = TestCa::builder().http_port(free_port()).start().expect("a CA");
    let dir = ScratchDir::new();
    dir.write("ca.pem", ca.root_pem());
    issue(program, &ca, &dir).assert_issued();
    let before = contents(&dir.work());
    let mut switched = acme_testca::Quirks::default();
    assert!(switched.switch_on(quirk.name), "{}", quirk.name);
    ca.set_quirks(switched);
    let outcome = issue(program, &ca, &dir);
    let after = contents(&dir.work());
    // When the next attempt is made follows each one.
    let is_state = |path: &Path| path.ends_with("renewal.json");
    match fails_with {
        None => {
            outcome.assert_issued();
            assert_kept(&before, &after, |path| !is_state(path) && !path.ends_with("cert.pem"));
        }
        Some(text) => {
            outcome.assert_failed(1, &[text]);
            assert_kept(&before, &after, |path| !is_state(path));
        }
    }
    for (path, content) in after.iter().filter(|(path, _)| is_state(path)) {
        let state: Result<serde_json::Value, _> = serde_json::from_slice(content);
        assert!(state.is_ok(), "{} is damaged", path.display());
    }
    // An order that failed by the CA's fault may be kept, and is no obstacle once the CA is in order.
    ca.set_quirks(acme_testca::Quirks::default());
    issue(program, &ca, &dir).assert_issued();
    let order = dir.file("out/order.json");
    assert!(!order.exists(), "{}: an order is left behind", quirk.name);
    let message = match fails_with {
        None => String::new(),
        Some(_) => plain(outcome.stderr.lines().last().unwrap_or_default(), &dir.work()),
    };
    End { code: outcome.code, message }
}

fn issue(program: Program, ca: &TestCa, dir: &ScratchDir) -> Outcome {
    let port = ca.http_port().to_string();
    let line = ["--directory", ca.directory_url(), "--ca-file", "ca.pem", "--http-port", &port];
    program.run(dir, line.iter().chain(&["--force", "--out", "out", "a.test", "b.test"]))
}

#[track_caller]
fn assert_kept(
    before: &BTreeMap<PathBuf, Vec<u8>>,
    after: &BTreeMap<PathBuf, Vec<u8>>,
    is_meant: impl Fn(&Path) -> bool,
) {
    for (path, content) in before.iter().filter(|(path, _)| is_meant(path)) {
        assert_eq!(after.get(path), Some(content), "{} was touched", path.display());
    }
}

/// Replaces numbers, which are ports and times, and the folder.
fn plain(line: &str, folder: &Path) -> String {
    let line = line.replace(&folder.display().to_string(), "FOLDER");
    let mut plain = String::new();
    for character in line.chars() {
        match character.is_ascii_digit() {
            true if plain.ends_with('0') => {}
            true => plain.push('0'),
            false => plain.push(character),
        }
    }
    plain
}
