//! Certificates that a server keeps alive: tasks that take the steps.

use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use acme_adapter::clock;
use acme_adapter::error::Error;
use acme_adapter::keeper::{Kept, Reached, look_again_soon};
use acme_adapter::keys::{KeyError, KeyKind, generate};
use acme_adapter::storage::Zeroizing;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::solver::DynSolver;
use crate::solver::http01::Find;
use crate::storage::{DynStorage, Key, LockGuard, Storage};
use crate::{Client, Issue, TlsListener, TlsListenerBuilder};

type BoxStorage = Arc<dyn DynStorage>;
type BoxSolver = Arc<dyn DynSolver>;
type Place = Mutex<Reached<Client>>;

acme_adapter::certificates! {
    async: [async],
    await: [.await],
    /// Certificates that are obtained, served and renewed for as long as the server runs.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), acme_tokio::Error> {
    /// let certificates = acme_tokio::Certificates::in_folder("state")
    ///     .ca(acme_tokio::LETS_ENCRYPT).contact("mailto:me@example.org").agree_to_terms(|_url| true)
    ///     .names(["example.org", "www.example.org"])
    ///     .start().await?;
    /// let mut listener = certificates.listen("[::]:443").await?;
    /// loop {
    ///     let (stream, peer) = listener.accept().await;
    ///     # drop((stream, peer));
    /// }
    /// # }
    /// ```
    ///
    /// What is stored is served at once, an expired certificate too; orders and renewals go on
    /// beside, each by the rules of [`renewal`](acme_proto::renewal). Nothing is ordered before
    /// something can answer validations: [`listen`](Self::listen) and [`resolver`](Self::resolver)
    /// do so by tls-alpn-01 on port 443, [`http01`](Self::http01) by http-01 on port 80, and
    /// [`solver`](CertificatesBuilder::solver) adds others.
    ///
    /// Clones share the certificates. They are kept until [`shutdown`](Self::shutdown), or the end
    /// of the runtime: whatever is under way is then finished by the next process.
}

impl CertificatesBuilder {
    /// Loads what is stored, so that it can be served, and keeps the certificates in a task.
    ///
    /// # Errors
    /// Those of [`prepare`](Self::prepare). That a CA or a name fails is no error: it is an event,
    /// and tried again.
    pub async fn start(self) -> Result<Certificates, Error> {
        let certificates = self.prepare().await?;
        certificates.keep_running();
        Ok(certificates)
    }
}

impl Certificates {
    /// Keeps the certificates in a task of their own.
    fn keep_running(&self) {
        let running = self.clone();
        tokio::spawn(async move { running.run().await });
    }

    /// Keeps the certificates until [`shutdown`](Self::shutdown), for a program that wants to own
    /// the task. [`start`](CertificatesBuilder::start) runs it.
    ///
    /// To drop the future stops everything at once; orders go on when it runs again.
    pub async fn run(&self) {
        let inner = &self.inner;
        let _running = Running::begin(&inner.signal);
        let (mut changes, mut stopped) = (inner.signal.changes(), inner.signal.stopped());
        let mut tasks = FuturesUnordered::new();
        let mut started: BTreeMap<Arc<str>, Arc<Kept>> = BTreeMap::new();
        loop {
            changes.borrow_and_update();
            let kept = inner.keeper.kept();
            started.retain(|_, kept| !kept.is_removed());
            for kept in kept {
                if !started.contains_key(kept.id()) {
                    started.insert(Arc::clone(kept.id()), Arc::clone(&kept));
                    tasks.push(keep(inner, kept));
                }
            }
            let work = async {
                // A task ends only with its certificate, or with all of them.
                while tasks.next().await.is_some() {}
                core::future::pending::<()>().await;
            };
            let (changed, stop) = (pin!(changes.changed()), pin!(stopped.wait_for(|is_so| *is_so)));
            let (work, wake) = (pin!(work), select(changed, stop));
            match select(work, wake).await {
                Either::Right((Either::Left(_), _)) => {}
                _ => break,
            }
        }
        // Challenges are removed, and snapshots stored, before the tasks end.
        while tasks.next().await.is_some() {}
    }

    /// Ends the work in good order: orders in flight remove their challenges and are stored, to be
    /// gone on with later. What is served stays served.
    pub async fn shutdown(&self) {
        self.end();
        // The sender is part of `self`.
        let _ = self.inner.signal.running.subscribe().wait_for(|running| *running == 0).await;
    }

    /// Begins what [`shutdown`](Self::shutdown) does.
    fn end(&self) {
        self.inner.signal.stopped.send_replace(true);
        self.inner.signal.change();
    }

    /// Returns when there is a certificate for this DNS name, or after [`shutdown`](Self::shutdown).
    pub async fn obtained(&self, name: &str) {
        self.inner.obtained(name).await;
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
            .on_miss(move |name| {
                let inner = Arc::clone(&inner);
                async move { inner.missed(&name).await }
            })
            .on_validation(move |name| {
                let inner = Arc::clone(&other);
                async move {
                    if !inner.keeper.validations().is_own(&name) {
                        inner.find_validations().await;
                    }
                }
            })
    }

    /// Returns what looks for the challenges of other servers.
    fn finder(&self) -> Find {
        let inner = Arc::clone(&self.inner);
        Arc::new(move || {
            let inner = Arc::clone(&inner);
            Box::pin(async move { inner.find_validations().await })
        })
    }
}

impl Inner {
    /// Obtains a certificate for a client that asks for a name without one, if it is wanted.
    async fn missed(self: &Arc<Self>, name: &str) {
        if !self.keeper.is_wanted(name) {
            let is_allowed = self.allow.as_ref().is_some_and(|allow| allow(name));
            let added = if is_allowed { self.keeper.add_on_demand(name) } else { None };
            let Some((kept, is_new)) = added else { return };
            if is_new {
                self.signal.change();
                // In a task of its own, so that what is stored is served though others keep the steps
                // busy, and though the client leaves.
                let inner = Arc::clone(self);
                tokio::spawn(async move {
                    inner.load(&kept).await;
                    inner.signal.change();
                });
            }
        }
        self.obtained(name).await;
    }

    /// Searches the storage for challenges after a wait, and notes when that began.
    ///
    /// It is done in a task of its own: a stranger who leaves does not end what others wait for, and
    /// causes no other search before its time.
    async fn search(self: &Arc<Self>, mut last: OwnedMutexGuard<Option<Instant>>, wait: Duration) {
        let inner = Arc::clone(self);
        let search = tokio::spawn(async move {
            sleep(wait).await;
            let began = Instant::now();
            inner.sweep_validations().await;
            *last = Some(began);
        });
        // If the storage panicked, nothing was found.
        let _ = search.await;
    }

    async fn obtained(&self, name: &str) {
        let mut changes = self.signal.changes();
        loop {
            changes.borrow_and_update();
            if self.keeper.resolver().covers(name) || *self.signal.stopped.borrow() {
                return;
            }
            // The sender is part of `self`.
            let _ = changes.changed().await;
        }
    }
}

/// When the storage was searched last.
#[derive(Default)]
struct Sweep(Arc<Mutex<Option<Instant>>>);

impl Sweep {
    async fn lock(&self) -> OwnedMutexGuard<Option<Instant>> {
        Arc::clone(&self.0).lock_owned().await
    }
}

/// Takes the steps of one certificate until it is removed or everything ends.
async fn keep(inner: &Inner, kept: Arc<Kept>) {
    let (mut wakes, mut stopped) = (inner.signal.wakes(), inner.signal.stopped());
    let mut changes = inner.signal.changes();
    while !kept.is_removed() && !*stopped.borrow_and_update() {
        wakes.borrow_and_update();
        let places = &inner.signal.places[usize::from(kept.is_on_demand())];
        let place = places.acquire().await;
        if kept.is_removed() || *stopped.borrow() {
            break;
        }
        // A function of the user that panics ends no other certificate.
        let until = AssertUnwindSafe(inner.step(&kept)).catch_unwind().await;
        drop(place);
        let until = until.unwrap_or_else(|_| {
            inner.keeper.panicked(&kept, clock::wall());
            look_again_soon(clock::wall())
        });
        let (woken, stop) = (pin!(wakes.changed()), pin!(stopped.changed()));
        let removed = pin!(changes.wait_for(|_| kept.is_removed()));
        let called = select(removed, select(woken, stop));
        select(pin!(sleep(clock::until(until))), called).await;
    }
}

/// Cancels an issuance before it begins.
fn at_once<'a>(issue: Issue<'a>) -> Issue<'a> {
    issue.cancel_on(core::future::ready(()))
}

/// Generates a key on a thread that may block: RSA takes seconds.
async fn generate_key(kind: KeyKind) -> Result<Zeroizing<String>, KeyError> {
    let generated = spawn_blocking(move || generate(kind)).await;
    // Only a runtime that is shutting down refuses.
    generated.unwrap_or(Err(KeyError::Generate))
}

/// What wakes and ends the tasks.
struct Signal {
    /// Counts what [`Certificates::run`] and waiting handshakes look for.
    changes: watch::Sender<u64>,
    /// Counts what every certificate has to look at.
    wakes: watch::Sender<u64>,
    stopped: watch::Sender<bool>,
    /// How many calls of [`Certificates::run`] are in progress.
    running: watch::Sender<usize>,
    /// How many certificates take a step at the same time: of those that are wanted, and of those
    /// that handshakes caused, which strangers chose.
    places: [Semaphore; 2],
}

impl Signal {
    fn change(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn wake(&self) {
        self.wakes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn wakes(&self) -> watch::Receiver<u64> {
        self.wakes.subscribe()
    }

    fn stopped(&self) -> watch::Receiver<bool> {
        self.stopped.subscribe()
    }

    /// Does this, but for when everything ends: then it is dropped.
    async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut stopped = self.stopped();
        let stop = async { stopped.wait_for(|is_so| *is_so).await.is_ok() };
        match select(pin!(stop), pin!(work)).await {
            Either::Left(_) => Err(Error::Acme(acme_proto::error::Error::Cancelled)),
            Either::Right((result, _)) => result,
        }
    }

    /// Takes a lock; to wait for it ends with what [`unless_stopped`](Self::unless_stopped) does.
    async fn lock_storage(
        &self,
        storage: &BoxStorage,
        key: &Key,
        limit: Duration,
    ) -> Result<LockGuard, Error> {
        Ok(Storage::lock(storage, key, limit).await?)
    }

    /// Cancels an issuance when everything ends.
    fn cancels<'a>(&self, issue: Issue<'a>) -> Issue<'a> {
        let mut stopped = self.stopped();
        issue.cancel_on(async move { stopped.wait_for(|is_so| *is_so).await.is_ok() })
    }
}

impl Default for Signal {
    fn default() -> Self {
        Self {
            changes: watch::Sender::default(),
            wakes: watch::Sender::default(),
            stopped: watch::Sender::default(),
            running: watch::Sender::default(),
            places: [Semaphore::new(MAX_STEPS), Semaphore::new(MAX_STEPS_ON_DEMAND)],
        }
    }
}

/// Counts a run until it ends, also by being dropped.
struct Running<'a>(&'a Signal);

impl<'a> Running<'a> {
    fn begin(signal: &'a Signal) -> Self {
        signal.running.send_modify(|running| *running += 1);
        Self(signal)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

const MAX_STEPS: usize = 16;
const MAX_STEPS_ON_DEMAND: usize = 4;
