//! What the CA must have seen, and the client must have got, when a row has run.

use std::collections::BTreeSet;
use std::fs;

use acme_testca::{ChallengeKind, RequestKind};
use serde_json::{Value, json};

use super::case::{Case, PROFILE};
use super::chain;
use super::row::Row;

/// Checks a row after the client has run.
pub(super) fn verify(row: Row, case: &Case, ran: Result<(), String>) -> Result<(), String> {
    if row == Row::Failure {
        return failure(case, ran);
    }
    ran?;
    refused(row, case)?;
    if issues(row) {
        certificate(row, case)?;
        validated(row, case)?;
    }
    let (what, seen) = effect(row, case);
    if seen { Ok(()) } else { Err(format!("not so: {what}")) }
}

/// Checks that the CA's last answer was a refusal of that type, and that the client failed and says so.
pub(super) fn verify_refusal(
    problem: &str,
    case: &Case,
    ran: Result<(), String>,
) -> Result<(), String> {
    let Err(output) = ran else {
        return Err(format!("it did not fail with {problem}"));
    };
    let last = case.ca().requests().pop().and_then(|exchange| exchange.problem);
    if last.as_deref() == Some(problem) && output.contains(problem) {
        Ok(())
    } else {
        Err(format!("it did not end with {problem}: {output}"))
    }
}

/// Checks that the client failed with the reason that the CA gave.
fn failure(case: &Case, ran: Result<(), String>) -> Result<(), String> {
    let output = match ran {
        Ok(()) => return Err("it did not fail".to_owned()),
        Err(output) => output,
    };
    // From the detail of the CA's problem; its wording after that is the operating system's.
    let said = output.contains("one.example.test: cannot connect to 127.0.0.1");
    match (said, case.ca().certificates_issued()) {
        (true, 0) => Ok(()),
        (true, _) => Err("a certificate was issued".to_owned()),
        (false, _) => Err(format!("it does not say why: {output}")),
    }
}

/// Checks that the CA refused nothing but what the row is about.
fn refused(row: Row, case: &Case) -> Result<(), String> {
    let allowed = |problem: &str| row == Row::Nonces && problem == "badNonce";
    let requests = case.ca().requests();
    let odd = requests.into_iter().find(|e| e.problem.as_deref().is_some_and(|p| !allowed(p)));
    odd.map_or(Ok(()), |e| Err(format!("{} was refused: {:?}", e.path, e.problem)))
}

const fn issues(row: Row) -> bool {
    !matches!(row, Row::Update | Row::Deactivate | Row::Authorization)
}

fn certificate(row: Row, case: &Case) -> Result<(), String> {
    let pem = fs::read(case.chain()).map_err(|error| format!("there is no chain: {error}"))?;
    let alternate = case.ca().alternate_root_pem(1);
    match (row, alternate) {
        (Row::Chain, Some(other)) => {
            if chain::verify(&pem, case.ca().root_pem(), case.names()).is_ok() {
                return Err("the chain is the default one".to_owned());
            }
            chain::verify(&pem, &other, case.names())
        }
        _ => chain::verify(&pem, case.ca().root_pem(), case.names()),
    }
}

/// Checks that every name was validated, by the row's type of challenge alone.
fn validated(row: Row, case: &Case) -> Result<(), String> {
    let kind = match row {
        Row::Dns01 => ChallengeKind::Dns01,
        Row::TlsAlpn01 => ChallengeKind::TlsAlpn01,
        _ => ChallengeKind::Http01,
    };
    let validations = case.ca().validations();
    if let Some(other) = validations.iter().find(|v| v.kind != kind || v.problem.is_some()) {
        return Err(format!("an unexpected validation: {other:?}"));
    }
    let names: BTreeSet<String> = validations
        .iter()
        .map(|v| format!("{}{}", if v.wildcard { "*." } else { "" }, v.identifier))
        .collect();
    let wanted: BTreeSet<String> = case.names().iter().map(|&name| name.to_owned()).collect();
    if names == wanted { Ok(()) } else { Err(format!("validated were {names:?}")) }
}

/// Returns what the row is to bring about, and whether it did.
fn effect(row: Row, case: &Case) -> (&'static str, bool) {
    let ca = case.ca();
    let count = |kind, status| {
        ca.requests().iter().filter(|e| e.kind == kind && e.status == status).count()
    };
    let refused = |kind| {
        let is_so = |e: &acme_testca::ExchangeRecord| {
            e.kind == kind && e.problem.as_deref() == Some("badNonce")
        };
        ca.requests().iter().any(is_so)
    };
    let revoked_by_key = |by_key| {
        let revocations = ca.revocations();
        revocations.len() == 1 && revocations[0].by_certificate_key == by_key
    };
    let account = ca.account_objects().into_iter().next().unwrap_or_default();
    let order = ca.order_objects().into_iter().next_back().unwrap_or_default();
    let seen = match row {
        Row::Eab => account["externalAccountBinding"].is_object(),
        Row::Nonces => refused(RequestKind::NewOrder) && refused(RequestKind::Finalize),
        Row::Slow => count(RequestKind::Order, 200) >= 2,
        Row::Profile => order["profile"] == PROFILE,
        Row::NotAfter => order["notAfter"].is_string(),
        Row::PreAuthorization => {
            count(RequestKind::NewAuthz, 201) == 1 && ca.authorization_objects().len() == 1
        }
        Row::Authorization => {
            ca.authorization_objects().iter().any(|a| a["status"] == "deactivated")
        }
        Row::Orders => count(RequestKind::Orders, 200) == 2,
        Row::Update => account["contact"] == json!(["mailto:second@example.test"]),
        Row::Rollover => count(RequestKind::KeyChange, 200) == 1,
        Row::Deactivate => account["status"] == "deactivated",
        Row::Revoke => revoked_by_key(false),
        Row::RevokeKey => revoked_by_key(true),
        Row::Renewal => count(RequestKind::RenewalInfo, 200) >= 1 && ca.certificates_issued() == 2,
        Row::Replaces => replaces(&order, &ca.certificate_ids()),
        _ => ca.certificates_issued() >= 1,
    };
    (row.verified(), seen)
}

fn replaces(order: &Value, ids: &[String]) -> bool {
    ids.len() == 2 && order["replaces"].as_str() == ids.first().map(String::as_str)
}
