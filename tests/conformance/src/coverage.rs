//! Which requirements are covered, and by which tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::Path;

use crate::{Catalogue, Level, Requirement};

/// How many requirements one test may cite; more means that it shows more than one behaviour.
pub const MAX_IDS_OF_A_TEST: usize = 8;

/// An ID that a test cites and the catalogue does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownId {
    /// The ID as it is written.
    pub id: String,
    /// The test that cites it.
    pub test: String,
}

impl fmt::Display for UnknownId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is not in the catalogue", self.test, self.id)
    }
}

impl std::error::Error for UnknownId {}

/// What tests cover of a catalogue.
#[derive(Clone, Debug)]
pub struct Coverage<'a> {
    catalogue: &'a Catalogue,
    tests: BTreeMap<&'a str, BTreeSet<String>>,
    ids: BTreeMap<String, BTreeSet<&'a str>>,
    unknown: Vec<UnknownId>,
}

impl<'a> Coverage<'a> {
    /// Starts with nothing covered.
    pub const fn new(catalogue: &'a Catalogue) -> Self {
        Self { catalogue, tests: BTreeMap::new(), ids: BTreeMap::new(), unknown: Vec::new() }
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
                        self.add(id, test);
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds that a test covers a requirement.
    pub fn add(&mut self, id: &str, test: &str) {
        match self.catalogue.get(id) {
            Some(requirement) => {
                self.tests.entry(requirement.id()).or_default().insert(test.to_owned());
                self.ids.entry(test.to_owned()).or_default().insert(requirement.id());
            }
            None => self.unknown.push(UnknownId { id: id.to_owned(), test: test.to_owned() }),
        }
    }

    /// Returns the catalogue.
    pub const fn catalogue(&self) -> &'a Catalogue {
        self.catalogue
    }

    /// Returns the IDs that tests cite and the catalogue does not have.
    pub fn unknown(&self) -> &[UnknownId] {
        &self.unknown
    }

    /// Returns whether some test covers the requirement.
    pub fn covers(&self, id: &str) -> bool {
        self.tests.contains_key(id)
    }

    /// Returns the names of the tests that cover the requirement.
    pub fn tests_of(&self, id: &str) -> impl Iterator<Item = &str> {
        self.tests.get(id).into_iter().flatten().map(String::as_str)
    }

    /// Returns the tests that cite more than [`MAX_IDS_OF_A_TEST`] requirements, with how many.
    pub fn overloaded(&self) -> impl Iterator<Item = (&str, usize)> {
        let counts = self.ids.iter().map(|(test, ids)| (test.as_str(), ids.len()));
        counts.filter(|&(_, count)| count > MAX_IDS_OF_A_TEST)
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
