//! Revocation, by the account key or by the certificate's own (RFC 8555 Section 7.6).

use alloc::string::String;

use serde::Serialize;

use super::{Auth, Failure, Hooks, Payload, Read, Reading, Received, RevocationReason, Spec};
use crate::error::{Error, InvalidInput};
use crate::jose::{Jwk, base64url};
use crate::notice::Notice;
use crate::resource::Resource;
use crate::wire::{Directory, ProblemType};
use crate::x509::Certificate;

/// That a certificate is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    already: bool,
}

impl Revoked {
    /// Returns whether it had been revoked before.
    pub const fn was_already_revoked(self) -> bool {
        self.already
    }
}

/// Revokes a certificate.
#[derive(Clone, Debug)]
pub struct Revoke {
    certificate: String,
    reason: Option<u8>,
    key: Option<Jwk>,
}

impl Revoke {
    /// Creates a request signed by the account key, without a reason.
    pub fn new(certificate: &Certificate) -> Self {
        Self { certificate: base64url::encode(certificate.as_der()), reason: None, key: None }
    }

    /// Sets the reason code of RFC 5280 Section 5.3.1.
    ///
    /// # Errors
    /// [`InvalidInput::RevocationReason`] for a code that does not exist.
    pub fn with_reason_code(self, code: u8) -> Result<Self, InvalidInput> {
        Ok(self.with_reason(RevocationReason::try_from(code)?))
    }

    /// Sets the reason; many CAs take only some of them.
    pub const fn with_reason(mut self, reason: RevocationReason) -> Self {
        self.reason = Some(reason.code());
        self
    }

    /// Has the certificate's own key sign, which works without any account.
    pub fn with_certificate_key(mut self, key: Jwk) -> Self {
        self.key = Some(key);
        self
    }
}

#[derive(Serialize)]
struct Members<'a> {
    certificate: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<u8>,
}

impl Hooks<Revoked> for Revoke {
    fn spec(&self) -> Spec {
        let members = Members { certificate: &self.certificate, reason: self.reason };
        Spec::post_to(Resource::RevokeCert, Directory::revoke_cert, Payload::json(&members))
            .auth(self.key.clone().map_or(Auth::Account, Auth::Certificate))
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Revoked> {
        received.whole()?;
        Ok(Read::Response(Revoked { already: false }))
    }

    fn read_error(&mut self, error: Error, context: &mut Failure<'_>) -> Reading<Revoked> {
        match error {
            Error::Problem(p) if p.is(&ProblemType::AlreadyRevoked) => {
                context.notices.push(Notice::AlreadyRevoked { url: p.url().clone() });
                Ok(Read::Response(Revoked { already: true }))
            }
            other => Err(other),
        }
    }
}
