//! CAA records (RFC 8659, RFC 8657): what is written, what is foreseen, and what a refusal does to an issuance.

use acme_proto::caa::{CaaAllowed, CaaRecord, CaaRefusal, CaaRequest, IssueValue, climb};
use acme_proto::error::Error;
use acme_proto::identifier::DnsName;
use acme_proto::url::Url;
use acme_proto::wire::ChallengeKind;
use acme_tests::canned_server::{CannedServer, authorization, challenge, object, order, problem};
use acme_tests::world::issuance;
use serde_json::json;

const NAME: &str = "www.example.com";

fn ca() -> IssueValue {
    IssueValue::of("ca1.example").expect("a name")
}

fn account() -> Url {
    "https://ca.example/acct/1".parse().expect("a URL")
}

fn name(text: &str) -> DnsName {
    DnsName::parse(text).expect("a name")
}

fn records(lines: &[&str]) -> Vec<CaaRecord> {
    lines.iter().map(|line| line.parse().expect("a record")).collect()
}

#[test]
fn an_account_is_named_once_and_exactly() {
    let value = ca().with_account(&account()).expect("a value");
    let written = value.to_string();
    let golden = "ca1.example; accounturi=https://ca.example/acct/1";
    // covers 8657-3-1
    assert_eq!(written, golden);
    assert!(value.with_account(&account()).is_err(), "twice");
    let set = records(&[&format!(r#"0 issue "{golden}""#)]);
    let www = name(NAME);
    let asked = |url: &str| {
        let url = url.parse().expect("a URL");
        let request = CaaRequest::new(&www, ["ca1.example"]).with_account(&url);
        request.check(&set).is_ok()
    };
    // covers 8657-3-1
    assert!(asked("https://ca.example/acct/1"));
    assert!(!asked("https://CA.example/acct/1"));
    assert!(!asked("https://ca.example/acct/12"));
}

#[test]
fn methods_are_a_list_of_labels() {
    let kinds = [ChallengeKind::Dns01, ChallengeKind::TlsAlpn01];
    let written = ca().with_methods(&kinds).expect("a value").to_string();
    let golden = "ca1.example; validationmethods=dns-01,tls-alpn-01";
    // covers 8657-4-1
    assert_eq!(written, golden);
    for bad in ["", "dns_01", "dns-01,http-01", "dns 01", "dns-01;"] {
        let refused = ca().with_methods(&[ChallengeKind::from(bad)]).is_err();
        // covers 8657-4-1
        assert!(refused, "{bad:?}");
    }
    let set = records(&[&format!(r#"0 issue "{golden}""#)]);
    let www = name(NAME);
    let asked = |kind| CaaRequest::new(&www, ["ca1.example"]).with_method(kind).check(&set);
    // covers 8657-4-1
    assert_eq!(asked(&ChallengeKind::TlsAlpn01), Ok(CaaAllowed::By(&set[0])));
    let forbidden = asked(&ChallengeKind::Http01).expect_err("another method");
    // covers 8657-4-1
    assert_eq!(forbidden.records()[0].1, CaaRefusal::OtherMethod);
}

#[test]
fn what_the_grammar_has_no_room_for_cannot_be_written() {
    for bad in ["a;b", "a b", "a\tb", "\u{fc}", "a\"\n"] {
        // covers 8659-4.2-1
        assert!(ca().with_parameter("account", bad).is_err(), "{bad:?}");
    }
    let semicolon: Url = "https://ca.example/acct;1".parse().expect("a URL");
    // covers 8659-4.2-1
    assert!(ca().with_account(&semicolon).is_err());
    let odd = ca().with_parameter("account", "=\"\\,:").expect("a value");
    let back = IssueValue::parse(&odd.to_string());
    // covers 8659-4.2-1
    assert_eq!(back.as_ref(), Ok(&odd), "{back:?}");
    let shown = CaaRecord::issue(&odd).to_string();
    // covers 8659-4.2-1
    assert_eq!(shown, r#"0 issue "ca1.example; account==\"\\,:""#);
}

#[test]
fn wildcards_are_governed_by_issuewild_where_there_is_one() {
    let both = records(&[r#"0 issue "ca1.example""#, r#"0 issuewild "ca2.example""#]);
    let may = |text: &str, issuer: &str, set: &[CaaRecord]| {
        CaaRequest::new(&name(text), [issuer]).check(set).is_ok()
    };
    // covers 8659-4.3-1
    assert!(may("*.example.com", "ca2.example", &both));
    assert!(!may("*.example.com", "ca1.example", &both));
    assert!(may(NAME, "ca1.example", &both));
    assert!(!may(NAME, "ca2.example", &both));
    assert!(may("*.example.com", "ca1.example", &both[..1]));
    let found: Vec<String> = climb(&name("*.example.com")).map(str::to_owned).collect();
    assert_eq!(found, ["example.com", "com"]);
}

#[test]
fn nothing_restricts_an_account_or_method_unless_the_user_says_so() {
    let plain = CaaRecord::issue(&ca()).to_string();
    // covers 8657-5.2-1
    assert_eq!(plain, r#"0 issue "ca1.example""#);
    // covers 8657-5.9-1
    assert!(!plain.contains("accounturi"), "no account is shown unasked: {plain}");
    let wild = CaaRecord::issue_wild(&IssueValue::nobody()).critical().to_string();
    assert_eq!(wild, r#"128 issuewild ";""#);
}

#[test]
fn a_caa_error_of_a_challenge_is_final_and_shown() {
    for status in ["invalid", "pending"] {
        let mut script = CannedServer::obliging(&[NAME]);
        let mut refused = challenge(status, "http-01", 1);
        refused["error"] = json!({
            "type": "urn:ietf:params:acme:error:caa", "detail": "CAA record forbids issuance",
        });
        let mut after = authorization(status, NAME, 1);
        after["challenges"] = json!([refused]);
        let before = authorization("pending", NAME, 1);
        script.on("/authz/1", [object(&before), object(&after)]);
        script.on("/challenge/1", [object(&refused)]);
        script.on("/order/1", [object(&order(status, &[NAME]))]);
        let policy = {
            let mut policy = acme_proto::policy::Policy::default();
            policy.max_orders = 3;
            policy
        };
        let mut session = script.session().with_policy(policy);
        let error = script.issue_in(&mut session, issuance(&[NAME])).expect_err("forbidden");
        let shown = error.to_string().contains("CAA record forbids issuance");
        // covers 8659-3-1
        assert!(shown, "{status}: {error}");
        let once = script.count("/newOrder") == 1 && script.count("/challenge/1") == 1;
        // covers 8659-3-1
        assert!(once, "{status}: {:?}", script.paths());
        assert!(error.to_string().contains("allow this CA"), "{error}");
    }
}

#[test]
fn a_caa_error_at_the_end_of_an_order_is_final_too() {
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/finalize/1", [problem(403, "caa")]);
    let error = script.issue(issuance(&[NAME])).expect_err("forbidden");
    let is_caa = matches!(&error, Error::Problem(_)) && error.to_string().contains("caa");
    // covers 8659-3-1
    assert!(is_caa, "{error}");
    assert_eq!(script.count("/finalize/1"), 1, "{error}");
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/newOrder", [problem(403, "caa")]);
    let error = script.issue(issuance(&[NAME])).expect_err("forbidden");
    // covers 8659-3-1
    assert_eq!(script.count("/newOrder"), 1, "{error}");
}
