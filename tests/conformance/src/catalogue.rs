//! The catalogue and its lines.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

/// How strongly a text asks for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Required (MUST, REQUIRED, SHALL).
    Must,
    /// Forbidden (MUST NOT, SHALL NOT).
    MustNot,
    /// Recommended (SHOULD, RECOMMENDED).
    Should,
    /// Discouraged (SHOULD NOT, NOT RECOMMENDED).
    ShouldNot,
    /// Allowed (MAY, OPTIONAL).
    May,
    /// Follows from the text or from interoperability, without a keyword of RFC 2119.
    Impl,
    /// No longer a requirement. Its ID is not used again.
    Gone,
}

impl Level {
    pub(crate) const ALL: [Self; 7] = [
        Self::Must,
        Self::MustNot,
        Self::Should,
        Self::ShouldNot,
        Self::May,
        Self::Impl,
        Self::Gone,
    ];

    /// Returns the level as the catalogue writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::May => "MAY",
            Self::Impl => "impl",
            Self::Gone => "gone",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The part of the software that meets a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// The sans-IO core.
    Proto,
    /// An adapter.
    Transport,
    /// The application that uses an adapter.
    User,
}

impl Layer {
    const ALL: [Self; 3] = [Self::Proto, Self::Transport, Self::User];

    /// Returns the layer as the catalogue writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proto => "proto",
            Self::Transport => "transport",
            Self::User => "user",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One line of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    id: &'static str,
    level: Level,
    layers: Vec<Layer>,
    text: &'static str,
    heading: &'static str,
}

impl Requirement {
    /// Returns the ID: `SPEC-SECTION-n`.
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// Returns the ID without its number: `SPEC-SECTION`.
    pub fn section(&self) -> &'static str {
        self.id.rsplit_once('-').map_or(self.id, |(section, _)| section)
    }

    /// Returns the level.
    pub const fn level(&self) -> Level {
        self.level
    }

    /// Returns the layers: first the one that owns the requirement, then those that cooperate.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Returns the requirement in our own words.
    pub const fn text(&self) -> &'static str {
        self.text
    }

    /// Returns the heading above the requirement.
    pub const fn heading(&self) -> &'static str {
        self.heading
    }

    fn parse(line: &'static str, heading: &'static str) -> Result<Self, InvalidLine> {
        let invalid = || InvalidLine { line };
        let columns: Vec<&'static str> = line.split('\t').collect();
        let &[id, level, layers, text] = columns.as_slice() else {
            return Err(invalid());
        };
        let level = Level::ALL.into_iter().find(|l| l.as_str() == level).ok_or_else(invalid)?;
        let layers = layers
            .split(", ")
            .map(|name| Layer::ALL.into_iter().find(|l| l.as_str() == name).ok_or_else(invalid))
            .collect::<Result<Vec<_>, _>>()?;
        if !is_id(id) || text.trim() != text || text.is_empty() {
            return Err(invalid());
        }
        Ok(Self { id, level, layers, text, heading })
    }
}

/// A line of the catalogue that does not have four valid columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidLine {
    line: &'static str,
}

impl fmt::Display for InvalidLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a line of the catalogue (ID, level, layer, requirement): {:?}", self.line)
    }
}

impl std::error::Error for InvalidLine {}

/// The catalogue: every requirement, in the order of the file.
#[derive(Clone, Debug)]
pub struct Catalogue {
    requirements: Vec<Requirement>,
    by_id: BTreeMap<&'static str, usize>,
}

impl Catalogue {
    /// Parses a catalogue. If an ID is repeated, look-ups find its last line.
    ///
    /// # Errors
    ///
    /// The first line that is neither empty, nor a heading, nor four valid columns.
    pub fn parse(text: &'static str) -> Result<Self, InvalidLine> {
        let mut requirements = Vec::new();
        let mut heading = "";
        for line in text.lines().filter(|line| !line.is_empty()) {
            match line.strip_prefix('#') {
                Some(text) => heading = text.trim(),
                None => requirements.push(Requirement::parse(line, heading)?),
            }
        }
        let by_id = requirements.iter().enumerate().map(|(n, r)| (r.id, n)).collect();
        Ok(Self { requirements, by_id })
    }

    /// Returns every requirement, in the order of the file.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Finds a requirement.
    pub fn get(&self, id: &str) -> Option<&Requirement> {
        self.by_id.get(id).map(|&n| &self.requirements[n])
    }
}

/// Returns the committed catalogue.
///
/// # Panics
///
/// If `tests/conformance/catalogue.tsv` is malformed. A test of this crate checks that it is not.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        Catalogue::parse(include_str!("../catalogue.tsv"))
            .unwrap_or_else(|error| panic!("tests/conformance/catalogue.tsv: {error}"))
    })
}

/// Returns whether an ID has the form `SPEC-SECTION-n`: three parts of letters, digits and dots, of
/// which the last is a number.
fn is_id(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let &[spec, section, number] = parts.as_slice() else {
        return false;
    };
    let word = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    word(spec) && word(section) && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
}
