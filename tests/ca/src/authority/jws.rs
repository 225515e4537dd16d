//! Flattened JWS as RFC 8555 Section 6.2 narrows it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::Deserialize;
use serde_json::{Value, json};

use super::key::{ALGORITHMS, PublicKey};
use super::problem::Problem;

/// A parsed JWS whose signature is not yet checked.
#[derive(Debug)]
pub(crate) struct Jws {
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
    signing_input: String,
    signature: Vec<u8>,
}

/// The members of a protected header that matter here.
#[derive(Debug, Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) kid: Option<String>,
    pub(crate) jwk: Option<Value>,
    crit: Option<Value>,
    b64: Option<Value>,
}

impl Jws {
    /// Parses a JWS from a request body.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let flat: Flattened = serde_json::from_slice(body).map_err(|e| {
            Problem::malformed(format!(
                "the body is not a flattened JWS with protected, payload, signature: {e}"
            ))
        })?;
        Self::from_parts(flat)
    }

    /// Parses a JWS that is a member of another document.
    pub(crate) fn from_value(value: &Value) -> Result<Self, Problem> {
        let flat = Flattened::deserialize(value)
            .map_err(|e| Problem::malformed(format!("the inner JWS is not flattened JSON: {e}")))?;
        Self::from_parts(flat)
    }

    fn from_parts(flat: Flattened) -> Result<Self, Problem> {
        let decode = |text: &str, name: &str| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| Problem::malformed(format!("{name} is not base64url without padding")))
        };
        let protected = decode(&flat.protected, "protected")?;
        let header: Header = serde_json::from_slice(&protected)
            .map_err(|e| Problem::malformed(format!("the protected header cannot be read: {e}")))?;
        // RFC 8555 Section 6.2 forbids unencoded payloads, and RFC 7515 Section 4.1.11 demands that
        // an unknown critical member is refused.
        if header.crit.is_some() || header.b64.is_some() {
            return Err(Problem::malformed(
                "crit and b64 are not supported in the protected header",
            ));
        }
        Ok(Self {
            header,
            payload: decode(&flat.payload, "payload")?,
            signature: decode(&flat.signature, "signature")?,
            signing_input: format!("{}.{}", flat.protected, flat.payload),
        })
    }

    /// Checks that `alg` is one of the asymmetric algorithms of this CA.
    pub(crate) fn require_known_algorithm(&self) -> Result<&str, Problem> {
        let alg = self
            .header
            .alg
            .as_deref()
            .ok_or_else(|| Problem::malformed("the protected header has no alg"))?;
        if ALGORITHMS.contains(&alg) {
            return Ok(alg);
        }
        Err(Problem::new(400, "badSignatureAlgorithm", format!("alg {alg:?} is not accepted"))
            .with_member("algorithms", json!(ALGORITHMS)))
    }

    /// Checks the signature with a public key, which must be of the kind that `alg` names.
    pub(crate) fn verify(&self, key: &PublicKey) -> Result<(), Problem> {
        let alg = self.require_known_algorithm()?;
        // The key chooses the algorithm. If the header did, an attacker could pick a weaker one.
        if alg != key.jws_algorithm() {
            return Err(Problem::malformed(format!(
                "alg {alg} does not belong to the key, which signs {}",
                key.jws_algorithm()
            )));
        }
        if key.verifies_jws(self.signing_input.as_bytes(), &self.signature) {
            Ok(())
        } else {
            Err(Problem::malformed("the signature of the JWS is wrong"))
        }
    }

    /// Checks the MAC of an external account binding.
    pub(crate) fn verify_mac(&self, secret: &[u8]) -> Result<(), Problem> {
        let algorithm = match self.header.alg.as_deref() {
            Some("HS256") => hmac::HMAC_SHA256,
            Some("HS384") => hmac::HMAC_SHA384,
            Some("HS512") => hmac::HMAC_SHA512,
            other => {
                return Err(Problem::new(
                    400,
                    "badSignatureAlgorithm",
                    format!("alg {other:?} is not a MAC algorithm for an external account binding"),
                )
                .with_member("algorithms", json!(["HS256", "HS384", "HS512"])));
            }
        };
        hmac::verify(
            &hmac::Key::new(algorithm, secret),
            self.signing_input.as_bytes(),
            &self.signature,
        )
        .map_err(|_| Problem::unauthorized("the MAC of the external account binding is wrong"))
    }

    /// Parses the payload as a JSON object.
    pub(crate) fn object(&self) -> Result<Value, Problem> {
        if self.payload.is_empty() {
            return Err(Problem::malformed(
                "the payload is empty, as in POST-as-GET, but this resource wants an object",
            ));
        }
        let value: Value = serde_json::from_slice(&self.payload)
            .map_err(|e| Problem::malformed(format!("the payload is not JSON: {e}")))?;
        if value.is_object() {
            Ok(value)
        } else {
            Err(Problem::malformed("the payload is not a JSON object"))
        }
    }

    /// Checks that the payload is empty, which makes the request a POST-as-GET (RFC 8555 Section
    /// 6.3).
    pub(crate) fn require_post_as_get(&self) -> Result<(), Problem> {
        if self.payload.is_empty() {
            Ok(())
        } else {
            Err(Problem::malformed(
                "this resource can only be read: a POST-as-GET has an empty payload",
            ))
        }
    }
}

/// The only members that RFC 8555 Section 6.2 allows. It forbids `header` and `signatures`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Flattened {
    protected: String,
    payload: String,
    signature: String,
}
