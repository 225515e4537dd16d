//! Certificates after their issue: chains, revocation, renewal information.

use crate::support::world::{START, World};
use crate::support::{
    Answer, Client, Key, b64, certificate_id, certificates, csr_with, get, identifiers,
};
use acme_testca::CaConfig;
use rcgen::KeyPair;
use serde_json::{Value, json};

fn world() -> World {
    World::new(CaConfig::default())
}

fn revoke(client: &mut Client<World>, der: &[u8], reason: Option<Value>) -> Answer {
    let url = client.at("revokeCert");
    let mut payload = json!({ "certificate": b64(der) });
    if let Some(reason) = reason {
        payload["reason"] = reason;
    }
    client.post(&url, Some(payload))
}

#[test]
fn alternate_chains_start_with_the_same_leaf_and_end_at_other_roots() {
    let mut config = CaConfig::default();
    config.alternate_chains = 2;
    let world = World::new(config);
    let mut client = world.member();
    let (url, pem) = client.issue(&["a.test"]);
    let answer = client.read(&url).ok(200);
    let alternates: Vec<&str> =
        answer.all("link").into_iter().filter(|l| l.ends_with("rel=\"alternate\"")).collect();
    assert_eq!(
        alternates,
        [format!("<{url}/1>;rel=\"alternate\""), format!("<{url}/2>;rel=\"alternate\"")]
    );
    let first = certificates(&pem);
    let second = client.read(&format!("{url}/1")).ok(200);
    assert!(second.all("link").contains(&format!("<{url}>;rel=\"alternate\"").as_str()));
    let second = certificates(&second.text());
    assert_eq!(first[0], second[0]);
    let issuer = |chain: &[Vec<u8>]| {
        x509_parser::parse_x509_certificate(&chain[1]).unwrap().1.issuer().to_string()
    };
    assert_ne!(issuer(&first), issuer(&second));
    for (number, chain) in [&first, &second].into_iter().enumerate() {
        let root = world.with(|ca| ca.alternate_root_pem(number)).unwrap();
        let root = certificates(&root).remove(0);
        let root = x509_parser::parse_x509_certificate(&root).unwrap().1.subject().to_string();
        assert_eq!(issuer(chain), root);
    }
    client.read(&format!("{url}/3")).refused(404, "malformed");
}

#[test]
fn the_owner_revokes_once() {
    let world = world();
    let mut client = world.member();
    let leaf = certificates(&client.issue(&["a.test"]).1).remove(0);
    assert!(revoke(&mut client, &leaf, Some(json!(1))).ok(200).body.is_empty());
    assert_eq!(world.with(|ca| ca.certificates_revoked()), 1);
    revoke(&mut client, &leaf, None).refused(400, "alreadyRevoked");
}

#[test]
fn the_certificates_key_revokes_without_an_account() {
    let world = world();
    let key = KeyPair::generate().unwrap();
    let (_, pem) = world.member().issue_csr(&["a.test"], &csr_with(&["a.test"], &key));
    let leaf = certificates(&pem).remove(0);
    let mut stranger = world.client();
    revoke(&mut stranger, &leaf, None).refused(403, "unauthorized");
    let mut holder = world.client_with(Key::es256_from(&key.serialize_der()));
    revoke(&mut holder, &leaf, Some(json!(4))).ok(200);
}

#[test]
fn an_account_that_is_authorized_for_all_names_revokes() {
    let world = world();
    let leaf = certificates(&world.member().issue(&["a.test", "*.a.test"]).1).remove(0);
    let mut other = world.member();
    other.issue(&["a.test"]);
    revoke(&mut other, &leaf, None).refused(403, "unauthorized");
    other.issue(&["*.a.test"]);
    revoke(&mut other, &leaf, None).ok(200);
}

#[test]
fn a_wrong_revocation_is_refused() {
    let world = world();
    let mut client = world.member();
    let leaf = certificates(&client.issue(&["a.test"]).1).remove(0);
    for reason in [7, 11] {
        revoke(&mut client, &leaf, Some(json!(reason))).refused(400, "badRevocationReason");
    }
    revoke(&mut client, &leaf, Some(json!("1"))).refused(400, "malformed");
    revoke(&mut client, b"nothing", None).refused(400, "malformed");
    let foreign = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).unwrap();
    revoke(&mut client, foreign.cert.der(), None).refused(404, "malformed");
    let url = client.at("revokeCert");
    client.post(&url, Some(json!({}))).refused(400, "malformed");
    assert_eq!(world.with(|ca| ca.certificates_revoked()), 0);
}

#[test]
fn renewal_information_is_read_by_get() {
    let world = world();
    let mut client = world.member();
    let leaf = certificates(&client.issue(&["a.test"]).1).remove(0);
    let id = certificate_id(&leaf);
    let url = format!("{}/{id}", client.at("renewalInfo"));
    let answer = client.send(get("GET", &url)).ok(200);
    assert_eq!(answer.header("retry-after"), Some("21600"));
    let window = answer.json()["suggestedWindow"].clone();
    assert_eq!(window, json!({ "start": "2027-03-16T07:39:59Z", "end": "2027-03-18T07:41:19Z" }));
    assert!(world.with(|ca| ca.set_renewal_window(
        &id,
        START,
        START + 1000,
        Some("https://ca.test/why")
    )));
    let object = client.send(get("GET", &url)).ok(200).json();
    assert_eq!(object["explanationURL"], "https://ca.test/why");
    assert_eq!(object["suggestedWindow"]["start"], "2027-01-15T08:00:00Z");
    client.send(get("POST", &url)).refused(415, "malformed");
}

#[test]
fn a_revoked_certificate_is_to_be_renewed_at_once() {
    let mut client = world().member();
    let leaf = certificates(&client.issue(&["a.test"]).1).remove(0);
    revoke(&mut client, &leaf, None).ok(200);
    let url = format!("{}/{}", client.at("renewalInfo"), certificate_id(&leaf));
    let window = client.send(get("GET", &url)).ok(200).json()["suggestedWindow"].clone();
    assert!(window["end"].as_str().unwrap() < "2027-01-15T08:00:00Z", "{window}");
}

#[test]
fn renewal_information_on_something_else_is_refused() {
    let mut client = world().client();
    let base = client.at("renewalInfo");
    for id in ["", "abc", "a.b.c", "aYhba4dGQEHhs3uEe6CuLN4ByNQ=.AIdlQyE"] {
        let answer = client.send(get("GET", &format!("{base}/{id}")));
        assert_eq!(answer.status, 400, "{id}");
        assert_eq!(answer.problem(), "malformed");
    }
    client
        .send(get("GET", &format!("{base}/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")))
        .refused(404, "malformed");
}

#[test]
fn renewal_information_is_as_odd_as_is_asked_for() {
    let world = world();
    let mut client = world.member();
    let leaf = certificates(&client.issue(&["a.test"]).1).remove(0);
    let url = format!("{}/{}", client.at("renewalInfo"), certificate_id(&leaf));
    world.with(|ca| {
        let config = ca.config_mut();
        config.renewal_info_retry_after = None;
        config.renewal_explanation = Some("https://ca.test/ari".to_owned());
        config.quirks.empty_renewal_windows = true;
    });
    let answer = client.send(get("GET", &url)).ok(200);
    assert_eq!(answer.header("retry-after"), None);
    let object = answer.json();
    assert_eq!(object["suggestedWindow"]["start"], object["suggestedWindow"]["end"]);
    assert_eq!(object["explanationURL"], "https://ca.test/ari");
    world.with(|ca| ca.config_mut().quirks.renewal_info_unauthorized = true);
    assert_eq!(client.send(get("GET", &url)).status, 401);
}

#[test]
fn what_an_order_replaces_and_its_profile_may_be_passed_over() {
    let world = world();
    let mut client = world.member();
    let id = certificate_id(&certificates(&client.issue(&["a.test"]).1)[0]);
    world.with(|ca| {
        let quirks = &mut ca.config_mut().quirks;
        quirks.hide_replaces = true;
        quirks.ignore_profiles = true;
    });
    let wish =
        json!({ "identifiers": identifiers(&["a.test"]), "replaces": id, "profile": "unknown" });
    let order = client.order(wish.clone()).ok(201).json();
    assert!(order.get("replaces").is_none() && order.get("profile").is_none(), "{order}");
    client.order(wish).refused(409, "alreadyReplaced");
}

#[test]
fn a_certificate_is_replaced_once() {
    let world = world();
    let mut client = world.member();
    let id = certificate_id(&certificates(&client.issue(&["a.test", "b.test"]).1)[0]);
    let order = |names: &[&str]| json!({ "identifiers": identifiers(names), "replaces": id });
    client.order(order(&["c.test"])).refused(400, "malformed");
    world.member().order(order(&["a.test"])).refused(403, "unauthorized");
    let first = client.order(order(&["a.test"])).ok(201);
    assert_eq!(first.json()["replaces"], json!(id));
    client.order(order(&["a.test"])).refused(409, "alreadyReplaced");
    let failed = first.json()["authorizations"][0].as_str().unwrap().to_owned();
    client.post(&failed, Some(json!({ "status": "deactivated" }))).ok(200);
    client.order(order(&["a.test"])).ok(201);
    let other = json!({ "identifiers": identifiers(&["a.test"]), "replaces": "AAAA.AAAA" });
    client.order(other).refused(404, "malformed");
    client
        .order(json!({ "identifiers": identifiers(&["a.test"]), "replaces": 5 }))
        .refused(400, "malformed");
}

#[test]
fn without_renewal_information_replaces_is_unknown_and_ignored() {
    let mut config = CaConfig::default();
    config.renewal_info = false;
    let mut client = World::new(config).member();
    assert!(client.directory.get("renewalInfo").is_none());
    let answer =
        client.order(json!({ "identifiers": identifiers(&["a.test"]), "replaces": "x" })).ok(201);
    assert!(answer.json().get("replaces").is_none());
}
