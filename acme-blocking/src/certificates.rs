//! Certificates that a server keeps alive: a thread that takes the steps.

use core::time::Duration;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use acme_adapter::clock;
use acme_adapter::error::Error;
use acme_adapter::keeper::{Kept, Reached, look_again_soon};
use acme_adapter::keys::{KeyError, KeyKind, generate};
use acme_adapter::locked;
use acme_adapter::storage::{Key, LOCK_INTERVAL, LockGuard, StorageError, Zeroizing};
use acme_proto::time::Timestamp;

use crate::drive::ending_with;
use crate::solver::http01::Find;
use crate::storage::Storage;
use crate::{Cancel, Client, Issue, Solver, TlsListener, TlsListenerBuilder};

type BoxStorage = Arc<dyn Storage>;
type BoxSolver = Arc<dyn Solver>;

acme_adapter::certificates! {
    async: [],
    await: [],
    /// Certificates that are obtained, served and renewed for as long as the server runs.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), acme_blocking::Error> {
    /// let certificates = acme_blocking::Certificates::in_folder("state")
    ///     .ca(acme_blocking::LETS_ENCRYPT).contact("mailto:me@example.org").agree_to_terms(|_url| true)
    ///     .names(["example.org", "www.example.org"])
    ///     .start()?;
    /// for (stream, peer) in certificates.listen("[::]:443")?.incoming() {
    ///     # drop((stream, peer));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// What is stored is served at once, an expired certificate too; orders and renewals go on in a
    /// thread beside, one after the other, each by the rules of [`renewal`](acme_proto::renewal).
    /// Nothing is ordered before something can answer validations: [`listen`](Self::listen) and
    /// [`resolver`](Self::resolver) do so by tls-alpn-01 on port 443, [`http01`](Self::http01) by
    /// http-01 on port 80, and [`solver`](CertificatesBuilder::solver) adds others.
    ///
    /// Clones share the certificates. They are kept until [`shutdown`](Self::shutdown), or the end
    /// of the process: whatever is under way is then finished by the next process.
}

impl CertificatesBuilder {
    /// Loads what is stored, so that it can be served, and keeps the certificates in a thread.
    ///
    /// # Errors
    /// Those of [`prepare`](Self::prepare). That a CA or a name fails is no error: it is an event,
    /// and tried again.
    pub fn start(self) -> Result<Certificates, Error> {
        let certificates = self.prepare()?;
        certificates.keep_running();
        Ok(certificates)
    }
}

impl Certificates {
    /// Keeps the certificates in a thread of their own.
    fn keep_running(&self) {
        let running = self.clone();
        thread::spawn(move || running.run());
    }

    /// Keeps the certificates until [`shutdown`](Self::shutdown), for a program that wants to own
    /// the thread. [`start`](CertificatesBuilder::start) runs it.
    pub fn run(&self) {
        let _running = Running::begin(&self.inner.signal);
        ending_with(&self.inner.signal.cancel, || self.inner.run_all());
    }

    /// Ends the work in good order: the order in flight removes its challenges and is stored, to be
    /// gone on with later. What is served stays served.
    pub fn shutdown(&self) {
        self.end();
        let mut state = self.inner.signal.lock();
        while state.running > 0 {
            state = self.inner.signal.wait_on(state, None);
        }
    }

    /// Begins what [`shutdown`](Self::shutdown) does.
    fn end(&self) {
        self.inner.signal.edit(|state| state.is_stopped = true);
        self.inner.signal.cancel.cancel();
    }

    /// Waits until there is a certificate for this name, and returns whether there is.
    pub fn obtained(&self, name: &str, limit: Duration) -> bool {
        self.inner.obtained(name, limit)
    }

    /// Sets up a listener with other protocols, limits, or a TLS configuration of the caller. See
    /// [`listen`](Self::listen).
    pub fn listener(&self) -> TlsListenerBuilder {
        let (inner, other) = (Arc::clone(&self.inner), Arc::clone(&self.inner));
        let bound = Arc::clone(&self.inner);
        TlsListener::builder(self.inner.keeper.resolver())
            .on_bound(move || {
                bound.keeper.listens_for_tls();
                bound.signal.wake();
            })
            .on_miss(move |name| inner.missed(name))
            .on_validation(move |name| {
                if !other.keeper.validations().is_own(name) {
                    other.find_validations();
                }
            })
    }

    /// Returns what looks for the challenges of other servers.
    fn finder(&self) -> Find {
        let inner = Arc::clone(&self.inner);
        Arc::new(move || inner.find_validations())
    }
}

impl Inner {
    /// Takes the steps of all certificates as they come due.
    fn run_all(&self) {
        let mut due: BTreeMap<Arc<str>, (Arc<Kept>, Instant)> = BTreeMap::new();
        let mut woken = 0;
        while let Some((changes, wakes)) = self.signal.counts() {
            due.retain(|_, (kept, _)| !kept.is_removed());
            for kept in self.keeper.kept() {
                let id = Arc::clone(kept.id());
                due.entry(id).or_insert_with(|| (kept, Instant::now()));
            }
            if wakes != woken {
                due.values_mut().for_each(|(_, at)| *at = Instant::now());
            }
            woken = wakes;
            // Those that strangers caused come last, one a round.
            let (strange, wanted): (Vec<_>, Vec<_>) =
                due.values_mut().partition(|(kept, _)| kept.is_on_demand());
            let is_due = |at: &Instant| *at <= Instant::now() && !self.signal.is_stopped();
            let strange = strange.into_iter().filter(|(_, at)| is_due(at)).take(1);
            for (kept, at) in wanted.into_iter().filter(|(_, at)| is_due(at)).chain(strange) {
                *at = Instant::now() + clock::until(self.step_safely(kept));
            }
            let next = due.values().map(|(_, at)| *at).min();
            self.signal.wait(changes, wakes, next);
        }
    }

    /// Takes a step; a function of the user that panics ends no other certificate.
    fn step_safely(&self, kept: &Kept) -> Timestamp {
        if kept.is_removed() {
            return look_again_soon(clock::wall());
        }
        catch_unwind(AssertUnwindSafe(|| self.step(kept))).unwrap_or_else(|_| {
            self.keeper.panicked(kept, clock::wall());
            look_again_soon(clock::wall())
        })
    }

    /// Obtains a certificate for a client that asks for a name without one, if it is wanted.
    fn missed(&self, name: &str) {
        let is_allowed = || self.allow.as_ref().is_some_and(|allow| allow(name));
        if !self.keeper.is_wanted(name) {
            let added = is_allowed().then(|| self.keeper.add_on_demand(name)).flatten();
            let Some((kept, is_new)) = added else { return };
            if is_new {
                self.load(&kept);
                self.signal.change();
            }
        }
        self.obtained(name, MISS_LIMIT);
    }

    /// Searches the storage for challenges after a wait, and notes when that began.
    fn search(&self, mut last: MutexGuard<'_, Option<Instant>>, wait: Duration) {
        thread::sleep(wait);
        let began = Instant::now();
        self.sweep_validations();
        *last = Some(began);
    }

    fn obtained(&self, name: &str, limit: Duration) -> bool {
        let limit = limit.min(LONGEST_LIMIT);
        let end = Instant::now() + limit;
        let mut state = self.signal.lock();
        loop {
            if self.keeper.resolver().covers(name) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            state = self.signal.wait_on(state, Some(end));
        }
    }
}

/// The client of a CA.
type Place = Exclusive<Reached<Client>>;
/// When the storage was searched last.
type Sweep = Exclusive<Option<Instant>>;

#[derive(Default)]
struct Exclusive<T>(Mutex<T>);

impl<T> Exclusive<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        locked(&self.0)
    }
}

/// Cancels an issuance before it begins.
fn at_once<'a>(issue: Issue<'a>) -> Issue<'a> {
    let cancel = Cancel::new();
    cancel.cancel();
    issue.cancel_on(&cancel)
}

fn generate_key(kind: KeyKind) -> Result<Zeroizing<String>, KeyError> {
    generate(kind)
}

/// Counts a run until it ends.
struct Running<'a>(&'a Signal);

impl<'a> Running<'a> {
    fn begin(signal: &'a Signal) -> Self {
        signal.edit(|state| state.running += 1);
        Self(signal)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.edit(|state| state.running -= 1);
    }
}

/// What wakes and ends the thread.
#[derive(Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
    cancel: Cancel,
}

#[derive(Default)]
struct State {
    /// Counts what [`Certificates::run`] and waiting handshakes look for.
    changes: u64,
    /// Counts what every certificate has to look at.
    wakes: u64,
    is_stopped: bool,
    /// How many calls of [`Certificates::run`] are in progress.
    running: usize,
}

impl Signal {
    fn change(&self) {
        self.edit(|state| state.changes += 1);
    }

    fn wake(&self) {
        self.edit(|state| state.wakes += 1);
    }

    fn edit(&self, edit: impl FnOnce(&mut State)) {
        edit(&mut self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    fn is_stopped(&self) -> bool {
        self.lock().is_stopped
    }

    /// Returns both counts, or `None` after everything was stopped.
    fn counts(&self) -> Option<(u64, u64)> {
        let state = self.lock();
        (!state.is_stopped).then_some((state.changes, state.wakes))
    }

    /// Waits until a count is no longer what was seen, everything is stopped, or a time has come.
    fn wait(&self, changes: u64, wakes: u64, until: Option<Instant>) {
        let mut state = self.lock();
        while !state.is_stopped
            && (state.changes, state.wakes) == (changes, wakes)
            && until.is_none_or(|until| Instant::now() < until)
        {
            state = self.wait_on(state, until);
        }
    }

    fn wait_on<'a>(
        &self,
        state: MutexGuard<'a, State>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        let limit =
            until.map_or(LONGEST_WAIT, |until| until.saturating_duration_since(Instant::now()));
        let (state, _) = self
            .changed
            .wait_timeout(state, limit)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state
    }

    /// Passes on the result of work that ends when everything does: see [`ending_with`].
    fn unless_stopped<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if self.is_stopped() { result.or(Err(cancelled())) } else { result }
    }

    /// Takes a lock, and waits for it up to this limit, or until everything ends.
    fn lock_storage(
        &self,
        storage: &BoxStorage,
        key: &Key,
        limit: Duration,
    ) -> Result<LockGuard, Error> {
        let end = Instant::now() + limit;
        loop {
            if let Some(guard) = storage.try_lock(key)? {
                return Ok(guard);
            }
            if self.is_stopped() {
                return Err(cancelled());
            }
            if Instant::now() >= end {
                return Err(StorageError::Locked { key: key.clone() }.into());
            }
            thread::sleep(LOCK_INTERVAL);
        }
    }

    /// Cancels an issuance when everything ends.
    fn cancels<'a>(&self, issue: Issue<'a>) -> Issue<'a> {
        issue.cancel_on(&self.cancel)
    }
}

const fn cancelled() -> Error {
    Error::Acme(acme_proto::error::Error::Cancelled)
}

const MISS_LIMIT: Duration = Duration::from_secs(30);
const LONGEST_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
