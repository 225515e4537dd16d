//! The requirement catalogue, and the macro and program around it.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use acme_conformance::{Coverage, Layer, Level, catalogue, check, covers, covers_eq, required};

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
        covers!(["8555-6.2-4", "8555-6.2-5"], true, "with {}", "detail");
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
    assert_eq!(lines.len(), 3, "{records}");
    assert_eq!(lines[0][..2], ["8555-6.2-3", "acme-conformance/program::cites"]);
    assert!(lines[0][2].starts_with("tests/conformance/tests/program.rs:"), "{records}");
    assert_eq!(lines[1][..2], ["8555-6.2-4", "acme-conformance/program::cites"]);
    assert_eq!(lines[2][..2], ["8555-6.2-5", "acme-conformance/program::cites"]);
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
fn values_that_differ_are_both_shown() {
    let message = *catch_unwind(|| covers_eq!("8555-6.2-3", 1 + 1, 3, "case {}", 7))
        .unwrap_err()
        .downcast::<String>()
        .unwrap();
    assert!(message.contains("case 7\n  left: 2\n right: 3"), "{message}");
}

#[test]
fn an_id_that_the_catalogue_lacks_panics() {
    assert!(catch_unwind(|| check(&["8555-0-1"], true, &|_| Ok(()), "t")).is_err());
}

#[test]
fn the_name_of_the_test_is_found_from_inside_a_closure() {
    let name = || {
        fn here() {}
        acme_conformance::test_name(&here)
    };
    let name = name();
    assert_eq!(
        name,
        "acme-conformance/program::the_name_of_the_test_is_found_from_inside_a_closure"
    );
}

#[test]
fn the_program_merges_records_and_enforces_a_list() {
    let dir = scratch("conformance-program");
    record(&dir, "a.1.tsv", &[("8555-6.2-3", "a::first")]);
    record(&dir, "b.2.tsv", &[("8555-6.2-3", "b::second"), ("8555-6.2-4", "b::second")]);
    fs::write(dir.join("met.txt"), "# a comment\n8555-6.2-3\n").unwrap();
    fs::write(dir.join("unmet.txt"), "8555-5-1\n").unwrap();

    let output = program(&dir, &["--require", "met.txt"]);
    assert!(output.status.success(), "{output:?}");
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(summary.contains("covered 2 of 603"), "{summary}");

    let output = program(&dir, &["--require", "unmet.txt"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("8555-5-1 is required and not covered"), "{errors}");
}

#[test]
fn the_program_enforces_the_scope() {
    let dir = scratch("conformance-scope");
    let ids: Vec<&str> = required(catalogue()).map(|r| r.id()).collect();
    let (first, others) = ids.split_first().unwrap();
    let tests: Vec<String> = (0..others.len()).map(|n| format!("a::test_{}", n / 5)).collect();
    let pairs = others.iter().copied().zip(tests.iter().map(String::as_str));
    record(&dir, "a.1.tsv", &pairs.collect::<Vec<_>>());
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
    let ids: Vec<(&str, &str)> = required(catalogue()).map(|r| (r.id(), "a::all")).collect();
    record(&dir, "a.1.tsv", &ids[..8]);
    assert!(program(&dir, &[]).status.success());
    record(&dir, "a.1.tsv", &ids[..9]);
    let output = program(&dir, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("a::all cites 9 requirements"), "{errors}");
}

#[test]
fn the_program_writes_the_page_and_tells_a_stale_one() {
    let dir = scratch("conformance-page");
    record(&dir, "a.1.tsv", &[("8555-6.2-3", "a::first")]);
    assert!(program(&dir, &["--page", "page.md"]).status.success());
    let page = fs::read_to_string(dir.join("page.md")).unwrap();
    assert!(page.contains("| `a::first` |"), "{page}");
    assert!(program(&dir, &["--check", "page.md"]).status.success());

    record(&dir, "a.1.tsv", &[("8555-6.2-3", "a::renamed")]);
    assert_eq!(program(&dir, &["--check", "page.md"]).status.code(), Some(1));
}

#[test]
fn a_whole_section_can_be_required() {
    let coverage = Coverage::new(catalogue());
    assert_eq!(coverage.missing_from("8555-7.1.2.1-*").len(), 3);
    assert_eq!(coverage.missing_from("# nothing\n\n"), Vec::<String>::new());
}

fn record(dir: &Path, file: &str, lines: &[(&str, &str)]) {
    let lines: Vec<String> = lines.iter().map(|(id, test)| format!("{id}\t{test}\t-\n")).collect();
    fs::write(dir.join(file), lines.concat()).expect("the target directory is writable");
}

/// Runs the program over the records in `dir`, which is its working directory.
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
