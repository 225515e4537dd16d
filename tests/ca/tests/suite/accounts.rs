//! Accounts, external bindings and key rollover (RFC 8555 Section 7.3).

use crate::support;
use crate::support::world::World;
use crate::support::{Client, Jws, Key, b64};
use acme_testca::{CaConfig, Quirks};
use ring::hmac;
use serde_json::{Value, json};

fn world() -> World {
    World::new(CaConfig::default())
}

fn world_with(change: impl FnOnce(&mut CaConfig)) -> World {
    let mut config = CaConfig::default();
    change(&mut config);
    World::new(config)
}

#[test]
fn a_new_account_is_created_once_and_found_again_by_its_key() {
    let mut client = world().client();
    let created = client
        .register(json!({ "contact": ["mailto:a@example.test"], "termsOfServiceAgreed": true }))
        .ok(201);
    let object = created.json();
    assert_eq!(object["status"], "valid");
    assert_eq!(object["contact"], json!(["mailto:a@example.test"]));
    assert_eq!(object["termsOfServiceAgreed"], true);
    assert_eq!(object["orders"], format!("{}/orders", created.location()));
    client.kid = None;
    let found = client.register(json!({ "contact": ["mailto:b@example.test"] })).ok(200);
    assert_eq!(found.location(), created.location());
    assert_eq!(found.json()["contact"], json!(["mailto:a@example.test"]));
}

#[test]
fn only_return_existing_creates_nothing() {
    let mut client = world().client();
    client.register(json!({ "onlyReturnExisting": true })).refused(400, "accountDoesNotExist");
    client.register(json!({})).ok(201);
    client.kid = None;
    client.register(json!({ "onlyReturnExisting": true })).ok(200);
    client.kid = None;
    client.register(json!({ "onlyReturnExisting": "yes" })).refused(400, "malformed");
}

#[test]
fn terms_that_must_be_agreed_to_are_named_in_the_refusal() {
    let world = world_with(|c| {
        c.terms_of_service = Some("https://ca.test/terms".to_owned());
        c.terms_required = true;
    });
    let mut client = world.client();
    assert_eq!(client.directory["meta"]["termsOfService"], "https://ca.test/terms");
    for payload in [json!({}), json!({ "termsOfServiceAgreed": false })] {
        let answer = client.register(payload);
        answer.refused(403, "userActionRequired");
        assert_eq!(answer.link("terms-of-service").as_deref(), Some("https://ca.test/terms"));
        assert_eq!(answer.json()["instance"], "https://ca.test/terms");
    }
    client.register(json!({ "termsOfServiceAgreed": true })).ok(201);
}

#[test]
fn terms_that_changed_are_agreed_to_on_the_page_that_the_refusal_names() {
    let world = world_with(|c| {
        c.terms_of_service = Some("https://ca.test/terms/1".to_owned());
        c.terms_required = true;
        c.new_authz = true;
    });
    let mut client = world.client();
    client.register(json!({ "termsOfServiceAgreed": true })).ok(201);
    client.order_for(&["a.test"]);
    world.with(|ca| ca.config_mut().terms_of_service = Some("https://ca.test/terms/2".to_owned()));
    let order = json!({ "identifiers": support::identifiers(&["b.test"]) });
    let refusal = client.order(order.clone());
    refusal.refused(403, "userActionRequired");
    assert_eq!(refusal.link("terms-of-service").as_deref(), Some("https://ca.test/terms/2"));
    let authorization = json!({ "identifier": { "type": "dns", "value": "b.test" } });
    let url = client.at("newAuthz");
    client.post(&url, Some(authorization.clone())).refused(403, "userActionRequired");
    let account = client.kid.clone().unwrap();
    client.post(&account, Some(json!({ "termsOfServiceAgreed": true }))).ok(200);
    client.order(order.clone()).refused(403, "userActionRequired");

    let page = refusal.json()["instance"].as_str().unwrap().to_owned();
    assert_eq!(client.send(support::get("HEAD", &page)).status, 405);
    assert_eq!(client.send(support::get("GET", &page)).status, 200);
    client.order(order).ok(201);
    client.post(&url, Some(authorization)).ok(201);
    client.send(support::get("GET", &page.replace("agree/1", "agree/9"))).refused(404, "malformed");
}

#[test]
fn terms_without_a_url_of_their_own_are_the_cas() {
    let client = world_with(|c| c.terms_required = true).client();
    assert_eq!(client.directory["meta"]["termsOfService"], "https://ca.test/terms");
}

#[test]
fn contacts_are_checked() {
    let mut client = world().client();
    client.register(json!({ "contact": ["tel:+123"] })).refused(400, "unsupportedContact");
    for contact in ["mailto:a@b.test?cc=c@d.test", "mailto:a@b.test,c@d.test", "a@b.test"] {
        client.register(json!({ "contact": [contact] })).refused(400, "invalidContact");
    }
    for contact in [json!("mailto:a@b.test"), json!([1]), json!(null)] {
        client.register(json!({ "contact": contact })).refused(400, "malformed");
    }
}

#[test]
fn a_ca_can_want_a_contact() {
    let mut client = world_with(|c| c.contact_required = true).client();
    client.register(json!({})).refused(400, "invalidContact");
    client.register(json!({ "contact": ["mailto:a@b.test"] })).ok(201);
    let url = client.kid.clone().unwrap();
    client.post(&url, Some(json!({ "contact": [] }))).refused(400, "invalidContact");
}

#[test]
fn an_account_is_updated_and_unknown_members_are_ignored() {
    let mut client = world().member();
    let url = client.kid.clone().unwrap();
    let update =
        json!({ "contact": ["mailto:new@example.test"], "orders": "https://x.test", "unknown": 1 });
    let object = client.post(&url, Some(update)).ok(200).json();
    assert_eq!(object["contact"], json!(["mailto:new@example.test"]));
    assert_eq!(client.read(&url).ok(200).json(), object);
    client.post(&url, Some(json!({ "contact": ["tel:1"] }))).refused(400, "unsupportedContact");
    for ignored in [
        json!({ "status": "revoked" }),
        json!({ "termsOfServiceAgreed": true }),
        json!({ "termsOfServiceAgreed": "yes" }),
    ] {
        assert_eq!(client.post(&url, Some(ignored)).ok(200).json(), object);
    }
    let object = client.post(&url, Some(json!({ "contact": [] }))).ok(200).json();
    assert!(object.get("contact").is_none());
}

#[test]
fn a_deactivated_account_is_of_no_use_any_more() {
    let mut client = world().member();
    let order = client.order_for(&["a.test"]);
    let url = client.kid.clone().unwrap();
    let object = client.post(&url, Some(json!({ "status": "deactivated" }))).ok(200).json();
    assert_eq!(object["status"], "deactivated");
    client.read(&url).refused(401, "unauthorized");
    client.read(&order.url).refused(401, "unauthorized");
    client
        .order(json!({ "identifiers": support::identifiers(&["a.test"]) }))
        .refused(401, "unauthorized");
    client.kid = None;
    client.register(json!({})).refused(401, "unauthorized");
}

/// Returns an external account binding, bent by the test.
fn binding(
    client: &Client<World>,
    alg: &str,
    mac_key: &[u8],
    bend: impl FnOnce(&mut Value, &mut Value),
) -> Value {
    let mut header = json!({ "alg": alg, "kid": "kid-1", "url": client.at("newAccount") });
    let mut jwk = client.key.jwk();
    bend(&mut header, &mut jwk);
    let (protected, payload) = (b64(header.to_string()), b64(jwk.to_string()));
    let algorithm = match alg {
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    let tag = hmac::sign(
        &hmac::Key::new(algorithm, mac_key),
        format!("{protected}.{payload}").as_bytes(),
    );
    json!({ "externalAccountBinding": { "protected": protected, "payload": payload, "signature": b64(tag) } })
}

fn eab_world() -> World {
    world_with(|c| {
        c.eab_keys.insert("kid-1".to_owned(), b"secret".to_vec());
        c.eab_required = true;
    })
}

#[test]
fn an_external_account_binding_is_accepted_with_each_mac_and_shown() {
    let world = eab_world();
    for alg in ["HS256", "HS384", "HS512"] {
        let mut client = world.client();
        assert_eq!(client.directory["meta"]["externalAccountRequired"], true);
        let payload = binding(&client, alg, b"secret", |_, _| {});
        let object = client.register(payload.clone()).ok(201).json();
        assert_eq!(object["externalAccountBinding"], payload["externalAccountBinding"]);
    }
}

#[test]
fn a_missing_binding_is_refused_except_to_find_an_account() {
    let world = eab_world();
    let mut client = world.client();
    client.register(json!({})).refused(403, "externalAccountRequired");
    client.register(json!({ "onlyReturnExisting": true })).refused(400, "accountDoesNotExist");
    let payload = binding(&client, "HS256", b"secret", |_, _| {});
    client.register(payload).ok(201);
    client.kid = None;
    client.register(json!({})).ok(200);
}

#[test]
fn a_wrong_binding_is_refused() {
    let mut client = eab_world().client();
    let refused = |client: &mut Client<World>, payload: Value, status: u16, kind: &str| {
        client.register(payload).refused(status, kind)
    };
    let payload = binding(&client, "HS256", b"other", |_, _| {});
    refused(&mut client, payload, 403, "unauthorized");
    let payload = binding(&client, "HS256", b"secret", |header, _| header["kid"] = json!("kid-2"));
    refused(&mut client, payload, 403, "unauthorized");
    let payload = binding(&client, "none", b"secret", |_, _| {});
    refused(&mut client, payload, 400, "badSignatureAlgorithm");
    let payload = binding(&client, "ES256", b"secret", |_, _| {});
    refused(&mut client, payload, 400, "badSignatureAlgorithm");
    let bends: [fn(&mut Value, &mut Value); 5] = [
        |header, _| header["nonce"] = json!("AAAA"),
        |header, _| header["url"] = json!("https://ca.test/new-order"),
        |header, jwk| header["jwk"] = jwk.clone(),
        |header, _| {
            header.as_object_mut().unwrap().remove("kid");
        },
        |_, jwk| *jwk = Key::es256().jwk(),
    ];
    for bend in bends {
        let payload = binding(&client, "HS256", b"secret", bend);
        refused(&mut client, payload, 400, "malformed");
    }
    refused(&mut client, json!({ "externalAccountBinding": "x" }), 400, "malformed");
}

#[test]
fn a_ca_without_external_keys_ignores_a_binding_and_does_not_show_it() {
    let mut client = world().client();
    let payload = binding(&client, "HS256", b"secret", |_, _| {});
    assert!(client.register(payload).ok(201).json().get("externalAccountBinding").is_none());
}

/// Sends a key change, with its inner JWS bent by the test.
fn key_change(
    client: &mut Client<World>,
    new: &Key,
    bend: impl FnOnce(&mut Value, &mut Value),
) -> support::Answer {
    let url = client.at("keyChange");
    let mut header = json!({ "alg": new.algorithm(), "jwk": new.jwk(), "url": url });
    let mut payload = json!({ "account": client.kid, "oldKey": client.key.jwk() });
    bend(&mut header, &mut payload);
    let inner = Jws { header, payload: payload.to_string().into_bytes() }.sign(new);
    client.post(&url, Some(inner))
}

#[test]
fn after_a_key_change_only_the_new_key_counts() {
    let mut client = world().member();
    let order = client.order_for(&["a.test"]);
    let new = Key::es384();
    key_change(&mut client, &new, |_, _| {}).ok(200);
    let account = client.kid.clone().unwrap();
    client.read(&account).refused(400, "malformed");
    let old = std::mem::replace(&mut client.key, new);
    client.read(&account).ok(200);
    client.authorize(&order);
    assert_eq!(client.read(&order.url).json()["status"], "ready");
    client.kid = None;
    assert_eq!(client.register(json!({ "onlyReturnExisting": true })).ok(200).location(), account);
    client.kid = None;
    client.key = old;
    client.register(json!({ "onlyReturnExisting": true })).refused(400, "accountDoesNotExist");
}

#[test]
fn the_key_authorization_is_that_of_the_key_at_validation() {
    let world = world();
    let mut client = world.member();
    let order = client.order_for(&["a.test"]);
    let challenge = client.challenge(&order.authorizations()[0], "http-01");
    let new = Key::es256();
    key_change(&mut client, &new, |_, _| {}).ok(200);
    client.key = new;
    client.post(challenge["url"].as_str().unwrap(), Some(json!({}))).ok(200);
    let validations = world.settle(|_| Ok(()));
    assert_eq!(validations[0].key_authorization, client.key_authorization(&challenge));
}

#[test]
fn a_key_that_has_an_account_is_a_conflict_that_names_it() {
    let world = world();
    let other = world.member();
    let mut client = world.member();
    let answer = key_change(&mut client, &other.key, |_, _| {});
    answer.refused(409, "malformed");
    assert_eq!(Some(answer.location()), other.kid);
}

#[test]
fn a_wrong_key_change_is_refused() {
    let mut client = world().member();
    let new = Key::es256();
    let bends: [fn(&mut Value, &mut Value); 8] = [
        |header, _| header["url"] = json!("https://ca.test/new-order"),
        |header, _| {
            header.as_object_mut().unwrap().remove("url");
        },
        |header, _| header["nonce"] = json!("AAAA"),
        |header, _| header["kid"] = json!("https://ca.test/account/1"),
        |header, _| header["jwk"] = Key::es256().jwk(),
        |_, payload| payload["account"] = json!("https://ca.test/account/2"),
        |_, payload| payload["oldKey"] = Key::es256().jwk(),
        |_, payload| {
            payload.as_object_mut().unwrap().remove("oldKey");
        },
    ];
    for bend in bends {
        key_change(&mut client, &new, bend).refused(400, "malformed");
    }
    key_change(&mut client, &new, |header, _| header["alg"] = json!("HS256"))
        .refused(400, "badSignatureAlgorithm");
    let url = client.at("keyChange");
    client.post(&url, Some(json!({}))).refused(400, "malformed");
    // None of this changed the key.
    let account = client.kid.clone().unwrap();
    client.read(&account).ok(200);
}

#[test]
fn the_orders_of_an_account_come_in_pages_and_without_invalid_ones() {
    let world = world_with(|c| c.orders_page_size = 2);
    let mut client = world.member();
    let urls: Vec<String> =
        (0..5).map(|n| client.order_for(&[&format!("a{n}.test")]).url).collect();
    let gone = client.order_for(&["gone.test"]);
    client.post(&gone.authorizations()[0], Some(json!({ "status": "deactivated" }))).ok(200);
    let mut next = Some(format!("{}/orders", client.kid.clone().unwrap()));
    let mut pages = Vec::new();
    while let Some(url) = next {
        let answer = client.read(&url).ok(200);
        pages.push(
            answer.json()["orders"]
                .as_array()
                .unwrap()
                .iter()
                .map(|u| u.as_str().unwrap().to_owned())
                .collect::<Vec<_>>(),
        );
        next = answer.link("next");
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(pages.concat(), urls);
}

#[test]
fn account_quirks_bend_accounts() {
    let world = world();
    let quirks = |quirks| world.with(|ca| ca.set_quirks(quirks));
    let mut client = world.client();
    quirks(Quirks { refuse_server_members: true, ..Quirks::default() });
    client.register(json!({ "status": "valid" })).refused(400, "malformed");
    quirks(Quirks { no_orders_url: true, drop_contacts: true, ..Quirks::default() });
    let object = client.register(json!({ "contact": ["mailto:a@b.test"] })).ok(201).json();
    assert_eq!(object, json!({ "status": "valid" }));
    let account = client.kid.take().unwrap();
    quirks(Quirks { empty_account_body: true, ..Quirks::default() });
    assert!(client.register(json!({})).ok(200).body.is_empty());
    quirks(Quirks { no_account_read: true, ..Quirks::default() });
    client.read(&account).refused(405, "malformed");
    quirks(Quirks { bare_orders_array: true, ..Quirks::default() });
    assert_eq!(client.read(&format!("{account}/orders")).ok(200).json(), json!([]));
    quirks(Quirks { key_change_not_implemented: true, ..Quirks::default() });
    let new = Key::es256();
    key_change(&mut client, &new, |_, _| {}).refused(501, "serverInternal");
    quirks(Quirks { empty_key_change_body: true, ..Quirks::default() });
    assert!(key_change(&mut client, &new, |_, _| {}).ok(200).body.is_empty());
}
