//! A profile that the directory does not list.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;

use crate::text::printable;

/// A profile that was asked for, and those that the CA offers (draft-ietf-acme-profiles section 4).
///
/// `Display` is one escaped line with their names and descriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProfile {
    pub(crate) asked: String,
    pub(crate) offered: BTreeMap<String, String>,
}

impl UnknownProfile {
    /// Returns the name that was asked for.
    pub fn requested(&self) -> &str {
        &self.asked
    }

    /// Returns what the directory lists: names with their descriptions, the server's text.
    pub const fn offered(&self) -> &BTreeMap<String, String> {
        &self.offered
    }
}

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this CA does not offer the profile {}; ", printable(&self.asked, 80))?;
        if self.offered.is_empty() {
            return f.write_str("it offers none: order without a profile");
        }
        f.write_str("choose among")?;
        for (index, (name, description)) in self.offered.iter().take(MOST_SHOWN).enumerate() {
            let separator = if index == 0 { " " } else { ", " };
            let (name, description) = (printable(name, 80), printable(description, 160));
            write!(f, "{separator}{name} ({description})")?;
        }
        f.write_str(if self.offered.len() > MOST_SHOWN { ", ..." } else { "" })
    }
}

impl core::error::Error for UnknownProfile {}

const MOST_SHOWN: usize = 20;
