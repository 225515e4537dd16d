//! What holds in every state, and at the end of every run.

use std::time::Duration;

use acme_proto::error::Error;
use acme_proto::flow::Transmit;
use acme_proto::issuance::IssuanceEvent;
use acme_proto::snapshot::Snapshot;

use super::ca::BASE;
use super::run::{Run, longest};

/// Checks an event: a challenge is stored before it is published.
pub(super) fn event(run: &mut Run<'_>, event: &IssuanceEvent) {
    if let IssuanceEvent::Provision(challenge) = event
        && run.plan.durable
        && !is_stored(run, challenge.url().as_str())
    {
        run.violated(format!("{} is published before it is stored", challenge.url()));
    }
}

fn is_stored(run: &Run<'_>, challenge: &str) -> bool {
    let challenges = run.stored.as_ref().map_or(&[][..], Snapshot::challenges);
    challenges.iter().any(|stored| stored.url().as_str() == challenge)
}

/// Checks a request: what it depends on has happened.
pub(super) fn request(run: &mut Run<'_>, transmit: &Transmit) {
    let url = transmit.request.url().as_str();
    let path = url.strip_prefix(BASE).unwrap_or_default();
    let sends_response =
        path.starts_with("/c/") && !crate::jws::payload(&transmit.request).is_empty();
    if sends_response && !run.published.contains(url) {
        run.violated(format!("{url} is responded to before it is published"));
    }
    let has_csr = run.stored.as_ref().is_some_and(|stored| stored.csr().is_some());
    if path.starts_with("/f/") && run.plan.durable && !has_csr {
        run.violated("the CSR is sent before it is stored".into());
    }
}

/// Checks a flow that waits: it can go on, and not too late.
pub(super) fn rest(run: &mut Run<'_>) {
    let (now, began) = (run.now, run.began);
    if run.wake.is_some_and(|at| at <= now) {
        run.violated("a wake-up that does not lie ahead".into());
    }
    let asks = !run.events.is_empty() || !run.in_flight.is_empty() || run.save.is_some();
    if run.wake.is_none() && !asks {
        run.violated("the flow waits for nothing".into());
    }
    if now.saturating_duration_since(began) > longest(&run.session) + Duration::from_secs(1) {
        run.violated("the flow goes on after its time limits".into());
    }
}

/// Checks the end of a run.
pub(super) fn end(run: &mut Run<'_>) {
    if let Some(what) = at_end(run) {
        run.violated(what);
    }
}

fn at_end(run: &Run<'_>) -> Option<String> {
    let result = run.result.as_ref()?;
    let ledger = &run.ledger;
    match result {
        Ok(issued) => {
            let leaf = issued.chain().leaf();
            let key = run.all.csr.spki_der();
            let mut names = leaf.dns_names().to_vec();
            names.sort();
            if leaf.spki_der() != key || names != run.all.names {
                return Some("a certificate for another key, or for other names".into());
            }
        }
        Err(error) if !is_excused(run, error) => return Some(format!("failed: {error}")),
        Err(_) => {}
    }
    let named = result.as_ref().map_or(&[][..], |issued| issued.not_cleaned());
    let is_named = |url: &&String| {
        run.left_behind.contains(*url)
            || named.iter().any(|(c, _)| c.url().as_str() == url.as_str())
    };
    if let Some(url) = run.published.iter().find(|url| !is_named(url)) {
        return Some(format!("{url} is still published, and nobody says so"));
    }
    let (orders, invalid) = run.ca.orders();
    let excused = 1 + ledger.lost_orders + invalid + ledger.useless_certificates();
    // The offer of a challenge that nobody could publish ends its order without the CA's doing.
    if orders > excused + ledger.failures {
        return Some(format!("{orders} orders, {excused} excused"));
    }
    if run.ca.certificates() > 1 + ledger.useless_certificates() {
        return Some(format!("{} certificates for one wish", run.ca.certificates()));
    }
    None
}

/// Returns whether what went wrong explains an error. A lost request, a busy CA, a refused nonce, or a crash never does.
fn is_excused(run: &Run<'_>, error: &Error) -> bool {
    let ledger = &run.ledger;
    match error {
        Error::Internal(_) | Error::Misuse(_) | Error::Input(_) => false,
        Error::Cancelled => ledger.cancelled,
        Error::Storage(_) => ledger.store_failed,
        Error::Deadline(_) => ledger.waits > 0 || ledger.failures > 1,
        // What became of the order after it says what was garbled.
        Error::Order(failed) => {
            ledger.failures > 1 || ledger.garbled > 0 && failed.next_error().is_some()
        }
        _ => ledger.garbled > 0 || ledger.useless_certificates() > 0,
    }
}
