//! What the CA refuses in a request, whatever it is for (RFC 8555 Section 6).

use crate::support;
use crate::support::world::World;
use crate::support::{Client, Jws, Key, Transport, b64, get, post};
use acme_testca::CaConfig;
use serde_json::{Value, json};

fn world() -> World {
    World::new(CaConfig::default())
}

/// Returns the response to a POST-as-GET of the account whose header a test has bent.
fn bent(client: &mut Client<World>, bend: impl FnOnce(&mut Value)) -> support::Answer {
    let url = client.kid.clone().unwrap();
    let mut header = client.header(&url);
    bend(&mut header);
    client.post_header(&url, header, None)
}

#[test]
fn a_right_request_is_answered() {
    let mut client = world().member();
    bent(&mut client, |_| {}).ok(200);
}

#[test]
fn every_account_algorithm_is_accepted() {
    let world = world();
    for key in [Key::es256(), Key::es384(), Key::es512(), Key::ed25519(), Key::rsa()] {
        let mut client = world.client_with(key);
        client.register(json!({})).ok(201);
        let url = client.kid.clone().unwrap();
        client.read(&url).ok(200);
    }
}

#[test]
fn the_directory_lists_the_resources_and_gives_no_nonce() {
    let mut client = world().client();
    for resource in ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange", "renewalInfo"]
    {
        assert!(client.at(resource).starts_with("https://ca.test/"));
    }
    assert!(client.directory.get("newAuthz").is_none());
    assert_eq!(client.directory["meta"]["externalAccountRequired"], false);
    let answer = client.transport.exchange(get("GET", "https://ca.test/directory"));
    assert_eq!(answer.header("replay-nonce"), None);
    assert_eq!(answer.link("index"), None);
}

#[test]
fn new_nonce_answers_head_with_200_and_get_with_204_and_forbids_caching() {
    let mut client = world().client();
    let url = client.at("newNonce");
    let mut seen = std::collections::BTreeSet::new();
    for (method, status) in [("HEAD", 200), ("GET", 204)] {
        let answer = client.transport.exchange(get(method, &url)).ok(status);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.link("index").as_deref(), Some("https://ca.test/directory"));
        assert!(answer.body.is_empty());
        let nonce = answer.header("replay-nonce").unwrap().to_owned();
        assert!(nonce.len() >= 22 && seen.insert(nonce));
    }
}

#[test]
fn directory_and_nonce_can_be_read_by_post_as_get() {
    let mut client = world().member();
    client.read("https://ca.test/directory").ok(200);
    let url = client.at("newNonce");
    client.read(&url).ok(204);
}

#[test]
fn a_request_without_user_agent_is_refused() {
    let mut world = world();
    let request = acme_testca::CaRequest::new("GET", "https://ca.test/directory");
    world.exchange(request).refused(400, "malformed");
}

#[test]
fn reading_a_resource_by_get_is_refused_with_405() {
    let mut client = world().member();
    let order = client.order_for(&["a.test"]);
    let urls = [
        client.kid.clone().unwrap(),
        order.url.clone(),
        order.authorizations()[0].clone(),
        client.at("newOrder"),
    ];
    for url in urls {
        let answer = client.transport.exchange(get("GET", &url));
        answer.refused(405, "malformed");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    client.transport.exchange(get("PUT", "https://ca.test/directory")).refused(405, "malformed");
}

#[test]
fn an_unknown_path_is_refused_with_404() {
    let mut client = world().member();
    for path in [
        "/",
        "/directory/",
        "/order/0x1",
        "/order/01",
        "/order/1/2",
        "/cert/",
        "/directory?x=1",
        "/new-authz",
    ] {
        client
            .transport
            .exchange(get("GET", &format!("https://ca.test{path}")))
            .refused(404, "malformed");
    }
    client.read("https://ca.test/order/77").refused(404, "malformed");
}

#[test]
fn any_other_content_type_is_refused_with_415() {
    let mut client = world().member();
    let url = client.kid.clone().unwrap();
    for content_type in [
        None,
        Some("application/json"),
        Some("application/jose+json; charset=utf-8"),
        Some("Application/JOSE+json"),
    ] {
        let header = client.header(&url);
        let body = Jws { header, payload: Vec::new() }.sign(&client.key);
        let mut request = get("POST", &url).with_body(body.to_string());
        if let Some(content_type) = content_type {
            request = request.with_header("Content-Type", content_type);
        }
        let answer = client.send(request);
        answer.refused(415, "malformed");
        assert!(answer.header("replay-nonce").is_some());
    }
}

#[test]
fn a_body_that_is_not_exactly_a_flattened_jws_is_refused() {
    let mut client = world().member();
    let url = client.kid.clone().unwrap();
    let header = client.header(&url);
    let good = Jws { header, payload: Vec::new() }.sign(&client.key);
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body.to_string()
    };
    let part = |name: &str| good[name].as_str().unwrap().to_owned();
    let without = |name: &str| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(name);
        body.to_string()
    };
    let bodies = [
        String::new(),
        "[]".to_owned(),
        "{".to_owned(),
        without("protected"),
        without("payload"),
        without("signature"),
        with("header", json!({})),
        with("signatures", json!([])),
        with("signature", json!(null)),
        with("signature", json!(format!("{}==", part("signature")))),
        with("protected", json!(format!("{}=", part("protected")))),
        with("protected", json!("e30+")),
        with("payload", json!("a b")),
        with("payload", json!("AAB")),
        json!({ "payload": "", "signatures": [{ "protected": part("protected"), "signature": part("signature") }] }).to_string(),
        format!("{}.{}.{}", part("protected"), part("payload"), part("signature")),
        good.to_string().replacen('{', &format!("{{\"payload\":\"{}\",", part("payload")), 1),
    ];
    for body in bodies {
        let request = get("POST", &url)
            .with_header("Content-Type", "application/jose+json")
            .with_body(body.clone());
        let answer = client.transport.exchange(request);
        assert_eq!((answer.status, answer.problem().as_str()), (400, "malformed"), "{body}");
    }
    // Nothing of this used the nonce up.
    client.send(post(&url, &good)).ok(200);
}

#[test]
fn an_algorithm_that_is_not_on_the_list_is_refused_and_the_list_shown() {
    let mut client = world().member();
    for alg in ["none", "HS256", "RS384", "PS256", "ES256K", "es256"] {
        let answer = bent(&mut client, |header| header["alg"] = json!(alg));
        answer.refused(400, "badSignatureAlgorithm");
        assert_eq!(
            answer.json()["algorithms"],
            json!(["ES256", "ES384", "ES512", "EdDSA", "RS256"])
        );
    }
    bent(&mut client, |header| {
        header.as_object_mut().unwrap().remove("alg");
    })
    .refused(400, "malformed");
}

#[test]
fn an_algorithm_that_is_not_that_of_the_key_is_refused() {
    let mut client = world().member();
    bent(&mut client, |header| header["alg"] = json!("ES384")).refused(400, "malformed");
}

#[test]
fn a_wrong_signature_is_refused() {
    let mut client = world().member();
    let url = client.kid.clone().unwrap();
    let header = client.header(&url);
    let body = Jws { header, payload: Vec::new() }.sign(&Key::es256());
    client.send(post(&url, &body)).refused(400, "malformed");
    let header = client.header(&url);
    let mut body = Jws { header, payload: Vec::new() }.sign(&client.key);
    body["payload"] = json!(b64("{}"));
    client.send(post(&url, &body)).refused(400, "malformed");
}

#[test]
fn both_jwk_and_kid_or_neither_is_refused() {
    let mut client = world().member();
    let jwk = client.key.jwk();
    bent(&mut client, |header| header["jwk"] = jwk).refused(400, "malformed");
    bent(&mut client, |header| {
        header.as_object_mut().unwrap().remove("kid");
    })
    .refused(400, "malformed");
}

#[test]
fn jwk_is_for_new_accounts_and_kid_for_everything_else() {
    let mut client = world().member();
    let kid = client.kid.take().unwrap();
    client.read(&kid).refused(400, "malformed");
    client.kid = Some(kid);
    let url = client.at("newAccount");
    client.post(&url, Some(json!({}))).refused(400, "malformed");
}

#[test]
fn extensions_of_jws_are_refused() {
    let mut client = world().member();
    bent(&mut client, |header| header["crit"] = json!(["exp"])).refused(400, "malformed");
    bent(&mut client, |header| header["b64"] = json!(true)).refused(400, "malformed");
}

#[test]
fn a_kid_that_is_not_an_account_of_this_ca_is_refused() {
    let mut client = world().member();
    for kid in [
        "1",
        "https://other.test/account/1",
        "https://ca.test/account/",
        "https://ca.test/account/1/",
        "https://ca.test/account/x",
    ] {
        bent(&mut client, |header| header["kid"] = json!(kid)).refused(400, "malformed");
    }
    for kid in ["https://ca.test/account/99", "https://ca.test/account/01"] {
        bent(&mut client, |header| header["kid"] = json!(kid)).refused(400, "accountDoesNotExist");
    }
}

#[test]
fn a_url_that_is_not_that_of_the_request_is_unauthorized() {
    let mut client = world().member();
    let order = client.order_for(&["a.test"]);
    for url in [
        order.url.as_str(),
        "https://CA.test/account/1",
        "https://ca.test:443/account/1",
        "https://ca.test/account/1/",
        "",
    ] {
        bent(&mut client, |header| header["url"] = json!(url)).refused(403, "unauthorized");
    }
    bent(&mut client, |header| {
        header.as_object_mut().unwrap().remove("url");
    })
    .refused(400, "malformed");
}

#[test]
fn a_nonce_is_good_once_and_a_bad_one_is_answered_with_a_good_one() {
    let mut client = world().member();
    let nonce = client.fresh_nonce();
    bent(&mut client, |header| header["nonce"] = json!(nonce)).ok(200);
    let answer = bent(&mut client, |header| header["nonce"] = json!(nonce));
    answer.refused(400, "badNonce");
    assert!(answer.header("replay-nonce").is_some());
    bent(&mut client, |_| {}).ok(200);
    bent(&mut client, |header| header["nonce"] = json!("bm90LW9uZQ")).refused(400, "badNonce");
}

#[test]
fn a_nonce_that_is_missing_or_not_base64url_is_malformed() {
    let mut client = world().member();
    bent(&mut client, |header| {
        header.as_object_mut().unwrap().remove("nonce");
    })
    .refused(400, "malformed");
    for nonce in ["", "a b", "abc=", "a/b+", "\u{e4}"] {
        bent(&mut client, |header| header["nonce"] = json!(nonce)).refused(400, "malformed");
    }
}

#[test]
fn a_nonce_grows_old() {
    let world = world();
    let mut client = world.member();
    let nonce = client.fresh_nonce();
    world.pass(61 * 60 * 1000);
    bent(&mut client, |header| header["nonce"] = json!(nonce)).refused(400, "badNonce");
}

#[test]
fn about_as_many_good_nonces_are_refused_as_was_asked_for() {
    let world = world();
    let mut client = world.member();
    world.with(|ca| ca.config_mut().bad_nonce_percent = 50);
    let url = client.kid.clone().unwrap();
    let bad = (0..200).filter(|_| client.read(&url).status == 400).count();
    assert!((70..130).contains(&bad), "{bad}");
}

#[test]
fn the_same_seed_makes_the_same_choices() {
    let tokens = |seed| {
        let mut config = CaConfig::default();
        config.seed = seed;
        let mut client = World::new(config).member();
        let order = client.order_for(&["a.test"]);
        (
            client.next_nonce(),
            client.challenge(&order.authorizations()[0], "http-01")["token"].clone(),
        )
    };
    assert_eq!(tokens(7), tokens(7));
    assert_ne!(tokens(7), tokens(8));
}

#[test]
fn scripts_of_any_origin_may_read_every_answer() {
    let mut client = world().member();
    let answers = [
        client.send(get("GET", "https://ca.test/directory")),
        client.send(get("HEAD", "https://ca.test/new-nonce")),
        client.send(get("GET", "https://ca.test/order/1")),
        client.order(json!({})),
    ];
    for answer in answers {
        assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"), "{answer:?}");
    }
}

#[test]
fn every_answer_but_the_directory_links_to_the_directory() {
    let mut client = world().member();
    let url = client.kid.clone().unwrap();
    assert_eq!(client.read(&url).link("index").as_deref(), Some("https://ca.test/directory"));
    let answer = bent(&mut client, |header| header["alg"] = json!("none"));
    assert_eq!(answer.link("index").as_deref(), Some("https://ca.test/directory"));
}

#[test]
fn objects_are_read_with_an_empty_payload_and_nothing_else() {
    let mut client = world().member();
    let order = client.order_for(&["a.test"]);
    client.post(&order.url, Some(json!({}))).refused(400, "malformed");
    client.post(&order.authorizations()[0], Some(json!({}))).refused(400, "malformed");
    let url = client.at("newOrder");
    client.read(&url).refused(400, "malformed");
    client.post(&url, Some(json!([]))).refused(400, "malformed");
    client.read(&order.finalize()).refused(400, "malformed");
}

#[test]
fn another_accounts_objects_are_unauthorized() {
    let world = world();
    let mut owner = world.member();
    let (certificate, _) = owner.issue(&["b.test"]);
    let order = owner.order_for(&["a.test"]);
    let authorization = order.authorizations()[0].clone();
    let challenge = owner.challenge(&authorization, "http-01")["url"].as_str().unwrap().to_owned();
    let account = owner.kid.clone().unwrap();
    let mut other = world.member();
    for url in [
        account.clone(),
        format!("{account}/orders"),
        order.url.clone(),
        authorization,
        challenge,
        certificate,
    ] {
        other.read(&url).refused(403, "unauthorized");
    }
    other.post(&order.finalize(), support::csr_payload(b"")).refused(403, "unauthorized");
}
