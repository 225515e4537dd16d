//! The lines that a run leaves for the page.

use std::fs;
use std::path::{Path, PathBuf};

use super::Feature;
use crate::servers::target_dir;

/// One cell: what kind of peer, its name, the row, its outcome, and the note on it.
///
/// In a file these are five columns with a tab between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// `server` or `client`.
    pub kind: String,
    /// The peer's name.
    pub name: String,
    /// The row.
    pub row: String,
    /// `works`, `lacks`, `not tried`; for the row `version`, the version.
    pub outcome: String,
    /// What was seen beside.
    pub detail: String,
}

impl Line {
    /// The row that holds a peer's version.
    pub const VERSION: &'static str = "version";

    pub(super) fn server(name: &str, row: &str, outcome: &str, detail: &str) -> Self {
        let clean = |text: &str| text.replace(['\t', '\n', '\r'], " ");
        Self {
            kind: "server".to_owned(),
            name: clean(name),
            row: clean(row),
            outcome: clean(outcome),
            detail: clean(detail),
        }
    }

    pub(super) fn version(name: &str, version: &str) -> Self {
        Self::server(name, Self::VERSION, version, "")
    }

    pub(super) fn not_tried(name: &str, feature: Feature, reason: &str) -> Self {
        Self::server(name, feature.name(), "not tried", reason)
    }

    fn parse(line: &str) -> Option<Self> {
        let mut columns = line.split('\t').map(str::to_owned);
        let line = Self {
            kind: columns.next()?,
            name: columns.next()?,
            row: columns.next()?,
            outcome: columns.next()?,
            detail: columns.next().unwrap_or_default(),
        };
        columns.next().is_none().then_some(line)
    }
}

/// Returns the directory of the run's files.
fn directory() -> PathBuf {
    target_dir().join("interop")
}

/// A name in the form that file names have.
pub(super) fn file_name(name: &str) -> String {
    let letters =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    letters.collect::<String>().trim_matches('-').replace("--", "-")
}

/// Writes the lines of one peer to a file of that name, at once.
///
/// # Panics
///
/// If the target directory is not writable.
pub fn write_lines(name: &str, lines: &[Line]) {
    let text: String = lines
        .iter()
        .map(|l| format!("{}\t{}\t{}\t{}\t{}\n", l.kind, l.name, l.row, l.outcome, l.detail))
        .collect();
    let dir = directory();
    fs::create_dir_all(&dir).expect("the target directory is writable");
    let partial = dir.join(format!("{name}.partial"));
    fs::write(&partial, text).expect("the target directory is writable");
    fs::rename(partial, dir.join(format!("{name}.tsv"))).expect("the target directory is writable");
}

/// Reads every file of a run, by file name.
///
/// # Errors
///
/// The directory is not readable, or a line has other than four or five columns.
pub fn read_lines(dir: &Path) -> Result<Vec<(String, Vec<Line>)>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", dir.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|extension| extension != "tsv") {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(failed)?;
        let parse = |line: &str| {
            Line::parse(line).ok_or_else(|| format!("{}: not a line: {line}", path.display()))
        };
        let lines: Result<Vec<Line>, String> = text.lines().map(parse).collect();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, lines?));
    }
    files.sort();
    Ok(files)
}
