//! The certificates that a server keeps alive, without I/O.
//!
//! A [`Keeper`] has the wanted certificates, each a [`Kept`] with its
//! [`Lifecycle`], the resolver that shows them, and what a user
//! sees of them: events and [`Health`]. The `Certificates` of the adapters ask each for its next
//! step, carry it out, and report the result.

mod event;
mod health;
mod kept;
mod reached;
mod settings;
#[cfg(feature = "tracing")]
mod trace;
mod validations;
mod withdrawals;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use acme_proto::challenge::Challenge;
use acme_proto::identifier::Identifier;
use acme_proto::renewal::Lifecycle;
use acme_proto::snapshot::Snapshot;
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use acme_proto::wire::ChallengeKind;
use rustls::crypto::CryptoProvider;

pub use self::event::{CertificateEvent, CertificateEventKind};
pub use self::health::{CertificateHealth, CertificateState, Health};
pub use self::kept::Kept;
pub use self::reached::Reached;
pub use self::settings::{AuthoritySettings, KeeperSettings, Observer, Terms};
pub use self::validations::Validations;
pub use self::withdrawals::Withdrawals;

use crate::clock;
use crate::directories::Ca;
use crate::error::Error;
use crate::keys::{KeyKind, ProviderKey, default_provider};
use crate::locked;
use crate::resolver::CertificateResolver;
use crate::storage::layout::{
    self, LoadedCertificate, Name, StoredCertificate, StoredLife, StoredOrder,
};
use crate::storage::{Found, Key, StorageError};

/// The certificates of a server.
#[derive(Debug)]
pub struct Keeper {
    settings: KeeperSettings,
    directories: Vec<Url>,
    provider: Arc<CryptoProvider>,
    resolver: CertificateResolver,
    seed: u64,
    kept: Mutex<BTreeMap<Arc<str>, Arc<Kept>>>,
    /// The CAs that this process has registered at, or whose account the storage has.
    registered: Mutex<BTreeSet<Url>>,
    validations: Validations,
    listens_tls: AtomicBool,
    listens_http: AtomicBool,
}

impl Keeper {
    /// Checks the settings.
    ///
    /// # Errors
    /// The first of the settings that is invalid, and [`Error::NoAuthority`].
    pub fn new(mut settings: KeeperSettings) -> Result<Self, Error> {
        let directories = settings.directories()?;
        let wanted = core::mem::take(&mut settings.certificates);
        let provider = match settings.provider.take() {
            Some(provider) => provider,
            None => default_provider()?,
        };
        let resolver = CertificateResolver::new(&provider);
        let keeper = Self {
            validations: Validations::new(resolver.challenges()),
            resolver,
            seed: clock::seed(),
            kept: Mutex::default(),
            registered: Mutex::default(),
            listens_tls: AtomicBool::new(false),
            listens_http: AtomicBool::new(false),
            settings,
            directories,
            provider,
        };
        for identifiers in wanted {
            keeper.add(identifiers?, false)?;
        }
        Ok(keeper)
    }

    /// Returns what the user set.
    pub const fn settings(&self) -> &KeeperSettings {
        &self.settings
    }

    /// Returns the CA with a directory.
    pub fn ca(&self, directory: &Url) -> Ca {
        let index = self.directories.iter().position(|known| known == directory);
        let known = index.and_then(|index| self.settings.authorities.get(index));
        known.map_or_else(|| directory.into(), |known| known.ca.clone())
    }

    /// Returns the external account that the account at a CA is bound to: its identifier and MAC
    /// key.
    pub fn external_account(&self, directory: &Url) -> Option<&(String, String)> {
        let index = self.directories.iter().position(|known| known == directory)?;
        self.settings.authorities.get(index)?.external.as_ref()
    }

    /// Returns the directories of the CAs, the preferred one first.
    pub fn directories(&self) -> &[Url] {
        &self.directories
    }

    /// Returns the crypto provider.
    pub const fn provider(&self) -> &Arc<CryptoProvider> {
        &self.provider
    }

    /// Returns what shows the certificates in handshakes.
    pub const fn resolver(&self) -> &CertificateResolver {
        &self.resolver
    }

    /// Returns the kind of the account keys.
    pub const fn account_key_kind(&self) -> KeyKind {
        KeyKind::Es256
    }

    /// Returns the kind of the certificates' keys.
    pub const fn key_kind(&self) -> KeyKind {
        self.settings.key_kind
    }

    /// Adds a certificate; the one that has the same first identifier is replaced.
    ///
    /// # Errors
    /// [`Error::NoNames`] without any identifier.
    pub fn add(
        &self,
        identifiers: Vec<Identifier>,
        is_on_demand: bool,
    ) -> Result<Arc<Kept>, Error> {
        self.insert(&mut locked(&self.kept), identifiers, is_on_demand)
    }

    fn insert(
        &self,
        all: &mut BTreeMap<Arc<str>, Arc<Kept>>,
        identifiers: Vec<Identifier>,
        is_on_demand: bool,
    ) -> Result<Arc<Kept>, Error> {
        let mut seen = BTreeSet::new();
        let identifiers: Vec<_> =
            identifiers.into_iter().filter(|one| seen.insert(one.clone())).collect();
        if identifiers.is_empty() {
            return Err(Error::NoNames);
        }
        let life = Lifecycle::new(self.directories.iter().cloned(), self.seed)
            .with_policy(self.settings.renewal.clone());
        let kept = Arc::new(Kept::new(identifiers, is_on_demand, life));
        if let Some(replaced) = all.insert(Arc::clone(kept.id()), Arc::clone(&kept)) {
            kept.inherit(&replaced);
            replaced.set_removed();
        }
        // Clients without SNI, and those that ask for an address, take the first one.
        if all.len() == 1 && !is_on_demand {
            self.resolver.set_default(kept.id());
        }
        Ok(kept)
    }

    /// Adds a certificate that a handshake caused, unless there are too many of them: one that came
    /// to nothing makes room.
    pub fn add_on_demand(&self, name: &str) -> Option<(Arc<Kept>, bool)> {
        let identifier = Identifier::try_from(name).ok()?;
        let mut all = locked(&self.kept);
        let known = all
            .get(name)
            .or_else(|| all.values().find(|kept| kept.identifiers().contains(&identifier)));
        if let Some(known) = known {
            return Some((Arc::clone(known), false));
        }
        let strangers = all.values().filter(|kept| kept.is_on_demand());
        if strangers.count() >= self.settings.max_on_demand {
            let is_hopeless = |kept: &&Arc<Kept>| kept.is_on_demand() && kept.is_hopeless();
            let hopeless = Arc::clone(all.values().find(is_hopeless)?.id());
            if let Some(kept) = all.remove(&hopeless) {
                kept.set_removed();
            }
        }
        self.insert(&mut all, vec![identifier], true).ok().map(|kept| (kept, true))
    }

    /// Returns whether a certificate is wanted for this name.
    pub fn is_wanted(&self, name: &str) -> bool {
        let wildcard = name.split_once('.').map(|(_, base)| format!("*.{base}"));
        let wanted: Vec<_> = [Some(name.to_owned()), wildcard]
            .into_iter()
            .flatten()
            .filter_map(|name| Identifier::try_from(name.as_str()).ok())
            .collect();
        let is_one = |identifier: &Identifier| wanted.contains(identifier);
        locked(&self.kept).values().any(|kept| kept.identifiers().iter().any(is_one))
    }

    /// Removes a certificate by its first identifier, and stops serving it.
    pub fn remove(&self, name: &str) -> bool {
        let removed = locked(&self.kept).remove(name);
        if let Some(kept) = &removed {
            kept.set_removed();
            self.resolver.remove(kept.id());
        }
        removed.is_some()
    }

    /// Returns the certificates.
    pub fn kept(&self) -> Vec<Arc<Kept>> {
        locked(&self.kept).values().cloned().collect()
    }

    /// Takes over what the storage has at the start; what it has not, or cannot give, is obtained.
    pub fn loaded(
        &self,
        kept: &Kept,
        stored: Result<LoadedCertificate, StorageError>,
        life: Result<Found<StoredLife>, StorageError>,
    ) {
        let mut is_loaded = kept.begin_loading();
        // What was read before the first step must not undo that step.
        if *is_loaded {
            return;
        }
        match life {
            Ok(Found::Intact(life)) => kept.restore(life, self.directories.iter().cloned()),
            Ok(Found::Damaged { aside }) => self.report_damage(kept, "the renewal state", &aside),
            Ok(Found::Missing) => {}
            Err(error) => self.report_storage(kept, &error),
        }
        match (kept.unsaved(), self.intact(kept, stored)) {
            // It is newer than what the storage has, which did not take it.
            (Some(inherited), _) => kept.load(inherited, &self.directories),
            (None, Some(stored)) if self.show(kept, &stored) => {
                let not_after = stored.not_after();
                kept.load(stored, &self.directories);
                self.report(kept, CertificateEventKind::Loaded { not_after });
            }
            _ => kept.load_nothing(),
        }
        *is_loaded = true;
    }

    /// Returns the stored certificate, and reports why there is none.
    fn intact(
        &self,
        kept: &Kept,
        stored: Result<LoadedCertificate, StorageError>,
    ) -> Option<StoredCertificate> {
        match &stored {
            Ok(LoadedCertificate::Damaged { damage, aside, .. }) => {
                self.report_damage(kept, &damage.to_string(), aside);
            }
            Ok(_) => {}
            Err(error) => self.report_storage(kept, error),
        }
        stored.ok()?.certificate()
    }

    /// Compares what is served with what is stored, and returns whether a better one was stored,
    /// which is now served.
    pub fn compared(
        &self,
        kept: &Kept,
        stored: Result<LoadedCertificate, StorageError>,
        now: Timestamp,
    ) -> bool {
        let is_known = stored.is_ok();
        let Some(stored) = self.intact(kept, stored) else {
            // What a person or a broken disk has removed is written again.
            if is_known && kept.is_served() {
                kept.set_missed();
            }
            return false;
        };
        if !kept.is_better(&stored) {
            return false;
        }
        let directory = stored.directory().or_else(|| self.directories.first()).cloned();
        let Some(directory) = directory else { return false };
        let not_after = stored.not_after();
        if !self.show(kept, &stored) {
            return false;
        }
        kept.on_issued(&directory, stored, now);
        let _ = kept.set_saved();
        self.report(kept, CertificateEventKind::Adopted { not_after });
        true
    }

    /// Notes whether what is served was stored.
    pub fn saved(&self, kept: &Kept, saved: Result<(), StorageError>) {
        match saved {
            Ok(()) => {
                if let Some(kind) = kept.set_saved() {
                    self.report(kept, kind);
                }
            }
            Err(error) => {
                kept.set_missed();
                self.report_storage(kept, &error);
            }
        }
    }

    /// Returns the snapshot of an order to go on with, and whether what was found is of no use.
    pub fn order_in_flight(
        &self,
        kept: &Kept,
        directory: &Url,
        found: Found<StoredOrder>,
    ) -> (Option<Snapshot>, bool) {
        match found {
            Found::Missing => (None, false),
            Found::Damaged { aside } => {
                self.report_damage(kept, "the order in flight", &aside);
                (None, false)
            }
            Found::Intact(order) => {
                let wanted: BTreeSet<_> = kept.identifiers().iter().collect();
                let served = kept.served();
                // A crash came between the certificate and the end of its order.
                let is_done =
                    served.is_some_and(|served| Some(served.key_pem()) == order.key_pem.as_ref());
                let is_it = !is_done
                    && order.snapshot.directory_url() == directory
                    && order.snapshot.identifiers().iter().collect::<BTreeSet<_>>() == wanted
                    && order.key_pem.is_some();
                // One that never ends is given up, too.
                if is_it && !kept.resumed() { (Some(order.snapshot), false) } else { (None, true) }
            }
        }
    }

    /// Reports that something stored is damaged, and where it was moved.
    pub fn report_damage(&self, kept: &Kept, what: &str, aside: &Key) {
        let details = format!("{what}; it was moved to {aside}");
        self.report(kept, CertificateEventKind::Damaged { details });
    }

    /// Serves a new certificate, unless it was removed meanwhile, or cannot be served.
    pub fn serve(
        &self,
        kept: &Kept,
        directory: &Url,
        stored: StoredCertificate,
        now: Timestamp,
    ) -> Served {
        if kept.is_removed() {
            return self.too_late(kept, &stored);
        }
        if let Err(details) = self.install(kept, &stored) {
            let aside = layout::aside_of_certificate(kept.name());
            self.report_damage(kept, &details, &aside);
            // An order that brings nothing of use is a failure, and followed by a wait.
            kept.on_useless(directory, details, now);
            return Served::Useless;
        }
        kept.on_issued(directory, stored.clone(), now);
        if kept.is_removed() {
            let too_late = self.too_late(kept, &stored);
            if too_late == Served::Removed {
                self.resolver.remove(kept.id());
            }
            return too_late;
        }
        Served::Shown
    }

    /// Returns what becomes of a certificate that arrives after its removal.
    fn too_late(&self, kept: &Kept, stored: &StoredCertificate) -> Served {
        let all = locked(&self.kept);
        // One that is for its names adopts it from the storage.
        let is_other = all.get(kept.id()).is_some_and(|other| !other.is_for(stored.leaf()));
        if is_other { Served::Replaced } else { Served::Removed }
    }

    /// Reports a challenge that may still be published.
    pub fn report_not_cleaned(&self, kept: &Kept, challenge: &Challenge, reason: String) {
        let challenge = format!("{} for {}", challenge.kind(), challenge.identifier());
        self.report(kept, CertificateEventKind::NotCleaned { challenge, reason });
    }

    /// Reports what an order that was given up had published and solvers did not remove.
    pub fn report_remaining(
        &self,
        kept: &Kept,
        published: &[Challenge],
        withdrawals: &Withdrawals,
    ) {
        for challenge in published.iter().filter(|challenge| !challenge.stays()) {
            // What the server's own listeners answered ended with the process.
            let was_own =
                matches!(challenge.kind(), ChallengeKind::TlsAlpn01 | ChallengeKind::Http01);
            match withdrawals.of(challenge) {
                Some(Ok(())) => {}
                None if was_own => {}
                Some(Err(reason)) => self.report_not_cleaned(kept, challenge, reason),
                None => {
                    let reason = "its order is given up, and no solver has removed it".to_owned();
                    self.report_not_cleaned(kept, challenge, reason);
                }
            }
        }
    }

    /// Notes that someone else holds the lock of the order, and reports it if that is suspiciously
    /// long.
    pub fn lock_is_held(&self, kept: &Kept, lock: &Key, now: Timestamp) {
        if let Some(since) = kept.lock_is_held(now) {
            let lock = lock.describe_lock();
            self.report(kept, CertificateEventKind::LockHeld { lock, since });
        }
    }

    /// Returns the name of the order in flight at a CA: one that fell back to another CA is gone on
    /// with when its own is asked again.
    pub fn order_name(&self, kept: &Kept, directory: &Url) -> Name {
        if self.directories.first() == Some(directory) {
            return kept.name();
        }
        Name::new(&format!("{} {}", kept.id(), directory))
    }

    /// Handles a panic of a function that the user gave.
    pub fn panicked(&self, kept: &Kept, now: Timestamp) {
        if let Some(directory) = self.directories.first() {
            kept.on_panicked(directory, now);
        }
    }

    /// Shows a certificate in handshakes.
    fn show(&self, kept: &Kept, stored: &StoredCertificate) -> bool {
        if kept.is_removed() {
            return false;
        }
        let shown = self.install(kept, stored);
        if let Err(details) = &shown {
            let details = details.clone();
            self.report(kept, CertificateEventKind::Damaged { details });
        }
        shown.is_ok()
    }

    /// Gives a certificate to the resolver, or says in words why it cannot be served.
    fn install(&self, kept: &Kept, stored: &StoredCertificate) -> Result<(), String> {
        let key = ProviderKey::from_pkcs8_pem(stored.key_pem(), &self.provider)
            .map_err(|error| error.to_string())?;
        let installed = self.resolver.install_chain(kept.id(), stored.chain(), &key);
        installed.map_err(|error| error.to_string())
    }

    /// Returns the challenges that the server's own listeners answer.
    pub const fn validations(&self) -> &Validations {
        &self.validations
    }

    /// Notes that the server listens for TLS, or serves its configuration.
    pub fn listens_for_tls(&self) {
        self.listens_tls.store(true, Ordering::Release);
    }

    /// Notes that the server answers http-01.
    pub fn listens_for_http(&self) {
        self.listens_http.store(true, Ordering::Release);
    }

    /// Returns the kinds of challenges that the server's own listeners answer by now.
    pub fn own_kinds(&self) -> Vec<ChallengeKind> {
        let tls = self.listens_tls.load(Ordering::Acquire).then_some(ChallengeKind::TlsAlpn01);
        let http = self.listens_http.load(Ordering::Acquire).then_some(ChallengeKind::Http01);
        tls.into_iter().chain(http).collect()
    }

    /// Returns whether the account of a CA is known to exist.
    pub fn is_registered(&self, directory: &Url) -> bool {
        locked(&self.registered).contains(directory)
    }

    /// Notes whether the account of a CA exists.
    pub fn set_registered(&self, directory: &Url, is_registered: bool) {
        let mut registered = locked(&self.registered);
        if is_registered {
            registered.insert(directory.clone());
        } else {
            registered.remove(directory);
        }
    }

    /// Reports what has happened in the life of a certificate.
    pub fn report_life(&self, kept: &Kept) {
        for event in kept.events() {
            self.report(kept, CertificateEventKind::Lifecycle(event));
        }
    }

    /// Reports that the storage failed.
    pub fn report_storage(&self, kept: &Kept, error: &StorageError) {
        let reason = crate::error_chain(error);
        self.report(kept, CertificateEventKind::StorageFailed { reason });
    }

    /// Reports an event to the user's function, and as an event of `tracing`.
    pub fn report(&self, kept: &Kept, kind: CertificateEventKind) {
        let event = CertificateEvent { name: Arc::clone(kept.id()), kind };
        #[cfg(feature = "tracing")]
        trace::certificate(&event);
        if let Some(observer) = &self.settings.observer {
            observer(&event);
        }
    }

    /// Returns the state of every certificate.
    pub fn health(&self) -> Health {
        let now = clock::wall();
        Health::new(self.kept().iter().map(|kept| kept.health(now)).collect())
    }
}

/// What became of a new certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Handshakes show it.
    Shown,
    /// It is no longer wanted.
    Removed,
    /// It is no longer wanted, and another one, for other names, has its place in the storage.
    Replaced,
    /// It cannot be served; what was served before still is.
    Useless,
}

/// Returns when a certificate is looked at again at the latest: a clock that was set is noticed
/// then, and what another process has stored.
pub fn look_again(now: Timestamp) -> Timestamp {
    now.saturating_add(LONGEST_SLEEP)
}

/// Returns when to look again after a step that ended by a panic.
pub fn look_again_soon(now: Timestamp) -> Timestamp {
    now.saturating_add(SHORT_SLEEP)
}

/// Returns when to look again whether another process still orders.
pub fn try_lock_again(now: Timestamp) -> Timestamp {
    now.saturating_add(LOCK_INTERVAL)
}

/// Returns whether an issuance left nothing to go on with.
pub fn is_over(result: &Result<StoredCertificate, Error>) -> bool {
    use acme_proto::error::Error as Acme;
    match result {
        Ok(_) => true,
        Err(Error::Acme(error)) => match error {
            // The CA is out of order or wants to be asked later.
            Acme::Problem(problem) => problem.status() < 500 && error.retry_at().is_none(),
            Acme::Transport(_)
            | Acme::Deadline(_)
            | Acme::RetryLater { .. }
            | Acme::Cancelled
            | Acme::KeyChanged { .. }
            | Acme::Storage(_)
            | Acme::Signer(_)
            | Acme::Peer(_) => false,
            _ => true,
        },
        Err(_) => false,
    }
}

/// How long one process waits while another one registers the account that they share.
pub const REGISTRATION_LIMIT: Duration = Duration::from_secs(60);

const LONGEST_SLEEP: Duration = Duration::from_secs(60 * 60);
const SHORT_SLEEP: Duration = Duration::from_secs(60);
const LOCK_INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
#[cfg(feature = "ring")]
mod tests;
