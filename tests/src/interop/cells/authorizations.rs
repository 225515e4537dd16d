//! Authorizations: given up, had without an order, and failing.

use acme_blocking::{KeyKind, ProviderKey};
use acme_proto::error::Error as Core;
use acme_proto::identifier::Identifier;
use acme_proto::wire::{AuthorizationStatus, ChallengeKind};

use super::super::outcome::problem_name;
use super::super::{Job, typed};
use super::accounts::order;
use super::{At, Failure, Outcome, ensure};

/// A pending authorization that is given up.
pub(super) fn deactivate(at: &At<'_>) -> Outcome {
    let client = at.client()?;
    let entry = client.new_order(order(&at.name("given-up"))?)?;
    let url = entry.order().authorizations().first();
    let url = url.ok_or_else(|| Failure::broken("the order has no authorizations"))?;
    let answer = client.deactivate_authorization(url)?;
    let read = client.authorization(url)?;
    ensure(answer.status() == read.status(), "the answer is not what is read afterwards")?;
    match read.status() {
        AuthorizationStatus::Deactivated => {
            Ok(format!("the order is then {}", client.order(entry.url())?.status()))
        }
        other => Err(Failure::Lacks(format!("it stays {other}"))),
    }
}

/// An authorization without an order.
pub(super) fn pre_authorize(at: &At<'_>) -> Outcome {
    let client = at.client()?;
    let identifier = Identifier::dns(&at.name("early")).map_err(Failure::broken)?;
    let entry = client.new_authorization(identifier)?;
    ensure(!entry.authorization().challenges().is_empty(), "it offers no challenges")?;
    Ok(String::new())
}

/// A challenge that nobody published: the issuance ends soon, with the CA's own reason.
pub(super) fn failing(at: &At<'_>, kind: ChallengeKind) -> Outcome {
    let (client, key) = (at.client()?, ProviderKey::generate(KeyKind::Es256)?);
    let name = at.name("failing");
    let names = [name.as_str()];
    let job = Job { publish: false, ..Job::new(&names, kind, &key) };
    let Err(error) = client.issue(&job) else {
        return Err(Failure::broken("a certificate for a name that was not proved"));
    };
    let reason = match error.acme() {
        Some(Core::Order(order)) => {
            let failed = order.failures().iter().find_map(|failure| failure.problem());
            failed.or_else(|| order.problem())
        }
        Some(Core::Problem(problem)) => problem.problem(),
        _ => None,
    };
    match reason.map(|problem| (problem_name(problem), problem.detail())) {
        Some((name, Some(detail))) if !detail.is_empty() => {
            let words: String = detail.chars().take(20).collect();
            ensure(error.to_string().contains(&words), "the CA's words are not in the error")?;
            Ok(format!("the CA's reason: {name}"))
        }
        _ => match typed(&error) {
            Some(shown) => Err(Failure::Lacks(shown)),
            None => Err(Failure::broken(error)),
        },
    }
}
