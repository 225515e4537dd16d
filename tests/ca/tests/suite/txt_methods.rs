//! dns-account-01 and dns-persist-01: what is offered, what proves a name, and what does not.

use crate::support::https::client;
use crate::support::world::{START, World};
use crate::support::{Client, Key, b64};
use acme_testca::{CaConfig, ChallengeKind, Quirks, TestCa, Validation};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

fn offering(kind: ChallengeKind) -> CaConfig {
    let mut config = CaConfig::default();
    config.challenges = [kind].into();
    config
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Orders one name, and returns the challenge and what the CA wants validated once it is answered.
fn asked(world: &World, client: &mut Client<World>, name: &str) -> (Value, Validation) {
    let order = client.order_for(&[name]);
    let url = order.authorizations().remove(0);
    let challenge = client.read(&url).ok(200).json()["challenges"][0].clone();
    client.post(challenge["url"].as_str().unwrap(), Some(json!({}))).ok(200);
    let validation = world.with(acme_testca::Ca::take_validations).remove(0);
    (challenge, validation)
}

fn verdict(validation: &Validation, value: &str) -> Result<(), String> {
    let judged = validation.judge_txt(&[value.to_owned()], START);
    judged.map_err(|problem| problem.kind().to_owned())
}

#[test]
fn neither_is_offered_unless_it_is_asked_for() {
    let world = World::new(CaConfig::default());
    let mut client = world.member();
    let order = client.order_for(&["example.test"]);
    let authorization = client.read(&order.authorizations()[0]).ok(200).text();
    assert!(authorization.contains("dns-01"));
    assert!(!authorization.contains("dns-account-01") && !authorization.contains("dns-persist-01"));
}

#[test]
fn neither_is_offered_for_an_address() {
    let mut config = offering(ChallengeKind::DnsAccount01);
    config.challenges.insert(ChallengeKind::DnsPersist01);
    let world = World::new(config);
    let mut client = world.member();
    let order = client.order_for(&["127.0.0.1"]);
    let authorization = client.read(&order.authorizations()[0]).ok(200).json();
    assert_eq!(authorization["challenges"], json!([]));
}

#[test]
fn an_account_has_a_label_of_its_own() {
    let ca = TestCa::builder().challenges([ChallengeKind::DnsAccount01]).start().unwrap();
    let mut client = client(&ca);
    client.register(json!({})).ok(201);
    let hash = digest(&SHA256, client.kid.clone().unwrap().as_bytes());
    let bits =
        hash.as_ref()[..10].iter().fold(0_u128, |bits, octet| bits << 8 | u128::from(*octet));
    let label: String = (0..16)
        .rev()
        .map(|at| char::from(BASE32[usize::try_from(bits >> (5 * at) & 31).unwrap()]))
        .collect();
    for (name, right) in
        [(format!("_{label}._acme-challenge"), true), ("_acme-challenge".into(), false)]
    {
        let order = client.order_for(&["*.example.test"]);
        let url = order.authorizations().remove(0);
        let challenge = client.challenge(&url, "dns-account-01");
        let value = b64(digest(&SHA256, client.key_authorization(&challenge).as_bytes()));
        ca.set_txt(&format!("{name}.example.test"), &value);
        client.post(challenge["url"].as_str().unwrap(), Some(json!({}))).ok(200);
        let authorization = loop {
            let read = client.read(&url).ok(200).json();
            if read["status"] != "pending" {
                break read;
            }
        };
        assert_eq!(authorization["status"] == "valid", right, "{authorization}");
        ca.clear_txt(&format!("{name}.example.test"), &value);
    }
}

#[test]
fn a_persistent_challenge_names_ca_and_account_and_has_no_token() {
    let mut config = offering(ChallengeKind::DnsPersist01);
    config.issuer_domain_names = vec!["a.test".into(), "b.test".into()];
    let world = World::new(config.clone());
    let mut client = world.member();
    let (challenge, validation) = asked(&world, &mut client, "example.test");
    assert_eq!(challenge["issuer-domain-names"], json!(["a.test", "b.test"]));
    assert_eq!(challenge["accounturi"], json!(client.kid.clone().unwrap()));
    assert_eq!(challenge.get("token"), None);
    assert_eq!(validation.txt_name().unwrap(), "_validation-persist.example.test");
    config.quirks = Quirks { foreign_account_uri: true, ..Quirks::default() };
    let world = World::new(config.clone());
    let mut client = world.member();
    let (challenge, _) = asked(&world, &mut client, "example.test");
    assert_ne!(challenge["accounturi"], json!(client.kid.clone().unwrap()));
    config.persist_account_uri = false;
    let world = World::new(config);
    let mut client = world.client_with(Key::es256());
    client.register(json!({})).ok(201);
    let (challenge, _) = asked(&world, &mut client, "example.test");
    assert_eq!(challenge.get("accounturi"), None);
}

#[test]
fn only_a_right_record_proves_a_name() {
    let world = World::new(offering(ChallengeKind::DnsPersist01));
    let mut client = world.member();
    let (_, validation) = asked(&world, &mut client, "example.test");
    let account = client.kid.clone().unwrap();
    let record = |rest: &str| format!("acme-testca.test; accounturi={account}{rest}");
    let seconds = START / 1000;
    for good in [
        record(""),
        record("; new=1"),
        record(";POLICY=wildcard"),
        record(&format!("; persistUntil={seconds}")),
        record("").replace("acme-testca.test; accounturi", " ACME-testca.TEST\t;ACCOUNTURI"),
    ] {
        assert_eq!(verdict(&validation, &good), Ok(()), "{good}");
    }
    for (bad, kind) in [
        (format!("other.test; accounturi={account}"), "unauthorized"),
        (record("0"), "unauthorized"),
        (record(&format!("; persistUntil={}", seconds - 1)), "unauthorized"),
        (record("; persistUntil=1e9"), "malformed"),
        (record("; persistUntil=-1"), "malformed"),
        (record("; a=1; A=2"), "malformed"),
        (record("; a b=2"), "malformed"),
        (record("; a=b c"), "malformed"),
        (record(";"), "malformed"),
        ("acme-testca.test".into(), "malformed"),
        ("acme-testca.test; policy=wildcard".into(), "malformed"),
    ] {
        assert_eq!(verdict(&validation, &bad), Err(kind.to_owned()), "{bad}");
    }
    let both = [record("; a=1; a=2"), record("")];
    assert!(validation.judge_txt(&both, START).is_ok());
    assert_eq!(validation.judge_txt(&[], START).unwrap_err().kind(), "dns");
}

#[test]
fn a_wildcard_needs_its_policy() {
    let world = World::new(offering(ChallengeKind::DnsPersist01));
    let mut client = world.member();
    let (_, validation) = asked(&world, &mut client, "*.example.test");
    let record = format!("acme-testca.test; accounturi={}", client.kid.clone().unwrap());
    assert_eq!(verdict(&validation, &record), Err("unauthorized".to_owned()));
    assert!(verdict(&validation, &format!("{record}; policy=none")).is_err());
    assert_eq!(verdict(&validation, &format!("{record}; policy=WildCard")), Ok(()));
}
