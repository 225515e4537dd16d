//! Known answers: whole flows whose request bodies are compared octet for octet.
//!
//! The bodies are section 9 of the catalogue: RFC 8037 and RFC 8032 keys, computed independently of this code.

use acme_proto::call::Call;
use acme_proto::flow::Lost;
use acme_proto::http::Method;
use acme_proto::jose::MacKey;
use acme_proto::op::{FindAccount, GetOrder, KeyChange, RespondChallenge};
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::session::ExternalAccount;
use acme_proto::wire::ChallengeStatus;
use acme_tests::script::{
    ACCOUNT, DIRECTORY, KEY_CHANGE, NEW_ACCOUNT, Script, account, answer, directory,
    directory_with, ed2, payload, payload_object, text, url,
};
use serde_json::json;

/// Returns the only POST's body.
fn body(script: &Script) -> String {
    let posts = script.posts();
    assert_eq!(posts.len(), 1);
    String::from_utf8(posts[0].body().to_vec()).expect("UTF-8")
}

#[test]
fn creating_an_account_sends_the_known_body() {
    let terms = json!({ "meta": { "termsOfService": "https://example.com/terms" } });
    let mut script = Script::new()
        .get(DIRECTORY, directory_with(&terms))
        .nonce("oFvnlFP1wIhRlYS2jTaXbA")
        .post(NEW_ACCOUNT, account(201));
    let flow =
        Register::new().with_contacts(vec!["mailto:admin@example.org".into()]).expect("valid");
    script
        .run_with(flow, |flow, _, event| match event {
            RegisterEvent::AgreeToTerms(_) => flow.agree().expect("asked"),
            other => panic!("{other:?}"),
        })
        .expect("an account");
    let body = body(&script);
    // covers 8555-7.3-1, 8555-6.2-13
    assert_eq!(body, NEW_ACCOUNT_BODY);
    // covers 8555-6.2-8, 8037-3.1.1-1
    assert_eq!(body, NEW_ACCOUNT_BODY);
}

#[test]
fn finding_an_account_sends_the_known_body() {
    let mut script = Script::new()
        .get(DIRECTORY, directory())
        .nonce("oFvnlFP1wIhRlYS2jTaXbA")
        .post(NEW_ACCOUNT, account(200));
    script.run(Call::new(FindAccount)).expect("an answer").expect("an account");
    let body = body(&script);
    // covers 8555-7.3.1-1, 8555-7.3-2
    assert_eq!(body, FIND_BODY);
    // covers 8555-6.5.2-1
    assert_eq!(body, FIND_BODY);
}

#[test]
fn reading_an_order_sends_the_known_body() {
    let order = "https://example.com/acme/order/TOlocE8rfgo";
    let object = json!({
        "status": "pending",
        "identifiers": [{ "type": "dns", "value": "example.org" }],
        "authorizations": ["https://example.com/acme/authz/1"],
        "finalize": "https://example.com/acme/order/TOlocE8rfgo/finalize",
    });
    let mut script = Script::new()
        .known_account()
        .get(DIRECTORY, directory())
        .nonce("6S8IqOGY7eL2lsGoTZYifg")
        .post(order, answer(200, &object));
    script.run(Call::new(GetOrder(url(order)))).expect("an order");
    let body = body(&script);
    // covers 8555-6.3-2, 8555-6.3-3
    assert_eq!(body, ORDER_BODY);
    // covers 8555-6.2-7, 7515-5.1-1
    assert_eq!(body, ORDER_BODY);
}

#[test]
fn answering_a_challenge_sends_the_known_body() {
    let challenge = "https://example.com/acme/chall/prV_B7yEyA4";
    let object = json!({
        "type": "http-01", "url": challenge, "status": "processing",
        "token": "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0",
    });
    let mut script = Script::new()
        .known_account()
        .get(DIRECTORY, directory())
        .nonce("UQI1PoRi5OuXzxuX7V7wL0")
        .post(challenge, answer(200, &object));
    script.run(Call::new(RespondChallenge::new(url(challenge)))).expect("a challenge");
    let body = body(&script);
    // covers 8555-7.5.1-1, 8555-7.5.1-2
    assert_eq!(body, CHALLENGE_BODY);
    // covers 8555-7.5.1-4
    assert_eq!(body, CHALLENGE_BODY);
}

#[test]
fn a_type_of_challenge_with_members_of_its_own_is_answered_by_its_object() {
    let challenge = "https://example.com/acme/chall/prV_B7yEyA4";
    let object = json!({ "type": "device-attest-01", "url": challenge, "status": "processing" });
    let mut script = Script::new()
        .known_account()
        .start()
        .lost(Method::Post, challenge, Lost::NoResponse("reset".into()))
        .nonce("second")
        .post(
            challenge,
            answer(
                200,
                &json!({ "type": "device-attest-01", "url": challenge, "status": "pending" }),
            ),
        )
        .post(challenge, answer(200, &object));
    let attested = json!({ "attObj": "o2NmbXQ", "count": 1 });
    let response = attested.as_object().expect("an object").clone().into();
    let read = script.run(Call::new(RespondChallenge::new(url(challenge)).with_response(response)));
    assert_eq!(*read.expect("a challenge").status(), ChallengeStatus::Processing);
    let posts = script.posts();
    // covers 8555-7.5.1-3
    assert_eq!(payload_object(posts[0]), attested, "{:?}", posts[0]);
    assert!(payload(posts[1]).is_empty());
    assert_eq!(payload_object(posts[2]), attested);
}

#[test]
fn changing_the_key_sends_the_known_bodies() {
    let mut script = Script::new()
        .known_account()
        .get(DIRECTORY, directory())
        .nonce("S9XaOcxP5McpnTcWPIhYuB")
        .post(KEY_CHANGE, answer(200, &json!({})));
    script.run(Call::new(KeyChange::new(ed2().public_key()))).expect("a new key");
    let body = body(&script);
    let inner = payload_object(script.posts()[0]);
    let known: serde_json::Value = serde_json::from_str(KEY_CHANGE_INNER).expect("JSON");
    // covers 8555-7.3.5-3
    assert_eq!(inner, known);
    // covers 8555-7.3.5-7, 8555-6.2-22
    assert_eq!(body, KEY_CHANGE_BODY);
    assert_eq!(script.session.account_url(), Some(&url(ACCOUNT)));
}

#[test]
fn binding_an_external_account_sends_the_known_inner_body() {
    let mut script = Script::new().start().post(NEW_ACCOUNT, account(201));
    let mac = MacKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").expect("a key");
    script.mac_keys.insert("kid-1".into(), mac);
    let external = ExternalAccount::new("kid-1").expect("ASCII");
    script.run(Register::new().with_external_account(Some(external))).expect("an account");
    let sent = String::from_utf8(payload(script.posts()[0])).expect("UTF-8");
    let known = format!(r#"{{"externalAccountBinding":{EXTERNAL_BINDING}}}"#);
    // covers 8555-7.3.4-1, 8555-7.3.4-2
    assert_eq!(sent, known);
    // covers 8555-7.3.4-3, 8555-7.3.4-7
    assert_eq!(sent, known);
    assert!(
        text(&payload_object(script.posts()[0])["externalAccountBinding"]["signature"]).len() > 40
    );
}

/// newAccount (RFC 8555 section 7.3).
const NEW_ACCOUNT_BODY: &str = r#"{"protected":"eyJhbGciOiJFZERTQSIsImp3ayI6eyJjcnYiOiJFZDI1NTE5Iiwia3R5IjoiT0tQIiwieCI6IjExcVlBWUt4Q3JmVlNfN1R5V1FIT2c3aGN2UGFwaU1scndJYWFQY0hVUm8ifSwibm9uY2UiOiJvRnZubEZQMXdJaFJsWVMyalRhWGJBIiwidXJsIjoiaHR0cHM6Ly9leGFtcGxlLmNvbS9hY21lL25ldy1hY2NvdW50In0","payload":"eyJ0ZXJtc09mU2VydmljZUFncmVlZCI6dHJ1ZSwiY29udGFjdCI6WyJtYWlsdG86YWRtaW5AZXhhbXBsZS5vcmciXX0","signature":"e5wHM0uCMdF-f4uU1bcXIBQVX7Lf258CNK97lSXkxeoVZMOuQGFTULHlN4VNJtBGxXV0IvczIgrySAv5ZN7oDg"}"#;

/// newAccount with onlyReturnExisting (RFC 8555 section 7.3.1).
const FIND_BODY: &str = r#"{"protected":"eyJhbGciOiJFZERTQSIsImp3ayI6eyJjcnYiOiJFZDI1NTE5Iiwia3R5IjoiT0tQIiwieCI6IjExcVlBWUt4Q3JmVlNfN1R5V1FIT2c3aGN2UGFwaU1scndJYWFQY0hVUm8ifSwibm9uY2UiOiJvRnZubEZQMXdJaFJsWVMyalRhWGJBIiwidXJsIjoiaHR0cHM6Ly9leGFtcGxlLmNvbS9hY21lL25ldy1hY2NvdW50In0","payload":"eyJvbmx5UmV0dXJuRXhpc3RpbmciOnRydWV9","signature":"k6OHrNlfofKpmhhztjabM0GALWFKz40m6llPCNr8Yrh_xYUynapzVgtRWR-X6NRZYtbFsy1pAbNQu_K5CJN8DQ"}"#;

/// POST-as-GET (RFC 8555 section 6.3).
const ORDER_BODY: &str = r#"{"protected":"eyJhbGciOiJFZERTQSIsImtpZCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9hY2N0L2V2T2ZLaE5VNjB3ZyIsIm5vbmNlIjoiNlM4SXFPR1k3ZUwybHNHb1RaWWlmZyIsInVybCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9vcmRlci9UT2xvY0U4cmZnbyJ9","payload":"","signature":"k5T5xnk4VPGWBPNMk34dRqGx6C-za4o3HA2LKUqFTQ3kTEiQiZEGIEiI94uZy94ITFS8Ve-56sLLVNmfthahCw"}"#;

/// The response to a challenge (RFC 8555 section 7.5.1).
const CHALLENGE_BODY: &str = r#"{"protected":"eyJhbGciOiJFZERTQSIsImtpZCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9hY2N0L2V2T2ZLaE5VNjB3ZyIsIm5vbmNlIjoiVVFJMVBvUmk1T3VYenh1WDdWN3dMMCIsInVybCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9jaGFsbC9wclZfQjd5RXlBNCJ9","payload":"e30","signature":"my4Orzhloqo_NgaWEbeKzmSaWBYSHvnSqdy8L9eeZmkb8IslHMjjUbDV5W34uYC6Cjz5iPL77s73im5f_S-YAw"}"#;

/// The inner JWS of a key change (RFC 8555 section 7.3.5).
const KEY_CHANGE_INNER: &str = r#"{"protected":"eyJhbGciOiJFZERTQSIsImp3ayI6eyJjcnYiOiJFZDI1NTE5Iiwia3R5IjoiT0tQIiwieCI6IlBVQVh3LWhEaVZxU3R3cW5UUnQtdkp5WUxNOHV4SmFNd00xVjhTcjBaZ3cifSwidXJsIjoiaHR0cHM6Ly9leGFtcGxlLmNvbS9hY21lL2tleS1jaGFuZ2UifQ","payload":"eyJhY2NvdW50IjoiaHR0cHM6Ly9leGFtcGxlLmNvbS9hY21lL2FjY3QvZXZPZktoTlU2MHdnIiwib2xkS2V5Ijp7ImNydiI6IkVkMjU1MTkiLCJrdHkiOiJPS1AiLCJ4IjoiMTFxWUFZS3hDcmZWU183VHlXUUhPZzdoY3ZQYXBpTWxyd0lhYVBjSFVSbyJ9fQ","signature":"D1SbVi03UkbwiMSI3AEgOha1k6Zp3oxpVdhuZiGgGd4_SjBc0hRKf9r4wfCVSQTg55BCrRDZy98U6g79z_Y8AA"}"#;

/// The outer JWS of a key change.
const KEY_CHANGE_BODY: &str = r#"{"protected":"eyJhbGciOiJFZERTQSIsImtpZCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9hY2N0L2V2T2ZLaE5VNjB3ZyIsIm5vbmNlIjoiUzlYYU9jeFA1TWNwblRjV1BJaFl1QiIsInVybCI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWNtZS9rZXktY2hhbmdlIn0","payload":"eyJwcm90ZWN0ZWQiOiJleUpoYkdjaU9pSkZaRVJUUVNJc0ltcDNheUk2ZXlKamNuWWlPaUpGWkRJMU5URTVJaXdpYTNSNUlqb2lUMHRRSWl3aWVDSTZJbEJWUVZoM0xXaEVhVlp4VTNSM2NXNVVVblF0ZGtwNVdVeE5PSFY0U21GTmQwMHhWamhUY2pCYVozY2lmU3dpZFhKc0lqb2lhSFIwY0hNNkx5OWxlR0Z0Y0d4bExtTnZiUzloWTIxbEwydGxlUzFqYUdGdVoyVWlmUSIsInBheWxvYWQiOiJleUpoWTJOdmRXNTBJam9pYUhSMGNITTZMeTlsZUdGdGNHeGxMbU52YlM5aFkyMWxMMkZqWTNRdlpYWlBaa3RvVGxVMk1IZG5JaXdpYjJ4a1MyVjVJanA3SW1OeWRpSTZJa1ZrTWpVMU1Ua2lMQ0pyZEhraU9pSlBTMUFpTENKNElqb2lNVEZ4V1VGWlMzaERjbVpXVTE4M1ZIbFhVVWhQWnpkb1kzWlFZWEJwVFd4eWQwbGhZVkJqU0ZWU2J5SjlmUSIsInNpZ25hdHVyZSI6IkQxU2JWaTAzVWtid2lNU0kzQUVnT2hhMWs2WnAzb3hwVmRodVppR2dHZDRfU2pCYzBoUktmOXI0d2ZDVlNRVGc1NUJDclJEWnk5OFU2Zzc5el9ZOEFBIn0","signature":"aWrWuoG_TwyCA4ev293q6jYLQP-xK6gerzLOS4ciEJyf60YZjkoJqQlA_ksWs0m2MqdI_i2p-trpubnq4M3oDQ"}"#;

/// The binding of an external account (RFC 8555 section 7.3.4).
const EXTERNAL_BINDING: &str = r#"{"protected":"eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZC0xIiwidXJsIjoiaHR0cHM6Ly9leGFtcGxlLmNvbS9hY21lL25ldy1hY2NvdW50In0","payload":"eyJjcnYiOiJFZDI1NTE5Iiwia3R5IjoiT0tQIiwieCI6IjExcVlBWUt4Q3JmVlNfN1R5V1FIT2c3aGN2UGFwaU1scndJYWFQY0hVUm8ifQ","signature":"Cq2u2Wny6H-enYcA_rZNGJTkSMDxAG2-Ptzq1sNQpks"}"#;
