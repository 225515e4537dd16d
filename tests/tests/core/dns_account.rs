//! dns-account-01 (draft-ietf-acme-dns-account-label-03): the record, its name, and how long it stands.

use acme_proto::call::Call;
use acme_proto::challenge::{Challenge, TxtRecord, account_label};
use acme_proto::issuance::IssuanceEvent;
use acme_proto::jose::base64url;
use acme_proto::op::KeyChange;
use acme_proto::url::Url;
use acme_proto::wire::ChallengeKind;
use acme_testca::CaConfig;
use acme_tests::canned_server::{
    BASE, CannedServer, authorization, challenge, created, object, oblige, order, problem,
};
use acme_tests::world::{SolverPlan, World, issuance, issue_with};
use serde_json::json;

const NAME: &str = "example.org";

/// A script for one name whose authorization offers dns-account-01 only.
fn offering(name: &str) -> CannedServer {
    let mut script = CannedServer::obliging(&[name]);
    let mut pending = authorization("pending", name, 1);
    pending["challenges"] = json!([challenge("pending", "dns-account-01", 1)]);
    script.on("/authz/1", [object(&pending)]);
    script
}

/// Issues with an account of this URL, and returns the challenge that was provisioned.
fn provisioned(script: &mut CannedServer, account: &str, name: &str) -> Challenge {
    let mut session = script.session().with_account_url(account.parse().expect("a URL"));
    script.issue_in(&mut session, issuance(&[name])).expect("a certificate");
    let provision = |event: &IssuanceEvent| match event {
        IssuanceEvent::Provision(challenge) => Some(challenge.clone()),
        _ => None,
    };
    script.events.iter().find_map(provision).expect("a challenge")
}

fn record(challenge: &Challenge) -> TxtRecord {
    challenge.dns_account_01().expect("dns-account-01")
}

fn offering_ca() -> CaConfig {
    let mut config = CaConfig::default();
    config.challenges = [acme_testca::ChallengeKind::DnsAccount01].into();
    config
}

#[test]
fn the_record_of_the_draft_is_asked_for() {
    let mut script = offering(NAME);
    let account = "https://example.com/acme/acct/ExampleAccount";
    let one = provisioned(&mut script, account, NAME);
    let is_known = *one.kind() == ChallengeKind::DnsAccount01 && one.token().is_some();
    // covers dnsacct-3.1-1
    assert!(is_known, "{one:?}");
    let txt = record(&one);
    let expected = "_ujmmovf2vn55tgye._acme-challenge.example.org";
    // covers dnsacct-3.2-1
    assert_eq!(txt.name, expected);
    let authorization = one.key_authorization().expect("a token");
    let value = base64url::encode(&authorization.digest());
    // covers dnsacct-3.2-4
    assert_eq!(txt.value, value);
    assert_eq!(value.len(), 43, "{}", txt.value);
    // covers dnsacct-3.2-5
    assert_eq!(script.at("/challenge/1")[0].payload(), "{}");
    assert_eq!(one.txt_record(), Some(txt));
    assert!(one.dns_01().is_none() && one.http_01().is_none() && one.tls_alpn_01().is_none());
}

#[test]
fn the_label_is_made_of_the_location_as_it_was_given() {
    let odd = "https://CA.test:443/a/../acct/1";
    let label = record(&provisioned(&mut offering(NAME), odd, NAME)).name;
    // covers dnsacct-3.2-2
    assert!(label.starts_with("_75njobgrlvg4oela."), "{label}");
    let label = label.split('.').next().unwrap_or_default();
    let lower = |b: u8| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b);
    let is_base32 = label.len() == 17 && label.bytes().skip(1).all(lower);
    // covers dnsacct-3.2-3
    assert!(is_base32, "{label}");
}

#[test]
fn a_wildcard_is_proved_at_its_base_name() {
    let one =
        provisioned(&mut offering("*.example.org"), &format!("{BASE}/account/1"), "*.example.org");
    let name = record(&one).name;
    let expected = "_olyvb6oxga3g4ahi._acme-challenge.example.org";
    // covers dnsacct-3-1
    assert!(one.is_wildcard(), "{name}");
    assert_eq!(name, expected);
}

#[test]
fn an_account_that_a_problem_names_makes_no_label() {
    let mut script = offering(NAME);
    let foreign = "https://other.test/acct/9";
    let wrong = json!({ "type": "about:blank", "instance": foreign, "kid": foreign }).to_string();
    let unavailable = || {
        problem(503, "serverInternal")
            .with_body(wrong.clone())
            .with_header("location", foreign)
            .with_header("retry-after", "1")
    };
    script.on("/newOrder", [unavailable(), created(&order("pending", &[NAME]))]);
    let one = provisioned(&mut script, &format!("{BASE}/account/1"), NAME);
    assert_eq!(script.count("/newOrder"), 2);
    let own: Url = format!("{BASE}/account/1").parse().expect("a URL");
    let name = record(&one).name;
    let is_own = one.account() == Some(&own) && name.starts_with(&account_label(&own));
    let is_foreign = name.starts_with(&account_label(&foreign.parse().expect("a URL")));
    // covers dnsacct-3.4-1
    assert!(is_own, "{name}");
    assert!(!is_foreign, "{name}");
}

#[test]
fn the_record_is_taken_back_when_the_challenge_is_over() {
    for forgets in [false, true] {
        let mut world = World::new(offering_ca(), 1);
        let mut session = world.registered();
        let plan = SolverPlan { forgets, ..SolverPlan::only(ChallengeKind::DnsAccount01) };
        let result = issue_with(&mut world, &mut session, vec![issuance(&[NAME])], &plan).remove(0);
        assert_eq!(result.is_err(), forgets, "{result:?}");
        let cleaned = world.events.iter().any(|(_, event)| match event {
            IssuanceEvent::CleanUp(challenge) => challenge.dns_account_01().is_some(),
            _ => false,
        });
        // covers dnsacct-3.3-1
        assert!(cleaned, "forgets: {forgets}");
        assert!(world.txt.is_empty(), "forgets: {forgets}");
    }
}

#[test]
fn a_change_of_the_account_key_changes_the_value_and_not_the_name() {
    let mut world = World::new(offering_ca(), 1);
    let mut session = world.registered();
    let mut records = Vec::new();
    let result = world.run_all(
        &mut session,
        vec![issuance(&[NAME])],
        |world, _, _, flow, session, event| match event {
            IssuanceEvent::Provision(challenge) => {
                world.publish(&challenge).expect("published");
                records.push(record(&challenge));
                if records.len() == 1 {
                    let call = Call::new(KeyChange::new(world.other_key.public_key()));
                    world.run(session, call, |_, _, never| match never {}).expect("changed");
                }
                flow.ready(&challenge.id()).expect("handed out");
            }
            IssuanceEvent::CleanUp(challenge) => {
                world.take_back(&challenge);
                flow.cleaned(&challenge.id()).expect("handed out");
            }
            event => oblige(flow, session, event),
        },
    );
    assert!(result[0].is_ok(), "{:?}", result[0]);
    assert!(world.txt.is_empty(), "both values are gone");
    let [before, after] = &records[..] else { panic!("{records:?}") };
    let kept = before.name == after.name && before.value != after.value;
    // covers dnsacct-4-1
    assert!(kept, "{before:?} {after:?}");
}

#[test]
fn a_name_without_room_for_the_label_is_not_proved_by_it() {
    let long = [["a"; 60].concat(), ["b"; 60].concat(), ["c"; 60].concat()].join(".");
    let fits = format!("{}.{long}.example", ["d"; 28].concat());
    let name = record(&provisioned(&mut offering(&fits), &format!("{BASE}/account/1"), &fits)).name;
    assert_eq!(name.len(), 253);
    let long = format!("d{fits}");
    let mut script = offering(&long);
    script.issue(issuance(&[&long])).expect_err("too long");
    assert_eq!(script.count("/challenge/1"), 0);
}
