//! Which requirements must be covered, and which are excused.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Catalogue, Coverage, Layer, Level, Requirement};

/// The specifications of extensions that are not built yet. Their lines are listed, but not
/// required.
const LATER: [&str; 9] = ["8739", "9444", "8823", "9115", "9447", "9448", "9799", "9891", "devatt"];

/// Whether this workspace has to meet a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// A test must cover it, or a reason must excuse it.
    Required,
    /// The application has to meet it. Tests cover it where they can.
    User,
    /// It belongs to an extension that is not built yet.
    Later,
    /// It is no longer a requirement.
    Gone,
}

impl Scope {
    /// Returns the scope of a requirement.
    pub fn of(requirement: &Requirement) -> Self {
        let spec = requirement.id().split('-').next().unwrap_or_default();
        if requirement.level() == Level::Gone {
            Self::Gone
        } else if LATER.contains(&spec) {
            Self::Later
        } else if requirement.layers() == [Layer::User] {
            Self::User
        } else {
            Self::Required
        }
    }
}

/// The requirements that no test has to cover. Each line is `ID`, a tab, and the reason.
#[derive(Clone, Debug, Default)]
pub struct Excused<'a> {
    reasons: BTreeMap<&'a str, &'a str>,
    malformed: Vec<&'a str>,
}

impl<'a> Excused<'a> {
    /// Parses the list. Empty lines and lines that start with `#` are skipped.
    pub fn parse(text: &'a str) -> Self {
        let mut excused = Self::default();
        for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            match line.split_once('\t') {
                Some((id, reason)) if !reason.trim().is_empty() => {
                    if excused.reasons.insert(id, reason.trim()).is_some() {
                        excused.malformed.push(line);
                    }
                }
                _ => excused.malformed.push(line),
            }
        }
        excused
    }

    /// Returns why a requirement is excused.
    pub fn reason(&self, id: &str) -> Option<&'a str> {
        self.reasons.get(id).copied()
    }

    /// Returns how many requirements are excused.
    pub fn len(&self) -> usize {
        self.reasons.len()
    }

    /// Returns whether no requirement is excused.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Returns every error of the list and every gap in the coverage.
    pub fn faults(&self, coverage: &Coverage<'_>) -> Vec<ScopeFault> {
        let malformed = self.malformed.iter().map(|l| ScopeFault::Malformed((*l).to_owned()));
        let mut faults: Vec<ScopeFault> = malformed.collect();
        for id in self.reasons.keys() {
            let required = coverage.catalogue().get(id).map(Scope::of) == Some(Scope::Required);
            if !required {
                faults.push(ScopeFault::NotRequired((*id).to_owned()));
            } else if coverage.covers(id) {
                faults.push(ScopeFault::Covered((*id).to_owned()));
            }
        }
        let missing = required(coverage.catalogue())
            .filter(|r| !coverage.covers(r.id()) && self.reason(r.id()).is_none());
        faults.extend(missing.map(|r| ScopeFault::Missing(r.id().to_owned())));
        faults
    }
}

/// Returns the requirements that must be covered or excused.
pub fn required(catalogue: &Catalogue) -> impl Iterator<Item = &Requirement> {
    catalogue.requirements().iter().filter(|r| Scope::of(r) == Scope::Required)
}

/// A gap in the coverage, or an error of the list of excused requirements.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScopeFault {
    /// No test covers a required ID, and it is not excused.
    Missing(String),
    /// An excused ID is covered, so that its line can be deleted.
    Covered(String),
    /// An excused ID is unknown or not required.
    NotRequired(String),
    /// A line of the list is not `ID`, tab, reason, or repeats an ID.
    Malformed(String),
}

impl fmt::Display for ScopeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(id) => write!(f, "{id} is required, and neither covered nor excused"),
            Self::Covered(id) => write!(f, "{id} is covered: remove it from the excused ones"),
            Self::NotRequired(id) => write!(f, "{id} is excused, and not required anyway"),
            Self::Malformed(line) => write!(f, "not an excused ID with its reason: {line:?}"),
        }
    }
}

impl std::error::Error for ScopeFault {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn later_extensions_and_lines_of_the_user_alone_are_not_required() {
        let of = |id: &str| Scope::of(catalogue().get(id).expect("the ID is in the catalogue"));
        assert_eq!(of("8555-6.2-3"), Scope::Required);
        assert_eq!(of("8555-6.1-1"), Scope::Required);
        assert_eq!(of("8555-7.3-5"), Scope::Required);
        assert_eq!(of("8555-7.3-6"), Scope::User);
        assert_eq!(of("8739-3.1.1-5"), Scope::Later);
    }

    #[test]
    fn a_missing_and_a_needless_line_are_both_faults() {
        let mut coverage = Coverage::new(catalogue());
        for requirement in required(catalogue()).filter(|r| r.id() != "8555-6.2-3") {
            coverage.add(requirement.id(), "a::test");
        }
        let faults = |text: &str| Excused::parse(text).faults(&coverage);
        assert_eq!(faults(""), [ScopeFault::Missing("8555-6.2-3".into())]);
        assert_eq!(faults("8555-6.2-3\ta reason\n"), []);
        let text = "8555-6.2-3\ta reason\n8555-6.2-4\tcovered\n8555-7.3-6\tuser\n8555-0-1\t\n";
        assert_eq!(
            faults(text),
            [
                ScopeFault::Malformed("8555-0-1\t".into()),
                ScopeFault::Covered("8555-6.2-4".into()),
                ScopeFault::NotRequired("8555-7.3-6".into()),
            ]
        );
    }
}
