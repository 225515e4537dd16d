//! What the manual and the threat model say of tests is true: each test that they name exists.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// A row of the table: what, whether, and what shows it.
struct Row {
    feature: String,
    ours: String,
    shown_by: String,
}

fn rows() -> Vec<Row> {
    let page = root().join("acme-proto/src/manual/features.md");
    let text = fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = cells.map(|line| line.split(" | ").map(str::to_owned).collect::<Vec<_>>());
    rows.filter(|cells| !cells[0].starts_with("---") && cells[0] != "feature")
        .map(|cells| {
            let [feature, ours, shown_by] = <[String; 3]>::try_from(cells)
                .unwrap_or_else(|cells| panic!("a row without three cells: {cells:?}"));
            Row { feature, ours, shown_by }
        })
        .collect()
}

/// Returns the files that a reference names: `core/` is the source of acme-proto, `adapter/` that of acme-adapter,
/// `adapter-tests/` its tests, `adapters/` tests of the adapters, here or in theirs, `ca/` those of acme-testca. Anything else is a
/// file of one of the three test programs here.
fn files(module: &str) -> Vec<PathBuf> {
    let (base, rest): (&[&str], _) = match module.split_once('/') {
        Some(("core", rest)) => (&["acme-proto/src"], rest),
        Some(("adapter", rest)) => (&["acme-proto/adapter/src"], rest),
        Some(("adapter-tests", rest)) => (&["acme-proto/adapter/tests"], rest),
        Some(("adapters", rest)) => return files_of_the_adapters(rest),
        Some(("ca", rest)) => (&["tests/ca/tests/suite"], rest),
        _ => return vec![file_of_this_package(module)],
    };
    base.iter().map(|dir| root().join(dir).join(rest).with_extension("rs")).collect()
}

/// Returns where the tests of a topic are: written once for both adapters, or once for each.
fn files_of_the_adapters(topic: &str) -> Vec<PathBuf> {
    let dirs = ["tests/tests/adapters/both", "tests/tests/adapters/only_tokio", "acme-tokio/tests"];
    let each = dirs.iter().map(|dir| root().join(dir).join(topic).with_extension("rs"));
    let topic = root().join("tests/tests/adapters").join(topic);
    each.chain([topic.join("mod.rs"), topic.with_extension("rs")]).collect()
}

fn file_of_this_package(module: &str) -> PathBuf {
    let dirs = ["core", "adapters", "foreign"].map(|name| root().join("tests/tests").join(name));
    let forms =
        |dir: &PathBuf| [dir.join(module).with_extension("rs"), dir.join(module).join("mod.rs")];
    let mut files = dirs.iter().flat_map(forms);
    files.find(|file| file.is_file()).unwrap_or_else(|| dirs[0].join(module))
}

/// Returns the references in a cell: what stands between backticks and has `::`.
fn references(cell: &str) -> impl Iterator<Item = (&str, &str)> {
    cell.split('`').skip(1).step_by(2).filter_map(|code| code.split_once("::"))
}

fn has_test(file: &Path, name: &str) -> bool {
    let Ok(text) = fs::read_to_string(file) else { return false };
    let declaration = format!("fn {name}(");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    // One that a macro makes for both adapters.
    let in_macro = format!("{name}, ");
    if lines.iter().any(|line| line.starts_with(&in_macro) && line.ends_with(';')) {
        return true;
    }
    lines.iter().enumerate().any(|(n, line)| {
        let named = line.contains(&declaration);
        named
            && lines[..n]
                .iter()
                .rev()
                .take(4)
                .any(|above| above.contains("#[test]") || above.contains("#[tokio::test"))
    })
}

#[test]
fn every_test_that_the_table_of_features_names_exists() {
    let mut missing = Vec::new();
    for row in rows() {
        for (module, name) in references(&row.shown_by) {
            if !files(module).iter().any(|file| has_test(file, name)) {
                missing.push(format!("{}: {module}::{name}", row.feature));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_row_of_the_table_of_features_is_shown_or_says_why_not() {
    let rows = rows();
    assert!(rows.len() > 60, "{} rows", rows.len());
    for Row { feature, ours, shown_by } in rows {
        let says_why = shown_by.len() > 20;
        match ours.as_str() {
            "Y" => assert!(references(&shown_by).next().is_some(), "{feature} names no test"),
            "later" | "no" => assert!(says_why, "{feature} says not why: {shown_by:?}"),
            other => panic!("{feature}: {other:?}"),
        }
    }
}

#[test]
fn every_test_that_the_pages_of_the_manual_name_exists() {
    for (page, least) in [("lets_encrypt.md", 16), ("alive.md", 22), ("running_it.md", 18)] {
        let path = root().join("acme-proto/src/manual").join(page);
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let is_module =
            |module: &str| module.chars().all(|c| c.is_ascii_lowercase() || "_/".contains(c));
        let named = references(&text).filter(|(module, name)| {
            let is_test =
                name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            is_module(module) && is_test
        });
        let named: Vec<(&str, &str)> = named.collect();
        assert!(named.len() >= least, "{page}: {} tests", named.len());
        let is_missing =
            |(module, name): &&(&str, &str)| !files(module).iter().any(|file| has_test(file, name));
        let missing: Vec<_> = named.iter().filter(is_missing).collect();
        assert!(missing.is_empty(), "{page}: {missing:?}");
    }
}

#[test]
fn the_page_on_waiting_is_what_its_program_prints() {
    let page = root().join("acme-proto/src/manual/waiting.md");
    let written = fs::read_to_string(&page).expect("the page");
    let made = acme_tests::poll_lag::page();
    let differs = written.lines().zip(made.lines()).find(|(written, made)| written != made);
    assert!(written == made, "{} is not what poll-lag prints: {differs:?}", page.display());
}

#[test]
fn every_test_that_the_threat_model_links_to_exists() {
    let page = root().join(".github/SECURITY.md");
    let text = fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let links = text.split("[`").skip(1).filter_map(|rest| rest.split_once("`](../"));
    let links: Vec<(&str, &str)> = links
        .map(|(name, rest)| (name, rest.split(')').next().expect("split has a first part")))
        .collect();
    assert!(links.len() > 25, "{} tests", links.len());
    let is_missing = |(name, file): &&(&str, &str)| !has_test(&root().join(file), name);
    let missing: Vec<_> = links.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
