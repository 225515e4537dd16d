//! From a ready order to a certificate (RFC 8555 Section 7.4).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::ca::Ca;
use super::certificate::Certificate;
use super::csr;
use super::identifier::Identifier;
use super::issuer::{Leaf, high_serial, serial};
use super::jws::Jws;
use super::key::PublicKey;
use super::order::OrderStatus;
use super::problem::Problem;
use super::respond::Reply;

impl Ca {
    pub(super) fn finalize(
        &mut self,
        account: u64,
        id: u64,
        jws: &Jws,
        now: u64,
    ) -> Result<Reply, Problem> {
        self.require_order(account, id)?;
        let wish = jws.object()?;
        // Finalizing does not count as reading: only a poll lets a slow order proceed.
        self.refresh_order(id, now, false);
        let status = self.orders.get(&id).map_or(OrderStatus::Invalid, |o| o.status);
        let quirks = &self.config.quirks;
        let fresh = match status {
            OrderStatus::Ready => true,
            // A client repeats finalize if the response was lost. It gets the same order, and no
            // second certificate.
            OrderStatus::Processing | OrderStatus::Valid if !quirks.refuse_repeated_finalize => {
                false
            }
            other => {
                let detail = format!("the order is {}, not ready", other.as_str());
                return Err(Problem::new(403, "orderNotReady", detail));
            }
        };
        let shown = match fresh {
            true if quirks.invalid_after_finalize => Some("processing"),
            true if quirks.finalize_answers_stale => Some("ready"),
            true if quirks.finalize_answers_pending => Some("pending"),
            _ => None,
        };
        if fresh && quirks.invalid_after_finalize {
            if let Some(order) = self.orders.get_mut(&id) {
                order.status = OrderStatus::Invalid;
                order.error =
                    Some(Problem::new(403, "badCSR", "an officer has rejected the request"));
            }
        } else if fresh {
            let certificate = self.issue(account, id, &wish, now)?;
            let polls = self.config.processing_polls;
            if let Some(order) = self.orders.get_mut(&id) {
                order.certificate = Some(certificate);
                order.polls = polls;
                order.status =
                    if polls == 0 { OrderStatus::Valid } else { OrderStatus::Processing };
            }
        }
        Ok(self.finalize_reply(id, shown, now))
    }

    /// Returns the order, or a look of it that is out of date.
    fn finalize_reply(&self, id: u64, shown: Option<&str>, now: u64) -> Reply {
        let quirks = &self.config.quirks;
        let mut object = self.order_object(id);
        if let Some(members) = object.as_object_mut() {
            if let Some(status) = shown {
                members.insert("status".to_owned(), Value::from(status));
                members.remove("error");
            }
            if shown.is_some() || quirks.finalize_valid_without_certificate {
                members.remove("certificate");
            }
        }
        let mut reply = Reply::json(if quirks.finalize_created { 201 } else { 200 }, object);
        if !quirks.no_location_on_finalize {
            reply = reply.with_header("Location", self.order_url(id));
        }
        let processing = self.orders.get(&id).is_some_and(|o| o.status == OrderStatus::Processing);
        let configured = self.config.retry_after_finalize.as_ref();
        self.with_retry_after(reply, self.retry_after(configured, processing).as_ref(), now)
    }

    fn issue(&mut self, account: u64, id: u64, wish: &Value, now: u64) -> Result<u64, Problem> {
        let (Some(order), Some(owner)) = (self.orders.get(&id), self.accounts.get(&account)) else {
            return Err(Problem::malformed("the order is gone"));
        };
        let der = wish
            .get("csr")
            .and_then(Value::as_str)
            .ok_or_else(|| Problem::malformed("finalize wants a csr"))?;
        let der = URL_SAFE_NO_PAD
            .decode(der)
            .map_err(|_| Problem::malformed("the csr is not base64url without padding"))?;
        // Before any change: an order whose CSR is refused stays `ready` (Section 7.4).
        let plain = self.config.quirks.plain_requests_only;
        let key = csr::check(&der, &order.identifiers, &owner.key, plain)?;
        self.require_room(self.certificates.len())?;
        self.check_profile(order.profile.as_ref())?;
        let profile = order.profile.as_ref().and_then(|name| self.config.profiles.get(name));
        let lifetime = profile.map_or(self.config.certificate_lifetime, |p| p.lifetime);
        // A certificate of a minute that began an hour ago would seem to be at its end.
        let backdate = self.config.backdate.min(lifetime / 100);
        let not_before = order.not_before.unwrap_or_else(|| now.saturating_sub(backdate));
        let not_after = order.not_after.unwrap_or_else(|| {
            let start = order.not_before.unwrap_or(now);
            // The last second is part of the validity (RFC 5280 Section 4.1.2.5).
            start.saturating_add(lifetime).saturating_sub(1000)
        });
        self.certify(account, id, key, (not_before, not_after))
    }

    fn certify(
        &mut self,
        account: u64,
        id: u64,
        key: PublicKey,
        validity: (u64, u64),
    ) -> Result<u64, Problem> {
        let identifiers = self.orders.get(&id).map(|o| o.identifiers.clone()).unwrap_or_default();
        let serial = if self.config.quirks.high_serials {
            high_serial(&mut self.rng)
        } else {
            serial(&mut self.rng)
        };
        let other_key = self.issuer.public_key();
        let quirks = &self.config.quirks;
        let mut names = identifiers.clone();
        names.truncate(names.len() - usize::from(quirks.omit_last_name));
        names.extend(quirks.add_name.then(|| Identifier::Dns("surplus.test".to_owned())));
        let leaf = Leaf {
            key: if quirks.certify_other_key { &other_key } else { &key },
            names: &names,
            validity,
        };
        let issued = self.issuer.issue(&leaf, serial.clone()).map_err(|e| {
            Problem::new(500, "serverInternal", format!("the certificate could not be made: {e}"))
        })?;
        let number = self.certificates.len() as u64 + 1;
        let ari_id = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(self.issuer.key_id()),
            URL_SAFE_NO_PAD.encode(der_integer(serial.to_bytes()))
        );
        self.certificate_ids.insert(ari_id, number);
        let certificate = Certificate::new(
            account,
            identifiers,
            key,
            issued.der().to_vec(),
            issued.pem(),
            validity,
        );
        self.certificates.insert(number, certificate);
        Ok(number)
    }
}

/// Returns the octets of an INTEGER: a zero keeps the first bit of a positive number from being its sign.
fn der_integer(mut octets: Vec<u8>) -> Vec<u8> {
    if octets.first().is_some_and(|first| first & 0x80 != 0) {
        octets.insert(0, 0);
    }
    octets
}
