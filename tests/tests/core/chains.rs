//! The choice among the chains of a certificate (RFC 8555 section 7.4.2).

use core::time::Duration;
use std::sync::OnceLock;

use acme_proto::call::Call;
use acme_proto::error::{Error, PeerFault};
use acme_proto::http::Response;
use acme_proto::issuance::Issued;
use acme_proto::notice::Notice;
use acme_proto::op::{ChosenChain, GetCertificate, GetChain};
use acme_proto::x509::{Certificate, CertificateChain, ChainChoice};
use acme_testca::CaConfig;
use acme_tests::canned_server::{BASE, CannedServer, certificate, chain, problem};
use acme_tests::world::{World, issuance, issue};

const NAME: &str = "a.example";

/// A CA with two alternates for every certificate.
fn world() -> World {
    let mut config = CaConfig::default();
    config.alternate_chains = 2;
    World::new(config, 1)
}

/// The CA's own chain of one certificate and two alternates.
fn chains() -> &'static [CertificateChain] {
    static CHAINS: OnceLock<Vec<CertificateChain>> = OnceLock::new();
    CHAINS.get_or_init(|| {
        let mut world = world();
        let mut session = world.registered();
        let issued = issue(&mut world, &mut session, &[NAME]).expect("a certificate");
        let alternates = issued.alternates().iter().map(|url| {
            let call = Call::new(GetCertificate(url.clone()));
            let got = world.run(&mut session, call, |_, _, never| match never {});
            got.expect("a chain").chain().clone()
        });
        let alternates: Vec<_> = alternates.collect();
        [issued.chain().clone()].into_iter().chain(alternates).collect()
    })
}

fn top(chain: &CertificateChain) -> &Certificate {
    chain.certificates().last().expect("a chain is not empty")
}

fn top_issuer(chain: &CertificateChain) -> String {
    top(chain).issuer_common_name().expect("a name")
}

/// A CA with those chains, whose alternates answer as given.
fn script_with(alternates: &[Response]) -> CannedServer {
    let mut script = CannedServer::obliging(&[NAME]);
    let mut own = certificate(&chains()[0].to_pem());
    for (answer, n) in alternates.iter().zip(1..) {
        own = own.with_header("link", &format!("<{BASE}/cert/1/{n}>;rel=\"alternate\""));
        script.on(&format!("/cert/1/{n}"), [answer.clone()]);
    }
    script.on("/cert/1", [own]);
    script
}

fn script() -> CannedServer {
    script_with(&[certificate(&chains()[1].to_pem()), certificate(&chains()[2].to_pem())])
}

fn issue_by(script: &mut CannedServer, choice: ChainChoice) -> Issued {
    script.issue(issuance(&[NAME]).with_chain_choice(choice)).expect("a certificate")
}

fn unusable(script: &CannedServer) -> Vec<String> {
    let shown = |notice: &Notice| match notice {
        Notice::AlternateUnusable { error, .. } => Some(error.to_string()),
        _ => None,
    };
    script.notices.iter().filter_map(shown).collect()
}

fn fetched(script: &CannedServer) -> [usize; 2] {
    [script.count("/cert/1/1"), script.count("/cert/1/2")]
}

#[test]
fn an_alternate_is_chosen_by_its_top_issuer_and_no_more_are_fetched_than_needed() {
    for (n, wanted, requests) in [(0, [0, 0], 0), (1, [1, 0], 1), (2, [1, 1], 2)] {
        let mut script = script();
        let issued = issue_by(&mut script, ChainChoice::top_issuer(top_issuer(&chains()[n])));
        // covers 8555-7.4.2-3
        assert_eq!(*issued.chain(), chains()[n], "{n}: {issued:?}");
        // covers 8555-7.4.2-2
        assert_eq!(fetched(&script), wanted, "{n}: {:?}", script.paths());
        assert!(issued.matches_chain_choice());
        assert_eq!(issued.other_chains().count(), requests);
        assert_eq!(issued.certificate_url().as_str(), format!("{BASE}/cert/1"));
        let place = if n == 0 { String::new() } else { format!("/{n}") };
        assert_eq!(issued.chain_url().as_str(), format!("{BASE}/cert/1{place}"));
    }
}

#[test]
fn without_a_wish_no_alternate_is_fetched() {
    let mut script = script();
    let issued = script.issue(issuance(&[NAME])).expect("a certificate");
    assert_eq!(fetched(&script), [0, 0]);
    assert_eq!(issued.alternates().len(), 2);
    assert!(issued.matches_chain_choice());
}

#[test]
fn a_wish_is_by_issuer_key_fingerprint_root_or_function() {
    let last = &chains()[2];
    let name = top_issuer(last);
    let key = top(last).authority_key_id().expect("a key identifier").to_vec();
    let digest = top(last).fingerprint_sha256();
    for choice in [
        ChainChoice::issuer(name.clone()),
        ChainChoice::issuer(format!("CN={name}")),
        ChainChoice::authority_key_id(key),
        ChainChoice::fingerprint(digest),
        ChainChoice::custom(|chain| chain == &chains()[2]),
        ChainChoice::least(|chain| u64::from(chain != &chains()[2])),
    ] {
        let shown = format!("{choice:?}");
        let issued = issue_by(&mut script(), choice);
        assert!(issued.matches_chain_choice() && issued.chain() == last, "{shown}");
    }
}

#[test]
fn a_root_that_no_chain_contains_is_found_by_name_and_key() {
    let mut world = world();
    let mut session = world.registered();
    for n in 0..3 {
        let pem = world.ca.alternate_root_pem(n).expect("a root");
        let root = CertificateChain::parse_pem(pem.replace("\r\n", "\n").as_bytes());
        let root = root.expect("a root").leaf().clone();
        let issued = issue(&mut world, &mut session, &[NAME]).expect("a certificate");
        let call = Call::new(GetChain::new(
            issued.certificate_url().clone(),
            ChainChoice::root(root.clone()),
        ));
        let chosen = world.run(&mut session, call, |_, _, never| match never {}).expect("a chain");
        assert!(chosen.is_as_wished());
        assert_eq!(top(chosen.chain()).issuer_der(), root.subject_der(), "{n}");
        assert_eq!(top(chosen.chain()).authority_key_id(), root.subject_key_id(), "{n}");
    }
}

#[test]
fn the_shortest_chain_is_looked_for_among_all() {
    let end = "-----END CERTIFICATE-----\n";
    let leaf = chains()[0].to_pem();
    let leaf = &leaf[..leaf.find(end).expect("PEM") + end.len()];
    let long = format!("{}{}", chains()[1].to_pem(), chains()[2].to_pem());
    let mut script = script_with(&[certificate(&long), certificate(leaf)]);
    let issued = issue_by(&mut script, ChainChoice::shortest());
    assert_eq!(issued.chain().certificates().len(), 1);
    assert_eq!(issued.other_chains().count(), 2);
    assert!(issued.matches_chain_choice());
}

#[test]
fn where_no_chain_is_as_wished_the_cas_own_is_taken_and_that_is_said() {
    let mut script = script();
    let issued = issue_by(&mut script, ChainChoice::top_issuer("Nobody"));
    assert!(!issued.matches_chain_choice());
    assert_eq!(*issued.chain(), chains()[0]);
    assert_eq!(fetched(&script), [1, 1]);
}

#[test]
fn an_alternate_that_is_broken_costs_neither_the_certificate_nor_the_next_alternate() {
    let wanted = || ChainChoice::top_issuer(top_issuer(&chains()[2]));
    let good = || certificate(&chains()[2].to_pem());
    for broken in [
        problem(404, "malformed"),
        certificate("no chain"),
        Response::new(200).with_header("content-type", "text/html").with_body("<html>"),
        certificate(&chains()[1].to_pem()).truncated(),
        Response::new(303).with_header("location", "https://ca.test/elsewhere"),
        Response::new(429).with_header("retry-after", "999999"),
    ] {
        let mut script = script_with(&[broken.clone(), good()]);
        let issued = issue_by(&mut script, wanted());
        assert_eq!(*issued.chain(), chains()[2], "{broken:?}");
        assert_eq!(unusable(&script).len(), 1, "{broken:?}");
        let mut script = script_with(core::slice::from_ref(&broken));
        let issued = issue_by(&mut script, wanted());
        assert!(!issued.matches_chain_choice() && *issued.chain() == chains()[0], "{broken:?}");
    }
}

#[test]
fn an_alternate_for_another_certificate_is_never_chosen() {
    let other = certificate(&chain(&["b.example"]));
    let mut script = script_with(&[other]);
    let issued = issue_by(&mut script, ChainChoice::custom(|_| false));
    // covers 8555-7.4.2-3
    assert_eq!(*issued.chain(), chains()[0]);
    assert_eq!(issued.other_chains().count(), 0);
    assert!(unusable(&script)[0].contains("another certificate"), "{:?}", unusable(&script));
    let mut script = script_with(&[certificate(&chain(&["b.example"]))]);
    let issued = issue_by(&mut script, ChainChoice::least(|c| c.certificates().len() as u64));
    // covers 8555-7.4.2-3
    assert_eq!(issued.chain().leaf().dns_names(), [NAME]);
}

#[test]
fn alternates_of_alternates_are_not_followed_and_their_number_is_bounded() {
    let alternate = |n: usize| format!("<{BASE}/cert/1/{n}>;rel=\"alternate\"");
    let mut script = CannedServer::obliging(&[NAME]);
    let all: Vec<String> = (1..=40).map(alternate).collect();
    let own = certificate(&chains()[0].to_pem()).with_header("link", &all.join(","));
    script.on("/cert/1", [own.with_header("link", &format!("<{BASE}/cert/1>;rel=\"alternate\""))]);
    for n in 1..=40 {
        let answer = certificate(&chains()[1].to_pem()).with_header("link", &alternate(n + 100));
        script.on(&format!("/cert/1/{n}"), [answer]);
    }
    let issued = issue_by(&mut script, ChainChoice::custom(|_| false));
    let asked = script.paths().iter().filter(|path| path.starts_with("/cert/1/")).count();
    // covers 8555-7.4.2-4
    assert_eq!(asked, 16);
    assert_eq!(script.count("/cert/1"), 1, "its own URL is no alternate");
    assert!(!issued.matches_chain_choice());
}

#[test]
fn the_certificate_is_kept_when_the_time_is_up_while_a_chain_is_looked_for() {
    let slow = Response::new(503).with_header("retry-after", "500");
    let mut script = script_with(&[slow]);
    let flow = issuance(&[NAME]).with_chain_choice(ChainChoice::custom(|_| false));
    let issued =
        script.issue(flow.with_time_limit(Duration::from_secs(60))).expect("a certificate");
    assert!(!issued.matches_chain_choice());
}

#[test]
fn who_cancels_while_a_chain_is_looked_for_gets_the_certificate() {
    let mut script = script();
    let mut session = script.session();
    let mut flow = issuance(&[NAME]).with_chain_choice(ChainChoice::top_issuer("Nobody"));
    let issued = loop {
        use acme_proto::flow::{Flow, Input, Output};
        match flow.poll_output(&mut session, script.now()) {
            Output::Transmit(t) if t.request.url().as_str().ends_with("/cert/1/1") => {
                flow.cancel(&mut session);
            }
            Output::Transmit(t) => {
                let response = script.respond(t.request).expect("an answer");
                let input = Input::Response(t.id, response);
                flow.handle_input(&mut session, input, script.now()).expect("a known id");
            }
            Output::Sign(s) => {
                let input = Input::Signature(s.id, script.key.sign(&s.message));
                flow.handle_input(&mut session, input, script.now()).expect("a known id");
            }
            Output::Event(event) => acme_tests::canned_server::oblige(&mut flow, &session, event),
            Output::Done(result) => break result,
            Output::Timeout(at) => script.sleep_until(at),
            _ => {}
        }
    };
    assert_eq!(*issued.expect("a certificate").chain(), chains()[0]);
}

fn choose(script: &mut CannedServer, choice: ChainChoice) -> Result<ChosenChain, Error> {
    let url = format!("{BASE}/cert/1").parse().expect("a URL");
    script.call(GetChain::new(url, choice))
}

#[test]
fn a_download_chooses_as_an_issuance_does() {
    let mut script = script();
    let wanted = top_issuer(&chains()[1]);
    let chosen = choose(&mut script, ChainChoice::top_issuer(wanted)).expect("a chain");
    assert_eq!(*chosen.chain(), chains()[1]);
    assert_eq!(chosen.url().as_str(), format!("{BASE}/cert/1/1"));
    assert_eq!(chosen.certificate_url().as_str(), format!("{BASE}/cert/1"));
    assert_eq!((chosen.is_as_wished(), chosen.alternates().len()), (true, 2));
    assert_eq!(fetched(&script), [1, 0]);

    let mut script = script_with(&[problem(404, "malformed")]);
    let chosen = choose(&mut script, ChainChoice::top_issuer("Nobody")).expect("a chain");
    assert_eq!((chosen.is_as_wished(), chosen.chain()), (false, &chains()[0]));
    assert_eq!(unusable(&script).len(), 1);
}

#[test]
fn all_chains_of_a_certificate_have_no_more_names_together_than_one_may_have() {
    let names: Vec<String> = (0..8000).map(|n| format!("n{n}")).collect();
    let many = rcgen::CertificateParams::new(names).expect("names");
    let key = rcgen::KeyPair::generate().expect("a key");
    let many = many.self_signed(&key).expect("a certificate").pem();
    let large = |n: usize| certificate(&format!("{}{many}", chains()[n].to_pem()));
    // The third is the one too many, and one that is small still fits.
    let alternates = [large(1), large(2), large(1), certificate(&chains()[2].to_pem())];
    let nobody = || ChainChoice::top_issuer("Nobody");
    let mut script = script_with(&alternates);
    let issued = issue_by(&mut script, nobody());
    assert_eq!((issued.chain(), issued.other_chains().count()), (&chains()[0], 3));
    let [why] = &unusable(&script)[..] else { panic!("{:?}", script.notices) };
    assert!(why.contains("more than 20000 names"), "{why}");
    assert!(why.contains(&format!("{BASE}/cert/1/3")), "{why}");

    let mut script = script_with(&alternates);
    let chosen = choose(&mut script, nobody()).expect("a chain");
    assert_eq!((chosen.chain(), chosen.others().count()), (&chains()[0], 3));
    assert_eq!(unusable(&script).len(), 1);
}

#[test]
fn a_download_whose_time_is_up_while_an_alternate_is_fetched_has_the_cas_own_chain() {
    use acme_proto::flow::{Flow, Input, Output};
    let mut script = script();
    let mut session = script.session();
    let url = format!("{BASE}/cert/1").parse().expect("a URL");
    let mut flow = Call::new(GetChain::new(url, ChainChoice::top_issuer("Nobody")));
    let mut notices = Vec::new();
    let chosen = loop {
        match flow.poll_output(&mut session, script.now()) {
            // The CA does not answer these.
            Output::Transmit(t) if t.request.url().as_str().contains("/cert/1/") => {}
            Output::Transmit(t) => {
                let response = script.respond(t.request).expect("an answer");
                let input = Input::Response(t.id, response);
                flow.handle_input(&mut session, input, script.now()).expect("a known id");
            }
            Output::Sign(s) => {
                let input = Input::Signature(s.id, script.key.sign(&s.message));
                flow.handle_input(&mut session, input, script.now()).expect("a known id");
            }
            Output::Notice(Notice::AlternateUnusable { error, .. }) => notices.push(error),
            Output::Done(result) => break result.expect("a chain"),
            Output::Timeout(at) => script.sleep_until(at),
            _ => {}
        }
    };
    assert!(!chosen.is_as_wished() && *chosen.chain() == chains()[0]);
    assert!(notices.iter().all(|error| matches!(**error, Error::Deadline(_))), "{notices:?}");
    assert_eq!(notices.len(), 2);
}

#[test]
fn a_download_that_has_no_chain_of_its_own_fails() {
    let mut script = CannedServer::obliging(&[NAME]);
    script.on("/cert/1", [certificate("no chain")]);
    let error = choose(&mut script, ChainChoice::shortest()).expect_err("no chain");
    let Error::Peer(peer) = &error else { panic!("{error}") };
    assert!(matches!(peer.fault(), PeerFault::Chain(_)), "{error}");
}

#[test]
fn a_wish_tells_its_place_among_chains_at_hand() {
    let all = || chains().iter();
    assert_eq!(ChainChoice::top_issuer(top_issuer(&chains()[2])).choose(all()), Some(2));
    assert_eq!(ChainChoice::top_issuer("Nobody").choose(all()), None);
    assert_eq!(ChainChoice::least(|_| 1).choose(all()), Some(0), "the first among equals");
    assert_eq!(ChainChoice::shortest().choose([]), None);
}

#[test]
fn what_was_issued_tells_everything_about_its_order() {
    let mut script = script();
    let issued = script.issue(issuance(&[NAME])).expect("a certificate");
    assert_eq!(issued.order().identifiers()[0].value(), NAME);
    assert_eq!(issued.order().certificate(), Some(issued.certificate_url()));
    assert_eq!(issued.not_after(), issued.chain().leaf().not_after());
    assert!(issued.not_before() < issued.not_after());
}
