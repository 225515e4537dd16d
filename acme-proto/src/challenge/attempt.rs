//! A challenge that failed.

use alloc::string::String;

use crate::wire::{ChallengeKind, Problem};

/// One way of proving an identifier that failed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Attempt {
    pub(crate) kind: ChallengeKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<Problem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) local: Option<String>,
}

impl Attempt {
    /// Returns the kind of challenge.
    pub const fn kind(&self) -> &ChallengeKind {
        &self.kind
    }

    /// Returns what the CA said.
    pub const fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// Returns why the challenge could not be provisioned, if it failed on our side.
    pub fn local_error(&self) -> Option<&str> {
        self.local.as_deref()
    }
}
