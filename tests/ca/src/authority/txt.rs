//! Validation by TXT records: dns-01 (RFC 8555 Section 8.4), dns-account-01, dns-persist-01.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

use super::config::ChallengeKind;
use super::persist;
use super::problem::Problem;
use super::validation::Validation;

impl Validation {
    /// Returns the name of the TXT records that this validation needs. `None` for other types.
    #[must_use]
    pub fn txt_name(&self) -> Option<String> {
        let name = &self.identifier;
        match self.kind {
            ChallengeKind::Dns01 => Some(format!("_acme-challenge.{name}")),
            ChallengeKind::DnsAccount01 => {
                Some(format!("_{}._acme-challenge.{name}", account_label(&self.account_url)))
            }
            ChallengeKind::DnsPersist01 => Some(format!("_validation-persist.{name}")),
            ChallengeKind::Http01 | ChallengeKind::TlsAlpn01 => None,
        }
    }

    /// Checks the TXT records at [`txt_name`](Self::txt_name). `now` is in Unix milliseconds.
    ///
    /// # Errors
    ///
    /// The problem for the challenge, if no record proves the identifier.
    pub fn judge_txt(&self, values: &[String], now: u64) -> Result<(), Problem> {
        let name = self.txt_name().unwrap_or_default();
        if values.is_empty() {
            return Err(Problem::new(400, "dns", format!("there is no TXT record at {name}")));
        }
        if self.kind == ChallengeKind::DnsPersist01 {
            return persist::judge(self, values, now / 1000);
        }
        let wanted = URL_SAFE_NO_PAD.encode(digest(&SHA256, self.key_authorization.as_bytes()));
        // Other values may be there: a name and its wildcard have their records at the same name.
        if values.contains(&wanted) {
            return Ok(());
        }
        Err(Problem::new(
            403,
            "incorrectResponse",
            format!("none of the {} TXT records at {name} has the right value", values.len()),
        ))
    }
}

/// Returns the label of an account without its underscore: the first 80 bits of the hash, in
/// base32 (draft-ietf-acme-dns-account-label Section 3.2).
fn account_label(account_url: &str) -> String {
    let hash = digest(&SHA256, account_url.as_bytes());
    let bit = |at: usize| (hash.as_ref()[at / 8] >> (7 - at % 8)) & 1;
    (0..16)
        .map(|character| {
            let value = (0..5).fold(0, |value, at| value << 1 | bit(character * 5 + at));
            char::from(if value < 26 { b'a' + value } else { b'2' + value - 26 })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::account_label;

    // draft-ietf-acme-dns-account-label-03 Section 3.2
    #[test]
    fn the_label_is_that_of_the_draft() {
        let label = account_label("https://example.com/acme/acct/ExampleAccount");
        assert_eq!(label, "ujmmovf2vn55tgye");
    }
}
