//! Every switch of the test CA by every driver, and the manual's page that is made of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use acme_testca::Quirks;
use acme_tests::scenario::{
    FIELD, OTHERS, Scenario, for_each_quirk, quirks, run_blocking, run_raw, run_tokio, world_page,
};

/// Runs a scenario by every driver, and returns what is wrong.
fn by_every_driver(scenario: &Scenario) -> Vec<String> {
    let raw = run_raw(scenario, 1);
    let mut faults: Vec<String> = scenario.fault(&raw).into_iter().collect();
    for (driver, run) in
        [("tokio", run_tokio(scenario, 1)), ("blocking", run_blocking(scenario, 1))]
    {
        faults.extend(scenario.fault(&run).map(|fault| format!("{fault} (by {driver})")));
        // How long a lost response takes to be noticed decides what is sent before the next try.
        if run.sorted() != raw.sorted() {
            faults.push(format!("{} by {driver}:\n{run}\nraw:\n{raw}", scenario.name));
        }
    }
    faults
}

#[test]
fn every_switch_of_the_ca_comes_to_the_same_end_by_every_driver() {
    let faults = Mutex::new(Vec::new());
    for_each_quirk(8, |_, scenario| {
        let found = by_every_driver(scenario);
        faults.lock().expect("no panic").extend(found);
    });
    let faults = faults.into_inner().expect("no panic");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
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
    for fault in OTHERS {
        assert!(!fault.tests.is_empty() || !fault.switches.is_empty(), "{}: no test", fault.what);
        for test in fault.tests {
            assert!(functions.contains(*test), "{}: there is no test {test}", fault.what);
        }
        for switch in fault.switches {
            let known = Quirks::default().switch_on(switch);
            assert!(known, "{}: there is no switch {switch}", fault.what);
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
