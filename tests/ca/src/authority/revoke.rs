//! Revocation (RFC 8555 Section 7.6).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::authenticate::{Signed, Signer};
use super::authorization::AuthorizationStatus;
use super::ca::Ca;
use super::certificate::Certificate;
use super::inspect::Revocation;
use super::problem::Problem;
use super::respond::Reply;

impl Ca {
    pub(super) fn revoke_cert(&mut self, signed: &Signed, now: u64) -> Result<Reply, Problem> {
        let wish = signed.jws.object()?;
        let der = wish
            .get("certificate")
            .and_then(Value::as_str)
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .ok_or_else(|| {
                Problem::malformed("certificate must be DER in base64url without padding")
            })?;
        x509_parser::parse_x509_certificate(&der)
            .map_err(|_| Problem::malformed("the certificate cannot be read"))?;
        let found = self.certificates.iter().find(|(_, c)| c.der == der).map(|(&id, _)| id);
        let id = found
            .ok_or_else(|| Problem::new(404, "malformed", "the certificate was not issued here"))?;
        if self.certificates.get(&id).is_none_or(|c| !self.may_revoke(&signed.signer, c, now)) {
            return Err(Problem::unauthorized(
                "the signer is neither the certificate's account or key nor authorized for all its names",
            ));
        }
        let reason = check_reason(wish.get("reason"))?;
        let Some(certificate) = self.certificates.get_mut(&id) else {
            return Err(Problem::malformed("the certificate is gone"));
        };
        // After authorization: only those who may revoke learn that the certificate is revoked.
        if certificate.revocation.is_some() {
            return Err(Problem::new(400, "alreadyRevoked", "the certificate was revoked before"));
        }
        let by_certificate_key = matches!(signed.signer, Signer::Key(_));
        certificate.revocation = Some(Revocation { reason, by_certificate_key });
        Ok(Reply::empty(200))
    }

    /// Returns the number of certificates that were revoked.
    #[must_use]
    pub fn certificates_revoked(&self) -> usize {
        self.certificates.values().filter(|c| c.revocation.is_some()).count()
    }

    fn may_revoke(&self, signer: &Signer, certificate: &Certificate, now: u64) -> bool {
        match signer {
            Signer::Key(key) => *key == certificate.key,
            Signer::Account(id) if *id == certificate.account => true,
            // Section 7.6: an account that controls every name may revoke somebody else's
            // certificate for them.
            Signer::Account(id) => certificate.identifiers.iter().all(|identifier| {
                let (base, wildcard) = identifier.base();
                self.authorizations.values().any(|a| {
                    a.account == *id
                        && a.status == AuthorizationStatus::Valid
                        && a.expires >= now
                        && a.identifier == base
                        && a.wildcard == wildcard
                })
            }),
        }
    }
}

/// Checks a CRLReason (RFC 5280 Section 5.3.1), which is a number from 0 to 10, without 7.
fn check_reason(reason: Option<&Value>) -> Result<Option<u64>, Problem> {
    match reason {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(code @ (0..=6 | 8..=10)) => Ok(Some(code)),
            Some(code) => Err(Problem::new(
                400,
                "badRevocationReason",
                format!("{code} is not a reason code that is accepted"),
            )),
            None => Err(Problem::malformed("reason must be an integer")),
        },
    }
}
