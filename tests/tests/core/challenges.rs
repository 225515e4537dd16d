//! Challenges (RFC 8555 section 8, RFC 8737, RFC 8738): what is published, what is answered, when.

use acme_proto::call::Call;
use acme_proto::error::{Error, Misuse};
use acme_proto::flow::{Flow, Output};
use acme_proto::identifier::Identifier;
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::jose::{KeyAuthorization, Thumbprint, base64url};
use acme_proto::op::GetChallenge;
use acme_proto::signer::Es256Key;
use acme_proto::token::Token;
use acme_proto::wire::ChallengeKind;
use acme_proto::x509::{Certificate, TlsAlpnCertificateBuilder};
use acme_testca::{CaConfig, Quirks, RequestKind};
use acme_tests::canned_server::{BASE, CannedServer, authorization, challenge, object, oblige};
use acme_tests::world::{SolverPlan, World, issuance, issue, issue_with};
use serde_json::json;

const NAME: &str = "a.example";
const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-1";

fn challenges(script: &CannedServer) -> Vec<acme_proto::challenge::Challenge> {
    let provision = |event: &IssuanceEvent| match event {
        IssuanceEvent::Provision(challenge) => Some(challenge.clone()),
        _ => None,
    };
    script.events.iter().filter_map(provision).collect()
}

fn key_authorization(challenge: &acme_proto::challenge::Challenge) -> KeyAuthorization {
    challenge.key_authorization().expect("a challenge with a token")
}

/// A script for one name whose authorization offers one kind.
fn offering(name: &str, kind: &str) -> CannedServer {
    let mut script = CannedServer::obliging(&[name]);
    let mut pending = authorization("pending", name, 1);
    pending["challenges"] = json!([challenge("pending", kind, 1)]);
    script.on("/authz/1", [object(&pending)]);
    script
}

/// Runs an issuance, and returns the one challenge that was provisioned.
fn provisioned(name: &str, kind: &str) -> (CannedServer, acme_proto::challenge::Challenge) {
    let mut script = offering(name, kind);
    script.issue(issuance(&[name])).expect("a certificate");
    let one = challenges(&script).pop().expect("a challenge");
    (script, one)
}

/// A world whose user publishes as planned.
pub(crate) fn world_of(
    plan: &SolverPlan,
    names: &[&str],
    quirks: Quirks,
) -> (World, Result<(), Error>) {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    world.ca.set_quirks(quirks);
    let result = issue_with(&mut world, &mut session, vec![issuance(names)], plan).pop();
    (world, result.expect("a result").map(drop))
}

pub(crate) fn offered(world: &World) -> Vec<Vec<ChallengeKind>> {
    let kinds = |(_, event): &(u64, IssuanceEvent)| match event {
        IssuanceEvent::Authorize(offer) => Some(offer.kinds().to_vec()),
        _ => None,
    };
    world.events.iter().filter_map(kinds).collect()
}

#[test]
fn the_key_authorization_is_the_token_a_dot_and_the_thumbprint() {
    let (script, one) = provisioned(NAME, "http-01");
    let expected = format!("{TOKEN}.{}", script.key.public_key().thumbprint());
    // covers 8555-8.1-1
    assert_eq!(key_authorization(&one).as_str(), expected);
    // covers 8555-8.1-2
    assert!(key_authorization(&one).as_str().starts_with(TOKEN));
}

#[test]
fn http_01_wants_the_key_authorization_under_the_token() {
    let (_, one) = provisioned(NAME, "http-01");
    let http = one.http_01().expect("http-01");
    // covers 8555-8.3-1
    assert_eq!(http.body, key_authorization(&one).as_str());
    // covers 8555-8.3-2
    assert_eq!(http.path, format!("/.well-known/acme-challenge/{TOKEN}"));
    // covers 8555-8.3-4
    assert!(http.body.is_ascii());
    assert_eq!(http.body, http.body.trim());
    assert_eq!(http.host, NAME);
    assert!(one.dns_01().is_none() && one.tls_alpn_01().is_none());
}

#[test]
fn dns_01_wants_the_digest_at_the_base_name() {
    let (script, one) = provisioned("*.a.example", "dns-01");
    let txt = one.dns_01().expect("dns-01");
    let digest = base64url::encode(&key_authorization(&one).digest());
    // covers 8555-8.4-1
    assert_eq!(txt.value, digest);
    assert_eq!(txt.value.len(), 43, "{}", txt.value);
    // covers 8555-8.4-2
    assert_eq!(txt.name, "_acme-challenge.a.example");
    // covers 8555-8.4-6
    assert_eq!(script.at("/challenge/1")[0].payload(), "{}");
}

#[test]
fn a_name_and_its_wildcard_are_two_authorizations_with_two_values_at_one_name() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let names = ["a.example", "*.a.example"];
    let plan = SolverPlan::only(ChallengeKind::Dns01);
    let issued = issue_with(&mut world, &mut session, vec![issuance(&names)], &plan);
    assert!(issued[0].is_ok(), "{issued:?}");
    let (mut there, mut most) = (Vec::new(), 0);
    let mut seen = Vec::new();
    for (_, event) in &world.events {
        match event {
            IssuanceEvent::Provision(c) => {
                let txt = c.dns_01().expect("dns-01");
                seen.push((txt.clone(), c.is_wildcard()));
                there.push(txt);
            }
            IssuanceEvent::CleanUp(c) => {
                let txt = c.dns_01().expect("dns-01");
                // covers 8555-8.4-5
                assert!(there.contains(&txt), "clean-up names {txt:?}");
                there.retain(|other| *other != txt);
            }
            _ => {}
        }
        most = most.max(there.len());
    }
    let same_name = seen.len() == 2 && seen[0].0.name == seen[1].0.name;
    // covers 8555-8.4-3
    assert!(same_name, "{seen:?}");
    assert_ne!(seen[0].0.value, seen[1].0.value, "{seen:?}");
    assert_eq!(most, 2, "{seen:?}");
    // covers 8555-7.4-6
    assert_eq!(seen.iter().filter(|(_, wildcard)| *wildcard).count(), 1);
    // covers 8555-8.4-5
    assert!(there.is_empty(), "{there:?}");
}

#[test]
fn a_name_too_long_for_its_txt_record_is_not_proved_by_dns() {
    let long = [["a"; 60].concat(), ["b"; 60].concat(), ["c"; 60].concat(), ["d"; 60].concat()];
    let long = format!("{}.example", long.join("."));
    assert!(long.len() > 253 - "_acme-challenge.".len(), "{}", long.len());
    let mut script = offering(&long, "dns-01");
    let error = script.issue(issuance(&[&long])).expect_err("too long");
    // covers 8555-8.4-7
    assert!(challenges(&script).is_empty(), "{error}");
    assert!(matches!(error, Error::Order(_)), "{error}");
}

#[test]
fn tls_alpn_01_wants_a_certificate_with_the_digest() {
    let (script, one) = provisioned(NAME, "tls-alpn-01");
    let alpn = one.tls_alpn_01().expect("tls-alpn-01");
    // covers 8737-3-1
    assert_eq!(alpn.server_name, NAME);
    assert!(one.token().is_some_and(|t| t.as_str() == TOKEN));
    // covers 8737-3-9
    assert_eq!(script.at("/challenge/1")[0].payload(), "{}");
    assert_eq!(alpn.digest, key_authorization(&one).digest());

    // covers 8737-4-3
    let certificate = alpn_certificate(one.identifier(), alpn.digest, &script);
    let read = Certificate::parse(certificate.clone()).expect("a certificate");
    // covers 8737-3-2
    assert_eq!(read.subject_der(), read.issuer_der());
    // covers 8737-3-3
    assert_eq!(read.dns_names(), [NAME]);
    assert!(read.ip_addresses().is_empty());
    // OID 1.3.6.1.5.5.7.1.31, critical, OCTET STRING { OCTET STRING { digest } }.
    let mut extension =
        vec![0x06, 8, 0x2b, 6, 1, 5, 5, 7, 1, 31, 0x01, 1, 0xff, 0x04, 34, 0x04, 32];
    extension.extend(alpn.digest);
    let found = certificate.windows(extension.len()).any(|window| window == extension);
    // covers 8737-3-4, 8737-3-5
    assert!(found);
}

fn alpn_certificate(identifier: &Identifier, digest: [u8; 32], script: &CannedServer) -> Vec<u8> {
    let key = Es256Key::from_scalar(&[5; 32]).expect("a scalar");
    let now = script.now();
    let builder = TlsAlpnCertificateBuilder::new(identifier, digest, &key.public_key(), now);
    let signature = key.sign(&builder.to_be_signed());
    let made = builder.finish(&signature);
    let read = Certificate::parse(made.clone()).expect("a certificate");
    assert!(read.not_before() <= now);
    assert!(now < read.not_after());
    made
}

#[test]
fn an_address_is_proved_by_http_or_tls_and_never_by_dns() {
    for (address, reverse, octets) in [
        ("192.0.2.1", "1.2.0.192.in-addr.arpa", 4),
        (
            "2001:db8::1",
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            16,
        ),
    ] {
        let mut script = CannedServer::obliging(&[address]);
        let mut pending = authorization("pending", address, 1);
        pending["challenges"] =
            json!([challenge("pending", "dns-01", 2), challenge("pending", "tls-alpn-01", 1)]);
        script.on("/authz/1", [object(&pending)]);
        script.issue(issuance(&[address])).expect("a certificate");
        let one = challenges(&script).pop().expect("a challenge");
        // covers 8738-7-1
        assert_eq!(*one.kind(), ChallengeKind::TlsAlpn01);
        let alpn = one.tls_alpn_01().expect("tls-alpn-01");
        // covers 8738-6-2
        assert_eq!(alpn.server_name, reverse);
        // covers 8737-4-3
        let read = Certificate::parse(alpn_certificate(one.identifier(), alpn.digest, &script));
        let read = read.expect("a certificate");
        let addresses: Vec<String> = read.ip_addresses().iter().map(ToString::to_string).collect();
        // covers 8738-6-1
        assert_eq!(addresses, [address]);
        assert!(read.dns_names().is_empty());
        assert_eq!(octets, if address.contains(':') { 16 } else { 4 });
    }
    let (_, one) = provisioned("2001:db8::1", "http-01");
    // covers 8738-4-1
    assert!(one.http_01().is_some_and(|http| http.host == "2001:db8::1"));
    let mut script = offering("192.0.2.1", "dns-01");
    let error = script.issue(issuance(&["192.0.2.1"])).expect_err("only dns-01");
    // covers 8738-7-1
    assert!(challenges(&script).is_empty(), "{error}");
}

#[test]
fn addresses_are_written_and_compared_as_addresses() {
    let mut script = offering("2001:db8::1", "http-01");
    let mut pending = authorization("pending", "2001:db8::1", 1);
    pending["identifier"]["value"] = json!("2001:0DB8:0:0:0:0:0:1");
    script.on("/authz/1", [object(&pending)]);
    let issued = script.issue(issuance(&["2001:0DB8:0:0:0:0:0:1"]));
    // covers 8738-3-2
    assert!(issued.is_ok(), "{issued:?}");
    let sent = script.at("/newOrder")[0].payload();
    let plain = r#"{"identifiers":[{"type":"ip","value":"2001:db8::1"}]}"#;
    // covers 8738-3-1
    assert_eq!(sent, plain);
    let refused = ["192.0.2.1", "*.192.0.2.1", "::1"].iter().all(|a| Identifier::dns(a).is_err());
    // covers 8738-3-3
    assert!(refused);
}

#[test]
fn addresses_and_names_are_issued_in_one_order() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let issued = issue(&mut world, &mut session, &["192.0.2.1", "2001:db8::1", NAME]);
    let issued = issued.expect("a certificate");
    let leaf = issued.chain().leaf();
    // covers 8738-4-1
    assert_eq!(leaf.ip_addresses().len(), 2);
    assert_eq!(leaf.dns_names(), [NAME]);
}

#[test]
fn a_token_that_is_no_base64url_is_never_published() {
    for token in ["../../etc/passwd", "a/b", "a%2f", "<script>", "", "abc="] {
        let mut script = CannedServer::obliging(&[NAME]);
        let mut pending = authorization("pending", NAME, 1);
        pending["challenges"][0]["token"] = json!(token);
        script.on("/authz/1", [object(&pending)]);
        let error = script.issue(issuance(&[NAME])).expect_err("no usable challenge");
        // covers 8555-8.1-6
        assert!(script.events.is_empty(), "{token}: {error}");
        // covers fld-ch-6
        assert!(matches!(error, Error::Order(_)), "{token}: {error}");
    }
}

#[test]
fn a_short_token_is_reported() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut pending = authorization("pending", NAME, 1);
    pending["challenges"][0]["token"] = json!("short");
    script.on("/authz/1", [object(&pending)]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    // covers 8555-8.1-7
    assert!(Token::parse("short").is_ok_and(|token| token.is_short()));
    let told = script.deviations().iter().any(|d| d.starts_with("challenges[0].token"));
    // covers 8555-8.1-7
    assert!(told, "{:?}", script.deviations());
}

#[test]
fn members_of_a_challenge_are_tolerated_as_far_as_possible() {
    let mut one = challenge("valid", "http-01", 1);
    one["validated"] = json!("yesterday");
    one["error"] = json!(7);
    one["keyAuthorization"] = json!("evil.evil");
    let mut script = CannedServer::new();
    script.on("/challenge/1", [object(&one)]);
    let url = format!("{BASE}/challenge/1").parse().expect("a URL");
    let read = script.call(GetChallenge(url)).expect("a challenge");
    // covers fld-ch-4
    assert!(read.validated().is_none());
    let odd = script.deviations().iter().any(|d| d.starts_with("error"));
    // covers fld-ch-5
    assert!(read.error().is_none(), "{:?}", script.deviations());
    assert!(odd, "{:?}", script.deviations());
    // covers 8555-8-3
    assert_eq!(read.extra()["keyAuthorization"], "evil.evil");
    // covers 8555-7.5.1-2
    assert!(script.at("/challenge/1")[0].payload().is_empty());
}

#[test]
fn a_challenge_without_status_is_pending_and_keeps_its_thumbprint() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut pending = authorization("pending", NAME, 1);
    pending["challenges"][0].as_object_mut().expect("an object").remove("status");
    script.on("/authz/1", [object(&pending)]);
    let issued = script.issue(issuance(&[NAME]));
    // covers 8555-8-1
    assert!(issued.is_ok(), "{issued:?}");
    assert_eq!(script.count("/challenge/1"), 1, "{issued:?}");
    // covers fld-ch-3
    assert!(issued.is_ok(), "{issued:?}");
    let thumbprint: Thumbprint = script.key.public_key().thumbprint();
    // covers 8555-8.1-5
    assert_eq!(*challenges(&script)[0].thumbprint(), thumbprint);
    // covers fld-ch-12
    assert!(key_authorization(&challenges(&script)[0]).as_str().starts_with(TOKEN));
}

#[test]
fn when_one_kind_cannot_be_published_the_others_are_offered() {
    let plan = SolverPlan { fails_kinds: vec![ChallengeKind::Http01], ..SolverPlan::default() };
    let (world, result) = world_of(&plan, &[NAME], Quirks::default());
    assert!(result.is_ok(), "{result:?}");
    let offers = offered(&world);
    assert_eq!(offers[1], [ChallengeKind::Dns01, ChallengeKind::TlsAlpn01]);
    let cleaned = world
        .events
        .iter()
        .any(|(_, e)| matches!(e, IssuanceEvent::CleanUp(c) if *c.kind() == ChallengeKind::Http01));
    assert!(cleaned, "what could not be published is cleaned up all the same");
}

#[test]
fn when_no_kind_can_be_published_the_reasons_are_listed() {
    let plan = SolverPlan { fails: 100, ..SolverPlan::default() };
    let (world, result) = world_of(&plan, &[NAME], Quirks::default());
    let error = result.expect_err("nothing can be published");
    let Error::Order(failed) = &error else { panic!("{error}") };
    let tried: Vec<_> =
        failed.failures()[0].tried().iter().map(|a| (a.kind().as_str(), a.local_error())).collect();
    let no = |kind| (kind, Some("no"));
    assert_eq!(tried, [no("http-01"), no("dns-01"), no("tls-alpn-01")]);
    let told = world.transcript.iter().any(|e| e.kind == RequestKind::Challenge);
    // covers 8555-8.2-1
    assert!(!told, "the server was told of a challenge that is not published");
}

#[test]
fn a_new_order_tries_another_kind() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let plan = SolverPlan { forgets_kinds: vec![ChallengeKind::Http01], ..SolverPlan::default() };
    let flows = vec![issuance(&[NAME, "b.example"]).with_solver_kinds(plan.kinds.clone())];
    let result = issue_with(&mut world, &mut session, flows, &plan).pop().expect("a result");
    assert!(result.is_ok(), "{result:?}");
    let orders = world.transcript.iter().filter(|e| e.kind == RequestKind::NewOrder).count();
    assert_eq!(orders, 2);
    assert!(world.published.is_empty());
    let http = |e: &IssuanceEvent| matches!(e, IssuanceEvent::Provision(c) if *c.kind() == ChallengeKind::Http01);
    assert_eq!(world.events.iter().filter(|(_, e)| http(e)).count(), 2, "once a name");
}

#[test]
fn refusing_an_offer_ends_the_order_with_the_reason() {
    let plan = SolverPlan::only(ChallengeKind::DnsAccount01);
    let (world, result) = world_of(&plan, &[NAME], Quirks::default());
    let error = result.expect_err("refused");
    assert!(error.to_string().contains("no solver for these kinds"), "{error}");
    let listed = ["http-01", "dns-01", "tls-alpn-01"].iter().all(|k| error.to_string().contains(k));
    // covers 8555-7.1.4-7
    assert!(listed, "{error}");
    assert!(world.published.is_empty());
}

#[test]
fn commands_that_name_nothing_are_misuse() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut session = script.session();
    let mut flow: Issuance = issuance(&[NAME]);
    let mut seen = Vec::new();
    let result = script.run(&mut session, &mut flow, |flow, session, event| match event {
        IssuanceEvent::Authorize(offer) => {
            let wrong = flow.select(session, &offer.id(), &ChallengeKind::Dns01);
            seen.push(matches!(wrong, Err(Misuse::KindNotOffered)));
            oblige(flow, session, IssuanceEvent::Authorize(offer.clone()));
            let twice = flow.select(session, &offer.id(), &ChallengeKind::Http01);
            seen.push(twice == Err(Misuse::UnknownId));
            seen.push(flow.refuse(&offer.id(), String::new()) == Err(Misuse::UnknownId));
        }
        IssuanceEvent::CleanUp(challenge) => {
            flow.cleaned(&challenge.id()).expect("handed out");
            seen.push(flow.cleaned(&challenge.id()) == Err(Misuse::UnknownId));
            seen.push(flow.ready(&challenge.id()) == Err(Misuse::UnknownId));
        }
        other => oblige(flow, session, other),
    });
    assert!(result.is_ok());
    assert_eq!(seen, [true; 5]);
    let after = flow.poll_output(&mut session, script.now());
    assert!(matches!(after, Output::Done(Err(Error::Misuse(Misuse::Finished)))), "{after:?}");
    let id = challenges(&script).first().map(acme_proto::challenge::Challenge::id);
    assert!(id.is_none_or(|id| flow.ready(&id) == Err(Misuse::Finished)));
}

#[test]
fn a_challenge_can_be_read_without_starting_it() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let mut url = None;
    let plan = SolverPlan { forgets: true, ..SolverPlan::default() };
    let _ = issue_with(&mut world, &mut session, vec![issuance(&[NAME])], &plan);
    for (_, event) in &world.events {
        if let IssuanceEvent::Provision(challenge) = event {
            url = Some(challenge.url().clone());
        }
    }
    let call = Call::new(GetChallenge(url.expect("a challenge")));
    let read = world.run(&mut session, call, |_, _, never| match never {}).expect("a challenge");
    // covers 8555-7.1.6-1
    assert_eq!(read.status().as_str(), "invalid");
    assert!(read.error().is_some());
}
