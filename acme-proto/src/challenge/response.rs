//! The response to a challenge (RFC 8555 Section 7.5.1).

use alloc::string::String;

use serde::Serialize;
use serde_json::{Map, Value};

/// The JSON object that tells the server to validate a challenge.
///
/// It is empty, `{}`, for every kind of challenge that only asks for something to be published. A kind may define
/// members, such as `csr` of onion-csr-01 (RFC 9799 Section 3.2); a server ignores members that the kind does not
/// define.
///
/// ```
/// use acme_proto::challenge::ChallengeResponse;
///
/// let response = ChallengeResponse::new().with_member("attObj", "o2NmbXQ");
/// assert_eq!(response.members()["attObj"], "o2NmbXQ");
/// assert!(ChallengeResponse::default().members().is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ChallengeResponse {
    members: Map<String, Value>,
}

impl ChallengeResponse {
    /// Creates an empty response.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a member, in place of an earlier one with the same name.
    pub fn with_member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    /// Returns the members.
    pub const fn members(&self) -> &Map<String, Value> {
        &self.members
    }
}

impl From<Map<String, Value>> for ChallengeResponse {
    fn from(members: Map<String, Value>) -> Self {
        Self { members }
    }
}
