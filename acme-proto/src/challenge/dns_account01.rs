//! dns-account-01 (draft-ietf-acme-dns-account-label-03).

use alloc::format;
use alloc::string::String;

use sha2::{Digest, Sha256};

use super::txt_record::fits_below;
use super::{Challenge, ChallengeRules, TxtRecord};
use crate::url::Url;
use crate::wire::ChallengeKind;

pub(super) const RULES: ChallengeRules = ChallengeRules::new(|identifier, _| {
    fits_below("_abcdefghijklmnop._acme-challenge.", identifier)
})
.with_txt_record(Challenge::dns_account_01);

/// Returns the label of an account, `_` and 16 characters, below which its records stand.
///
/// It is made of the account's URL exactly as the CA gave it in `Location`, and so it outlasts a change of the
/// account key: a CNAME at `_LABEL._acme-challenge.NAME` can be set up beforehand (section 3.2).
pub fn account_label(account: &Url) -> String {
    let digest = Sha256::digest(account.as_str().as_bytes());
    format!("_{}", base32(&digest[..10]))
}

impl Challenge {
    /// Returns the TXT record for dns-account-01, if this is that kind.
    ///
    /// Its value is that of dns-01; the name has the label of the account.
    pub fn dns_account_01(&self) -> Option<TxtRecord> {
        let account = self.account.as_ref().filter(|_| self.kind == ChallengeKind::DnsAccount01)?;
        let value = self.key_authorization()?.txt_value();
        let base = self.identifier.value();
        Some(TxtRecord {
            name: format!("{}._acme-challenge.{base}", account_label(account)),
            value,
        })
    }
}

/// Encodes whole groups of five octets in lower case (RFC 4648 Section 6).
fn base32(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::new();
    for group in octets.chunks_exact(5) {
        let bits = group.iter().fold(0_u64, |bits, octet| bits << 8 | u64::from(*octet));
        let digit = |place: u32| ALPHABET[(bits >> (5 * place) & 31) as usize];
        text.extend((0..8).rev().map(|place| char::from(digit(place))));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::challenge::testing::challenge;
    use crate::jose::Thumbprint;

    // The first is the example of draft-ietf-acme-dns-account-label.
    #[test]
    fn labels_match_the_known_answers() {
        for (account, label) in [
            ("https://example.com/acme/acct/ExampleAccount", "_ujmmovf2vn55tgye"),
            ("https://example.com/acme/acct/evOfKhNU60wg", "_kyv43diublq5elpi"),
            ("http://localhost:4000/acme/acct/1", "_vkbgbqfhr6yv2asd"),
        ] {
            assert_eq!(account_label(&Url::parse(account).unwrap()), label);
        }
    }

    // RFC 4648 Section 10
    #[test]
    fn base32_is_that_of_the_rfc() {
        assert_eq!(base32(b"fooba"), "mzxw6ytb");
        assert_eq!(base32(&[0xff; 10]), "7777777777777777");
    }

    // draft-ietf-acme-dns-account-label-03, Section 3.2
    #[test]
    fn the_example_of_the_draft_has_its_name() {
        let mut one = challenge("dns-account-01", "example.org");
        one.account = Some(Url::parse("https://example.com/acme/acct/ExampleAccount").unwrap());
        let record = one.dns_account_01().unwrap();
        assert_eq!(record.name, "_ujmmovf2vn55tgye._acme-challenge.example.org");
        assert_eq!(record.value, one.key_authorization().unwrap().txt_value());
        assert_eq!(one.txt_name().unwrap(), record.name);
        let rolled = Challenge { thumbprint: Thumbprint::from_bytes([9; 32]), ..one.clone() };
        let after = rolled.dns_account_01().unwrap();
        assert!(after.name == record.name && after.value != record.value);
        assert!(one.dns_01().is_none() && one.http_01().is_none());
        let older = Challenge { account: None, ..one };
        assert_eq!(older.dns_account_01(), None);
    }
}
