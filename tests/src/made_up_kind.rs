//! A kind of challenge that the published crates do not know, as their user writes it: one file.
//!
//! Its challenge has a nonce in place of a token, nothing is published for it, and its response has a member, much as
//! in onion-csr-01 (RFC 9799 Section 3.2).

use acme_proto::challenge::{Challenge, ChallengeResponse, ChallengeRules, Member};
use acme_proto::wire::ChallengeKind;
use serde_json::{Value, json};

use crate::canned_server::{CannedServer, authorization, challenge, object};

/// The rules of the kind.
pub const RULES: ChallengeRules = ChallengeRules::new(|_, _| true)
    .without_token()
    .with_members(&[
        Member::required("nonce", Value::is_string),
        Member::optional("authKey", Value::is_object),
    ])
    .with_response_members(&[Member::required("csr", Value::is_string)]);

/// Returns the kind.
pub fn kind() -> ChallengeKind {
    ChallengeKind::from("made-up-csr-01")
}

/// Solves a challenge: the response proves that its author has read the nonce.
///
/// # Panics
/// If the challenge is of another kind.
pub fn solve(challenge: &Challenge) -> ChallengeResponse {
    let nonce = challenge.members()["nonce"].as_str().expect("a required member");
    ChallengeResponse::new().with_member("csr", format!("signs {nonce}"))
}

/// The payload of the response to [`offered`].
pub const PAYLOAD: &str = r#"{"csr":"signs n-1"}"#;

/// Returns the challenge object.
pub fn offered(status: &str) -> Value {
    let mut object = challenge(status, kind().as_str(), 1);
    object.as_object_mut().expect("an object").remove("token");
    object["nonce"] = json!("n-1");
    object
}

/// Returns a server that offers this kind and no other for one name.
pub fn script(name: &str) -> CannedServer {
    let mut script = CannedServer::obliging(&[name]);
    let mut pending = authorization("pending", name, 1);
    pending["challenges"] = json!([offered("pending")]);
    script.on("/authz/1", [object(&pending)]);
    script.on("/challenge/1", [object(&offered("processing"))]);
    script
}
