//! Issued certificates and their download (RFC 8555 Section 7.4.2).

use super::ca::Ca;
use super::identifier::Identifier;
use super::inspect::Revocation;
use super::jws::Jws;
use super::key::PublicKey;
use super::problem::Problem;
use super::respond::Reply;

/// An issued certificate.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) account: u64,
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) key: PublicKey,
    pub(crate) der: Vec<u8>,
    /// The first and the last moment of its validity, in Unix milliseconds.
    pub(crate) validity: (u64, u64),
    pub(crate) revocation: Option<Revocation>,
    /// The order that replaces it (RFC 9773 Section 5).
    pub(crate) replaced_by: Option<u64>,
    /// The renewal window set by a test, with the `explanationURL`.
    pub(crate) window: Option<(u64, u64, Option<String>)>,
    pem: String,
}

impl Certificate {
    pub(crate) fn new(
        account: u64,
        identifiers: Vec<Identifier>,
        key: PublicKey,
        der: Vec<u8>,
        pem: String,
        validity: (u64, u64),
    ) -> Self {
        Self {
            account,
            identifiers,
            key,
            der,
            validity,
            revocation: None,
            replaced_by: None,
            window: None,
            pem,
        }
    }
}

impl Ca {
    pub(super) fn certificate_url(&self, id: u64) -> String {
        self.url(&format!("/cert/{id}"))
    }

    pub(super) fn certificate_by_id(&mut self, ari_id: &str) -> Option<&mut Certificate> {
        let number = self.certificate_ids.get(ari_id)?;
        self.certificates.get_mut(number)
    }

    pub(super) fn download(
        &self,
        account: u64,
        id: u64,
        chain: usize,
        jws: &Jws,
    ) -> Result<Reply, Problem> {
        let missing = || Problem::new(404, "malformed", format!("there is no certificate {id}"));
        let certificate = self.certificates.get(&id).ok_or_else(missing)?;
        if certificate.account != account {
            return Err(Problem::unauthorized("the certificate belongs to another account"));
        }
        jws.require_post_as_get()?;
        let intermediate = self.issuer.intermediate_pem(chain).ok_or_else(missing)?;
        let mut text = String::new();
        if self.config.quirks.text_in_chain {
            text.push_str("issued for a test\n");
        }
        if self.config.quirks.foreign_block_in_chain {
            text.push_str("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n");
        }
        // The root is left out, as in TLS: whoever verifies the chain has it (RFC 8446 Section
        // 4.4.2).
        let pem = format!("{}{text}{intermediate}", certificate.pem).replace("\r\n", "\n");
        let mut reply = Reply::text(200, "application/pem-certificate-chain", pem);
        for other in (0..self.issuer.chains()).filter(|&other| other != chain) {
            let url = self.certificate_url(id);
            let url = if other == 0 { url } else { format!("{url}/{other}") };
            reply = reply.with_link(&url, "alternate");
        }
        Ok(reply)
    }
}
