//! dns-01 (RFC 8555 section 8.4).

use alloc::format;

use super::{Challenge, TxtRecord};
use crate::wire::ChallengeKind;

impl Challenge {
    /// Returns the TXT record for dns-01 (RFC 8555 section 8.4), if this is that kind.
    pub fn dns_01(&self) -> Option<TxtRecord> {
        let authorization = self.key_authorization().filter(|_| self.kind == ChallengeKind::Dns01);
        Some(TxtRecord {
            name: format!("_acme-challenge.{}", self.identifier.value()),
            value: authorization?.txt_value(),
        })
    }
}
