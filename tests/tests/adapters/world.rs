//! Every switch of the test CA by every driver, and the manual's page that is made of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use acme_tests::scenario::{
    FIELD, Run, Scenario, for_each_quirk, quirks, run_blocking, run_raw, run_tokio, world_page,
};

fn check(scenario: &Scenario, driver: &str, run: &Run) {
    let name = scenario.name;
    match (scenario.fails_with, &run.outcome) {
        (None, Ok(names)) => assert_eq!(names[..], scenario.names[..], "{name} by {driver}"),
        (Some(text), Err(error)) => assert!(error.contains(text), "{name} by {driver}: {error}"),
        (_, outcome) => panic!("{name} by {driver}: {outcome:?}\n{run}"),
    }
}

fn by_every_driver(scenario: &Scenario) {
    let raw = run_raw(scenario, 1);
    check(scenario, "raw", &raw);
    for (driver, run) in
        [("tokio", run_tokio(scenario, 1)), ("blocking", run_blocking(scenario, 1))]
    {
        check(scenario, driver, &run);
        // A random order of challenges does not change what is sent.
        assert_eq!(run.transcript, raw.transcript, "{} by {driver}", scenario.name);
    }
}

#[test]
fn every_switch_of_the_ca_comes_to_the_same_end_by_every_driver() {
    for_each_quirk(8, |_, scenario| by_every_driver(scenario));
}

#[test]
fn the_page_of_the_manual_says_what_the_tables_say() {
    let page = world_page(&quirks());
    let file = root().join("acme-proto/src/manual/world.md");
    if std::env::var_os("ACME_BLESS").is_some() {
        fs::write(&file, &page).expect("the page can be written");
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(found, page, "{} is not as the tables say", file.display());
}

#[test]
fn the_tests_that_the_page_names_exist() {
    let mut functions = BTreeSet::new();
    for folder in ["tests/tests", "tests/ca", "acme-proto", "acme-tokio", "acme-blocking", "fuzz"] {
        collect(&root().join(folder), &mut functions);
    }
    for case in FIELD {
        assert!(!case.tests.is_empty(), "{}: no test", case.what);
        for test in case.tests {
            assert!(functions.contains(*test), "{}: there is no test {test}", case.what);
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn collect(folder: &Path, functions: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, functions);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source");
            let names = text.lines().filter_map(|line| {
                line.trim_start().trim_start_matches("async ").strip_prefix("fn ")
            });
            functions.extend(names.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
        }
    }
}
