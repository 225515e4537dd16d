//! Every response of a valid issuance, changed in every way that comes to mind: the flow gets its certificate, or ends
//! with an error that names the response.

use acme_proto::error::{Error, PeerFault, Report};
use acme_proto::flow::{Flow as _, Input, Output};
use acme_proto::http::Response;
use acme_proto::issuance::{IssuanceEvent, Issued};
use acme_proto::session::Session;
use acme_proto::wire::ChallengeKind;
use acme_testca::{CaConfig, RequestKind};
use acme_tests::mutations::{Case, Change, Which, cases, chosen};
use acme_tests::world::{World, csr, issuance};

const NAME: &str = "a.example";

/// More than any order needs that ends.
const MOST_REQUESTS: usize = 300;

/// What became of an issuance.
struct Outcome {
    result: Result<Issued, Error>,
    /// The responses that the CA gave, before a change.
    responses: Vec<(RequestKind, Response)>,
    /// Whether something is still published.
    is_published: bool,
}

/// Issues one certificate in a fresh world, and changes responses.
fn issue(which: Which, change: &Change) -> Outcome {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.session();
    register(&mut world, &mut session);
    let mut flow = issuance(&[NAME]);
    let mut responses = Vec::new();
    let result = loop {
        assert!(responses.len() < MOST_REQUESTS, "{which:?}: too many requests");
        match flow.poll_output(&mut session, world.now()) {
            Output::Transmit(transmit) => {
                let answer = world.ask(&transmit).expect("no faults");
                let kind = world.transcript.last().expect("an exchange").kind;
                let is_next = which.is_next(kind, responses.iter().map(|(kind, _)| *kind));
                responses.push((kind, answer.clone()));
                let changed = is_next.then(|| change(&answer)).flatten();
                let input = Input::Response(transmit.id, changed.unwrap_or(answer));
                flow.handle_input(&mut session, input, world.now()).expect("a known id");
            }
            Output::Sign(request) => {
                let signature = world.sign(&request).expect("a known key");
                let input = Input::Signature(request.id, signature);
                flow.handle_input(&mut session, input, world.now()).expect("a known id");
            }
            Output::Event(IssuanceEvent::Authorize(offer)) => {
                let kinds = [ChallengeKind::Http01];
                match offer.choose(&kinds) {
                    Some(kind) => flow.select(&session, &offer.id(), &kind),
                    None => flow.refuse(&offer.id(), "no solver for these kinds".into()),
                }
                .expect("the offer is open");
            }
            Output::Event(IssuanceEvent::Provision(challenge)) => {
                match world.publish(&challenge) {
                    Ok(()) => flow.ready(&challenge.id()),
                    Err(why) => flow.failed(&challenge.id(), why),
                }
                .expect("it was handed out");
            }
            Output::Event(IssuanceEvent::CleanUp(challenge)) => {
                world.take_back(&challenge);
                flow.cleaned(&challenge.id()).expect("it was handed out");
            }
            Output::Event(IssuanceEvent::Finalize(names)) => {
                flow.finalize(csr(&names)).expect("a CSR that fits");
            }
            Output::Notice(notice) => drop(notice.to_string()),
            Output::Timeout(at) => {
                let wait = at.saturating_duration_since(world.now()).as_millis() as u64;
                world.pass(wait.max(1));
            }
            Output::Done(result) => break result,
            other => panic!("{which:?}: {other:?}"),
        }
    };
    Outcome { result, responses, is_published: !world.published.is_empty() }
}

/// Registers without a change.
fn register(world: &mut World, session: &mut Session) {
    let registered = world.registered();
    *session = registered;
}

/// Returns what is wrong with an error that a person has to act on.
fn fault_of(error: &Error, member: Option<&str>) -> Option<String> {
    let text = Report::new(error).to_string();
    let is_ours = matches!(error, Error::Internal(_) | Error::Misuse(_));
    let names_it = text.to_ascii_lowercase().contains("https://");
    let is_plain = text.chars().all(|c| !c.is_control()) && text.len() < 5_000;
    // What is missing or malformed is named, or what it is in.
    let is_object =
        matches!(error, Error::Peer(peer) if matches!(peer.fault(), PeerFault::Object { .. }));
    let hides_it = is_object && member.is_some_and(|member| !text.contains(member));
    (is_ours || !names_it || hides_it || !is_plain).then(|| text.chars().take(600).collect())
}

#[test]
fn a_changed_response_ends_in_a_certificate_or_in_an_error_that_names_it() {
    let plain = issue(Which::None, &(Box::new(|_: &Response| None) as Change));
    assert!(plain.result.is_ok());
    let all = cases(&plain.responses);
    let chosen = chosen(&all, 1);
    let (mut certificates, mut faults) = (0, Vec::new());
    for Case { name, which, member, change } in &chosen {
        let outcome = issue(*which, change);
        match &outcome.result {
            Ok(issued) => {
                certificates += 1;
                assert_eq!(issued.chain().leaf().dns_names(), [NAME], "{name}");
            }
            Err(error) => {
                let fault = fault_of(error, member.as_deref());
                faults.extend(fault.map(|fault| format!("{name}: {fault}")));
            }
        }
        if outcome.is_published {
            faults.push(format!("{name}: a challenge is left"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    println!("{} changed issuances, {certificates} certificates", chosen.len());
    assert!(all.len() > 1_500, "{}", all.len());
    // Most changes are to members that the next step does not need.
    assert!(chosen.len() < all.len() || certificates * 3 > all.len(), "{certificates}");
}

#[test]
fn each_case_has_a_name_of_its_own_which_says_what_is_changed() {
    let plain = issue(Which::None, &(Box::new(|_: &Response| None) as Change));
    let all = cases(&plain.responses);
    let mut names: Vec<&str> = all.iter().map(|case| &*case.name).collect();
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
    for name in ["newOrder 1: without /status", "order 1 and later: /finalize = null"] {
        assert!(names.contains(&name), "{name} is not among {names:#?}");
    }
    // Another request before them changes no name.
    let mut more = vec![(RequestKind::RevokeCert, Response::new(200))];
    more.extend(plain.responses.iter().cloned());
    let of_more = cases(&more);
    let of_more = of_more.iter().map(|case| &case.name);
    assert!(
        of_more
            .skip_while(|name| name.starts_with("revokeCert"))
            .eq(all.iter().map(|case| &case.name))
    );
}
