//! The flattened JSON serialization of a JWS (RFC 7515 Section 7.2.2, RFC 8555 Section 6.2).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

use crate::jose::{Jwk, base64url};
use crate::token::Nonce;
use crate::url::Url;

/// How the header identifies the signing key, by exactly one of two members (RFC 8555 Section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyId<'a> {
    /// The public key itself: for newAccount, revocation by the certificate key, and the inner JWS
    /// of keyChange.
    Jwk(&'a Jwk),
    /// The account URL exactly as received, or, in an external account binding, the key identifier
    /// issued by the CA.
    Kid(&'a str),
}

/// The protected header of a request.
///
/// The header has no other members; in particular no `b64`, which RFC 8555 Section 6.2 forbids, and
/// therefore no `crit`. The fields are public because this is a plain record without invariants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protected<'a> {
    /// The registered name of the algorithm.
    pub alg: &'a str,
    /// The key.
    pub key: KeyId<'a>,
    /// The anti-replay nonce, or `None` in an inner JWS (external account binding, keyChange).
    pub nonce: Option<&'a Nonce>,
    /// The URL that the request is sent to.
    pub url: &'a Url,
}

impl<'a> Protected<'a> {
    /// Creates a header.
    pub const fn new(alg: &'a str, key: KeyId<'a>, nonce: Option<&'a Nonce>, url: &'a Url) -> Self {
        Self { alg, key, nonce, url }
    }

    /// Serializes the header as JSON without white space, in the order `alg`, `jwk` or `kid`,
    /// `nonce`, `url`.
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(USUAL);
        json.push_str("{\"alg\":");
        push_string(&mut json, self.alg);
        match self.key {
            KeyId::Jwk(jwk) => {
                json.push_str(",\"jwk\":");
                json.push_str(&jwk.to_json());
            }
            KeyId::Kid(kid) => {
                json.push_str(",\"kid\":");
                push_string(&mut json, kid);
            }
        }
        if let Some(nonce) = self.nonce {
            json.push_str(",\"nonce\":");
            push_string(&mut json, nonce.as_str());
        }
        json.push_str(",\"url\":");
        push_string(&mut json, self.url.as_str());
        json.push('}');
        json
    }
}

/// The signing input of a JWS, from which the body is assembled without serializing again.
///
/// It is base64url of the header, a dot, and base64url of the payload (RFC 7515 Section 5.1). The
/// signature covers these exact octets, so the body reuses them instead of serializing the header
/// twice.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningInput {
    text: String,
    dot: usize,
}

impl SigningInput {
    /// Serializes header and payload. An empty payload makes a POST-as-GET (RFC 8555 Section 6.3).
    pub fn new(protected: &Protected<'_>, payload: &[u8]) -> Self {
        let header = protected.to_json();
        let mut text = String::with_capacity((header.len() + payload.len()) / 3 * 4 + 8);
        base64url::push(&mut text, header.as_bytes());
        let dot = text.len();
        text.push('.');
        base64url::push(&mut text, payload);
        Self { text, dot }
    }

    /// Returns the octets to sign. Do not hash them first: the signature algorithm includes its
    /// hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Assembles the request body: `protected`, `payload` and `signature`, in this order.
    ///
    /// `signature` is in JWS form, as [`Signature`](crate::jose::Signature) and
    /// [`MacKey`](crate::jose::MacKey) return it.
    pub fn flattened(&self, signature: &[u8]) -> Vec<u8> {
        let (protected, payload) = self.text.split_at(self.dot);
        // The second half begins with the separator. Base64url has no dot, so only that one is
        // removed.
        let payload = payload.trim_start_matches('.');
        let signature = base64url::encode(signature);
        // All three are base64url, which needs no escaping in JSON.
        let parts = [
            "{\"protected\":\"",
            protected,
            "\",\"payload\":\"",
            payload,
            "\",\"signature\":\"",
            &signature,
            "\"}",
        ];
        parts.concat().into_bytes()
    }
}

impl fmt::Debug for SigningInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningInput").field(&self.text).finish()
    }
}

/// About how long a header is, in octets.
const USUAL: usize = 384;

/// Appends `text` as a JSON string, escaped as needed.
fn push_string(json: &mut String, text: &str) {
    let is_plain = text.bytes().all(|octet| octet >= b' ' && !matches!(octet, b'"' | b'\\'));
    if is_plain {
        json.extend(["\"", text, "\""]);
    } else {
        json.push_str(&Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests;
