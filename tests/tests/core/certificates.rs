//! Certificate download (RFC 8555 sections 7.4.2, 9.1, 11.4), and the check of what was issued.

use core::time::Duration;

use acme_proto::error::{Error, PeerFault, Report};
use acme_proto::http::Response;
use acme_proto::identifier::Identifier;
use acme_proto::issuance::{Issuance, Issued};
use acme_proto::notice::Notice;
use acme_proto::op::{GetCertificate, NewOrder};
use acme_proto::x509::{CertificateChain, ChainMismatch};
use acme_testca::{CaConfig, Quirks};
use acme_tests::canned_server::{BASE, CannedServer, certificate, chain, created, order};
use acme_tests::world::{World, csr, issuance, issue};

const NAME: &str = "a.example";

fn issue_with(answer: Response) -> Result<Issued, Error> {
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/cert/1", [answer]);
    script.issue(issuance(&[NAME]))
}

fn fault(error: &Error) -> &PeerFault {
    match error {
        Error::Peer(peer) => peer.fault(),
        other => panic!("{other}"),
    }
}

fn blocks(pem: &str) -> Vec<String> {
    let end = "-----END CERTIFICATE-----\n";
    pem.split_inclusive(end).map(str::to_owned).collect()
}

fn world_with(quirks: Quirks, names: &[&str]) -> (World, Result<Issued, Error>) {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    world.ca.set_quirks(quirks);
    let issued = issue(&mut world, &mut session, names);
    (world, issued)
}

#[test]
fn a_certificate_is_asked_for_by_post_as_get_as_a_pem_chain() {
    let mut script = CannedServer::obliging(&[NAME]);
    script.issue(issuance(&[NAME])).expect("a certificate");
    let asked = script.at("/cert/1")[0];
    let accept = asked.request.headers().first("accept");
    // covers 8555-7.4.2-1
    assert_eq!(accept, Some("application/pem-certificate-chain"));
    assert!(asked.payload().is_empty());
    assert!(!asked.request.body().is_empty());
}

#[test]
fn every_alternate_chain_is_listed_and_can_be_fetched() {
    let mut config = CaConfig::default();
    config.alternate_chains = 2;
    let mut world = World::new(config, 1);
    let mut session = world.registered();
    for joined in [false, true] {
        world.ca.set_quirks(Quirks { joined_links: joined, ..Quirks::default() });
        let issued = issue(&mut world, &mut session, &[NAME]).expect("a certificate");
        // covers 8555-7.4.2-2
        assert_eq!(issued.alternates().len(), 2, "{:?}", issued.alternates());
        for url in issued.alternates() {
            let call = acme_proto::call::Call::new(GetCertificate(url.clone()));
            let other = world.run(&mut session, call, |_, _, never| match never {});
            let other = other.expect("a chain");
            let same_leaf = other.chain().leaf().as_der() == issued.chain().leaf().as_der();
            let other_issuer = other.chain().certificates().last().map(|c| c.as_der().to_vec())
                != issued.chain().certificates().last().map(|c| c.as_der().to_vec());
            // covers 8555-7.4.2-2
            assert!(same_leaf);
            assert!(other_issuer);
        }
    }
    let fetched = world.lines().iter().filter(|line| line.contains("certificate")).count();
    // covers 8555-7.4.2-4
    assert_eq!(fetched, 6, "alternates of alternates are not followed");
}

#[test]
fn an_alternate_with_another_leaf_is_told_from_one_with_the_same() {
    let ours = CertificateChain::parse_pem(chain(&[NAME]).as_bytes()).expect("a chain");
    let other = CertificateChain::parse_pem(chain(&["b.example"]).as_bytes()).expect("a chain");
    let names = [NAME.parse().expect("a name")];
    let spki = csr(&names).spki_der().to_vec();
    // covers 8555-7.4.2-3
    assert!(ours.matches(&spki, &names).is_ok());
    assert!(other.matches(&spki, &names).is_err());
}

#[test]
fn the_content_type_is_that_of_a_chain_whatever_its_case_and_parameters() {
    let body = chain(&[NAME]);
    for good in [
        "application/pem-certificate-chain",
        "Application/PEM-Certificate-Chain; charset=UTF-8",
        "application/pem-certificate-chain;charset=utf-8",
    ] {
        let answer = Response::new(200).with_header("content-type", good).with_body(body.clone());
        // covers 8555-7.4.2-8
        assert!(issue_with(answer).is_ok(), "{good}");
    }
    for (bad, body) in [
        ("text/html", "<html>not here</html>".into()),
        ("application/json", "{}".into()),
        ("application/pkix-cert", b"\x30\x82\xff".to_vec()),
    ] {
        let answer = Response::new(200).with_header("content-type", bad).with_body(body);
        let error = issue_with(answer).expect_err(bad);
        let named = matches!(fault(&error), PeerFault::MediaType(found) if found == bad);
        // covers 8555-7.4.2-8, 8555-7.4.2-5
        assert!(named, "{error}");
    }
}

#[test]
fn a_chain_that_is_called_something_else_is_one_all_the_same() {
    for kind in ["text/plain", "application/x-pem-file", "application/octet-stream", ""] {
        let mut script = CannedServer::obliging(&[NAME]);
        let answer = Response::new(200).with_body(chain(&[NAME]));
        let answer =
            if kind.is_empty() { answer } else { answer.with_header("content-type", kind) };
        script.on("/cert/1", [answer]);
        script.issue(issuance(&[NAME])).expect(kind);
        let told = script.deviations().iter().any(|told| told.starts_with("content-type: "));
        assert!(told, "{kind}: {:?}", script.deviations());
    }
}

#[test]
fn notes_around_the_blocks_are_reported_and_not_passed_on() {
    let mut script = CannedServer::obliging(&[NAME]);
    let plain = chain(&[NAME]);
    script.on("/cert/1", [certificate(&format!("\u{feff}subject=/CN=x\n{plain}\nthe end\n"))]);
    let issued = script.issue(issuance(&[NAME])).expect("a certificate");
    // covers 8555-11.4-3
    assert_eq!(issued.chain().to_pem(), plain);
    assert!(script.deviations().iter().any(|told| told.starts_with("body: ")));
}

#[test]
fn a_compressed_chain_is_called_that() {
    let gzip = Response::new(200)
        .with_header("content-type", "application/pem-certificate-chain")
        .with_header("content-encoding", "gzip")
        .with_body(b"\x1f\x8b\x08\0\0\0\0\0".to_vec());
    let error = issue_with(gzip).expect_err("compressed");
    assert_eq!(*fault(&error), PeerFault::ContentEncoding("gzip".into()), "{error}");
}

#[test]
fn what_is_no_certificate_is_refused() {
    let chain_type = |status| {
        Response::new(status).with_header("content-type", "application/pem-certificate-chain")
    };
    let redirect = chain_type(303).with_header("location", "https://ca.test/cert/2");
    let early = chain_type(202).with_body(chain(&[NAME]));
    for answer in [redirect, early, chain_type(202), chain_type(200), chain_type(204)] {
        let status = answer.status();
        let error = issue_with(answer).expect_err("no certificate");
        // covers 8555-7.4.2-9
        assert!(matches!(error, Error::Peer(_)), "{status}: {error}");
    }
}

#[test]
fn a_truncated_chain_is_refused() {
    let half = chain(&[NAME]);
    let answer = certificate(&half[..half.len() / 2]).truncated();
    let error = issue_with(answer).expect_err("truncated");
    assert_eq!(*fault(&error), PeerFault::Truncated, "{error}");
}

#[test]
fn the_leaf_comes_first_and_the_order_is_kept() {
    let pem = chain(&[NAME]);
    let issued = issue_with(certificate(&pem)).expect("a certificate");
    // covers 8555-9.1-1
    assert_eq!(issued.chain().leaf().dns_names(), [NAME]);
    assert_eq!(issued.chain().to_pem(), pem, "the order is kept");
    let reversed: String = blocks(&pem).into_iter().rev().collect();
    let error = issue_with(certificate(&reversed)).expect_err("the leaf is last");
    assert!(matches!(fault(&error), PeerFault::WrongCertificate(_)), "{error}");
}

#[test]
fn line_ends_and_blank_lines_vary() {
    let pem = chain(&[NAME]);
    let variants = [
        pem.replace('\n', "\r\n"),
        blocks(&pem).join("\n"),
        pem.trim_end().to_owned(),
        format!("\n{pem}\n\n"),
    ];
    for (n, variant) in variants.iter().enumerate() {
        let issued = issue_with(certificate(variant));
        let same = issued.as_ref().is_ok_and(|issued| issued.chain().to_pem() == pem);
        // covers 8555-9.1-2
        assert!(same, "variant {n}: {issued:?}");
    }
}

#[test]
fn a_chain_of_one_certificate_is_a_chain() {
    let pem = chain(&[NAME]);
    let issued = issue_with(certificate(&blocks(&pem)[0]));
    // covers 8555-9.1-3
    assert!(issued.is_ok(), "{issued:?}");
}

#[test]
fn a_damaged_chain_is_refused() {
    let pem = chain(&[NAME]);
    let leaf = &blocks(&pem)[0];
    for (n, bad) in [
        String::new(),
        "no PEM at all".to_owned(),
        leaf.replace("-----END CERTIFICATE-----\n", ""),
        leaf.replace("-----BEGIN CERTIFICATE-----\n", ""),
        leaf.replacen("MII", "M!I", 1),
        format!("{leaf}-----BEGIN CERTIFICATE-----\n"),
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        let error = issue_with(certificate(bad)).expect_err("damaged");
        // covers 8555-9.1-4, fld-cert-1
        assert!(matches!(fault(&error), PeerFault::Chain(_)), "{n}: {error}");
    }
}

#[test]
fn a_chain_with_anything_but_certificates_is_refused_whole() {
    let pem = chain(&[NAME]);
    for label in ["PRIVATE KEY", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "EC PARAMETERS"] {
        let foreign = format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
        for bad in [format!("{pem}{foreign}"), format!("{foreign}{pem}")] {
            let error = issue_with(certificate(&bad)).expect_err("a foreign block");
            // covers 8555-11.4-2, 8555-11.4-1
            assert!(matches!(fault(&error), PeerFault::Chain(_)), "{error}");
        }
    }
    let (world, issued) =
        world_with(Quirks { foreign_block_in_chain: true, ..Quirks::default() }, &[NAME]);
    let error = issued.expect_err("a private key");
    // covers 8555-11.4-2
    assert!(matches!(fault(&error), PeerFault::Chain(_)), "{error}");
    assert!(world.published.is_empty());
}

#[test]
fn text_between_certificates_is_never_passed_on() {
    let (_, issued) = world_with(Quirks { text_in_chain: true, ..Quirks::default() }, &[NAME]);
    let passed_on =
        issued.as_ref().is_ok_and(|issued| issued.chain().to_pem().contains("issued for a test"));
    // covers 8555-11.4-3
    assert!(!passed_on, "{issued:?}");
}

#[test]
fn a_certificate_for_other_names_or_another_key_is_refused() {
    let (_, issued) =
        world_with(Quirks { omit_last_name: true, ..Quirks::default() }, &[NAME, "b.example"]);
    let error = issued.expect_err("a name is lacking");
    let names = matches!(fault(&error), PeerFault::WrongCertificate(_));
    // covers 8555-7.4-21
    assert!(names, "{error}");
    assert!(Report::new(&error).to_string().contains("b.example"), "{error}");

    let (_, issued) = world_with(Quirks { certify_other_key: true, ..Quirks::default() }, &[NAME]);
    let error = issued.expect_err("another key");
    let key = *fault(&error) == PeerFault::WrongCertificate(ChainMismatch::Key);
    // covers 8555-7.4-21
    assert!(key, "{error}");
}

#[test]
fn a_certificate_with_more_names_than_ordered_is_kept_and_reported() {
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/cert/1", [certificate(&chain(&[NAME, "b.example"]))]);
    let issued = script.issue(issuance(&[NAME])).expect("a certificate");
    assert_eq!(issued.chain().leaf().dns_names().len(), 2);
    let extra: Vec<_> = script.notices.iter().filter_map(extra_names).collect();
    assert_eq!(extra, [["b.example".to_owned()]]);
}

#[test]
fn a_certificate_that_is_not_valid_now_is_kept_and_reported() {
    // It expired before it was downloaded.
    let mut config = CaConfig::default();
    config.certificate_lifetime = 0;
    let mut world = World::new(config, 1);
    let mut session = world.registered();
    issue(&mut world, &mut session, &[NAME]).expect("a certificate");
    assert_eq!(world.notices.iter().filter(|notice| is_not_valid_now(notice)).count(), 1);

    // Our clock is a day late, and half a minute.
    for (late, reported) in [(86_400_000, 1), (30_000, 0)] {
        let mut script = CannedServer::obliging(&[NAME]);
        let made = chain(&[NAME]);
        script.on("/cert/1", [certificate(&made)]);
        let leaf = CertificateChain::parse_pem(made.as_bytes()).expect("a chain");
        let begins = leaf.leaf().not_before();
        script.start_at(begins.saturating_sub(Duration::from_millis(late)));
        script.issue(issuance(&[NAME])).expect("a certificate");
        let found = script.notices.iter().filter(|notice| is_not_valid_now(notice)).count();
        assert_eq!(found, reported, "{:?}", script.notices);

        // Where the user names the beginning, nothing is wrong with it.
        let order = NewOrder::new([NAME.parse().expect("a name")]).expect("an order");
        let flow = Issuance::for_order(order.with_not_before(begins));
        script.notices.clear();
        script.issue(flow).expect("a certificate");
        assert!(!script.notices.iter().any(is_not_valid_now), "{:?}", script.notices);
    }
}

fn is_not_valid_now(notice: &Notice) -> bool {
    matches!(notice, Notice::NotValidNow { .. }) && notice.to_string().contains(" is valid from 20")
}

fn extra_names(notice: &Notice) -> Option<Vec<String>> {
    match notice {
        Notice::ExtraNames { names, .. } => Some(names.iter().map(Identifier::value).collect()),
        _ => None,
    }
}

#[test]
fn the_certificate_of_an_old_valid_order_is_checked_too() {
    // newOrder returns an existing order that is valid already, as Let's Encrypt may.
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/newOrder", [created(&order("valid", &[NAME]))]);
    script.on("/cert/1", [certificate(&chain(&["b.example"]))]);
    let error = script.issue(issuance(&[NAME])).expect_err("other names");
    // covers 8555-7.4-21
    assert!(matches!(fault(&error), PeerFault::WrongCertificate(_)), "{error}");
    script.on("/cert/1", [certificate(&chain(&[NAME]))]);
    let names = [NAME.parse().expect("a name")];
    let flow = issuance(&[NAME]).with_csr(csr(&names)).expect("the right names");
    script.issue(flow).expect("a certificate");
}

#[test]
fn a_finalize_answer_may_name_the_certificate_at_once() {
    let mut script = CannedServer::obliging(&[NAME]);
    let issued = script.issue(issuance(&[NAME])).expect("a certificate");
    assert_eq!(issued.certificate_url().as_str(), format!("{BASE}/cert/1"));
    assert_eq!(issued.order_url().as_str(), format!("{BASE}/order/1"));
    // covers 8555-7.4-19
    assert_eq!(script.count("/order/1"), 1, "valid is not polled");
}

#[test]
fn a_certificate_download_that_fails_once_is_tried_again() {
    let mut script = CannedServer::obliging(&[NAME]);
    let unavailable = Response::new(503).with_header("retry-after", "2");
    script.on("/cert/1", [unavailable, certificate(&chain(&[NAME]))]);
    script.lose("/cert/1");
    script.issue(issuance(&[NAME])).expect("a certificate");
    assert_eq!(script.count("/cert/1"), 3);
    assert_eq!(script.count("/finalize/1"), 1);
}
