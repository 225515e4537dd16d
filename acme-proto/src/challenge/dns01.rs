//! dns-01 (RFC 8555 Section 8.4).

use alloc::format;

use super::txt_record::fits_below;
use super::{Challenge, ChallengeRules, TxtRecord};
use crate::wire::ChallengeKind;

pub(super) const RULES: ChallengeRules =
    ChallengeRules::new(|identifier, _| fits_below("_acme-challenge.", identifier))
        .with_txt_record(Challenge::dns_01);

impl Challenge {
    /// Returns the TXT record for dns-01 (RFC 8555 Section 8.4), if this is that kind.
    pub fn dns_01(&self) -> Option<TxtRecord> {
        let authorization = self.key_authorization().filter(|_| self.kind == ChallengeKind::Dns01);
        Some(TxtRecord {
            name: format!("_acme-challenge.{}", self.identifier.value()),
            value: authorization?.txt_value(),
        })
    }
}
