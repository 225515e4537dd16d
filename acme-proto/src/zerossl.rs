//! Credentials for external account binding (RFC 8555 Section 7.3.4) from ZeroSSL's own API.
//!
//! ZeroSSL accepts no ACME account without them. They are issued for an e-mail address, or for the
//! access key of an account on ZeroSSL's site. One set can bind any number of ACME accounts. This
//! module builds the request and parses the response; `zerossl::mint` of an adapter sends it. The
//! request is never retried: after an error, the caller decides.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{self, Write as _};
use core::time::Duration;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::flow::{FlowId, Lost, RequestId, Transmit};
use crate::http::{Method, Request, Response};
use crate::jose::{InvalidMacKey, MacKey};
use crate::text::{printable, snippet};
use crate::url::{InvalidUrl, Url};

/// A request for credentials.
#[derive(Clone)]
pub struct EabRequest {
    base: Url,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    Email(String),
    AccessKey(Zeroizing<String>),
}

impl EabRequest {
    /// Requests credentials for an e-mail address. Its owner can later find the account on
    /// ZeroSSL's site.
    ///
    /// # Errors
    /// [`MintError::Email`] if the text is not an address. The caller is at fault.
    pub fn by_email(address: &str) -> Result<Self, MintError> {
        let (local, host) = address.rsplit_once('@').unwrap_or_default();
        if local.is_empty() || host.is_empty() || address.contains(char::is_whitespace) {
            return Err(MintError::Email);
        }
        Ok(Self::new(Secret::Email(address.into())))
    }

    /// Requests credentials by the access key that ZeroSSL shows on the Developer page of an
    /// account.
    ///
    /// # Errors
    /// [`MintError::AccessKey`] for an empty key, or one with white space. The caller is at fault.
    pub fn by_access_key(key: &str) -> Result<Self, MintError> {
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(MintError::AccessKey);
        }
        Ok(Self::new(Secret::AccessKey(Zeroizing::new(key.into()))))
    }

    /// Sends the request to another server than `https://api.zerossl.com`, such as a local test
    /// server.
    ///
    /// # Errors
    /// [`MintError::Url`] if the base is not a URL, [`MintError::NotHttps`] for `http` on another
    /// machine.
    pub fn with_base_url(mut self, base: &str) -> Result<Self, MintError> {
        let base = Url::parse(base.trim_end_matches('/')).map_err(MintError::Url)?;
        if !base.is_https_or_allowed(true) {
            return Err(MintError::NotHttps(base));
        }
        self.base = base;
        Ok(self)
    }

    fn new(secret: Secret) -> Self {
        Self { base: Url::parse(BASE).expect("a constant that is a URL"), secret }
    }

    /// Returns the request to send.
    ///
    /// Do not log the URL: ZeroSSL's API expects the access key in it.
    ///
    /// # Errors
    /// [`MintError::AccessKey`] for a key that is too long for a URL.
    pub fn transmit(&self) -> Result<Transmit, MintError> {
        let base = self.base.as_str();
        let (url, body) = match &self.secret {
            Secret::Email(address) => {
                (format!("{base}/acme/eab-credentials-email"), form("email", address))
            }
            Secret::AccessKey(key) => {
                let query = form("access_key", key);
                // The body repeats the query, because not every transport sends a Content-Length
                // for an empty body, and some servers then answer 411.
                (format!("{base}/acme/eab-credentials?{query}"), query)
            }
        };
        let url = Url::parse(&url).map_err(|error| match self.secret {
            Secret::Email(_) => MintError::Url(error),
            Secret::AccessKey(_) => MintError::AccessKey,
        })?;
        let request = Request::new(Method::Post, url)
            .with_header("Content-Type", "application/x-www-form-urlencoded")
            .with_header("Accept", "application/json")
            .with_header("User-Agent", concat!("acme-proto/", env!("CARGO_PKG_VERSION")))
            .with_body(body.into_bytes());
        Ok(Transmit {
            // The request belongs to no flow: the caller passes its response to `read`.
            id: RequestId { flow: FlowId(u32::MAX), seq: 0 },
            request,
            time_limit: Duration::from_secs(30),
            body_limit: 64 * 1024,
            nonce_from: None,
        })
    }

    /// Parses the response.
    ///
    /// # Errors
    /// [`MintError::Refused`] and [`MintError::Status`] if ZeroSSL refuses, [`MintError::Answer`]
    /// and [`MintError::MacKey`] if its response is invalid, [`MintError::Lost`] if the network
    /// fails.
    pub fn read(&self, answer: Result<Response, Lost>) -> Result<EabCredentials, MintError> {
        let answer = answer
            .map_err(|lost| MintError::Lost(lost.map_words(|why| self.without_secret(why))))?;
        let status = answer.status();
        let object = serde_json::from_slice::<Map<String, Value>>(answer.body()).ok();
        let object = object.filter(|_| !answer.is_truncated());
        // Checked before the status, because the body of a refusal names its reason whatever the
        // status is.
        if let Some(error) = object.as_ref().and_then(refusal) {
            return Err(error);
        }
        if status != 200 {
            let shown = self.without_secret(snippet(answer.body()));
            return Err(MintError::Status { status, snippet: shown });
        }
        let text =
            |name: &str| object.as_ref()?.get(name)?.as_str().filter(|text| !text.is_empty());
        let (Some(kid), Some(mac_key)) = (text("eab_kid"), text("eab_hmac_key")) else {
            return Err(MintError::Answer);
        };
        // Validated now, so that a bad key is blamed on ZeroSSL and not on the later registration.
        MacKey::from_base64(mac_key).map_err(MintError::MacKey)?;
        Ok(EabCredentials { kid: kid.into(), mac_key: Zeroizing::new(mac_key.into()) })
    }

    /// Removes the access key from a message of the transport or the server, which may quote the
    /// URL.
    fn without_secret(&self, text: String) -> String {
        match &self.secret {
            Secret::AccessKey(key) => {
                let in_url = encoded(key);
                text.replace(key.as_str(), "***").replace(in_url.as_str(), "***")
            }
            Secret::Email(_) => text,
        }
    }
}

impl fmt::Debug for EabRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match &self.secret {
            Secret::Email(address) => address,
            Secret::AccessKey(_) => "an access key",
        };
        f.debug_struct("EabRequest").field("base", &self.base).field("by", &by).finish()
    }
}

/// A key identifier and its MAC key, for a registration with external account binding.
///
/// Store and reuse them, because ZeroSSL limits how many it issues in a day. `Debug` does not show
/// the MAC key, which is wiped from memory when dropped.
#[derive(Clone)]
pub struct EabCredentials {
    kid: String,
    mac_key: Zeroizing<String>,
}

impl EabCredentials {
    /// Returns the key identifier.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns the key identifier and the MAC key, the latter as the base64 text that a
    /// registration expects.
    pub fn into_parts(self) -> (String, Zeroizing<String>) {
        (self.kid, self.mac_key)
    }
}

impl fmt::Debug for EabCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EabCredentials").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The reason why no credentials were issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The text is not an e-mail address.
    #[error("ZeroSSL: not an e-mail address")]
    Email,
    /// The text is not an access key.
    #[error("ZeroSSL: not an access key; copy it again from the Developer page of the account")]
    AccessKey,
    /// The base is not a URL.
    #[error("the URL for ZeroSSL cannot be used")]
    Url(#[source] InvalidUrl),
    /// The secret would be sent in the clear.
    #[error("ZeroSSL: {0} is not https")]
    NotHttps(Url),
    /// ZeroSSL refused the request.
    #[error(
        "ZeroSSL refused to give credentials: {} (code {})",
        printable(kind, 80),
        code.map_or_else(|| "none".to_string(), |code| code.to_string())
    )]
    Refused {
        /// The error code.
        code: Option<i64>,
        /// The error type, such as `invalid_access_key`.
        kind: String,
    },
    /// ZeroSSL answered with a status other than 200 and gave no reason.
    #[error("ZeroSSL answered {status}: {snippet}")]
    Status {
        /// The status code.
        status: u16,
        /// The beginning of the body, escaped.
        snippet: String,
    },
    /// The response contains no credentials.
    #[error("ZeroSSL answered with success, but without credentials")]
    Answer,
    /// The MAC key in the response is invalid.
    #[error("the MAC key from ZeroSSL cannot be used")]
    MacKey(#[source] InvalidMacKey),
    /// There was no response.
    #[error("no response from ZeroSSL: {0}; check the network, then try again")]
    Lost(Lost),
}

/// Returns the error in a response, where `success` is false or 0 and `error` gives the reason.
fn refusal(object: &Map<String, Value>) -> Option<MintError> {
    let succeeded = match object.get("success") {
        Some(Value::Bool(success)) => *success,
        Some(Value::Number(number)) => number.as_i64() != Some(0),
        _ => !object.contains_key("error"),
    };
    if succeeded {
        return None;
    }
    let error = object.get("error");
    let code = error.and_then(|error| error.get("code")).and_then(Value::as_i64);
    let kind = error.and_then(|error| error.get("type")).and_then(Value::as_str);
    Some(MintError::Refused { code, kind: kind.unwrap_or("no reason given").into() })
}

/// Encodes one field of a form (`application/x-www-form-urlencoded`).
fn form(name: &str, value: &str) -> String {
    format!("{name}={}", encoded(value))
}

fn encoded(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

const BASE: &str = "https://api.zerossl.com";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const KEY: &str = "s3cret+key";

    fn answer(status: u16, body: &str) -> Result<EabCredentials, MintError> {
        let request = EabRequest::by_access_key(KEY).unwrap();
        request.read(Ok(Response::new(status).with_body(body)))
    }

    #[test]
    fn an_address_goes_into_the_body_and_an_access_key_into_the_query() {
        let by_email = EabRequest::by_email("me+acme@example.org").unwrap().transmit().unwrap();
        let url = "https://api.zerossl.com/acme/eab-credentials-email";
        assert_eq!(by_email.request.url().as_str(), url);
        assert_eq!(by_email.request.body(), b"email=me%2Bacme%40example.org");
        assert_eq!(by_email.request.method(), Method::Post);
        let content = by_email.request.headers().first("content-type");
        assert_eq!(content, Some("application/x-www-form-urlencoded"));

        let by_key =
            EabRequest::by_access_key(KEY).unwrap().with_base_url("https://t.example/").unwrap();
        let by_key = by_key.transmit().unwrap();
        let url = "https://t.example/acme/eab-credentials?access_key=s3cret%2Bkey";
        assert_eq!(by_key.request.url().as_str(), url);
        assert_eq!(by_key.request.body(), b"access_key=s3cret%2Bkey");
    }

    #[test]
    fn credentials_are_read_whether_success_is_a_number_or_a_boolean() {
        for success in ["1", "true"] {
            let body = format!(
                r#"{{"success": {success}, "eab_kid": "k", "eab_hmac_key": "MjXU3MH-Z0WQ7piMAnVsCg"}}"#
            );
            let (kid, mac_key) = answer(200, &body).unwrap().into_parts();
            assert_eq!((kid.as_str(), mac_key.as_str()), ("k", "MjXU3MH-Z0WQ7piMAnVsCg"));
        }
    }

    #[test]
    fn a_refusal_has_its_code_and_type_whatever_the_status() {
        let body = r#"{"success": false, "error": {"code": 2900, "type": "invalid_access_key"}}"#;
        let expected = MintError::Refused { code: Some(2900), kind: "invalid_access_key".into() };
        assert_eq!(answer(200, body).unwrap_err(), expected);
        assert_eq!(answer(401, body).unwrap_err(), expected);
        let body = r#"{"success": 0, "error": {"type": 7}}"#;
        let expected = MintError::Refused { code: None, kind: "no reason given".into() };
        assert_eq!(answer(200, body).unwrap_err(), expected);
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        let limited = answer(429, "<html>slow\u{1b} down").unwrap_err();
        let snippet = "<html>slow\\u{1b} down".into();
        assert_eq!(limited, MintError::Status { status: 429, snippet });
        for body in [
            "",
            "[]",
            "{}",
            r#"{"success":1,"eab_kid":"k"}"#,
            r#"{"eab_kid":"","eab_hmac_key":"a"}"#,
        ] {
            assert_eq!(answer(200, body).unwrap_err(), MintError::Answer, "{body}");
        }
        let bad = r#"{"success":1,"eab_kid":"k","eab_hmac_key":"*"}"#;
        assert!(matches!(answer(200, bad).unwrap_err(), MintError::MacKey(_)));
        let whole = r#"{"success":1,"eab_kid":"k","eab_hmac_key":"MjXU3MH-Z0WQ7piMAnVsCg"}"#;
        let cut = Response::new(200).with_body(whole).truncated();
        let request = EabRequest::by_email("me@example.org").unwrap();
        assert_eq!(request.read(Ok(cut)).unwrap_err(), MintError::Answer);
    }

    #[test]
    fn no_secret_is_shown() {
        let request = EabRequest::by_access_key("tops3cret").unwrap();
        assert!(!format!("{request:?}").contains("tops3cret"));
        let lost = Lost::NotSent("no way to https://x/?access_key=tops3cret".into());
        let error = request.read(Err(lost)).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("tops3cret"), "{error}");
        let shown = "POST /acme/eab-credentials?access_key=s3cret%2Bkey failed: s3cret+key";
        let error = answer(502, shown).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("s3cret"), "{error}");
        let body = r#"{"success":1,"eab_kid":"k","eab_hmac_key":"MjXU3MH-Z0WQ7piMAnVsCg"}"#;
        assert!(!format!("{:?}", answer(200, body).unwrap()).contains("MjXU"));
    }

    #[test]
    fn what_cannot_be_asked_by_is_refused() {
        for address in ["", "me", "@example.org", "me@", "me @example.org"] {
            assert_eq!(EabRequest::by_email(address).unwrap_err(), MintError::Email);
        }
        let elsewhere = EabRequest::by_access_key(KEY).unwrap().with_base_url("http://api.example");
        assert!(matches!(elsewhere.unwrap_err(), MintError::NotHttps(_)));
        assert_eq!(EabRequest::by_access_key("").unwrap_err(), MintError::AccessKey);
        assert_eq!(EabRequest::by_access_key("a b").unwrap_err(), MintError::AccessKey);
    }
}
