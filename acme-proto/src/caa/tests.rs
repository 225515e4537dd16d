#![allow(clippy::unwrap_used)]

use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::identifier::DnsName;
use crate::url::Url;
use crate::wire::ChallengeKind;

fn records(lines: &[&str]) -> Vec<CaaRecord> {
    lines.iter().map(|line| line.parse().unwrap()).collect()
}

fn refusals(name: &str, issuer: &str, lines: &[&str]) -> Vec<CaaRefusal> {
    let name = DnsName::parse(name).unwrap();
    match CaaRequest::new(&name, [issuer]).check(&records(lines)) {
        Ok(_) => Vec::new(),
        Err(forbidden) => forbidden.records().iter().map(|(_, refusal)| *refusal).collect(),
    }
}

// RFC 8659 Section 3
#[test]
fn the_tree_is_climbed_up_to_the_top_level() {
    let name = DnsName::parse("*.x.y.z").unwrap();
    assert_eq!(climb(&name).collect::<Vec<_>>(), ["x.y.z", "y.z", "z"]);
}

// RFC 8659 Section 4.3
#[test]
fn the_wildcard_examples_of_the_rfc_are_judged_as_it_says() {
    let (ca1, ca2) = ("ca1.example.net", "ca2.example.org");
    let both = [r#"0 issue "ca1.example.net""#, r#"0 issuewild "ca2.example.org""#];
    assert!(refusals("sub.wild.example.com", ca1, &both).is_empty());
    assert_eq!(refusals("*.wild.example.com", ca1, &both), [CaaRefusal::OtherIssuer]);
    assert!(refusals("*.sub.wild.example.com", ca2, &both).is_empty());
    assert_eq!(refusals("wild.example.com", ca2, &both), [CaaRefusal::OtherIssuer]);
    let one = [r#"0 issue "ca1.example.net""#];
    assert!(refusals("*.wild2.example.com", ca1, &one).is_empty());
    let closed = [r#"0 issuewild "ca2.example.org""#, r#"0 issue ";""#];
    assert!(refusals("*.wild3.example.com", ca2, &closed).is_empty());
    assert_eq!(refusals("wild3.example.com", ca2, &closed), [CaaRefusal::Nobody]);
    let open = [r#"0 issuewild "ca2.example.org""#];
    assert!(refusals("wild3.example.com", ca1, &open).is_empty());
    assert_eq!(refusals("*.wild3.example.com", ca1, &open), [CaaRefusal::OtherIssuer]);
}

// RFC 8659 Sections 4.2 and 4.5
#[test]
fn malformed_values_and_unknown_critical_records_forbid() {
    let ca = "ca1.example.net";
    assert_eq!(refusals("a.example", ca, &[r#"0 issue "%%%%%""#]), [CaaRefusal::Malformed]);
    let critical = [r#"0 issue "ca1.example.net""#, r#"128 tbs "Unknown""#];
    assert_eq!(refusals("a.example", ca, &critical), [CaaRefusal::UnknownCritical]);
    let harmless = [r#"0 tbs "Unknown""#, r#"128 iodef "mailto:a@b.example""#, r#"1 tbs "x""#];
    assert!(refusals("a.example", ca, &harmless).is_empty());
    assert!(refusals("a.example", ca, &[]).is_empty());
    let additive = [r#"0 issue ";""#, r#"128 ISSUE "CA1.Example.NET""#];
    assert!(refusals("a.example", ca, &additive).is_empty());
}

// RFC 8657 Sections 3 and 4
#[test]
fn account_and_method_restrict_the_record_that_has_them() {
    let name = DnsName::parse("a.example").unwrap();
    let account = Url::parse("https://ca.example/acct/1").unwrap();
    let judge = |line: &str| {
        let request = CaaRequest::new(&name, ["ca.example"]);
        let request = request.with_account(&account).with_method(&ChallengeKind::Dns01);
        request.check(&records(&[line])).map(drop).map_err(|f| f.records()[0].1)
    };
    for good in [
        r#"0 issue "ca.example; accounturi=https://ca.example/acct/1""#,
        r#"0 issue "ca.example; ACCOUNTURI=https://ca.example/acct/1; a=b""#,
        r#"0 issue "ca.example; validationmethods=http-01,dns-01""#,
    ] {
        assert_eq!(judge(good), Ok(()), "{good}");
    }
    for (bad, refusal) in [
        ("accounturi=https://ca.example/acct/2", CaaRefusal::OtherAccount),
        ("accounturi=https://CA.example/acct/1", CaaRefusal::OtherAccount),
        ("accounturi=", CaaRefusal::OtherAccount),
        ("validationmethods=", CaaRefusal::OtherMethod),
        ("validationmethods=dns-012", CaaRefusal::OtherMethod),
        ("validationmethods=dns-01,", CaaRefusal::Unsatisfiable),
        ("validationmethods=dns_01", CaaRefusal::Unsatisfiable),
        ("accounturi=a; accounturi=a", CaaRefusal::Unsatisfiable),
    ] {
        let line = alloc::format!(r#"0 issue "ca.example; {bad}""#);
        assert_eq!(judge(&line), Err(refusal), "{line}");
    }
    let unknown = CaaRequest::new(&name, ["ca.example"]);
    let line = r#"0 issue "ca.example; accounturi=x; validationmethods=y""#;
    assert!(unknown.check(&records(&[line])).is_ok());
}

#[test]
fn an_allowing_record_is_named_and_so_is_each_that_forbids() {
    let name = DnsName::parse("a.example").unwrap();
    let set = records(&[r#"0 issue "other.example""#, r#"0 issue "ca.example""#]);
    let allowed = CaaRequest::new(&name, ["x.example", "ca.example"]).check(&set);
    assert_eq!(allowed, Ok(CaaAllowed::By(&set[1])));
    let forbidden = CaaRequest::new(&name, ["third.example"]).check(&set).unwrap_err();
    assert_eq!(
        forbidden.to_string(),
        r#"forbidden by CAA: 0 issue "other.example" allows another CA, 0 issue "ca.example" allows another CA"#
    );
}
