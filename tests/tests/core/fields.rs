//! Members of orders, authorizations and challenges that a flow lives without, or does not live with.

use acme_proto::error::{Error, PeerFault};
use acme_proto::identifier::Identifier;
use acme_proto::issuance::Issuance;
use acme_proto::op::{GetAuthorization, GetCertificate, GetOrder, NewOrder};
use acme_proto::url::Url;
use acme_tests::canned_server::{BASE, CannedServer, authorization, created, object, order};
use acme_tests::world::issuance;
use serde_json::{Value, json};

const NAME: &str = "a.example";

fn url(path: &str) -> Url {
    format!("{BASE}{path}").parse().expect("a URL")
}

/// Reads an order with one member changed.
fn read(member: &str, value: Value) -> (CannedServer, Result<acme_proto::wire::Order, Error>) {
    let mut script = CannedServer::new();
    let mut answer = order("ready", &[NAME]);
    answer[member] = value;
    script.on("/order/1", [object(&answer)]);
    let read = script.call(GetOrder(url("/order/1")));
    (script, read)
}

#[test]
fn identifiers_that_are_no_identifiers_are_taken_for_none() {
    for identifiers in [
        json!(["a.example"]),
        // covers fld-ord-4
        json!([{ "value": NAME }]),
        // covers fld-ord-5
        json!([{ "type": "dns" }]),
    ] {
        let (script, result) = read("identifiers", identifiers.clone());
        let order = result.expect("an order");
        assert!(order.identifiers().is_empty(), "{identifiers}");
        let told = script.deviations().iter().any(|told| told.starts_with("identifiers[0]"));
        assert!(told, "{:?}", script.deviations());
    }
    let (_, result) = read("identifiers", json!({}));
    // covers fld-ord-3
    let Err(Error::Peer(peer)) = &result else { panic!("{result:?}") };
    assert!(matches!(peer.fault(), PeerFault::Object { .. }), "{result:?}");
}

#[test]
fn identifiers_that_nobody_asked_for_are_kept_as_text() {
    let odd =
        json!([{ "type": "dns", "value": "a_b.example" }, { "type": "pigeon", "value": "x y" }]);
    let (_, result) = read("identifiers", odd);
    let order = result.expect("an order");
    let kept = |n: usize, kind: &str, value: &str| {
        let identifier = &order.identifiers()[n];
        matches!(identifier, Identifier::Other { .. })
            && (identifier.kind(), &*identifier.value()) == (kind, value)
    };
    // covers fld-ord-4
    assert!(kept(1, "pigeon", "x y"));
    // covers fld-ord-5
    assert!(kept(0, "dns", "a_b.example"));
}

#[test]
fn an_order_that_is_read_without_identifiers_goes_on_with_the_known_ones() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut ready = order("ready", &[NAME]);
    ready.as_object_mut().expect("an object").remove("identifiers");
    script.on("/order/1", [object(&ready)]);
    let issued = script.issue(issuance(&[NAME]));
    // covers fld-ord-3
    assert!(issued.is_ok(), "{issued:?}");
    assert!(script.deviations().contains(&"identifiers: missing".to_owned()));
}

#[test]
fn dates_of_an_order_that_cannot_be_read_are_reported_and_ignored() {
    // covers fld-ord-2, fld-ord-6
    // covers fld-ord-2, fld-ord-6
    // covers fld-ord-2, fld-ord-6
    for member in ["notBefore", "notAfter", "expires"] {
        let (script, result) = read(member, json!("next week"));
        let told = script.deviations().iter().any(|d| d.starts_with(member));
        assert!(result.is_ok(), "{member}: {:?}", script.deviations());
        assert!(told, "{member}: {:?}", script.deviations());
    }
}

#[test]
fn extensions_of_an_order_are_shown_or_ignored() {
    let (_, shown) = read("profile", json!("shortlived"));
    // covers fld-ord-12
    assert!(shown.is_ok_and(|order| order.profile() == Some("shortlived")));
    let (_, odd) = read("profile", json!(7));
    // covers fld-ord-12
    assert!(odd.is_ok_and(|order| order.profile().is_none()));
    let (_, odd) = read("replaces", json!([]));
    // covers fld-ord-11
    assert!(odd.is_ok_and(|order| order.replaces().is_none()));
    let (_, odd) = read("allow-certificate-get", json!("yes"));
    // covers fld-ord-14
    assert!(odd.is_ok(), "{odd:?}");
}

#[test]
fn the_profile_that_was_applied_is_in_the_result() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut valid = order("valid", &[NAME]);
    valid["profile"] = json!("classic");
    script.on("/finalize/1", [object(&valid)]);
    let issued = script.issue(issuance(&[NAME])).expect("a certificate");
    // covers fld-ord-12
    assert_eq!(issued.profile(), Some("classic"));
}

#[test]
fn members_of_an_authorization_that_only_inform_are_optional() {
    for (value, allowed) in [(json!(true), true), (json!("yes"), false), (Value::Null, false)] {
        let mut script = CannedServer::new();
        let mut answer = authorization("pending", NAME, 1);
        answer["subdomainAuthAllowed"] = value;
        answer["pigeons"] = json!([1, { "feathers": 2 }]);
        script.on("/authz/1", [object(&answer)]);
        let read = script.call(GetAuthorization(url("/authz/1"))).expect("an authorization");
        // covers fld-az-6
        assert_eq!(read.subdomain_auth_allowed(), allowed);
        // covers fld-gen-1
        assert!(read.extra().contains_key("pigeons"));
    }
}

#[test]
fn kinds_of_challenge_that_need_more_than_a_token_are_not_offered() {
    for kind in [
        // covers fld-ch-7
        "dns-persist-01",
        // covers fld-ch-8
        "email-reply-00",
        // covers fld-ch-9
        "tkauth-01",
        // covers fld-ch-10
        "onion-csr-01",
        // covers fld-ch-11
        "bp-nodeid-00",
    ] {
        let mut script = CannedServer::obliging(&[NAME]);
        let mut pending = authorization("pending", NAME, 1);
        pending["challenges"][0]["type"] = json!(kind);
        script.on("/authz/1", [object(&pending)]);
        let error = script.issue(issuance(&[NAME])).expect_err("nothing that we can do");
        let named = matches!(error, Error::Order(_)) && error.to_string().contains(kind);
        assert!(named, "{error}");
        assert!(script.events.is_empty(), "{error}");
    }
}

#[test]
fn reserved_kinds_of_challenge_are_never_offered() {
    for kind in ["tls-sni-01", "tls-sni-02"] {
        let mut script = CannedServer::obliging(&[NAME]);
        let mut pending = authorization("pending", NAME, 1);
        pending["challenges"][0]["type"] = json!(kind);
        script.on("/authz/1", [object(&pending)]);
        let error = script.issue(issuance(&[NAME])).expect_err("nothing that is safe");
        // covers 8555-9.7-2
        assert!(script.events.is_empty(), "{:?}", script.events);
        assert!(error.to_string().contains(kind));
    }
}

#[test]
fn renewing_is_a_new_order_and_the_old_certificate_stays_what_it_was() {
    let mut script = CannedServer::obliging(&[NAME]);
    let first = script.issue(issuance(&[NAME])).expect("a certificate");
    script.issue(issuance(&[NAME])).expect("another certificate");
    // covers 8555-7.4.2-7
    assert_eq!(script.count("/newOrder"), 2);
    let again = script.call(GetCertificate(first.certificate_url().clone())).expect("a chain");
    // covers 8555-7.4.2-7
    assert_eq!(again.chain().to_pem(), first.chain().to_pem());
}

#[test]
fn urls_of_an_order_that_are_not_https_are_refused() {
    for member in ["authorizations", "finalize", "certificate"] {
        let plain = |text: &str| text.replace("https:", "http:");
        let mut script = CannedServer::obliging(&[NAME]);
        let mut pending = order("pending", &[NAME]);
        let mut ready = order("ready", &[NAME]);
        let mut valid = order("valid", &[NAME]);
        for order in [&mut pending, &mut ready, &mut valid] {
            if let Some(value) = order.get(member) {
                order[member] = serde_json::from_str(&plain(&value.to_string())).expect("JSON");
            }
        }
        script.on("/newOrder", [created(&pending)]);
        script.on("/order/1", [object(&ready), object(&valid)]);
        script.on("/finalize/1", [object(&valid)]);
        let error = script.issue(issuance(&[NAME])).expect_err("plain http");
        let all_https = script.asked.iter().all(|a| a.request.url().as_str().starts_with("https:"));
        // covers fld-gen-8
        assert!(all_https, "{member}: {error}");
        assert!(matches!(error, Error::Peer(_)), "{member}: {error}");
    }
}

#[test]
fn an_order_says_that_it_replaces_only_where_that_means_something() {
    let mut script = CannedServer::obliging(&[NAME]);
    let request =
        NewOrder::new([NAME.parse().expect("a name")]).expect("a name").with_replaces("a.b");
    script.issue(Issuance::for_order(request)).expect("a certificate");
    // The script's directory has no renewalInfo.
    let sent = script.at("/newOrder")[0].payload();
    // covers 9773-5-2
    assert!(!sent.contains("replaces"), "{sent}");
}
