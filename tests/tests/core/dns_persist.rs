//! dns-persist-01 (draft-ietf-acme-dns-persist-00): a record of our own account, which stays.

use acme_proto::call::Call;
use acme_proto::challenge::{Challenge, PersistOptions, PersistRecord};
use acme_proto::error::Error;
use acme_proto::identifier::DnsName;
use acme_proto::issuance::{Issuance, IssuanceEvent};
use acme_proto::op::DeactivateAccount;
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use acme_proto::wire::ChallengeKind;
use acme_testca::{CaConfig, Quirks};
use acme_tests::canned_server::{CannedServer, authorization, challenge, object, order};
use acme_tests::world::{SolverPlan, World, issuance, issue_with};
use serde_json::{Value, json};

const NAME: &str = "example.com";
const ACCOUNT: &str = "https://ca.example/acct/123";
const PLAIN: &str = "authority.example; accounturi=https://ca.example/acct/123";

/// The challenge of the draft, section 3.1.
fn persist(issuers: &Value) -> Value {
    json!({
        "type": "dns-persist-01",
        "url": "https://ca.test/challenge/1",
        "status": "pending",
        "issuer-domain-names": issuers,
    })
}

fn draft() -> Value {
    persist(&json!(["authority.example", "ca.example.net"]))
}

/// Has a CA offer this challenge and dns-01; returns the challenge that was provisioned.
fn issue_by(script: &mut CannedServer, name: &str, offered: &Value) -> Challenge {
    let mut pending = authorization("pending", name, 1);
    pending["challenges"] = json!([offered, challenge("pending", "dns-01", 2)]);
    script.on("/authz/1", [object(&pending)]);
    for number in [1, 2] {
        let answer = object(&challenge("processing", "dns-01", number));
        script.on(&format!("/challenge/{number}"), [answer]);
    }
    let mut session = script.session().with_account_url(ACCOUNT.parse().expect("a URL"));
    script.issue_in(&mut session, issuance(&[name])).expect("a certificate");
    let provision = |event: &IssuanceEvent| match event {
        IssuanceEvent::Provision(challenge) => Some(challenge.clone()),
        _ => None,
    };
    script.events.iter().rev().find_map(provision).expect("a challenge")
}

fn provisioned(name: &str, offered: &Value) -> Challenge {
    issue_by(&mut CannedServer::obliging(&[name]), name, offered)
}

fn value(challenge: &Challenge, options: &PersistOptions) -> String {
    let asked = challenge.dns_persist_01().expect("dns-persist-01");
    asked.record(options).expect("a record").value
}

fn world() -> World {
    world_with(|_| {})
}

fn world_with(change: impl FnOnce(&mut CaConfig)) -> World {
    let mut config = CaConfig::default();
    config.challenges = [acme_testca::ChallengeKind::DnsPersist01].into();
    change(&mut config);
    World::new(config, 1)
}

fn run(world: &mut World, flow: Issuance, plan: &SolverPlan) -> Result<(), Error> {
    let mut session = world.registered();
    issue_with(world, &mut session, vec![flow], plan).remove(0).map(drop)
}

fn only() -> SolverPlan {
    SolverPlan::only(ChallengeKind::DnsPersist01)
}

fn clean_ups(world: &World) -> usize {
    world.events.iter().filter(|(_, event)| matches!(event, IssuanceEvent::CleanUp(_))).count()
}

#[test]
fn the_record_of_the_draft_is_asked_for() {
    let mut script = CannedServer::obliging(&[NAME]);
    let one = issue_by(&mut script, NAME, &draft());
    let asked = one.dns_persist_01().expect("dns-persist-01");
    // covers dnspersist-3.1-1
    assert!(one.token().is_none());
    assert_eq!(asked.issuers().len(), 2);
    // covers dnspersist-4-1
    assert_eq!(asked.name(), "_validation-persist.example.com");
    // covers dnspersist-4.1-6
    assert_eq!(script.at("/challenge/1")[0].payload(), "{}");
    let none = PersistOptions::default();
    // covers dnspersist-4.1-1
    assert_eq!(value(&one, &none), PLAIN);
    let other = value(&one, &none.clone().with_issuer("ca.example.net"));
    let one_of_them = other == PLAIN.replace("authority.example", "ca.example.net");
    let stranger = asked.record(&none.with_issuer("other.example")).is_err();
    // covers dnspersist-3.1-2
    assert!(one_of_them, "{other}");
    assert!(stranger, "{other}");
}

#[test]
fn the_examples_of_the_draft_are_written_octet_for_octet() {
    let one = provisioned(NAME, &draft());
    let end = Timestamp::from_unix_seconds(1_721_952_000);
    let options = PersistOptions::default();
    let wild = value(&one, &options.clone().with_wildcard_policy());
    // covers dnspersist-4.1-1
    assert_eq!(wild, format!("{PLAIN}; policy=wildcard"));
    let ended = value(&one, &options.clone().with_persist_until(end));
    // covers dnspersist-4.1-4
    assert_eq!(ended, format!("{PLAIN}; persistUntil=1721952000"));
    let both = value(&one, &options.with_wildcard_policy().with_persist_until(end));
    assert_eq!(both, format!("{PLAIN}; policy=wildcard; persistUntil=1721952000"));
    for bad in ["1e9", "-1", "", "+1", "0x10", "1721952000.0"] {
        let read = PersistRecord::parse(&format!("{PLAIN}; persistUntil={bad}"));
        // covers dnspersist-4.1-4
        assert!(read.is_err(), "{bad}");
    }
}

#[test]
fn the_account_stands_in_the_record_once_and_as_it_was_given() {
    let mut offered = draft();
    offered["accounturi"] = json!(ACCOUNT);
    for offered in [draft(), offered] {
        let one = provisioned(NAME, &offered);
        let value = value(&one, &PersistOptions::default());
        // covers dnspersist-4.1-2
        assert_eq!(value.matches("accounturi=").count(), 1, "{value}");
        // covers dnspersist-3.1-6
        assert!(value.ends_with(&format!("; accounturi={ACCOUNT}")), "{value}");
    }
    for twice in ["accounturi=https://ca.example/acct/123", "AccountURI=x"] {
        let read = PersistRecord::parse(&format!("{PLAIN}; {twice}"));
        // covers dnspersist-4.1-2
        assert!(read.is_err(), "{twice}");
    }
}

#[test]
fn a_challenge_with_names_in_another_form_is_not_used_and_its_siblings_are() {
    let long = format!("{}.example", ["a"; 124].join("."));
    let eleven = vec!["ca.example"; 11];
    for bad in [json!([]), json!(eleven), Value::Null, json!("ca.example")] {
        let one = provisioned(NAME, &persist(&bad));
        // covers dnspersist-3.1-3
        assert_eq!(*one.kind(), ChallengeKind::Dns01, "{bad}");
    }
    for bad in ["CA.example", "ca.example.", "b\u{fc}cher.example", "*.ca.example", "", &long] {
        let one = provisioned(NAME, &persist(&json!(["ca.example", bad])));
        // covers dnspersist-3.1-4
        assert_eq!(*one.kind(), ChallengeKind::Dns01, "{bad}");
    }
    let ten: Vec<String> = (0..10).map(|n| format!("ca{n}.xn--bcher-kva.example")).collect();
    let one = provisioned(NAME, &persist(&json!(ten)));
    // covers dnspersist-3.1-3
    assert_eq!(*one.kind(), ChallengeKind::DnsPersist01);
    // covers dnspersist-3.1-4
    assert!(value(&one, &PersistOptions::default()).starts_with("ca0.xn--"));
}

#[test]
fn a_challenge_for_another_account_is_refused_and_said_so() {
    for foreign in ["https://ca.example/acct/124", "https://CA.example/acct/123", ""] {
        let mut offered = draft();
        offered["accounturi"] = json!(foreign);
        let mut script = CannedServer::obliging(&[NAME]);
        let one = issue_by(&mut script, NAME, &offered);
        // covers dnspersist-3.1-5
        assert_eq!(*one.kind(), ChallengeKind::Dns01, "{foreign}");
        let said = script.deviations().iter().any(|d| d.starts_with("accounturi: another account"));
        // covers dnspersist-3.1-5
        assert!(said, "{:?}", script.deviations());
    }
}

#[test]
fn a_wildcard_is_proved_only_if_its_policy_is_allowed() {
    let wildcard = "*.example.com";
    let none = PersistOptions::default();
    let asked = provisioned(wildcard, &draft()).dns_persist_01().expect("dns-persist-01");
    // covers dnspersist-4-1
    assert_eq!(asked.name(), "_validation-persist.example.com");
    // covers dnspersist-4.1-3
    assert!(asked.record(&none).is_err());
    let plain = value(&provisioned(NAME, &draft()), &none);
    // covers dnspersist-4.1-3
    assert!(!plain.contains("policy"), "{plain}");
    for allowed in [false, true] {
        let persist = if allowed { none.clone().with_wildcard_policy() } else { none.clone() };
        let plan = SolverPlan { persist, ..only() };
        let mut world = world();
        let result = run(&mut world, issuance(&[wildcard]), &plan);
        // covers dnspersist-4.1-3
        assert_eq!(result.is_ok(), allowed, "{result:?}");
    }
}

#[test]
fn a_long_record_is_cut_into_strings_of_255_octets() {
    let account: Url = format!("https://ca.example/{}", "a".repeat(400)).parse().expect("a URL");
    let name = DnsName::parse(NAME).expect("a name");
    let record = PersistRecord::new(&name, &account).to_txt(&name).expect("a record");
    let strings = record.strings();
    let is_cut = strings.len() == 2 && strings.iter().all(|s| s.len() <= 255);
    // covers dnspersist-4.1-5
    assert!(is_cut);
    assert_eq!(strings.concat(), record.value.as_bytes());
    let shown = record.presentation();
    // covers dnspersist-4.1-5
    assert_eq!(shown.replace("\" \"", ""), format!("\"{}\"", record.value));
}

#[test]
fn an_authorization_may_be_valid_at_once() {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut valid = authorization("valid", NAME, 1);
    let mut settled = draft();
    settled["status"] = json!("valid");
    settled["validated"] = json!("2026-01-01T00:00:00Z");
    valid["challenges"] = json!([settled]);
    script.on("/authz/1", [object(&valid)]);
    let states = ["pending", "ready"].map(|status| object(&order(status, &[NAME])));
    script.on("/order/1", states);
    let result = script.issue(issuance(&[NAME]));
    let asked = script.events.iter().any(|e| !matches!(e, IssuanceEvent::Finalize(_)));
    // covers dnspersist-4.4-1
    assert!(result.is_ok(), "{result:?}");
    assert!(!asked, "{result:?}");
}

#[test]
fn a_record_that_was_made_beforehand_is_found_and_proves() {
    let mut world = world_with(|config| config.caa_identities.push("acme-testca.test".to_owned()));
    let mut session = world.registered();
    let call = Call::new(acme_proto::op::GetDirectory);
    world.run(&mut session, call, |_, _, never| match never {}).expect("a directory");
    let hint = session.directory().map(|d| d.meta().caa_identities()[0].clone());
    let issuer = DnsName::parse(&hint.expect("a name of the CA")).expect("a name");
    let account = session.account_url().expect("an account").clone();
    let name = DnsName::parse(NAME).expect("a name");
    let record = PersistRecord::new(&issuer, &account).to_txt(&name).expect("a record");
    world.txt.insert(record.name, vec![record.value]);
    let before = world.txt.clone();
    let flow = vec![issuance(&[NAME])];
    let result = issue_with(&mut world, &mut session, flow, &only()).remove(0);
    // covers dnspersist-4.5-1
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(world.txt, before, "nothing was added: {:?}", world.txt);
}

#[test]
fn the_record_stays_unless_the_user_wants_it_removed() {
    let names = [NAME, "www.example.com"];
    let mut world = world();
    run(&mut world, issuance(&names), &only()).expect("a certificate");
    // covers dnspersist-7-1
    assert_eq!(clean_ups(&world), 0, "{:?}", world.txt);
    assert_eq!(world.txt.len(), 2, "{:?}", world.txt);
    let mut world = self::world();
    run(&mut world, issuance(&names).remove_persistent(), &only()).expect("a certificate");
    // covers dnspersist-7-1
    assert_eq!(clean_ups(&world), 2, "{:?}", world.txt);
    assert!(world.txt.is_empty(), "{:?}", world.txt);
    // covers dnspersist-7-2
    assert_eq!(clean_ups(&world), 2, "a way to remove records");
}

#[test]
fn a_record_can_be_watched() {
    let one = provisioned(NAME, &draft());
    let asked = one.dns_persist_01().expect("dns-persist-01");
    let now = Timestamp::from_unix_seconds(1);
    let allows = |text: &str| {
        let record = PersistRecord::parse(text).expect("a record");
        record.authorizes(asked.issuers(), asked.account(), false, now)
    };
    // covers dnspersist-7-2
    assert!(allows(PLAIN));
    assert!(!allows(&PLAIN.replace("123", "124")));
    assert!(!allows(&format!("{PLAIN}; persistUntil=0")));
}

#[test]
fn a_deactivated_account_gets_nothing_though_the_record_stands() {
    let mut world = world();
    let mut session = world.registered();
    let flow = || vec![issuance(&[NAME])];
    let first = issue_with(&mut world, &mut session, flow(), &only()).remove(0);
    assert!(first.is_ok(), "{first:?}");
    let call = Call::new(DeactivateAccount);
    world.run(&mut session, call, |_, _, never| match never {}).expect("deactivated");
    let second = issue_with(&mut world, &mut session, flow(), &only()).remove(0);
    // covers dnspersist-7-3
    assert!(second.is_err(), "{second:?}");
    assert!(!world.txt.is_empty(), "{second:?}");
}

#[test]
fn a_refused_record_ends_in_the_words_of_the_ca() {
    let plan = SolverPlan { forgets: true, ..only() };
    let error = run(&mut world(), issuance(&[NAME]), &plan).expect_err("no record");
    assert!(error.to_string().contains("there is no TXT record"), "{error}");
    let quirks = Quirks { foreign_account_uri: true, ..Quirks::default() };
    let mut world = world_with(|config| config.quirks = quirks);
    let error = run(&mut world, issuance(&[NAME]), &only()).expect_err("not ours");
    assert!(matches!(error, Error::Order(_)) && world.txt.is_empty(), "{error}");
}
