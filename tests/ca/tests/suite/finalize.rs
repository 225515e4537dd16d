//! From a ready order to a certificate (RFC 8555 Section 7.4).

use crate::support;
use crate::support::world::{START, World};
use crate::support::{Key, csr, csr_payload, csr_with, identifiers};
use acme_testca::{CaConfig, Profile};
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};
use x509_parser::extensions::{GeneralName, ParsedExtension};

const DAY: u64 = 24 * 60 * 60 * 1000;

fn world() -> World {
    World::new(CaConfig::default())
}

fn world_with(change: impl FnOnce(&mut CaConfig)) -> World {
    let mut config = CaConfig::default();
    change(&mut config);
    World::new(config)
}

#[test]
fn the_certificate_says_what_was_ordered() {
    let mut client = world().member();
    let key = KeyPair::generate().unwrap();
    let names = ["a.test", "*.b.test", "127.0.0.1", "::1"];
    let (_, pem) = client.issue_csr(&names, &csr_with(&names, &key));
    let chain = support::certificates(&pem);
    assert_eq!(chain.len(), 2);
    let (_, leaf) = x509_parser::parse_x509_certificate(&chain[0]).unwrap();
    let (_, issuer) = x509_parser::parse_x509_certificate(&chain[1]).unwrap();
    assert_eq!(leaf.issuer().as_raw(), issuer.subject().as_raw());
    assert_eq!(leaf.subject().iter().count(), 0);
    let san = leaf.subject_alternative_name().unwrap().unwrap();
    assert!(san.critical);
    assert_eq!(san.value.general_names.len(), 4);
    assert_eq!(san.value.general_names[1], GeneralName::DNSName("*.b.test"));
    assert_eq!(san.value.general_names[2], GeneralName::IPAddress(&[127, 0, 0, 1]));
    assert_eq!(leaf.validity().not_after.timestamp(), (START / 1000) as i64 + 90 * 86_400 - 1);
    assert_eq!(leaf.validity().not_before.timestamp(), (START / 1000) as i64 - 3600);
    assert!(leaf.extended_key_usage().unwrap().unwrap().value.server_auth);
    assert!(leaf.key_usage().unwrap().unwrap().value.digital_signature());
    assert!(!leaf.basic_constraints().unwrap().unwrap().value.ca);
    let has = |wanted: fn(&ParsedExtension<'_>) -> bool| {
        leaf.extensions().iter().any(|e| wanted(e.parsed_extension()))
    };
    assert!(has(|e| matches!(e, ParsedExtension::SubjectKeyIdentifier(_))));
    assert!(has(|e| matches!(e, ParsedExtension::AuthorityKeyIdentifier(_))));
    assert_eq!(leaf.public_key().raw, rcgen::PublicKeyData::subject_public_key_info(&key));
    assert_eq!(leaf.raw_serial().len(), 16);
}

#[test]
fn keys_of_each_kind_are_certified_except_p_521() {
    let mut client = world().member();
    for algorithm in
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519]
    {
        let key = KeyPair::generate_for(algorithm).unwrap();
        client.issue_csr(&["a.test"], &csr_with(&["a.test"], &key));
    }
    // OpenSSL made these requests for a.test; their keys are nowhere.
    client.issue_csr(&["a.test"], include_bytes!("files/rsa-2048.csr.der"));
    client.issue_csr(&["a.test"], include_bytes!("files/rsa-3072-sha512.csr.der"));
    let order = client.ready_order(&["a.test"]);
    for bad in
        [&include_bytes!("files/rsa-1024.csr.der")[..], include_bytes!("files/p521-sha512.csr.der")]
    {
        client.post(&order.finalize(), csr_payload(bad)).refused(400, "badCSR");
    }
}

#[test]
fn a_certificate_request_that_does_not_fit_is_refused_and_the_order_stays_ready() {
    let mut client = world().member();
    let pkcs8 = KeyPair::generate().unwrap().serialize_der();
    let order = client.ready_order(&["a.test", "b.test"]);
    let good = csr(&["a.test", "b.test"]);
    let mut unsigned = good.clone();
    *unsigned.last_mut().unwrap() ^= 1;
    let mut longer = good.clone();
    longer.push(0);
    let foreign_name = {
        let mut params =
            CertificateParams::new(vec!["a.test".to_owned(), "b.test".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "c.test");
        params.serialize_request(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    };
    let ca = {
        let mut params =
            CertificateParams::new(vec!["a.test".to_owned(), "b.test".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.serialize_request(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    };
    let mail = {
        let mut params =
            CertificateParams::new(vec!["a.test".to_owned(), "b.test".to_owned()]).unwrap();
        params.subject_alt_names.push(rcgen::SanType::Rfc822Name("a@b.test".try_into().unwrap()));
        params.serialize_request(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    };
    let bad = [
        csr(&["a.test"]),
        csr(&["a.test", "b.test", "c.test"]),
        csr(&[]),
        unsigned,
        longer,
        foreign_name,
        ca,
        mail,
        b"no".to_vec(),
    ];
    for request in bad {
        client.post(&order.finalize(), csr_payload(&request)).refused(400, "badCSR");
    }
    client.post(&order.finalize(), Some(json!({}))).refused(400, "malformed");
    client
        .post(&order.finalize(), Some(json!({ "csr": "-----BEGIN CERTIFICATE REQUEST-----" })))
        .refused(400, "malformed");
    assert_eq!(client.read(&order.url).json()["status"], "ready");
    client.post(&order.finalize(), csr_payload(&good)).ok(200);
    let world = world();
    let mut same = world.client_with(Key::es256_from(&pkcs8));
    same.register(json!({})).ok(201);
    let order = same.ready_order(&["a.test"]);
    let request = csr_with(&["a.test"], &KeyPair::try_from(pkcs8).unwrap());
    same.post(&order.finalize(), csr_payload(&request)).refused(400, "badCSR");
}

#[test]
fn requested_dates_are_reflected_and_certified() {
    let mut client = world().member();
    let dates =
        json!({ "notBefore": "2027-01-16T00:00:00Z", "notAfter": "2027-01-20T01:00:00+01:00" });
    let mut payload = dates.clone();
    payload["identifiers"] = identifiers(&["a.test"]);
    let answer = client.order(payload).ok(201);
    let object = answer.json();
    assert_eq!(
        (&object["notBefore"], &object["notAfter"]),
        (&dates["notBefore"], &json!("2027-01-20T00:00:00Z"))
    );
    let order = support::Order { url: answer.location(), object };
    client.authorize(&order);
    let done = client.post(&order.finalize(), csr_payload(&csr(&["a.test"]))).ok(200).json();
    let pem = client.read(done["certificate"].as_str().unwrap()).text();
    let leaf = support::certificates(&pem).remove(0);
    let (_, leaf) = x509_parser::parse_x509_certificate(&leaf).unwrap();
    assert_eq!(
        leaf.validity().not_after.timestamp() - leaf.validity().not_before.timestamp(),
        4 * 86_400
    );
}

#[test]
fn dates_that_cannot_be_certified_are_refused() {
    let mut client = world().member();
    for (not_before, not_after) in [
        (json!("yesterday"), json!(null)),
        (json!("2027-01-16T00:00:00Z"), json!("2027-01-15T00:00:00Z")),
        (json!("2027-01-16T00:00:00Z"), json!("2037-01-15T00:00:00Z")),
        (json!(5), json!(null)),
    ] {
        let mut payload =
            json!({ "identifiers": identifiers(&["a.test"]), "notBefore": not_before });
        if !not_after.is_null() {
            payload["notAfter"] = not_after;
        }
        client.order(payload).refused(400, "malformed");
    }
    client
        .order(
            json!({ "identifiers": identifiers(&["a.test"]), "notAfter": "2027-01-14T00:00:00Z" }),
        )
        .refused(400, "malformed");
}

#[test]
fn a_profile_is_listed_reflected_and_decides_the_lifetime() {
    let world = world_with(|c| {
        let description = "six days".to_owned();
        c.profiles.insert("short".to_owned(), Profile { description, lifetime: 6 * DAY });
    });
    let mut client = world.member();
    assert_eq!(client.directory["meta"]["profiles"], json!({ "short": "six days" }));
    client
        .order(json!({ "identifiers": identifiers(&["a.test"]), "profile": "long" }))
        .refused(400, "invalidProfile");
    client
        .order(json!({ "identifiers": identifiers(&["a.test"]), "profile": 1 }))
        .refused(400, "invalidProfile");
    assert!(client.order_for(&["a.test"]).object.get("profile").is_none());
    world.with(|ca| ca.config_mut().default_profile = Some("short".to_owned()));
    assert_eq!(client.order_for(&["a.test"]).object["profile"], "short");
    let (_, pem) = client.issue(&["a.test"]);
    let leaf = support::certificates(&pem).remove(0);
    let (_, leaf) = x509_parser::parse_x509_certificate(&leaf).unwrap();
    assert_eq!(leaf.validity().not_after.timestamp(), (START / 1000) as i64 + 6 * 86_400 - 1);
}

#[test]
fn a_private_profile_can_be_ordered_and_a_withdrawn_one_only_that() {
    let world = world_with(|c| {
        for name in ["listed", "private", "withdrawn"] {
            let profile = Profile { description: name.to_owned(), lifetime: 6 * DAY };
            c.profiles.insert(name.to_owned(), profile);
        }
        c.private_profiles.insert("private".to_owned());
        c.withdrawn_profiles.insert("withdrawn".to_owned());
    });
    let mut client = world.member();
    let listed = json!({ "listed": "listed", "withdrawn": "withdrawn" });
    assert_eq!(client.directory["meta"]["profiles"], listed);
    let order = |name: &str| json!({ "identifiers": identifiers(&["a.test"]), "profile": name });
    assert_eq!(client.order(order("private")).ok(201).json()["profile"], "private");
    client.order(order("withdrawn")).ok(201);
    world.with(|ca| ca.config_mut().default_profile = Some("withdrawn".to_owned()));
    let order = client.ready_order(&["a.test"]);
    client.post(&order.finalize(), csr_payload(&csr(&["a.test"]))).refused(400, "invalidProfile");
}

#[test]
fn an_order_without_a_profile_may_get_any_of_those_that_are_listed() {
    let world = world_with(|c| {
        for name in ["one", "two", "private"] {
            let profile = Profile { description: String::new(), lifetime: 6 * DAY };
            c.profiles.insert(name.to_owned(), profile);
        }
        c.private_profiles.insert("private".to_owned());
        c.random_profile = true;
    });
    let mut client = world.member();
    let mut chosen: Vec<String> = (0..40)
        .map(|_| client.order_for(&["a.test"]).object["profile"].as_str().unwrap().to_owned())
        .collect();
    chosen.sort();
    chosen.dedup();
    assert_eq!(chosen, ["one", "two"]);
}

#[test]
fn an_order_is_processing_for_as_many_reads_as_was_asked_for() {
    let world = world_with(|c| c.processing_polls = 2);
    let mut client = world.member();
    let order = client.ready_order(&["a.test"]);
    let answer = client.post(&order.finalize(), csr_payload(&csr(&["a.test"]))).ok(200).json();
    assert_eq!(answer["status"], "processing");
    assert!(answer.get("certificate").is_none());
    let read: Vec<Value> =
        (0..3).map(|_| client.read(&order.url).json()["status"].clone()).collect();
    assert_eq!(read, ["processing", "processing", "valid"]);
}

#[test]
fn an_order_stays_pending_for_as_many_reads_as_was_asked_for() {
    let world = world_with(|c| c.ready_delay_polls = 2);
    let mut client = world.member();
    let order = client.ready_order(&["a.test"]);
    client.post(&order.finalize(), csr_payload(&csr(&["a.test"]))).refused(403, "orderNotReady");
    let read: Vec<Value> =
        (0..3).map(|_| client.read(&order.url).json()["status"].clone()).collect();
    assert_eq!(read, ["pending", "pending", "ready"]);
    client.post(&order.finalize(), csr_payload(&csr(&["a.test"]))).ok(200);
}
