//! One of the CAs that a certificate may come from.

use serde::{Deserialize, Serialize};

use super::ladder::Ladder;
use crate::url::Url;

/// A CA, by the URL of its directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Authority {
    pub(super) directory: Url,
    /// Whether the account was registered, or found, with this CA.
    #[serde(default)]
    pub(super) is_registered: bool,
    #[serde(default)]
    pub(super) ladder: Ladder,
}

impl Authority {
    pub(super) fn new(directory: Url) -> Self {
        Self { directory, is_registered: false, ladder: Ladder::default() }
    }
}
