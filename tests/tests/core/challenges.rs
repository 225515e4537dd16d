//! Challenges (RFC 8555 section 8, RFC 8737, RFC 8738): what is published, what is answered, when.

use core::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::{Error, Misuse};
use acme_proto::flow::{Flow, Output};
use acme_proto::identifier::Identifier;
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::jose::{KeyAuthorization, Thumbprint, base64url};
use acme_proto::notice::{Notice, Progress};
use acme_proto::op::GetChallenge;
use acme_proto::signer::Es256Key;
use acme_proto::token::Token;
use acme_proto::wire::ChallengeKind;
use acme_proto::x509::{Certificate, TlsAlpnCertificateBuilder};
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, Problem, Quirks, RequestKind};
use acme_tests::script_issuance::{
    BASE, Script, authorization, challenge, object, oblige, order, problem,
};
use acme_tests::world::{SolverPlan, World, issuance, issue, issue_with};
use acme_tests::{covers, covers_eq};
use serde_json::json;

const NAME: &str = "a.example";
const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-1";

fn challenges(script: &Script) -> Vec<acme_proto::challenge::Challenge> {
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
fn offering(name: &str, kind: &str) -> Script {
    let mut script = Script::obliging(&[name]);
    let mut pending = authorization("pending", name, 1);
    pending["challenges"] = json!([challenge("pending", kind, 1)]);
    script.on("/authz/1", [object(&pending)]);
    script
}

/// Runs an issuance, and returns the one challenge that was provisioned.
fn provisioned(name: &str, kind: &str) -> (Script, acme_proto::challenge::Challenge) {
    let mut script = offering(name, kind);
    script.issue(issuance(&[name])).expect("a certificate");
    let one = challenges(&script).pop().expect("a challenge");
    (script, one)
}

/// A world whose user publishes as planned.
fn world_of(plan: &SolverPlan, names: &[&str], quirks: Quirks) -> (World, Result<(), Error>) {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    world.ca.set_quirks(quirks);
    let result = issue_with(&mut world, &mut session, vec![issuance(names)], plan).pop();
    (world, result.expect("a result").map(drop))
}

fn offered(world: &World) -> Vec<Vec<ChallengeKind>> {
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
    covers!("8555-8.1-1", key_authorization(&one).as_str() == expected);
    covers!("8555-8.1-2", key_authorization(&one).as_str().starts_with(TOKEN));
}

#[test]
fn http_01_wants_the_key_authorization_under_the_token() {
    let (_, one) = provisioned(NAME, "http-01");
    let http = one.http_01().expect("http-01");
    covers!("8555-8.3-1", http.body == key_authorization(&one).as_str());
    covers!("8555-8.3-2", http.path == format!("/.well-known/acme-challenge/{TOKEN}"));
    covers!("8555-8.3-4", http.body.is_ascii() && http.body == http.body.trim());
    assert_eq!(http.host, NAME);
    assert!(one.dns_01().is_none() && one.tls_alpn_01().is_none());
}

#[test]
fn dns_01_wants_the_digest_at_the_base_name() {
    let (script, one) = provisioned("*.a.example", "dns-01");
    let txt = one.dns_01().expect("dns-01");
    let digest = base64url::encode(&key_authorization(&one).digest());
    covers!("8555-8.4-1", txt.value == digest && txt.value.len() == 43, "{}", txt.value);
    covers!("8555-8.4-2", txt.name == "_acme-challenge.a.example", "{}", txt.name);
    covers!("8555-8.4-6", script.at("/challenge/1")[0].payload() == "{}");
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
                covers!("8555-8.4-5", there.contains(&txt), "clean-up names {txt:?}");
                there.retain(|other| *other != txt);
            }
            _ => {}
        }
        most = most.max(there.len());
    }
    let same_name = seen.len() == 2 && seen[0].0.name == seen[1].0.name;
    covers!("8555-8.4-3", same_name && seen[0].0.value != seen[1].0.value && most == 2, "{seen:?}");
    covers!("8555-7.4-6", seen.iter().filter(|(_, wildcard)| *wildcard).count() == 1);
    covers!("8555-8.4-5", there.is_empty());
}

#[test]
fn a_name_too_long_for_its_txt_record_is_not_proved_by_dns() {
    let long = [["a"; 60].concat(), ["b"; 60].concat(), ["c"; 60].concat(), ["d"; 60].concat()];
    let long = format!("{}.example", long.join("."));
    assert!(long.len() > 253 - "_acme-challenge.".len(), "{}", long.len());
    let mut script = offering(&long, "dns-01");
    let error = script.issue(issuance(&[&long])).expect_err("too long");
    covers!("8555-8.4-7", challenges(&script).is_empty(), "{error}");
    covers!("8555-8.4-7", matches!(error, Error::Order(_)), "{error}");
}

#[test]
fn tls_alpn_01_wants_a_certificate_with_the_digest() {
    let (script, one) = provisioned(NAME, "tls-alpn-01");
    let alpn = one.tls_alpn_01().expect("tls-alpn-01");
    covers!(
        "8737-3-1",
        alpn.server_name == NAME && one.token().is_some_and(|t| t.as_str() == TOKEN)
    );
    covers!("8737-3-9", script.at("/challenge/1")[0].payload() == "{}");
    assert_eq!(alpn.digest, key_authorization(&one).digest());

    let certificate = alpn_certificate(one.identifier(), alpn.digest, &script);
    let read = Certificate::parse(certificate.clone()).expect("a certificate");
    covers!("8737-3-2", read.subject_der() == read.issuer_der());
    covers!("8737-3-3", read.dns_names() == [NAME] && read.ip_addresses().is_empty());
    // OID 1.3.6.1.5.5.7.1.31, critical, OCTET STRING { OCTET STRING { digest } }.
    let mut extension =
        vec![0x06, 8, 0x2b, 6, 1, 5, 5, 7, 1, 31, 0x01, 1, 0xff, 0x04, 34, 0x04, 32];
    extension.extend(alpn.digest);
    let found = certificate.windows(extension.len()).any(|window| window == extension);
    covers!("8737-3-4", found);
    covers!("8737-3-5", found);
}

fn alpn_certificate(identifier: &Identifier, digest: [u8; 32], script: &Script) -> Vec<u8> {
    let key = Es256Key::from_scalar(&[5; 32]).expect("a scalar");
    let now = script.now();
    let builder = TlsAlpnCertificateBuilder::new(identifier, digest, &key.public_key(), now);
    let signature = key.sign(&builder.to_be_signed());
    let made = builder.finish(&signature);
    let read = Certificate::parse(made.clone()).expect("a certificate");
    covers!("8737-4-3", read.not_before() <= now && now < read.not_after());
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
        let mut script = Script::obliging(&[address]);
        let mut pending = authorization("pending", address, 1);
        pending["challenges"] =
            json!([challenge("pending", "dns-01", 2), challenge("pending", "tls-alpn-01", 1)]);
        script.on("/authz/1", [object(&pending)]);
        script.issue(issuance(&[address])).expect("a certificate");
        let one = challenges(&script).pop().expect("a challenge");
        covers!("8738-7-1", *one.kind() == ChallengeKind::TlsAlpn01);
        let alpn = one.tls_alpn_01().expect("tls-alpn-01");
        covers!("8738-6-2", alpn.server_name == reverse, "{}", alpn.server_name);
        let read = Certificate::parse(alpn_certificate(one.identifier(), alpn.digest, &script));
        let read = read.expect("a certificate");
        let addresses: Vec<String> = read.ip_addresses().iter().map(ToString::to_string).collect();
        covers!("8738-6-1", addresses == [address] && read.dns_names().is_empty());
        assert_eq!(octets, if address.contains(':') { 16 } else { 4 });
    }
    let (_, one) = provisioned("2001:db8::1", "http-01");
    covers!("8738-4-1", one.http_01().is_some_and(|http| http.host == "2001:db8::1"));
    let mut script = offering("192.0.2.1", "dns-01");
    let error = script.issue(issuance(&["192.0.2.1"])).expect_err("only dns-01");
    covers!("8738-7-1", challenges(&script).is_empty(), "{error}");
}

#[test]
fn addresses_are_written_and_compared_as_addresses() {
    let mut script = offering("2001:db8::1", "http-01");
    let mut pending = authorization("pending", "2001:db8::1", 1);
    pending["identifier"]["value"] = json!("2001:0DB8:0:0:0:0:0:1");
    script.on("/authz/1", [object(&pending)]);
    let issued = script.issue(issuance(&["2001:0DB8:0:0:0:0:0:1"]));
    covers!("8738-3-2", issued.is_ok(), "{issued:?}");
    let sent = script.at("/newOrder")[0].payload();
    let plain = r#"{"identifiers":[{"type":"ip","value":"2001:db8::1"}]}"#;
    covers!("8738-3-1", sent == plain, "{sent}");
    let refused = ["192.0.2.1", "*.192.0.2.1", "::1"].iter().all(|a| Identifier::dns(a).is_err());
    covers!("8738-3-3", refused);
}

#[test]
fn addresses_and_names_are_issued_in_one_order() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let issued = issue(&mut world, &mut session, &["192.0.2.1", "2001:db8::1", NAME]);
    let issued = issued.expect("a certificate");
    let leaf = issued.chain().leaf();
    covers!("8738-4-1", leaf.ip_addresses().len() == 2 && leaf.dns_names() == [NAME]);
}

#[test]
fn a_token_that_is_no_base64url_is_never_published() {
    for token in ["../../etc/passwd", "a/b", "a%2f", "<script>", "", "abc="] {
        let mut script = Script::obliging(&[NAME]);
        let mut pending = authorization("pending", NAME, 1);
        pending["challenges"][0]["token"] = json!(token);
        script.on("/authz/1", [object(&pending)]);
        let error = script.issue(issuance(&[NAME])).expect_err("no usable challenge");
        covers!("8555-8.1-6", script.events.is_empty(), "{token}: {error}");
        covers!("fld-ch-6", matches!(error, Error::Order(_)), "{token}: {error}");
    }
}

#[test]
fn a_short_token_is_reported() {
    let mut script = Script::obliging(&[NAME]);
    let mut pending = authorization("pending", NAME, 1);
    pending["challenges"][0]["token"] = json!("short");
    script.on("/authz/1", [object(&pending)]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    covers!("8555-8.1-7", Token::parse("short").is_ok_and(|token| token.is_short()));
    let told = script.deviations().iter().any(|d| d.starts_with("challenges[0].token"));
    covers!("8555-8.1-7", told, "{:?}", script.deviations());
}

#[test]
fn members_of_a_challenge_are_tolerated_as_far_as_possible() {
    let mut one = challenge("valid", "http-01", 1);
    one["validated"] = json!("yesterday");
    one["error"] = json!(7);
    one["keyAuthorization"] = json!("evil.evil");
    let mut script = Script::new();
    script.on("/challenge/1", [object(&one)]);
    let url = format!("{BASE}/challenge/1").parse().expect("a URL");
    let read = script.call(GetChallenge(url)).expect("a challenge");
    covers!("fld-ch-4", read.validated().is_none());
    let odd = script.deviations().iter().any(|d| d.starts_with("error"));
    covers!("fld-ch-5", read.error().is_none() && odd, "{:?}", script.deviations());
    covers!("8555-8-3", read.extra()["keyAuthorization"] == "evil.evil");
    covers!("8555-7.5.1-2", script.at("/challenge/1")[0].payload().is_empty());
}

#[test]
fn a_challenge_without_status_is_pending_and_keeps_its_thumbprint() {
    let mut script = Script::obliging(&[NAME]);
    let mut pending = authorization("pending", NAME, 1);
    pending["challenges"][0].as_object_mut().expect("an object").remove("status");
    script.on("/authz/1", [object(&pending)]);
    let issued = script.issue(issuance(&[NAME]));
    covers!("8555-8-1", issued.is_ok() && script.count("/challenge/1") == 1, "{issued:?}");
    covers!("fld-ch-3", issued.is_ok());
    let thumbprint: Thumbprint = script.key.public_key().thumbprint();
    covers!("8555-8.1-5", *challenges(&script)[0].thumbprint() == thumbprint);
    covers!("fld-ch-12", key_authorization(&challenges(&script)[0]).as_str().starts_with(TOKEN));
}

#[test]
fn the_server_is_told_only_after_the_user_says_that_it_is_published() {
    let mut script = Script::obliging(&[NAME]);
    let mut session = script.session();
    let mut flow = issuance(&[NAME]);
    let mut told_at = None;
    let begin = script.now();
    let issued = script.run(&mut session, &mut flow, |flow, session, event| match event {
        IssuanceEvent::Provision(challenge) => {
            told_at = Some(challenge.id());
            let delay = Duration::from_secs(30);
            flow.ready_after(&challenge.id(), delay).expect("handed out");
        }
        other => oblige(flow, session, other),
    });
    assert!(issued.is_ok() && told_at.is_some() && begin < script.now());
    let sent = script.at("/challenge/1")[0].millis;
    covers!("8555-8.2-1", (30_000..31_000).contains(&sent), "{sent} ms");
}

#[test]
fn an_error_in_a_challenge_that_is_still_processing_is_no_failure() {
    let mut failing = challenge("processing", "http-01", 1);
    failing["error"] = json!({ "detail": "not yet" });
    let mut script = Script::obliging(&[NAME]);
    script.on("/challenge/1", [object(&failing)]);
    let mut looked = authorization("pending", NAME, 1);
    looked["challenges"] = json!([failing]);
    script.on("/authz/1", [object(&authorization("pending", NAME, 1)), object(&looked)]);
    let mut polls = vec![object(&order("pending", &[NAME])); 7];
    polls.push(object(&order("ready", &[NAME])));
    script.on("/order/1", polls);
    let issued = script.issue(issuance(&[NAME]));
    covers!("8555-8-2", issued.is_ok() && script.count("/authz/1") > 1, "{issued:?}");
    covers!("8555-7.1.6-4", script.count("/challenge/1") == 1, "it is not answered again");
    covers!("8555-8.2-4", script.count("/challenge/1") == 1);
}

#[test]
fn the_answer_to_a_challenge_may_ask_to_wait() {
    let mut script = Script::obliging(&[NAME]);
    let waits = object(&challenge("processing", "http-01", 1)).with_header("retry-after", "15");
    script.on("/challenge/1", [waits]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    let told = script.at("/challenge/1")[0].millis;
    let wait = script.at("/order/1")[0].millis - told;
    covers!("8555-8.2-3", (15_000..16_000).contains(&wait), "{wait} ms");
}

#[test]
fn a_challenge_left_pending_with_an_error_is_answered_again_and_then_given_up() {
    // step-ca and Caddy: the challenge, the authorization and the order stay pending for ever.
    let quirks = Quirks { challenge_error_leaves_pending: true, ..Quirks::default() };
    let plan = SolverPlan { forgets: true, ..SolverPlan::default() };
    let (world, result) = world_of(&plan, &[NAME], quirks);
    let error = result.expect_err("nothing is published");
    let told = matches!(&error, Error::Order(o) if o.failures()[0].problem().is_some());
    covers!("8555-8.2-2", told && error.to_string().contains("nothing is published"), "{error}");
    let answers = world.transcript.iter().filter(|e| e.kind == RequestKind::Challenge).count();
    covers!("8555-8.2-4", answers <= 6, "{answers} answers for three kinds");
    let seconds =
        (world.transcript.last().expect("asked").millis - world.transcript[0].millis) / 1000;
    assert!(seconds < 60, "{seconds} seconds");
    assert_eq!(offered(&world).iter().map(Vec::len).collect::<Vec<_>>(), [3, 2, 1]);
    assert!(world.published.is_empty());
}

#[test]
fn a_second_try_succeeds_where_the_server_leaves_the_challenge_pending() {
    let quirks = Quirks { challenge_error_leaves_pending: true, ..Quirks::default() };
    let plan = SolverPlan { forgets_kinds: vec![ChallengeKind::Http01], ..SolverPlan::default() };
    let (world, result) = world_of(&plan, &[NAME], quirks);
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(offered(&world).len(), 2, "the second kind proves it");
}

#[test]
fn an_error_answer_to_a_challenge_undoes_it_and_offers_the_other_kinds() {
    // serles
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let refusal = FaultAction::Problem(Problem::new(400, "incorrectResponse", "the wrong content"));
    let rule = FaultRule::next(refusal).on(RequestKind::Challenge);
    world.ca.set_faults(Faults::none().with(rule));
    let result = issue(&mut world, &mut session, &[NAME]);
    assert!(result.is_ok(), "{result:?}");
    let offers = offered(&world);
    covers_eq!("8555-7.1.4-6", offers.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
    let cleaned = world.events.iter().position(|(_, e)| matches!(e, IssuanceEvent::CleanUp(_)));
    let again = world.events.iter().rposition(|(_, e)| matches!(e, IssuanceEvent::Provision(_)));
    covers!("8555-7.5.1-6", cleaned < again, "the first one is cleaned up before the end");
    let kept = world.notices.iter().any(|notice| {
        matches!(notice, Notice::Progress(Progress::ChallengeFailed(_, ChallengeKind::Http01, Some(p)))
            if p.detail() == Some("the wrong content"))
    });
    assert!(kept, "{:?}", world.notices);
}

#[test]
fn a_malformed_answer_to_a_challenge_that_stays_pending_does_not_hang() {
    // W22 says "malformed" of a challenge that is no longer pending; others say it of anything.
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let refusal = FaultAction::Problem(Problem::new(400, "malformed", "the wrong content"));
    let rule = FaultRule::next(refusal).on(RequestKind::Challenge);
    world.ca.set_faults(Faults::none().with(rule));
    let result = issue(&mut world, &mut session, &[NAME]);
    assert!(result.is_ok(), "{result:?}");
    let seconds =
        (world.transcript.last().expect("asked").millis - world.transcript[0].millis) / 1000;
    assert!(seconds < 30, "{seconds} seconds");
}

#[test]
fn a_challenge_that_is_no_longer_pending_is_read_and_goes_on() {
    // W22: the first answer was lost, or another client was faster.
    let mut script = Script::obliging(&[NAME]);
    script.on("/challenge/1", [problem(400, "malformed")]);
    let valid = authorization("valid", NAME, 1);
    script.on("/authz/1", [object(&authorization("pending", NAME, 1)), object(&valid)]);
    let issued = script.issue(issuance(&[NAME]));
    covers!("8555-8.2-2", issued.is_ok() && script.count("/authz/1") == 2, "{issued:?}");
    assert_eq!(script.count("/challenge/1"), 1);
}

#[test]
fn after_a_lost_answer_the_challenge_is_read_before_it_is_answered_again() {
    let mut script = Script::obliging(&[NAME]);
    script.lose("/challenge/1");
    script.issue(issuance(&[NAME])).expect("a certificate");
    let sent: Vec<String> = script.at("/challenge/1").iter().map(|a| a.payload()).collect();
    covers!("8555-8.2-4", sent == ["{}", ""], "{sent:?}");

    let mut script = Script::obliging(&[NAME]);
    let pending = object(&challenge("pending", "http-01", 1));
    script.on("/challenge/1", [pending, object(&challenge("processing", "http-01", 1))]);
    script.lose("/challenge/1");
    script.issue(issuance(&[NAME])).expect("a certificate");
    let sent: Vec<String> = script.at("/challenge/1").iter().map(|a| a.payload()).collect();
    covers!("8555-8.2-2", sent == ["{}", "", "{}"], "{sent:?}");
    let nonces: std::collections::BTreeSet<String> =
        script.at("/challenge/1").iter().map(|a| a.protected()["nonce"].to_string()).collect();
    covers!("8555-8.2-2", nonces.len() == 3);
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
    covers!("8555-8.2-1", !told, "the server was told of a challenge that is not published");
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
    covers!("8555-7.1.4-7", listed, "{error}");
    assert!(world.published.is_empty());
}

#[test]
fn commands_that_name_nothing_are_misuse() {
    let mut script = Script::obliging(&[NAME]);
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
    assert!(matches!(flow.poll_output(&mut session, script.now()), Output::Timeout(None)));
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
    covers!("8555-7.1.6-1", read.status().as_str() == "invalid" && read.error().is_some());
}
