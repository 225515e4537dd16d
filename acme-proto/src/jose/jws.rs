//! The flattened JSON serialization of a JWS (RFC 7515 Section 7.2.2, RFC 8555 Section 6.2).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

use crate::jose::{Jwk, base64url};
use crate::token::Nonce;
use crate::url::Url;

/// How the header names the key that signs: exactly one of the two (RFC 8555 Section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyId<'a> {
    /// The public key itself: newAccount, revocation by the certificate key, inner keyChange.
    Jwk(&'a Jwk),
    /// The account URL exactly as received; for the external account binding the CA's identifier.
    Kid(&'a str),
}

/// The protected header of a request.
///
/// It has no other members: no `crit`, no `b64` (RFC 8555 Section 6.2). The fields are public
/// because this is a plain record of what is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protected<'a> {
    /// The registered name of the algorithm.
    pub alg: &'a str,
    /// The key.
    pub key: KeyId<'a>,
    /// The anti-replay nonce; inner JWSs (external account binding, keyChange) have none.
    pub nonce: Option<&'a Nonce>,
    /// The URL that the request goes to.
    pub url: &'a Url,
}

impl<'a> Protected<'a> {
    /// Creates a header.
    pub const fn new(alg: &'a str, key: KeyId<'a>, nonce: Option<&'a Nonce>, url: &'a Url) -> Self {
        Self { alg, key, nonce, url }
    }

    /// Writes the header as JSON without white space, in the order alg, jwk or kid, nonce, url.
    pub fn to_json(&self) -> String {
        let mut json = String::from("{\"alg\":");
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

/// The octets to be signed, from which the body is then made without serializing again.
///
/// RFC 7515 Section 5.1: base64url of the header, a dot, and base64url of the payload.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningInput {
    text: String,
    dot: usize,
}

impl SigningInput {
    /// Serializes header and payload; an empty payload makes a POST-as-GET.
    pub fn new(protected: &Protected<'_>, payload: &[u8]) -> Self {
        let mut text = base64url::encode(protected.to_json().as_bytes());
        let dot = text.len();
        text.push('.');
        text.push_str(&base64url::encode(payload));
        Self { text, dot }
    }

    /// Returns what is to be signed, as it is: the algorithm does its own hashing.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Writes the request body: `protected`, `payload` and `signature`, in this order.
    ///
    /// `signature` is in the form of JWS, as [`Signature`](crate::jose::Signature) and
    /// [`MacKey`](crate::jose::MacKey) give it.
    pub fn flattened(&self, signature: &[u8]) -> Vec<u8> {
        let (protected, payload) = self.text.split_at(self.dot);
        let payload = payload.trim_start_matches('.');
        let signature = base64url::encode(signature);
        // All three are base64url: JSON escapes nothing in them.
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

/// Appends a JSON string with the escapes it needs.
fn push_string(json: &mut String, text: &str) {
    json.push_str(&Value::from(text).to_string());
}

#[cfg(test)]
#[path = "jws_tests.rs"]
mod tests;
