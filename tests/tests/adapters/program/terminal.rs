//! Questions to a person at a terminal: one at a time, and Ctrl-C answers each.

use std::fs;
use std::time::Duration;

use acme_testca::{RequestKind, TestCa};
use acme_tests::child::{AtTerminal, Program};
use acme_tests::for_both_programs;

use super::Scene;

for_both_programs! {
    consent_is_asked_for_at_the_terminal, consent;
    ctrl_c_at_the_question_for_consent_ends_at_once, consent_interrupted;
    consent_that_nobody_gives_is_not_waited_for_beyond_the_time_limit, consent_late;
    all_records_are_shown_in_one_prompt_and_removed_afterwards, by_hand;
    ctrl_c_at_the_prompt_cancels_and_says_what_to_remove, by_hand_interrupted;
    the_prompt_ends_at_the_deadline, by_hand_late;
    without_a_terminal_nobody_is_asked, no_terminal;
    ctrl_c_stops_a_hook_and_a_second_one_ends_at_once, hook_interrupted_twice;
    a_resumed_order_shows_its_records_again, by_hand_resumed;
}

const SOON: Duration = Duration::from_secs(40);
const CONSENT: &str = "Do you agree to them? [y/N] ";
const PROMPT: &str = "Press Enter when the name servers answer with all of them: ";

fn start(scene: &Scene, more: &[&str]) -> AtTerminal {
    scene.program.start_at_terminal(&scene.dir, scene.line(more))
}

fn with_terms(program: Program) -> Scene {
    let builder = TestCa::builder().terms_of_service("https://ca.test/terms-1");
    Scene::with(program, builder.require_terms(true))
}

/// Adds the records that the last prompt shows, and returns how many there are.
fn add_records(scene: &Scene, screen: &str) -> usize {
    let prompt = &screen[screen.rfind("Add th").unwrap()..];
    let records: Vec<(&str, &str)> = prompt.lines().filter_map(record).collect();
    for (name, value) in &records {
        assert!(scene.ca.set_txt(name, value));
    }
    records.len()
}

/// Reads a line such as `  _acme-challenge.a.test. TXT "value"`.
fn record(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix("  ")?.split_once(". TXT \"")?;
    Some((name, value.strip_suffix('"')?))
}

fn consent(program: Program) {
    let scene = with_terms(program);
    let mut child = start(&scene, &["a.test"]);
    child.wait_for(CONSENT);
    assert!(child.screen().contains("https://ca.test/terms-1"), "{}", child.screen());
    child.types("no\n");
    child.wait(SOON).assert_failed(2, &["https://ca.test/terms-1", "--agree-tos"]);
    assert_eq!(scene.count(RequestKind::NewAccount), 0);

    let mut child = start(&scene, &["a.test"]);
    child.wait_for(CONSENT);
    child.types("y\n");
    let outcome = child.wait(SOON);
    outcome.assert_issued();
    assert_eq!(outcome.stderr.matches(CONSENT).count(), 1, "{outcome:#?}");
}

fn consent_interrupted(program: Program) {
    let scene = with_terms(program);
    let mut child = start(&scene, &["a.test"]);
    child.wait_for(CONSENT);
    child.types("\x03");
    child.wait(SOON).assert_failed(1, &["interrupted"]);
    assert_eq!(scene.count(RequestKind::NewAccount), 0);
    assert!(!scene.dir.file("out/order.json").exists());
}

fn consent_late(program: Program) {
    let scene = with_terms(program);
    let child = start(&scene, &["--timeout", "3", "a.test"]);
    let outcome = child.wait(SOON);
    assert_ne!(outcome.code, Some(0), "{outcome:#?}");
    assert!(outcome.stderr.contains("error: "), "{outcome:#?}");
    assert_eq!(scene.count(RequestKind::NewAccount), 0);
}

fn by_hand(program: Program) {
    let scene = with_terms(program);
    let names = ["a.test", "*.a.test", "b.test", "c.test"];
    let mut child = start(&scene, &[&["--by-hand", "--challenge", "dns-01"], &names[..]].concat());
    child.wait_for(CONSENT);
    child.types("y\n");
    child.wait_for(PROMPT);
    assert_eq!(add_records(&scene, &child.screen()), 4);
    let before = child.screen();
    child.types("\n");
    let outcome = child.wait(SOON);
    outcome.assert_issued();
    assert!(before.contains("Add these 4 records to the zone:"), "{before}");
    assert_eq!(outcome.stderr.matches(PROMPT).count(), 1, "{outcome:#?}");
    // No progress is drawn while the question is open.
    assert!(!before[before.find("Add these").unwrap()..].contains('\x1b'), "{before:?}");
    assert!(before.ends_with(PROMPT), "{before:?}");
    let removable = outcome.stderr.matches("You can remove this record now:").count();
    assert_eq!(removable, 4, "{outcome:#?}");
    assert!(!scene.dir.file("out/order.json").exists());
}

fn by_hand_interrupted(program: Program) {
    let scene = Scene::new(program);
    let mut child = start(&scene, &["--by-hand", "a.test", "*.a.test"]);
    child.wait_for(PROMPT);
    child.types("\x03");
    let outcome = child.wait(SOON);
    outcome.assert_failed(1, &["cancelled"]);
    assert!(outcome.stderr.contains("interrupted: cleaning up"), "{outcome:#?}");
    assert_eq!(outcome.stderr.matches(PROMPT).count(), 1, "{outcome:#?}");
    assert_eq!(
        outcome.stderr.matches("You can remove this record now:").count(),
        2,
        "{outcome:#?}"
    );
    assert!(outcome.elapsed < SOON);
}

fn by_hand_late(program: Program) {
    let scene = Scene::new(program);
    let child = start(&scene, &["--timeout", "8", "--by-hand", "a.test"]);
    child.wait_for(PROMPT);
    let outcome = child.wait(SOON);
    outcome.assert_failed(1, &["--timeout"]);
    assert!(outcome.stderr.contains("You can remove this record now:"), "{outcome:#?}");
}

fn no_terminal(program: Program) {
    let scene = Scene::new(program);
    let outcome = scene.run(&["--by-hand", "--challenge", "dns-01", "a.test"]);
    outcome.assert_failed(2, &["--by-hand", "without a terminal", "--hook CMD"]);
    assert_eq!(scene.ca.requests().len(), 0);
    // Consent cannot be asked for either.
    let scene = with_terms(program);
    scene.run(&["a.test"]).assert_failed(2, &["https://ca.test/terms-1", "--agree-tos"]);
}

fn hook_interrupted_twice(program: Program) {
    let scene = Scene::new(program);
    let marker = format!("50{}.{}", scene.ca.http_port(), std::process::id());
    scene.dir.write("hook.sh", format!("echo $1 >> calls; sleep {marker} & sleep {marker}\n"));
    let line = ["--challenge", "dns-01", "--hook", "sh hook.sh", "a.test"];
    let mut child = start(&scene, &line);
    super::wait_until("the hook hangs", || scene.read("calls").contains("present"));
    child.types("\x03");
    child.wait_for("once more ends at once");
    super::wait_until("it cleans up", || scene.read("calls").contains("cleanup"));
    child.types("\x03");
    let words = ["interrupted", "_acme-challenge.a.test may still be published"];
    child.wait(SOON).assert_failed(1, &words);
    super::wait_until("nothing is left", || super::sleepers(&marker) == 0);
}

fn by_hand_resumed(program: Program) {
    let scene = Scene::new(program);
    let line = ["--by-hand", "--challenge", "dns-01", "a.test"];
    let child = start(&scene, &line);
    child.wait_for(PROMPT);
    drop(child);
    assert!(fs::exists(scene.dir.file("out/order.json")).unwrap());
    let mut child = start(&scene, &line);
    child.wait_for(PROMPT);
    assert_eq!(add_records(&scene, &child.screen()), 1);
    child.types("\n");
    child.wait(SOON).assert_issued();
    assert_eq!(scene.ca.certificates_issued(), 1);
}
