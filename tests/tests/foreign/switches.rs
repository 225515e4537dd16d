//! The example programs at the test CA with each of its switches: the same exit code and message from both, no file is
//! damaged, and little memory is taken. Attacks on memory besides.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use acme_testca::{CaResponse, RequestKind, TestCa};
use acme_tests::child::{Outcome, Program, ScratchDir, contents};
use acme_tests::crowded::{CROWD, crowded_chain};
use acme_tests::scenario::{Quirk, Wish, for_each_quirk, side_by_side};
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
    let plain = issue(program, &ca, &dir);
    plain.assert_issued();
    forget(&dir);
    let before = contents(&dir.work());
    let mut switched = acme_testca::Quirks::default();
    assert!(switched.switch_on(quirk.name), "{}", quirk.name);
    ca.set_quirks(switched);
    let outcome = issue(program, &ca, &dir);
    assert_little_more(&outcome, &plain, quirk.name);
    let after = contents(&dir.work());
    // When the next attempt is made, and what is known of the CA, follow from each one.
    let is_state =
        |path: &Path| path.ends_with("renewal.json") || path.ends_with("account.json.session");
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
    // An order that failed by the CA's fault may be kept, and is no obstacle once the CA is in order. Nor is what is
    // remembered of a CA that was not.
    ca.set_quirks(acme_testca::Quirks::default());
    issue(program, &ca, &dir).assert_issued();
    let order = dir.file("out/order.json");
    assert!(!order.exists(), "{}: an order is left behind", quirk.name);
    let message = match fails_with {
        None => String::new(),
        Some(_) => without_numbers(outcome.stderr.lines().last().unwrap_or_default(), &dir.work()),
    };
    End { code: outcome.code, message }
}

/// What an issuance may take in memory beyond one at which nothing happens.
const MOST: u64 = 16 << 20;

#[track_caller]
fn assert_little_more(outcome: &Outcome, plain: &Outcome, name: &str) {
    let more = outcome.peak_memory.saturating_sub(plain.peak_memory);
    println!("{name}: {} KiB more than {} KiB", more >> 10, plain.peak_memory >> 10);
    assert!(plain.peak_memory > 0, "the system does not say");
    assert!(more <= MOST, "{name}: {more} octets more than {}", plain.peak_memory);
}

/// Puts as many of these values as a body may have into a response.
fn unfold(response: &mut CaResponse, entry: &str) {
    let many = vec![entry; (1_000 << 10) / (entry.len() + 1)].join(",");
    if let Some(rest) = response.body.strip_prefix(b"{") {
        response.body = [format!("{{\"x\":[{many}],").as_bytes(), rest].concat();
    }
}

#[test]
fn no_response_that_unfolds_takes_more_than_16_mib_of_either_program() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(71));
    let kinds = [
        RequestKind::Directory,
        RequestKind::NewOrder,
        RequestKind::Order,
        RequestKind::Authorization,
        RequestKind::Challenge,
        RequestKind::Finalize,
    ];
    let entries = ["0", "{}", "[[]]", "\"\"", &long];
    let all: Vec<_> = kinds.iter().flat_map(|kind| entries.map(|entry| (*kind, entry))).collect();
    side_by_side(6, &all, |&(kind, entry)| {
        for program in Program::ALL {
            let entry_of_ca = entry.to_owned();
            let outcome = attacked(program, &format!("{kind}: {entry:.9}"), move |response| {
                if response.kind == kind && response.status < 300 {
                    unfold(response, &entry_of_ca);
                }
            });
            if outcome.code != Some(0) {
                outcome.assert_failed(1, &["https://"]);
            }
        }
    });
}

#[test]
fn no_certificate_with_a_crowd_of_names_takes_more_than_16_mib_of_either_program() {
    let cases = [(CROWD, 1), (CROWD, 3), (30_000, 3), (43_000, 2)];
    for (program, (crowd, times)) in
        Program::ALL.into_iter().flat_map(|program| cases.map(|case| (program, case)))
    {
        let name = format!("{times} certificates with {crowd} names more");
        let outcome = attacked(program, &name, move |response| {
            if response.kind == RequestKind::Certificate {
                let chain = String::from_utf8_lossy(&response.body).into_owned();
                response.body = crowded_chain(&chain, crowd, times).into_bytes();
            }
        });
        match (crowd, times) {
            (CROWD, 1) => outcome.assert_issued(),
            _ => outcome.assert_failed(1, &["https://", "certificate"]),
        }
        // In square time it would take minutes.
        assert!(outcome.elapsed < Duration::from_secs(50), "{outcome:#?}");
        assert!(outcome.stderr.len() < 10_000, "{}", outcome.stderr.len());
    }
}

/// Issues at a CA that attacks by its responses, after an issuance at which nothing happens; compares the memory.
#[track_caller]
fn attacked(
    program: Program,
    name: &str,
    attack: impl Fn(&mut CaResponse) + Send + Sync + 'static,
) -> Outcome {
    let attacks = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&attacks);
    let builder = TestCa::builder().http_port(free_port());
    let ca = builder.edit_responses(move |_, response| {
        if now.load(Ordering::Relaxed) {
            attack(response);
        }
    });
    let ca = ca.start().expect("a CA");
    let dir = ScratchDir::new();
    dir.write("ca.pem", ca.root_pem());
    let plain = issue(program, &ca, &dir);
    plain.assert_issued();
    forget(&dir);
    attacks.store(true, Ordering::Relaxed);
    let outcome = issue(program, &ca, &dir);
    assert_little_more(&outcome, &plain, &format!("{program:?}, {name}"));
    outcome
}

fn issue(program: Program, ca: &TestCa, dir: &ScratchDir) -> Outcome {
    let port = ca.http_port().to_string();
    let line = ["--directory", ca.directory_url(), "--ca-file", "ca.pem", "--http-port", &port];
    program.run(dir, line.iter().chain(&["--force", "--out", "out", "a.test", "b.test"]))
}

/// Has the next run ask for what an earlier one knew of the CA, too.
fn forget(dir: &ScratchDir) {
    std::fs::remove_file(dir.file("out/account.json.session")).expect("a memory");
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
fn without_numbers(line: &str, folder: &Path) -> String {
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
