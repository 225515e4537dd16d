//! The state of every certificate, for whoever watches a server.

use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use serde::Serialize;

/// The state of every certificate that a server keeps; serde writes it as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Health {
    /// Whether every certificate is valid, and no renewal is in trouble; those that handshakes caused
    /// do not count, for strangers chose them.
    pub is_healthy: bool,
    /// The certificates, by name.
    pub certificates: Vec<CertificateHealth>,
}

/// The state of one certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CertificateHealth {
    /// Its name: its first identifier.
    pub name: String,
    /// All its identifiers.
    pub identifiers: Vec<String>,
    /// Whether a handshake caused it.
    pub is_on_demand: bool,
    /// Whether it is there and valid.
    pub state: CertificateState,
    /// Whether an order is in flight.
    pub is_ordering: bool,
    /// When it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// When its renewal is due, apart from waits after failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renew_at: Option<Timestamp>,
    /// The directory of the CA that issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<Url>,
    /// The last failure since it was issued, with its causes, on one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error_at: Option<Timestamp>,
    /// When the next attempt follows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Timestamp>,
    /// Since when another process has held the lock of the order, if that is suspiciously long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_held_since: Option<Timestamp>,
}

/// Whether a certificate can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum CertificateState {
    /// There is none yet.
    Missing,
    /// It is valid.
    Valid,
    /// It has expired, and is still served.
    Expired,
}

impl Health {
    /// Joins the states of all certificates.
    pub(super) fn new(certificates: Vec<CertificateHealth>) -> Self {
        let is_fine = |one: &CertificateHealth| {
            one.is_on_demand
                || one.state == CertificateState::Valid
                    && one.last_error.is_none()
                    && one.lock_held_since.is_none()
        };
        Self { is_healthy: certificates.iter().all(is_fine), certificates }
    }

    /// Writes it as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts, times and flags are always JSON")
    }
}
