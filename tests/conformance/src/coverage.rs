//! Which requirements are covered, and by which tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::io;

use crate::{Catalogue, Citation, Level, Requirement, Run, citations};

/// How many requirements one test may cite; more means that it shows more than one behaviour.
pub const MAX_IDS_OF_A_TEST: usize = 8;

/// Why a citation counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CitationFault {
    /// The catalogue has no such ID.
    UnknownId(Citation),
    /// The comment stands in no test.
    OutsideOfTests(Citation),
    /// Its test did not run, or did not pass.
    NotPassed(Citation),
}

impl fmt::Display for CitationFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::UnknownId(citation)
        | Self::OutsideOfTests(citation)
        | Self::NotPassed(citation)) = self;
        let Citation { id, test, file, line } = citation;
        write!(f, "{}:{line}: {id} ", file.display())?;
        match self {
            Self::UnknownId(_) => f.write_str("is not in the catalogue"),
            Self::OutsideOfTests(_) => f.write_str("is cited outside of a test function"),
            Self::NotPassed(_) => {
                write!(f, "is cited by {}, which did not pass", test.as_deref().unwrap_or("?"))
            }
        }
    }
}

impl std::error::Error for CitationFault {}

/// What tests cover of a catalogue.
#[derive(Clone, Debug)]
pub struct Coverage<'a> {
    catalogue: &'a Catalogue,
    tests: BTreeMap<&'a str, BTreeSet<String>>,
    ids: BTreeMap<String, BTreeSet<&'a str>>,
    faults: Vec<CitationFault>,
}

impl<'a> Coverage<'a> {
    /// Starts with nothing covered.
    pub const fn new(catalogue: &'a Catalogue) -> Self {
        Self { catalogue, tests: BTreeMap::new(), ids: BTreeMap::new(), faults: Vec::new() }
    }

    /// Adds every citation in the sources of a run whose test passed; the others are [`faults`](Self::faults).
    ///
    /// # Errors
    ///
    /// A source file of the run cannot be read.
    pub fn add_run(&mut self, run: &Run) -> io::Result<()> {
        for program in run.programs() {
            for citation in citations(program)? {
                self.add_citation(citation, run);
            }
        }
        Ok(())
    }

    fn add_citation(&mut self, citation: Citation, run: &Run) {
        let fault = match &citation.test {
            _ if self.catalogue.get(&citation.id).is_none() => CitationFault::UnknownId,
            None => CitationFault::OutsideOfTests,
            Some(test) if !run.passed(test) => CitationFault::NotPassed,
            Some(test) => return self.add(&citation.id, test),
        };
        self.faults.push(fault(citation));
    }

    /// Adds that a test covers a requirement; an ID that the catalogue lacks changes nothing.
    pub fn add(&mut self, id: &str, test: &str) {
        if let Some(requirement) = self.catalogue.get(id) {
            self.tests.entry(requirement.id()).or_default().insert(test.to_owned());
            self.ids.entry(test.to_owned()).or_default().insert(requirement.id());
        }
    }

    /// Returns the catalogue.
    pub const fn catalogue(&self) -> &'a Catalogue {
        self.catalogue
    }

    /// Returns the citations that count for nothing.
    pub fn faults(&self) -> &[CitationFault] {
        &self.faults
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
