//! What TXT records prove: dns-01 (RFC 8555 section 8.4), dns-account-01, dns-persist-01.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

use super::config::ChallengeKind;
use super::persist;
use super::problem::Problem;
use super::validation::Validation;

impl Validation {
    /// Returns the name whose TXT records are to be looked at; none for other methods.
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

    /// Judges the TXT records found at [`txt_name`](Self::txt_name), at this time in Unix milliseconds.
    ///
    /// # Errors
    ///
    /// Fails with the problem to be shown in the challenge.
    pub fn judge_txt(&self, values: &[String], now: u64) -> Result<(), Problem> {
        let name = self.txt_name().unwrap_or_default();
        if values.is_empty() {
            return Err(Problem::new(400, "dns", format!("there is no TXT record at {name}")));
        }
        if self.kind == ChallengeKind::DnsPersist01 {
            return persist::judge(self, values, now / 1000);
        }
        let wanted = URL_SAFE_NO_PAD.encode(digest(&SHA256, self.key_authorization.as_bytes()));
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

/// Returns the label of an account without its underscore: 80 bits of a hash, 5 for each character.
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

    // draft-ietf-acme-dns-account-label-03 section 3.2
    #[test]
    fn the_label_is_that_of_the_draft() {
        let label = account_label("https://example.com/acme/acct/ExampleAccount");
        assert_eq!(label, "ujmmovf2vn55tgye");
    }
}
