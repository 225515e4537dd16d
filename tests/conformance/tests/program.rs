//! The requirement catalogue, and the macro and program around it.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;

use acme_conformance::{Coverage, Layer, Level, catalogue, check, covers};

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

/// Cites IDs for [`what_is_met_is_recorded_once`], and for nobody else: they would count as covered.
#[test]
fn cites() {
    if env::var_os("ACME_TESTS_CITE").is_some() {
        for _ in 0..2 {
            covers!("8555-6.2-3", 1 + 1 == 2);
        }
        covers!("8555-6.2-4", true, "with {}", "detail");
    }
}

#[test]
fn what_is_met_is_recorded_once() {
    let dir = scratch("conformance-records");
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "cites"])
        .env("ACME_TESTS_CITE", "1")
        .env("ACME_CONFORMANCE_OUT", &dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");

    let files: Vec<_> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    let records = fs::read_to_string(&files[0]).unwrap();
    let lines: Vec<Vec<&str>> = records.lines().map(|l| l.split('\t').collect()).collect();
    assert_eq!(lines.len(), 2, "{records}");
    assert_eq!(lines[0][..2], ["8555-6.2-3", "program::cites"]);
    assert!(lines[0][2].starts_with("tests/conformance/tests/program.rs:"), "{records}");
    assert_eq!(lines[1][..2], ["8555-6.2-4", "program::cites"]);
}

#[test]
fn a_requirement_that_is_not_met_panics_with_its_id() {
    let message = *catch_unwind(|| covers!("8555-6.2-3", 1 + 1 == 3))
        .unwrap_err()
        .downcast::<String>()
        .unwrap();
    assert!(message.contains("8555-6.2-3 (MUST proto)"), "{message}");
    assert!(message.contains("1 + 1 == 3"), "{message}");
}

#[test]
fn an_id_that_the_catalogue_lacks_panics() {
    assert!(catch_unwind(|| check("8555-0-1", true, &|_| Ok(()), "t")).is_err());
}

#[test]
fn the_name_of_the_test_is_found_from_inside_a_closure() {
    let name = || {
        fn here() {}
        acme_conformance::test_name(&here)
    };
    let name = name();
    assert_eq!(name, "program::the_name_of_the_test_is_found_from_inside_a_closure");
}

#[test]
fn the_program_merges_records_and_enforces_a_list() {
    let dir = scratch("conformance-program");
    fs::write(dir.join("a.1.tsv"), "8555-6.2-3\ta::first\ta.rs:1\n").unwrap();
    fs::write(
        dir.join("b.2.tsv"),
        "8555-6.2-3\tb::second\tb.rs:1\n8555-6.2-4\tb::second\tb.rs:2\n",
    )
    .unwrap();
    fs::write(dir.join("met.txt"), "# a comment\n8555-6.2-3\n").unwrap();
    fs::write(dir.join("unmet.txt"), "8555-5-1\n").unwrap();
    let run = |list: &str| {
        Command::new(env!("CARGO_BIN_EXE_conformance"))
            .args([&dir, Path::new("--markdown"), &dir.join("coverage.md")])
            .args([Path::new("--require"), &dir.join(list)])
            .output()
            .unwrap()
    };

    let output = run("met.txt");
    assert!(output.status.success(), "{output:?}");
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(summary.contains("covered 2 of 603"), "{summary}");
    let table = fs::read_to_string(dir.join("coverage.md")).unwrap();
    assert!(table.contains("| `a::first`<br>`b::second` |"), "{table}");

    let output = run("unmet.txt");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("8555-5-1 is required and not covered"), "{errors}");
}

#[test]
fn a_whole_section_can_be_required() {
    let coverage = Coverage::new(catalogue());
    assert_eq!(coverage.missing_from("8555-7.1.2.1-*").len(), 3);
    assert_eq!(coverage.missing_from("# nothing\n\n"), Vec::<String>::new());
}

/// An empty directory below the target directory.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("the target directory is writable");
    dir
}
