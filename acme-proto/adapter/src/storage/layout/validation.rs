//! Challenges that any server with the storage may answer.

use core::time::Duration;

use acme_proto::challenge::Challenge;
use acme_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Name, mark};
use crate::storage::Key;

/// A challenge by tls-alpn-01 or http-01 that a server has published, for the others with its
/// storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredValidation {
    challenge: Challenge,
    stored_at: Timestamp,
}

impl StoredValidation {
    /// Describes a challenge that is published now.
    pub const fn new(challenge: Challenge, now: Timestamp) -> Self {
        Self { challenge, stored_at: now }
    }

    /// Returns the challenge; `None` if it is so old that no CA asks for it. A process that crashed and
    /// never ran again left it.
    pub fn current(self, now: Timestamp) -> Option<Challenge> {
        let age = now.saturating_duration_since(self.stored_at);
        (age < LONGEST_ORDER).then_some(self.challenge)
    }
}

/// Returns the key of a challenge that is published, for [`load_json`](super::load_json) and
/// [`save_json`](super::save_json) of a [`StoredValidation`].
///
/// What is stored under it never changes: another challenge has another key.
pub fn validation(challenge: &Challenge) -> Key {
    let mark = mark(challenge.url().as_str().as_bytes());
    let name = Name::new(&format!("{mark}-{}", challenge.identifier()));
    validations().join_escaped(name.as_str(), ".json")
}

/// Returns the prefix of all challenges that are published.
pub fn validations() -> Key {
    Key::new("validations")
}

/// Let's Encrypt lets an order live for a week, and other CAs for less.
const LONGEST_ORDER: Duration = Duration::from_secs(14 * 24 * 60 * 60);
