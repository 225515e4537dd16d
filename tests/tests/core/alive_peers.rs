//! The manual's page `alive_peers` counts the lines of the programs in `tests/peers/alive` as they are, and names the
//! versions that their lock files pin. The rest of its first table is printed by `tests/peers/alive/measure`.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

fn programs() -> PathBuf {
    root().join("tests/peers/alive")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Returns the lines of code: neither blank nor a comment.
fn code_lines(source: &str) -> usize {
    source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

/// A row of the first table: program, version, lines, crates or modules, size of the binary.
fn rows() -> Vec<[String; 5]> {
    let page = text(&root().join("acme-proto/src/manual/alive_peers.md"));
    let table = page.lines().skip_while(|line| !line.starts_with("| program |")).skip(2);
    let rows = table.map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|line| {
        let cells: Vec<String> = line.split(" | ").map(str::to_owned).collect();
        <[String; 5]>::try_from(cells)
            .unwrap_or_else(|cells| panic!("a row without five cells: {cells:?}"))
    })
    .collect()
}

/// Returns the version that a lock file pins.
fn pinned(program: &str) -> String {
    let dir = programs().join(program);
    if program == "certmagic" {
        let module = text(&dir.join("go.mod"));
        let (_, rest) =
            module.split_once("caddyserver/certmagic v").expect("it requires certmagic");
        return rest.split_whitespace().next().unwrap_or_default().to_owned();
    }
    let lock = text(&dir.join("Cargo.lock"));
    let (_, rest) = lock
        .split_once(&format!("name = \"{program}\"\nversion = \""))
        .expect("it is in the lock file");
    rest.split('"').next().unwrap_or_default().to_owned()
}

#[test]
fn the_lines_are_those_of_the_programs() {
    let rows = rows();
    for [program, _, lines, _, _] in &rows {
        let source = if program == "certmagic" { "main.go" } else { "src/main.rs" };
        let counted = code_lines(&text(&programs().join(program).join(source)));
        assert_eq!(*lines, counted.to_string(), "lines of {program}");
    }
    let folders = fs::read_dir(programs()).expect("the programs").filter_map(Result::ok);
    let folders = folders.filter(|entry| entry.path().is_dir()).count();
    assert_eq!(rows.len(), folders, "every program has a row");
}

#[test]
fn the_versions_are_those_that_are_pinned() {
    for [program, version, ..] in rows() {
        match version.strip_prefix("commit ") {
            Some(_) => assert!(program.starts_with("acme-"), "{program} is not of this repository"),
            None => assert_eq!(version, pinned(&program), "version of {program}"),
        }
    }
}

#[test]
fn comments_and_blank_lines_are_no_code() {
    assert_eq!(
        code_lines("//! What it is.\n\nfn main() {\n    // Why.\n    run(); // How.\n}\n"),
        3
    );
}
