//! The requirement catalogue, and the program around it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use acme_conformance::{Layer, Level, catalogue, required};

#[test]
fn the_catalogue_has_603_unique_ids() {
    let ids: BTreeSet<&str> = catalogue().requirements().iter().map(|r| r.id()).collect();
    assert_eq!(catalogue().requirements().len(), 603);
    assert_eq!(ids.len(), 603);
}

#[test]
fn the_catalogue_counts_by_level_and_owner() {
    let count = |level: Level, layer: Layer| {
        let all = catalogue().requirements().iter();
        all.filter(|r| r.level() == level && r.layers()[0] == layer).count()
    };
    let of = |layer| {
        [Level::Must, Level::MustNot, Level::Should, Level::ShouldNot, Level::May, Level::Impl]
            .map(|level| count(level, layer))
    };
    assert_eq!(of(Layer::Proto), [97, 25, 11, 4, 6, 381]);
    assert_eq!(of(Layer::Transport), [2, 0, 2, 1, 0, 6]);
    assert_eq!(of(Layer::User), [11, 3, 13, 4, 1, 36]);
}

#[test]
fn a_citation_counts_only_in_a_test_that_passed() {
    let dir = scratch("conformance-faults");
    leave_run(&dir, &[("8555-6.2-3", "first"), ("8555-6.2-4", "second")]);
    let summary = String::from_utf8(program(&dir, &[]).stdout).unwrap();
    assert!(summary.contains("covered 2 of 603"), "{summary}");

    let mut source = fs::read_to_string(dir.join("a.rs")).unwrap();
    source.push_str("#[test]\nfn not_run() {\n    // covers 8555-6.2-5\n}\n");
    source.push_str("fn helper() {\n    // covers 8555-6.2-6, 8555-0-1\n}\n");
    fs::write(dir.join("a.rs"), source).unwrap();
    let output = program(&dir, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    for error in [
        "a.rs:13: 8555-6.2-5 is cited by a::not_run, which did not pass",
        "a.rs:16: 8555-6.2-6 is cited outside of a test function",
        "a.rs:16: 8555-0-1 is not in the catalogue",
    ] {
        assert!(errors.contains(error), "{errors}");
    }
}

#[test]
fn the_program_enforces_the_scope() {
    let dir = scratch("conformance-scope");
    let ids: Vec<&str> = required(catalogue()).map(|r| r.id()).collect();
    let (first, others) = ids.split_first().unwrap();
    let tests: Vec<String> = (0..others.len()).map(|n| format!("test_{}", n / 5)).collect();
    let pairs = others.iter().copied().zip(tests.iter().map(String::as_str));
    leave_run(&dir, &pairs.collect::<Vec<_>>());
    fs::write(dir.join("none.list"), "").unwrap();
    fs::write(dir.join("first.list"), format!("{first}\tcannot be tested\n")).unwrap();
    fs::write(dir.join("second.list"), format!("{first}\tx\n{}\ty\n", ids[1])).unwrap();

    assert!(program(&dir, &["--excused", "first.list", "--scope"]).status.success());
    assert_eq!(program(&dir, &["--excused", "none.list", "--scope"]).status.code(), Some(1));
    assert_eq!(program(&dir, &["--excused", "second.list", "--scope"]).status.code(), Some(1));
}

#[test]
fn the_program_refuses_a_test_that_cites_too_much() {
    let dir = scratch("conformance-overloaded");
    let ids: Vec<(&str, &str)> = required(catalogue()).map(|r| (r.id(), "all")).collect();
    leave_run(&dir, &ids[..8]);
    assert!(program(&dir, &[]).status.success());
    leave_run(&dir, &ids[..9]);
    let output = program(&dir, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("a::all cites 9 requirements"), "{errors}");
}

#[test]
fn the_program_writes_the_page_and_tells_a_stale_one() {
    let dir = scratch("conformance-page");
    leave_run(&dir, &[("8555-6.2-3", "first")]);
    assert!(program(&dir, &["--page", "page.md"]).status.success());
    let page = fs::read_to_string(dir.join("page.md")).unwrap();
    assert!(page.contains("| `a::first` |"), "{page}");
    assert!(program(&dir, &["--check", "page.md"]).status.success());

    leave_run(&dir, &[("8555-6.2-3", "renamed")]);
    assert_eq!(program(&dir, &["--check", "page.md"]).status.code(), Some(1));
}

/// Writes what `tests/run` leaves of a program `a` whose tests cite these IDs and pass, and the program's source.
fn leave_run(dir: &Path, citations: &[(&str, &str)]) {
    let mut tests: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, test) in citations {
        tests.entry(test).or_default().push(id);
    }
    let (mut source, mut output) = (String::new(), "     Running a.rs (deps/a-1)\n".to_owned());
    for (test, ids) in tests {
        source += &format!("#[test]\nfn {test}() {{\n    // covers {}\n}}\n\n", ids.join(", "));
        output += &format!("test {test} ... ok\n");
    }
    output += "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
    let message = serde_json::json!({
        "reason": "compiler-artifact",
        "package_id": "path+file:///tree/tests#acme-tests@0.1.0",
        "target": { "kind": ["test"], "name": "a", "src_path": dir.join("a.rs") },
        "profile": { "test": true },
        "executable": "/tree/target/debug/deps/a-1",
    });
    let files = [("a.rs", source), ("tests.txt", output), ("programs.json", message.to_string())];
    for (name, text) in files {
        fs::write(dir.join(name), text).expect("the target directory is writable");
    }
}

/// Runs the program over the run in `dir`, which is its working directory.
fn program(dir: &Path, options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.current_dir(dir).arg(".").args(options).output().expect("the program starts")
}

/// An empty directory below the target directory.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("the target directory is writable");
    dir
}
