//! Renewal information and replacement orders (RFC 9773).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::ca::Ca;
use super::identifier::Identifier;
use super::order::OrderStatus;
use super::problem::Problem;
use super::respond::Reply;

const HOUR: u64 = 60 * 60 * 1000;

impl Ca {
    /// Sets the suggested renewal window of a certificate, in Unix milliseconds. `id` is its certID
    /// (RFC 9773 Section 4.1).
    ///
    /// Returns false if no such certificate was issued.
    pub fn set_renewal_window(
        &mut self,
        id: &str,
        start: u64,
        end: u64,
        explanation: Option<&str>,
    ) -> bool {
        let window = Some((start, end, explanation.map(str::to_owned)));
        self.certificate_by_id(id).is_some_and(|certificate| {
            certificate.window = window;
            true
        })
    }

    pub(super) fn renewal_info(&mut self, id: &str, now: u64) -> Result<Reply, Problem> {
        if self.config.quirks.renewal_info_unauthorized {
            return Ok(Reply::text(401, "text/plain", "Unauthorized".to_owned()));
        }
        check_id(id)?;
        let (unknown, over) =
            (self.config.quirks.renewal_info_not_found, self.config.quirks.past_renewal_windows);
        let certificate = self.certificate_by_id(id).filter(|_| !unknown).ok_or_else(|| {
            Problem::new(404, "malformed", "no certificate with this identifier was issued here")
        })?;
        let (first, last) = certificate.validity;
        let lifetime = last - first;
        let (start, end, explanation) = match &certificate.window {
            Some(window) => window.clone(),
            // A window in the past means "renew now" (RFC 9773 Section 4.2).
            None if over || certificate.revocation.is_some() => {
                (now.saturating_sub(2 * HOUR), now.saturating_sub(HOUR), None)
            }
            None => (first + lifetime / 3 * 2, first + lifetime / 3 * 2 + lifetime / 45, None),
        };
        let end = if self.config.quirks.empty_renewal_windows { start } else { end };
        let explanation = explanation.or_else(|| self.config.renewal_explanation.clone());
        let mut object = Map::new();
        let window = json!({ "start": self.date(start), "end": self.date(end) });
        object.insert("suggestedWindow".to_owned(), window);
        self.set(&mut object, "explanationURL", explanation.map(Value::from));
        let reply = Reply::json(200, Value::Object(object));
        let retry_after = self
            .config
            .renewal_info_retry_after
            .as_ref()
            .filter(|_| !self.config.quirks.renewal_info_without_time);
        Ok(self.with_retry_after(reply, retry_after, now))
    }

    /// Checks the `replaces` member of a new order (Section 5).
    pub(super) fn replaces(
        &mut self,
        account: u64,
        wish: &Value,
        identifiers: &[Identifier],
        now: u64,
    ) -> Result<Option<String>, Problem> {
        let id = match wish.get("replaces") {
            Some(Value::String(id)) if self.config.renewal_info => id.clone(),
            Some(_) if self.config.renewal_info => {
                return Err(Problem::malformed("replaces must be a certificate identifier"));
            }
            _ => return Ok(None),
        };
        check_id(&id)?;
        let certificate = self.certificate_by_id(&id).ok_or_else(|| {
            Problem::new(404, "malformed", "the certificate to be replaced was not issued here")
        })?;
        if certificate.account != account {
            return Err(Problem::unauthorized(
                "the certificate to be replaced belongs to another account",
            ));
        }
        let old: BTreeSet<&Identifier> = certificate.identifiers.iter().collect();
        // RFC 9773 Section 5: a predecessor shares at least one identifier.
        if !identifiers.iter().any(|i| old.contains(i)) {
            return Err(Problem::malformed(
                "the certificate to be replaced shares no name with the order",
            ));
        }
        if let Some(other) = certificate.replaced_by {
            // An order that failed does not use up its predecessor.
            self.refresh_order(other, now, false);
            if self.orders.get(&other).is_some_and(|o| o.status != OrderStatus::Invalid) {
                return Err(Problem::new(
                    409,
                    "alreadyReplaced",
                    "another order replaces this certificate already",
                ));
            }
        }
        Ok(Some(id))
    }
}

fn check_id(id: &str) -> Result<(), Problem> {
    let good = id.split_once('.').is_some_and(|(key, serial)| {
        [key, serial].iter().all(|part| !part.is_empty() && URL_SAFE_NO_PAD.decode(part).is_ok())
    });
    if good {
        Ok(())
    } else {
        Err(Problem::malformed(
            "a certificate identifier is two base64url texts with a dot between (RFC 9773 section 4.1)",
        ))
    }
}
