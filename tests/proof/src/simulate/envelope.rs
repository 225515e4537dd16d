//! A request as the CA reads it.

use acme_proto::http::{Method, Request};
use serde_json::Value;

use super::materials::Materials;
use crate::jws::octets;

/// The parts of a request that the CA looks at.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub(super) path: String,
    pub(super) is_signed: bool,
    pub(super) nonce: Option<String>,
    pub(super) kid: Option<String>,
    /// The key in the protected header.
    pub(super) jwk: Option<u8>,
    /// The key that signed.
    pub(super) signer: u8,
    /// Empty for POST-as-GET.
    pub(super) payload: Value,
}

impl Envelope {
    pub(super) fn open(request: &Request, base: &str, all: &Materials) -> Self {
        let path = request.url().as_str().strip_prefix(base).unwrap_or("/elsewhere").to_owned();
        let is_signed = request.method() == Method::Post;
        let jws = is_signed.then(|| serde_json::from_slice(request.body()).ok()).flatten();
        Self::read(path, is_signed, &jws.unwrap_or_default(), all)
    }

    /// Reads a JWS, the inner one of a key change too.
    pub(super) fn read(path: String, is_signed: bool, jws: &Value, all: &Materials) -> Self {
        let octets = |name: &str| octets(jws, name);
        let protected: Value = serde_json::from_slice(&octets("protected")).unwrap_or_default();
        let member = |name: &str| protected.get(name)?.as_str().map(str::to_owned);
        let x = protected.get("jwk").and_then(|jwk| jwk.get("x")?.as_str());
        Self {
            path,
            is_signed,
            nonce: member("nonce"),
            kid: member("kid"),
            jwk: x.and_then(|x| all.by_x(x)),
            signer: octets("signature").first().copied().unwrap_or_default(),
            payload: serde_json::from_slice(&octets("payload")).unwrap_or_default(),
        }
    }

    pub(super) fn is_read(&self) -> bool {
        self.payload.is_null()
    }
}
