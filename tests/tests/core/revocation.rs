//! Revocation (RFC 8555 section 7.6), by the CA and by canned answers.

use acme_proto::call::Call;
use acme_proto::error::{Error, InvalidInput, Unsupported};
use acme_proto::flow::KeyRole;
use acme_proto::http::Response;
use acme_proto::jose::{Jwk, base64url};
use acme_proto::notice::Notice;
use acme_proto::op::{Resource, RevocationReason, Revoke};
use acme_proto::session::Session;
use acme_proto::signer::Es256Key;
use acme_proto::x509::{Certificate, CertificateChain};
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, Quirks, RequestKind};
use acme_tests::canned_server::{Asked, CannedServer, chain, problem};
use acme_tests::world::{World, issue};
use serde_json::{Value, json};

const NAME: &str = "a.example";

fn leaf() -> Certificate {
    CertificateChain::parse_pem(chain(&[NAME]).as_bytes()).expect("a chain").leaf().clone()
}

/// The key of the certificates in these tests.
fn certificate_key() -> Jwk {
    Es256Key::from_scalar(&[3; 32]).expect("a scalar").public_key()
}

fn sent(script: &CannedServer) -> Value {
    serde_json::from_str(&script.at("/revokeCert")[0].payload()).expect("JSON")
}

#[test]
fn a_certificate_is_sent_as_der_in_base64url_and_a_reason_only_if_there_is_one() {
    let mut script = CannedServer::new();
    script.on("/revokeCert", [Response::new(200)]);
    script.call(Revoke::new(&leaf())).expect("revoked");
    let der = base64url::encode(leaf().as_der());
    // covers 8555-7.6-1
    assert_eq!(sent(&script), json!({ "certificate": der }));
    // covers 8555-7.6-3
    assert!(sent(&script).get("reason").is_none());

    let mut script = CannedServer::new();
    script.on("/revokeCert", [Response::new(200)]);
    script.call(Revoke::new(&leaf()).with_reason_code(1).expect("a reason")).expect("revoked");
    // covers 8555-7.6-2
    assert_eq!(sent(&script), json!({ "certificate": der, "reason": 1 }));
}

#[test]
fn a_reason_that_does_not_exist_is_refused() {
    for code in 0..=255 {
        let taken = Revoke::new(&leaf()).with_reason_code(code).is_ok();
        // covers 8555-7.6-2
        assert_eq!(taken, matches!(code, 0..=6 | 8..=10), "{code}");
    }
    let refused = Revoke::new(&leaf()).with_reason_code(7).expect_err("unused");
    assert_eq!(refused, InvalidInput::RevocationReason(7));
}

#[test]
fn the_account_or_the_certificates_own_key_signs() {
    let mut script = CannedServer::new();
    script.on("/revokeCert", [Response::new(200)]);
    script.call(Revoke::new(&leaf())).expect("revoked");
    script.call(Revoke::new(&leaf()).with_certificate_key(certificate_key())).expect("revoked");
    let asked = script.at("/revokeCert");
    let (by_account, by_key) = (asked[0].protected(), asked[1].protected());
    // covers 8555-7.6-4
    assert_eq!(by_account["kid"], "https://ca.test/account/1");
    let jwk: Value = serde_json::from_str(&certificate_key().to_json()).expect("JSON");
    // covers 8555-7.6-4
    assert_eq!(by_key["jwk"], jwk, "{by_key}");
    assert!(by_key.get("kid").is_none(), "{by_key}");
    let whole = |h: &Value| h["nonce"].is_string() && h["url"] == "https://ca.test/revokeCert";
    // covers 8555-7.6-4
    assert!(whole(&by_account));
    assert!(whole(&by_key));
    // covers 8555-7.6-6
    assert_eq!(by_key["alg"], "ES256", "{by_key}");
    assert_eq!(by_account["alg"], "EdDSA", "{by_key}");
}

#[test]
fn the_certificates_key_revokes_without_any_account() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let issued = issue(&mut world, &mut session, &[NAME]).expect("a certificate");
    world.transcript.clear();
    // A process that knows nothing but the certificate and its key.
    let directory = world.ca.directory_url().parse().expect("a URL");
    let mut cold = Session::new(directory, 1);
    let key = Es256Key::from_scalar(&[3; 32]).expect("a scalar");
    let revoke = Revoke::new(issued.chain().leaf()).with_certificate_key(key.public_key());
    let result = run_with_key(&mut world, &mut cold, revoke, &key);
    // covers 8555-7.6-5
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(world.ca.certificates_revoked(), 1, "{result:?}");
    let accounts = world.transcript.iter().any(|e| e.kind == RequestKind::NewAccount);
    // covers 8555-7.6-5
    assert!(!accounts, "{:?}", world.lines());
}

/// Runs a revocation in a world that does not hold the certificate's key.
fn run_with_key(
    world: &mut World,
    session: &mut Session,
    revoke: Revoke,
    key: &Es256Key,
) -> Result<acme_proto::op::Revoked, Error> {
    use acme_proto::flow::{Flow, Input, Output};
    use acme_testca::CaRequest;
    let mut call = Call::new(revoke);
    loop {
        let input = match call.poll_output(session, world.now()) {
            Output::Sign(request) => {
                let named = KeyRole::Certificate(key.public_key().thumbprint());
                assert_eq!(request.key, named, "the certificate's key is asked for");
                Input::Signature(request.id, key.sign(&request.message))
            }
            Output::Transmit(transmit) => {
                let request = &transmit.request;
                let (method, url) = (request.method().as_str(), request.url().as_str());
                let asked = request.headers().iter().fold(
                    CaRequest::new(method, url).with_body(request.body()),
                    |asked, (name, value)| asked.with_header(name, value),
                );
                let now =
                    world.now().saturating_duration_since(acme_proto::time::Timestamp::UNIX_EPOCH);
                let answer = world.ca.handle(&asked, now.as_millis() as u64);
                let response = answer.headers.iter().fold(
                    Response::new(answer.status).with_body(answer.body.clone()),
                    |response, (name, value)| response.with_header(name, value),
                );
                Input::Response(transmit.id, response)
            }
            Output::Done(result) => return result,
            Output::Timeout(at) => panic!("waits until {at:?}"),
            _ => continue,
        };
        call.handle_input(session, input, world.now()).expect("a known id");
    }
}

#[test]
fn the_body_of_a_success_is_ignored() {
    for body in ["", "ok", "<html>", "{}"] {
        let mut script = CannedServer::new();
        script.on("/revokeCert", [Response::new(200).with_body(body)]);
        let revoked = script.call(Revoke::new(&leaf()));
        // covers 8555-7.6-7
        assert!(revoked.as_ref().is_ok_and(|r| !r.was_already_revoked()), "{body}: {revoked:?}");
        // covers fld-rev-1
        assert!(revoked.is_ok(), "{revoked:?}");
    }
}

#[test]
fn what_was_revoked_before_is_revoked() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let issued = issue(&mut world, &mut session, &[NAME]).expect("a certificate");
    for already in [false, true] {
        let call = Call::new(Revoke::new(issued.chain().leaf()));
        let revoked = world.run(&mut session, call, |_, _, never| match never {});
        let revoked = revoked.expect("revoked");
        // covers 8555-7.6-8
        assert_eq!(revoked.was_already_revoked(), already);
        let noticed = |n: &&Notice| matches!(n, Notice::AlreadyRevoked { .. });
        assert_eq!(world.notices.iter().filter(noticed).count(), usize::from(already));
    }
    assert_eq!(world.ca.certificates_revoked(), 1);
}

#[test]
fn a_reason_that_the_ca_does_not_take_is_an_error_of_its_own() {
    let mut script = CannedServer::new();
    script.on("/revokeCert", [problem(400, "badRevocationReason")]);
    let error = script.call(Revoke::new(&leaf())).expect_err("refused");
    let kind = error.problem_type().map(ToString::to_string);
    let typed = kind.as_deref() == Some("urn:ietf:params:acme:error:badRevocationReason");
    // covers 8555-7.6-8
    assert!(typed, "{error}");
}

#[test]
fn whoever_may_not_revoke_is_told_who_may() {
    let mut script = CannedServer::new();
    script.on("/revokeCert", [problem(403, "unauthorized")]);
    let error = script.call(Revoke::new(&leaf())).expect_err("refused").to_string();
    assert!(error.contains("the account that ordered it"), "{error}");
    assert!(error.contains("the certificate's own key"), "{error}");
}

#[test]
fn every_reason_of_the_list_is_sent_as_its_code() {
    let all = [
        (RevocationReason::Unspecified, 0),
        (RevocationReason::KeyCompromise, 1),
        (RevocationReason::CaCompromise, 2),
        (RevocationReason::AffiliationChanged, 3),
        (RevocationReason::Superseded, 4),
        (RevocationReason::CessationOfOperation, 5),
        (RevocationReason::CertificateHold, 6),
        (RevocationReason::RemoveFromCrl, 8),
        (RevocationReason::PrivilegeWithdrawn, 9),
        (RevocationReason::AaCompromise, 10),
    ];
    let mut script = CannedServer::new();
    script.on("/revokeCert", [Response::new(200)]);
    for (reason, code) in all {
        script.call(Revoke::new(&leaf()).with_reason(reason)).expect("revoked");
        let last = script.asked.last().map(Asked::payload).unwrap_or_default();
        // covers 8555-7.6-2
        assert!(last.contains(&format!("\"reason\":{code}}}")), "{last}");
        assert_eq!(RevocationReason::try_from(code), Ok(reason));
    }
}

#[test]
fn a_lost_answer_to_a_revocation_is_settled() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let issued = issue(&mut world, &mut session, &[NAME]).expect("a certificate");
    let rule = FaultRule::next(FaultAction::DropAfter).on(RequestKind::RevokeCert);
    world.ca.set_faults(Faults::none().with(rule));
    let call = Call::new(Revoke::new(issued.chain().leaf()));
    let revoked = world.run(&mut session, call, |_, _, never| match never {});
    assert!(revoked.is_ok(), "{revoked:?}");
    assert_eq!(world.ca.certificates_revoked(), 1);
}

#[test]
fn a_ca_that_does_not_revoke_is_told_apart() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let issued = issue(&mut world, &mut session, &[NAME]).expect("a certificate");
    world.ca.set_quirks(Quirks { no_revoke_cert: true, ..Quirks::default() });
    let mut fresh = world.session();
    let call = Call::new(Revoke::new(issued.chain().leaf()));
    let error = world.run(&mut fresh, call, |_, _, never| match never {}).expect_err("cannot");
    let unsupported =
        matches!(error, Error::Unsupported(Unsupported::Operation(Resource::RevokeCert)));
    assert!(unsupported, "{error}");
}

#[test]
fn another_account_may_not_revoke_what_it_has_no_authorizations_for() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    let issued = issue(&mut world, &mut session, &[NAME]).expect("a certificate");
    // The other key gets an account of its own.
    let directory = world.ca.directory_url().parse().expect("a URL");
    let mut other = Session::new(directory, 1).with_account_key(world.other_key.public_key());
    let flow = acme_proto::register::Register::new();
    world.run(&mut other, flow, |_, _, event| panic!("{event:?}")).expect("an account");
    let revoke = || Call::new(Revoke::new(issued.chain().leaf()));
    let refused = world.run(&mut other, revoke(), |_, _, never| match never {});
    assert!(matches!(&refused, Err(Error::Problem(p)) if p.status() == 403), "{refused:?}");
    // With authorizations for all its names it may.
    issue(&mut world, &mut other, &[NAME]).expect("a certificate of its own");
    let revoked = world.run(&mut other, revoke(), |_, _, never| match never {});
    // covers 8555-7.6-9
    assert!(refused.is_err(), "{revoked:?}");
    assert!(revoked.is_ok(), "{revoked:?}");
}
