//! What a hook publishes.

use acme_proto::challenge::Challenge;
use acme_proto::wire::ChallengeKind;

use super::{HookCommand, HookError};
use crate::error::BoxError;

/// A TXT record, or the file of http-01, with what the dialects say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookRecord {
    http01: bool,
    /// Of a TXT record, without a final dot.
    name: String,
    value: String,
    /// Without `*.`; `None` if the name says nothing of it.
    domain: Option<String>,
    token: String,
    key_authorization: Option<String>,
}

impl HookRecord {
    /// Describes what a challenge of dns-01, dns-account-01 or http-01 asks for.
    ///
    /// # Errors
    /// For a challenge of another kind.
    pub fn of(challenge: &Challenge) -> Result<Self, BoxError> {
        let token = challenge.token().map(ToString::to_string).unwrap_or_default();
        let key_authorization = challenge.key_authorization().map(|key| key.as_str().to_owned());
        let http01 = *challenge.kind() == ChallengeKind::Http01;
        let (name, value) = match (challenge.txt_record(), challenge.http_01()) {
            (Some(record), _) => (record.name, record.value),
            (None, Some(file)) => (String::new(), file.body),
            (None, None) => return Err("a hook cannot publish this kind of challenge".into()),
        };
        let domain = Some(challenge.identifier().value());
        Ok(Self { http01, name, value, domain, token, key_authorization })
    }

    /// Describes a TXT record by its name, without a final dot, and its value.
    ///
    /// The dialects that name the domain find it behind `_acme-challenge.`; they have no token then.
    pub fn txt(name: &str, value: &str) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        let domain = name.strip_prefix("_acme-challenge.").map(str::to_owned);
        let (token, key_authorization) = (String::new(), None);
        Self { http01: false, name, value, domain, token, key_authorization }
    }

    pub(super) const fn is_http01(&self) -> bool {
        self.http01
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn value(&self) -> &str {
        &self.value
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn domain(&self, hook: &HookCommand) -> Result<&str, HookError> {
        self.domain.as_deref().ok_or_else(|| hook.lacks_challenge())
    }

    pub(super) fn key_authorization(&self, hook: &HookCommand) -> Result<&str, HookError> {
        self.key_authorization.as_deref().ok_or_else(|| hook.lacks_challenge())
    }
}
