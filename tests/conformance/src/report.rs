//! Which requirements are covered, and by which tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::Path;

use crate::{Catalogue, Cited, Level, Requirement};

/// An ID that a test cites and the catalogue does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownId {
    /// The ID as it is written.
    pub id: String,
    /// The test, or the file and line, that cites it.
    pub place: String,
}

impl fmt::Display for UnknownId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is not in the catalogue", self.place, self.id)
    }
}

impl std::error::Error for UnknownId {}

/// What tests cover of a catalogue.
#[derive(Clone, Debug)]
pub struct Coverage<'a> {
    catalogue: &'a Catalogue,
    tests: BTreeMap<&'a str, BTreeSet<String>>,
    unknown: Vec<UnknownId>,
}

impl<'a> Coverage<'a> {
    /// Starts with nothing covered.
    pub const fn new(catalogue: &'a Catalogue) -> Self {
        Self { catalogue, tests: BTreeMap::new(), unknown: Vec::new() }
    }

    /// Adds every record that [`covers!`](crate::covers) left in `dir`.
    ///
    /// # Errors
    ///
    /// The directory or one of its files cannot be read.
    pub fn add_records(&mut self, dir: &Path) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "tsv") {
                for line in fs::read_to_string(&path)?.lines() {
                    let mut columns = line.split('\t');
                    if let (Some(id), Some(test)) = (columns.next(), columns.next()) {
                        self.add(id, test, test);
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds what a comment above a unit test cites.
    pub fn add_cited(&mut self, cited: &Cited) {
        self.add(&cited.id, &format!("{} ({})", cited.test, cited.place), &cited.place);
    }

    /// Returns the IDs that tests cite and the catalogue does not have.
    pub fn unknown(&self) -> &[UnknownId] {
        &self.unknown
    }

    /// Returns whether some test covers the requirement.
    pub fn covers(&self, id: &str) -> bool {
        self.tests.contains_key(id)
    }

    /// Returns those of the listed IDs that no test covers.
    ///
    /// The list has one ID a line, `SECTION-*` for all of a section; empty lines and lines with `#` in front are skipped.
    pub fn missing_from(&self, list: &str) -> Vec<String> {
        let lines = list.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        let mut missing = Vec::new();
        for line in lines {
            match line.strip_suffix("-*") {
                Some(section) => missing.extend(
                    self.active()
                        .filter(|r| r.section() == section && !self.covers(r.id()))
                        .map(|r| r.id().to_owned()),
                ),
                None if !self.covers(line) => missing.push(line.to_owned()),
                None => {}
            }
        }
        missing
    }

    /// Returns a line for each section: how many of its requirements are covered, and the numbers of the others.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (section, requirements) in self.sections() {
            let numbers: Vec<&str> = requirements
                .iter()
                .filter(|r| !self.covers(r.id()))
                .map(|r| &r.id()[section.len() + 1..])
                .collect();
            let covered = requirements.len() - numbers.len();
            let _ = write!(text, "{section:<18} {covered:>3}/{:<3}", requirements.len());
            if !numbers.is_empty() {
                let _ = write!(text, "  uncovered: {}", numbers.join(" "));
            }
            text.push('\n');
        }
        let _ = writeln!(text, "{}", self.totals());
        text
    }

    /// Returns one line: how many requirements of each level are covered.
    pub fn totals(&self) -> String {
        let mut parts = Vec::new();
        for level in Level::ALL.into_iter().filter(|&l| l != Level::Gone) {
            let all = self.active().filter(|r| r.level() == level).count();
            let covered =
                self.active().filter(|r| r.level() == level && self.covers(r.id())).count();
            parts.push(format!("{level} {covered}/{all}"));
        }
        let covered = self.active().filter(|r| self.covers(r.id())).count();
        format!("covered {covered} of {}: {}", self.active().count(), parts.join(", "))
    }

    /// Returns a Markdown table: ID, level, requirement, tests.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# Requirement coverage\n\n{}.\n\n| ID | level | layer | requirement | tests |\n| --- | --- | --- | --- | --- |\n",
            self.totals()
        );
        for requirement in self.active() {
            let layers: Vec<&str> = requirement.layers().iter().map(|l| l.as_str()).collect();
            let tests = match self.tests.get(requirement.id()) {
                Some(tests) => {
                    let tests: Vec<String> = tests.iter().map(|t| format!("`{t}`")).collect();
                    tests.join("<br>")
                }
                None => "**none**".to_owned(),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {tests} |",
                requirement.id(),
                requirement.level(),
                layers.join(", "),
                requirement.text().replace('|', "\\|")
            );
        }
        text
    }

    fn add(&mut self, id: &str, test: &str, place: &str) {
        match self.catalogue.get(id) {
            Some(requirement) => {
                self.tests.entry(requirement.id()).or_default().insert(test.to_owned());
            }
            None => self.unknown.push(UnknownId { id: id.to_owned(), place: place.to_owned() }),
        }
    }

    fn active(&self) -> impl Iterator<Item = &'a Requirement> + use<'a> {
        self.catalogue.requirements().iter().filter(|r| r.level() != Level::Gone)
    }

    /// Groups the requirements by section, in the order of the catalogue.
    fn sections(&self) -> Vec<(&'a str, Vec<&'a Requirement>)> {
        let mut sections: Vec<(&str, Vec<&Requirement>)> = Vec::new();
        for requirement in self.active() {
            let section = requirement.section();
            match sections.iter_mut().find(|(name, _)| *name == section) {
                Some((_, requirements)) => requirements.push(requirement),
                None => sections.push((section, vec![requirement])),
            }
        }
        sections
    }
}
