//! What must hold.

use std::time::Duration;

use acme_proto::error::{Error, OrderFailed, Report};
use acme_proto::issuance::{IssuanceEvent, Issued};
use acme_proto::notice::Notice;
use acme_proto::snapshot::Snapshot;
use acme_proto::time::Timestamp;

use super::actor::{Question, Role};
use super::ca::BASE;
use super::envelope::Envelope;
use super::faults::Kind;
use super::objects;
use super::sim::{Due, Sim};

/// How often a user goes on after an error.
const MOST_RESUMES: u32 = 2;

/// Checks a request: its nonce is new, what it depends on has happened, and there are not too many.
pub(super) fn request(sim: &mut Sim<'_>, index: usize, request: &Envelope) {
    if let Some(nonce) = &request.nonce
        && !sim.sent_nonces.insert(nonce.clone())
    {
        sim.violated(format!("{nonce} was sent twice"));
    }
    let actor = &sim.actors[index];
    if actor.in_flight >= sim.policy.max_in_flight {
        sim.violated(format!("{} requests in flight", actor.in_flight + 1));
    }
    let (actor, path) = (&sim.actors[index], &request.path);
    let url = format!("{BASE}{path}");
    let responds = path.starts_with("/chall/") && !request.is_read();
    if responds && sim.published.get(&url).is_none_or(|users| !users.contains_key(&index)) {
        return sim.violated(format!("{url} is responded to before it is published"));
    }
    let has_csr = actor.stored.as_ref().is_some_and(|stored| stored.csr().is_some());
    if path.starts_with("/finalize/") && actor.is_durable() && !has_csr {
        sim.violated("the CSR is sent before it is stored".into());
    }
}

/// Checks a question: a challenge is stored before it is published.
pub(super) fn question(sim: &mut Sim<'_>, index: usize, question: &Question) {
    let Question::Issuance(IssuanceEvent::Provision(challenge)) = question else { return };
    let actor = &sim.actors[index];
    let stored = actor.stored.as_ref().map_or(&[][..], Snapshot::challenges);
    if actor.is_durable() && !stored.iter().any(|one| one.url() == challenge.url()) {
        sim.violated(format!("{} is published before it is stored", challenge.url()));
    }
}

/// Checks a wait that a flow announces: a server's wish counts up to the cap of the policy.
pub(super) fn notice(sim: &mut Sim<'_>, index: usize, notice: &Notice, now: Timestamp) {
    sim.note(|| format!("{index}: {notice}"));
    let until = match notice {
        Notice::Retry { at, .. } => *at,
        Notice::Waiting { until, .. } => *until,
        Notice::NotCleaned { challenge, .. } => {
            let url = challenge.url().to_string();
            sim.actors[index].ledger.left_behind.insert(url);
            return;
        }
        _ => return,
    };
    let longest = sim.policy.retry_after_cap.max(Duration::from_secs(60));
    if until.saturating_duration_since(now) > longest {
        sim.violated(format!("a wait beyond the policy: {notice}"));
    }
}

/// Checks how long an issuance goes on.
pub(super) fn rest(sim: &mut Sim<'_>, index: usize, wait: Duration) {
    if !sim.is_wish(index) {
        return;
    }
    let passed = Duration::from_millis(sim.now - sim.actors[index].began);
    let longest = sim.policy.issuance_time_limit + sim.policy.clean_up_time_limit;
    if passed + wait > longest + Duration::from_secs(1) {
        sim.violated(format!("the flow goes on after its time limits: {passed:?} and {wait:?}"));
    }
}

/// Checks the end of an issuance.
pub(super) fn issued(sim: &mut Sim<'_>, index: usize, result: Result<Issued, Error>) {
    let what = match &result {
        Ok(issued) => {
            let named = issued.not_cleaned().iter().map(|(challenge, _)| challenge.url());
            let named = named.map(ToString::to_string);
            sim.actors[index].ledger.left_behind.extend(named);
            success(sim, index, issued)
        }
        Err(error) => failure(sim, index, error),
    };
    let what = what.or_else(|| left_behind(sim, index)).or_else(|| counts(sim, index));
    if let Some(what) = what {
        return sim.violated(format!("{what} (flow {index})"));
    }
    let now = sim.now;
    let actor = &mut sim.actors[index];
    actor.end_life();
    let may_pass = result.as_ref().err().is_some_and(|error| {
        matches!(error, Error::Deadline(_) | Error::Transport(_) | Error::RetryLater { .. })
    });
    if may_pass && actor.stored.is_some() && actor.resumes < MOST_RESUMES {
        actor.resumes += 1;
        return sim.after(5_000 + now % 1_000, Due::Begin(index));
    }
    actor.outcome = Some(result.is_ok());
    if let Err(error) = &result {
        *sim.errors.entry(name(error)).or_default() += 1;
    }
}

fn success(sim: &Sim<'_>, index: usize, issued: &Issued) -> Option<String> {
    let wanted = sim.all.wanted(index, sim.names_of(index));
    let leaf = issued.chain().leaf();
    let mut names = leaf.dns_names().to_vec();
    names.sort();
    let fits = leaf.spki_der() == wanted.csr.spki_der() && names == wanted.names;
    (!fits).then(|| "a certificate for another key, or for other names".to_owned())
}

fn failure(sim: &Sim<'_>, index: usize, error: &Error) -> Option<String> {
    let ledger = &sim.actors[index].ledger;
    let is_excused = match error {
        Error::Internal(_) | Error::Misuse(_) | Error::Input(_) | Error::KeyInUse { .. } => false,
        Error::AccountClosed { .. } => false,
        Error::Cancelled => ledger.has(Kind::Cancelled),
        Error::Storage(_) => ledger.has(Kind::NotStored),
        Error::Signer(_) => ledger.has(Kind::NotSigned),
        // A new process does not know that the account is as new as that.
        Error::NoAccount { .. } => {
            ledger.has(Kind::AccountsForgotten)
                || ledger.has(Kind::Replica) && sim.ca.accounts.iter().any(|one| one.created > 0)
        }
        // One or two faults that pass never cost a certificate.
        _ => ledger.faults.len() > 2 || !ledger.faults.iter().all(|kind| kind.passes()),
    };
    // Where the CA is slow, or asks for long waits, the time limit may come first.
    let is_slow = sim.policy.issuance_time_limit < Duration::from_secs(300) || sim.latency > 1_000;
    let is_slow_or_asks = is_slow || sim.ca.temper.retry_after == Some(400);
    let is_short = match error {
        Error::Problem(problem) => is_slow_or_asks && matches!(problem.status(), 429 | 500..=599),
        // What could be read again is not, where the time is over before that.
        Error::Deadline(_) | Error::Peer(_) | Error::Transport(_) => is_slow_or_asks,
        Error::RetryLater { .. } => {
            waits_too_long(sim) || is_limited(sim) || is_slow_or_asks && is_busy(sim)
        }
        _ => false,
    };
    if !is_excused && !is_short {
        return Some(format!("failed without a reason: {}", Report::new(error)));
    }
    match error {
        Error::Order(failed) => reasons(sim, index, failed, &Report::new(error).to_string()),
        _ => None,
    }
}

/// Whether the CA asks for longer waits than the policy allows.
fn waits_too_long(sim: &Sim<'_>) -> bool {
    let asked = sim.ca.temper.retry_after.map(Duration::from_secs);
    asked.is_some_and(|asked| asked > sim.policy.retry_after_cap)
}

/// Whether the CA limited anybody: its limits hold for all flows of a session.
fn is_limited(sim: &Sim<'_>) -> bool {
    let limits = [Kind::Limited, Kind::LimitedWithoutTime, Kind::LimitedForAWhile];
    sim.actors.iter().any(|actor| actor.ledger.faults.iter().any(|kind| limits.contains(kind)))
}

/// Whether the CA was busy for anybody: refusals that name no time slow down all flows of a session.
fn is_busy(sim: &Sim<'_>) -> bool {
    let busy = [Kind::Busy, Kind::BusyPage, Kind::BusyAfter, Kind::ServerError, Kind::ErrorAfter];
    sim.actors.iter().any(|actor| actor.ledger.faults.iter().any(|kind| busy.contains(kind)))
}

/// The error of a failed order has the CA's words for each challenge that had failed when it was asked last.
fn reasons(sim: &Sim<'_>, index: usize, failed: &OrderFailed, text: &str) -> Option<String> {
    let actor = &sim.actors[index];
    let path = failed.order_url()?.as_str().strip_prefix(BASE)?.strip_prefix("/order/")?;
    let order = sim.ca.orders.get(path.parse::<usize>().ok()?)?.as_ref()?;
    // Whoever could not ask was not given the reasons.
    let refusals = [Kind::ValidationFails, Kind::ValidationBreaks, Kind::NotPublished];
    let could_ask = actor
        .ledger
        .faults
        .iter()
        .all(|kind| *kind != Kind::Replica && (kind.passes() || refusals.contains(kind)));
    if !could_ask || actor.ledger.faults.iter().filter(|kind| kind.passes()).count() > 3 {
        return None;
    }
    for &one in &order.authorizations {
        let read = sim.ca.authorizations[one].read;
        for (n, challenge) in sim.ca.authorizations[one].challenges.iter().enumerate() {
            let is_decided = challenge.decided.is_some_and(|(at, why)| why.is_some() && at < read);
            if is_decided && !text.contains(&objects::reason(one, n)) {
                return Some(format!("the words of {BASE}/chall/{one}/{n} are missing: {text}"));
            }
        }
    }
    None
}

/// Whatever is still published has been named.
fn left_behind(sim: &Sim<'_>, index: usize) -> Option<String> {
    let own = sim.published.iter().filter(|(_, users)| users.contains_key(&index));
    let named = &sim.actors[index].ledger.left_behind;
    let mut own = own.map(|(url, _)| url).filter(|url| !named.contains(*url));
    own.next().map(|url| format!("{url} is still published, and nobody says so"))
}

/// One order and one certificate for one wish.
fn counts(sim: &Sim<'_>, index: usize) -> Option<String> {
    let ledger = &sim.actors[index].ledger;
    let get = |map: &std::collections::BTreeMap<usize, usize>| map.get(&index).copied();
    let (orders, certificates) = (get(&sim.ca.ordered), get(&sim.ca.certificates));
    let forgotten = get(&sim.ca.forgotten).unwrap_or_default();
    let own = ledger.restarts + ledger.wrong_certificates + forgotten;
    let failed = sim.ca.failed_orders(index, sim.now) + ledger.not_published;
    // A new process takes an order that is unknown at a replica for one that the CA has forgotten.
    if sim.actors[index].life > 0 && ledger.has(Kind::Replica) {
        return None;
    }
    // A request that failed at each try counts as refused.
    let exhausted = ledger.faults.iter().filter(|kind| kind.passes()).count() / 4;
    let most = 1 + own + ledger.lost_orders + failed + ledger.garbled + exhausted;
    if orders.unwrap_or_default() > most {
        return Some(format!("{orders:?} orders, {most} excused"));
    }
    // What is garbled twice counts as what the CA issued.
    if certificates.unwrap_or_default() > 1 + own + ledger.garbled / 2 {
        return Some(format!("{certificates:?} certificates for one wish"));
    }
    None
}

/// Checks a run in which nothing is left to happen: everything has ended, and the account has a key that somebody holds.
pub(super) fn ended(sim: &mut Sim<'_>) {
    let has_account =
        sim.actors.iter().all(|a| a.role != Role::Register || a.outcome == Some(true));
    for index in 0..sim.actors.len() {
        let actor = &sim.actors[index];
        let is_over = actor.outcome.is_some() || (!has_account && actor.role != Role::Register);
        if !is_over {
            sim.violated(format!("flow {index} waits for nothing"));
        }
    }
    let held = sim.disk.intent.as_ref().map(|intent| intent.new_account_key().clone());
    // A copy of newAccount that comes too late makes another account for the key that this one had.
    for account in sim.ca.accounts.iter().take(1) {
        let key = sim.all.key(account.key);
        if account.key != sim.disk.key && held.as_ref() != Some(key) {
            return sim.violated("the account has a key that nobody holds".into());
        }
    }
}

/// Names the kind of an error, to be counted.
pub(super) const fn name(error: &Error) -> &'static str {
    match error {
        Error::Problem(_) => "Problem",
        Error::Order(_) => "Order",
        Error::Peer(_) => "Peer",
        Error::Unsupported(_) => "Unsupported",
        Error::Transport(_) => "Transport",
        Error::Signer(_) => "Signer",
        Error::Storage(_) => "Storage",
        Error::Deadline(_) => "Deadline",
        Error::RetryLater { .. } => "RetryLater",
        Error::Cancelled => "Cancelled",
        Error::NoAccount { .. } => "NoAccount",
        _ => "other",
    }
}
