//! One certificate that is kept alive.

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard};

use acme_proto::identifier::Identifier;
use acme_proto::op::RenewalInfoEntry;
use acme_proto::renewal::{Lifecycle, LifecycleEvent, LifecycleFailure, LifecycleStep};
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use acme_proto::x509::Certificate;

use super::event::CertificateEventKind;
use super::health::{CertificateHealth, CertificateState};
use crate::error::Error;
use crate::error_chain;
use crate::locked;
use crate::storage::layout::{Name, StoredCertificate, StoredLife};

/// One certificate: its identifiers, its life, and what is served.
pub struct Kept {
    id: Arc<str>,
    identifiers: Vec<Identifier>,
    /// Whether a handshake caused it.
    is_on_demand: bool,
    /// Whether what is stored was taken over.
    is_loaded: Mutex<bool>,
    state: Mutex<State>,
}

struct State {
    life: Lifecycle,
    /// The life as it was stored last.
    stored_life: Option<String>,
    served: Option<StoredCertificate>,
    is_ordering: bool,
    /// How often orders were gone on with since the last certificate.
    resumed: u32,
    /// Whether the storage lacks what is served.
    is_unsaved: bool,
    /// Whether it is news when the storage has it.
    is_missed: bool,
    is_removed: bool,
    /// When the user wanted a new key, unless the key of the next certificate was made since.
    new_key_wanted: Option<Timestamp>,
    lock_held: Option<LockHeld>,
}

/// The lock of the order is held by someone else.
#[derive(Clone, Copy)]
struct LockHeld {
    since: Timestamp,
    is_reported: bool,
}

impl Kept {
    /// Creates a certificate that is neither stored nor issued yet; there is at least one
    /// identifier.
    pub(super) fn new(identifiers: Vec<Identifier>, is_on_demand: bool, life: Lifecycle) -> Self {
        let id = identifiers.first().map(ToString::to_string).unwrap_or_default();
        let state = State {
            life,
            stored_life: None,
            served: None,
            is_ordering: false,
            resumed: 0,
            is_unsaved: false,
            is_missed: false,
            is_removed: false,
            new_key_wanted: None,
            lock_held: None,
        };
        Self {
            id: id.into(),
            identifiers,
            is_on_demand,
            is_loaded: Mutex::new(false),
            state: Mutex::new(state),
        }
    }

    /// Returns the first identifier, which is the name of the certificate.
    pub const fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Returns the name in the storage.
    pub fn name(&self) -> Name {
        Name::new(&self.id)
    }

    /// Returns the identifiers.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// Returns whether a handshake caused it.
    pub const fn is_on_demand(&self) -> bool {
        self.is_on_demand
    }

    /// Returns the next step of its life.
    pub fn next(&self, now: Timestamp) -> LifecycleStep {
        locked(&self.state).life.next(now)
    }

    /// Notes that an order begins.
    pub fn on_ordering(&self, directory: &Url) {
        let mut state = locked(&self.state);
        state.is_ordering = true;
        state.life.on_ordering(directory);
    }

    /// Takes over the stored life.
    pub(super) fn restore(&self, stored: StoredLife, directories: impl Iterator<Item = Url>) {
        let mut state = locked(&self.state);
        let policy = state.life.policy().clone();
        let wish = stored.new_key_wanted();
        state.life = stored.into_life().with_directories(directories).with_policy(policy);
        state.new_key_wanted = state.new_key_wanted.max(wish);
    }

    /// Takes over what the user wants of the one that this one replaces, and its certificate if the
    /// storage has not got that.
    pub(super) fn inherit(&self, replaced: &Self) {
        let unsaved = replaced.unsaved();
        let wish = locked(&replaced.state).new_key_wanted;
        let mut state = locked(&self.state);
        (state.is_unsaved, state.is_missed) = (unsaved.is_some(), unsaved.is_some());
        state.served = unsaved;
        state.new_key_wanted = wish;
        if wish.is_some() {
            state.life.order_now();
        }
    }

    /// Locks whether what is stored was taken over, for as long as it is.
    pub(super) fn begin_loading(&self) -> MutexGuard<'_, bool> {
        locked(&self.is_loaded)
    }

    /// Returns whether what is stored was taken over. No step is taken before: it could repeat what
    /// the stored life forbids.
    pub fn is_loaded(&self) -> bool {
        *locked(&self.is_loaded)
    }

    /// Returns whether the stored certificate is newer than the one that is served, and for the
    /// wanted names.
    pub(super) fn is_better(&self, stored: &StoredCertificate) -> bool {
        let state = locked(&self.state);
        // The CA's time first: the clocks of two machines may differ. A later certificate may expire
        // earlier, such as that of another profile.
        let age = |one: &StoredCertificate| (one.leaf().not_before(), one.issued_at());
        let is_newer = state
            .served
            .as_ref()
            .is_none_or(|served| served.leaf() != stored.leaf() && age(served) < age(stored));
        is_newer && self.is_for(stored.leaf())
    }

    /// Returns whether a certificate is for the wanted identifiers.
    pub(super) fn is_for(&self, leaf: &Certificate) -> bool {
        let named = leaf.identifiers();
        self.identifiers.iter().all(|wanted| named.contains(wanted))
    }

    /// Takes over a stored certificate at the start.
    pub(super) fn load(&self, stored: StoredCertificate, directories: &[Url]) {
        let otherwise = directories.first();
        let is_of_known_ca = stored.directory().is_none_or(|known| directories.contains(known));
        let mut state = locked(&self.state);
        if let Some(directory) = stored.directory().or(otherwise)
            && !state.life.holds(stored.leaf())
        {
            state.life.hold(directory, stored.leaf(), stored.issued_at());
        }
        // Names that are no longer wanted go with the next renewal.
        if !self.is_for(stored.leaf()) || !is_of_known_ca || state.new_key_wanted.is_some() {
            state.life.order_now();
        }
        state.served = Some(stored);
    }

    /// Forgets a certificate that the stored life has and the storage has not.
    pub(super) fn load_nothing(&self) {
        locked(&self.state).life.forget();
    }

    /// Handles a new certificate, of this process or another.
    pub(super) fn on_issued(&self, directory: &Url, stored: StoredCertificate, now: Timestamp) {
        let mut state = locked(&self.state);
        state.life.on_issued(directory, stored.leaf(), now);
        // Another process may have fulfilled the wish. A key whose age is unknown may be the exposed one.
        let is_new_key = |wish| stored.key_made_at().is_some_and(|made| made > wish);
        if state.new_key_wanted.is_some_and(is_new_key) {
            state.new_key_wanted = None;
        }
        // The wish came while this order ran, with the key of before.
        if state.new_key_wanted.is_some() {
            state.life.order_now();
        }
        state.served = Some(stored);
        // Before anything else is done with it: a function of the user may panic.
        state.is_unsaved = true;
        state.is_ordering = false;
        state.lock_held = None;
        state.resumed = 0;
    }

    /// Handles the registration of the account.
    pub fn on_registered(&self, directory: &Url) {
        locked(&self.state).life.on_registered(directory);
    }

    /// Handles a failed step of a CA or of this machine.
    pub fn on_failed(&self, directory: &Url, error: &Error, now: Timestamp) {
        let mut state = locked(&self.state);
        state.is_ordering = false;
        match error {
            // Everything ends, and another process goes on.
            Error::Acme(acme_proto::error::Error::Cancelled) => {}
            Error::Acme(error) => state.life.on_failed(directory, error, now),
            unusable @ (Error::AccountLacks(_) | Error::UnknownCa(_)) => {
                state.life.on_unusable_ca(directory, error_chain(unusable), now);
            }
            other => state.life.on_local_failure(directory, error_chain(other), now),
        }
    }

    /// Handles a new certificate that cannot be served, for this reason.
    pub(super) fn on_useless(&self, directory: &Url, details: String, now: Timestamp) {
        let mut state = locked(&self.state);
        state.is_ordering = false;
        let reason = format!("the new certificate cannot be served: {details}");
        state.life.on_local_failure(directory, reason, now);
    }

    /// Handles renewal information, or the lack of it.
    pub fn on_info(&self, answer: &Result<RenewalInfoEntry, Error>, now: Timestamp) {
        let mut state = locked(&self.state);
        match answer {
            Ok(entry) => drop(state.life.on_info(entry, now)),
            // Everything ends, and the next process asks.
            Err(Error::Acme(acme_proto::error::Error::Cancelled)) => {}
            Err(Error::Acme(error)) => drop(state.life.on_info_failed(error, now)),
            // No question was sent: a failure of this machine, such as of its storage.
            Err(other) => {
                let local = acme_proto::error::Error::Storage(error_chain(other));
                drop(state.life.on_info_failed(&local, now));
            }
        }
    }

    /// Counts an attempt to go on with an order, and returns whether it has had enough of them.
    pub fn resumed(&self) -> bool {
        let mut state = locked(&self.state);
        state.resumed += 1;
        state.resumed > MOST_RESUMED
    }

    /// Returns whether the last attempt failed and nothing is served.
    pub(super) fn is_hopeless(&self) -> bool {
        let state = locked(&self.state);
        state.served.is_none() && state.life.last_failure().is_some()
    }

    /// Notes that a function of the user panicked in a step.
    pub(super) fn on_panicked(&self, directory: &Url, now: Timestamp) {
        let mut state = locked(&self.state);
        state.is_ordering = false;
        let reason = "a function that was given to the certificates panicked".to_owned();
        state.life.on_local_failure(directory, reason, now);
    }

    /// Returns how long an attempt may take, if that is less than the policy's limit: what becomes
    /// of a certificate that lives for minutes is reported before it has expired.
    pub fn time_limit(&self) -> Option<Duration> {
        let state = locked(&self.state);
        let leaf = state.served.as_ref()?.leaf();
        let lifetime = leaf.not_after().saturating_duration_since(leaf.not_before());
        (lifetime < SHORT_LIVED).then(|| (lifetime / 2).max(LEAST_ATTEMPT))
    }

    /// Returns whether an attempt that failed for this reason is made without the storage: better a
    /// certificate that is only in memory than one that expires.
    pub fn does_without_storage(&self, error: &Error, now: Timestamp) -> bool {
        let is_storage =
            matches!(error, Error::Storage(_) | Error::Acme(acme_proto::error::Error::Storage(_)));
        is_storage && locked(&self.state).life.is_urgent(now)
    }

    /// Makes a new order due now, with a new key.
    pub fn order_now(&self, now: Timestamp) {
        let mut state = locked(&self.state);
        state.life.order_now();
        state.new_key_wanted = Some(now);
    }

    /// Returns whether the next order has to have a new key.
    pub fn wants_new_key(&self) -> bool {
        locked(&self.state).new_key_wanted.is_some()
    }

    /// Notes that no stored key is left that the next order could have, before it gets one.
    pub fn takes_new_key(&self) {
        locked(&self.state).new_key_wanted = None;
    }

    /// Notes that someone else holds the lock of the order. Returns since when, if that has been for
    /// suspiciously long and is news.
    pub(super) fn lock_is_held(&self, now: Timestamp) -> Option<Timestamp> {
        let limit = self.time_limit().unwrap_or(SHORT_LIVED);
        let mut state = locked(&self.state);
        let held = state.lock_held.get_or_insert(LockHeld { since: now, is_reported: false });
        let is_news = !held.is_reported && now >= held.since.saturating_add(limit);
        held.is_reported |= is_news;
        is_news.then_some(held.since)
    }

    /// Notes that nobody else holds the lock of the order.
    pub fn lock_is_free(&self) {
        locked(&self.state).lock_held = None;
    }

    /// Returns the certificate that is served.
    pub fn served(&self) -> Option<StoredCertificate> {
        locked(&self.state).served.clone()
    }

    /// Returns whether there is a certificate to serve.
    pub fn is_served(&self) -> bool {
        locked(&self.state).served.is_some()
    }

    /// Returns the certificate that is served and could not be stored yet.
    pub fn unsaved(&self) -> Option<StoredCertificate> {
        let state = locked(&self.state);
        state.served.clone().filter(|_| state.is_unsaved)
    }

    /// Notes that the storage lost what is served, or does not take it.
    pub(super) fn set_missed(&self) {
        let mut state = locked(&self.state);
        (state.is_unsaved, state.is_missed) = (true, true);
    }

    /// Notes that what is served is stored, and returns what is new about that.
    pub(super) fn set_saved(&self) -> Option<CertificateEventKind> {
        let mut state = locked(&self.state);
        let was_unsaved = core::mem::take(&mut state.is_unsaved);
        match core::mem::take(&mut state.is_missed) {
            true => Some(CertificateEventKind::Stored),
            false => was_unsaved.then_some(CertificateEventKind::Saved),
        }
    }

    /// Returns the life, if it differs from what was stored last.
    pub fn changed_life(&self) -> Option<StoredLife> {
        let mut state = locked(&self.state);
        let life = StoredLife::new(state.life.clone(), state.new_key_wanted);
        let text = serde_json::to_string(&life).ok()?;
        let is_new = state.stored_life.as_ref() != Some(&text);
        is_new.then(|| {
            state.stored_life = Some(text);
            life
        })
    }

    /// Notes that the life could not be stored.
    pub fn life_unsaved(&self) {
        locked(&self.state).stored_life = None;
    }

    /// Ends its life: no further step is taken.
    pub(super) fn set_removed(&self) {
        locked(&self.state).is_removed = true;
    }

    /// Returns whether it was removed.
    pub fn is_removed(&self) -> bool {
        locked(&self.state).is_removed
    }

    /// Returns the events that have come up.
    pub(super) fn events(&self) -> Vec<LifecycleEvent> {
        let mut state = locked(&self.state);
        core::iter::from_fn(|| state.life.poll_event()).collect()
    }

    /// Returns the state of the certificate.
    pub(super) fn health(&self, now: Timestamp) -> CertificateHealth {
        let state = locked(&self.state);
        let failure = state.life.last_failure();
        let not_after = state.served.as_ref().map(StoredCertificate::not_after);
        CertificateHealth {
            name: self.id.to_string(),
            identifiers: self.identifiers.iter().map(ToString::to_string).collect(),
            is_on_demand: self.is_on_demand,
            state: match not_after {
                None => CertificateState::Missing,
                Some(end) if end <= now => CertificateState::Expired,
                Some(_) => CertificateState::Valid,
            },
            is_ordering: state.is_ordering,
            not_after,
            renew_at: state.life.renew_at(),
            directory: state.life.directory().cloned(),
            last_error: failure.map(|failure| failure.reason().to_owned()),
            last_error_at: failure.map(LifecycleFailure::at),
            next_attempt: failure.map(LifecycleFailure::next_attempt),
            lock_held_since: state.lock_held.filter(|held| held.is_reported).map(|held| held.since),
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("identifiers", &self.identifiers).finish_non_exhaustive()
    }
}

/// An order that the CA never finishes is given up for a new one.
const MOST_RESUMED: u32 = 3;
const SHORT_LIVED: Duration = Duration::from_secs(10 * 60);
const LEAST_ATTEMPT: Duration = Duration::from_secs(10);
