//! Challenges of this process, and of others that share its storage.

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Instant;

use acme_proto::challenge::{Challenge, ChallengeId};

use crate::client_state::locked;
use crate::clock;
use crate::http01::Http01Handler;
use crate::keys::KeyError;
use crate::storage::Key;
use crate::storage::layout;
use crate::tls_alpn01::TlsAlpn01Resolver;

/// The challenges by tls-alpn-01 and http-01 that a server's own listeners answer.
///
/// A CA validates at the address of a name, where any of several servers may answer. Each stores
/// the challenges that it has published, and looks for those of the others when a validation comes
/// that it does not know. Strangers can ask for anything, so they cause no more than one
/// [search](Self::wait_to_search) in each quarter of a second, whatever they ask for: whoever comes
/// meanwhile waits for the next one, so that nobody is answered by what was true before.
pub struct Validations {
    resolver: TlsAlpn01Resolver,
    http01: Http01Handler,
    own: Mutex<Own>,
    foreign: Mutex<BTreeMap<Key, Challenge>>,
}

/// The challenges of this process.
#[derive(Debug, Default)]
struct Own {
    keys: BTreeSet<Key>,
    /// Those by tls-alpn-01, by the name that a validation asks for: two certificates may share one.
    names: BTreeMap<String, BTreeSet<ChallengeId>>,
}

impl Validations {
    pub(super) fn new(resolver: &TlsAlpn01Resolver) -> Self {
        Self {
            resolver: resolver.clone(),
            http01: Http01Handler::new(),
            own: Mutex::default(),
            foreign: Mutex::default(),
        }
    }

    /// Returns the table of what is answered by http-01.
    pub const fn http01(&self) -> &Http01Handler {
        &self.http01
    }

    /// Returns whether this process has published a challenge by tls-alpn-01 for a name that a
    /// validation asks for.
    pub fn is_own(&self, server_name: &str) -> bool {
        locked(&self.own).names.contains_key(server_name)
    }

    /// Publishes a challenge of this process.
    ///
    /// # Errors
    /// [`KeyError`] if no key can be generated for the certificate of tls-alpn-01.
    pub fn publish(&self, challenge: &Challenge) -> Result<(), KeyError> {
        self.insert(challenge)?;
        let mut own = locked(&self.own);
        own.keys.insert(layout::validation(challenge));
        if let Some(name) = server_name(challenge) {
            own.names.entry(name).or_default().insert(challenge.id());
        }
        Ok(())
    }

    /// Removes a challenge of this process, or of one that has ended and whose order it goes on
    /// with.
    pub fn withdraw(&self, challenge: &Challenge) {
        self.remove(challenge);
        let mut own = locked(&self.own);
        own.keys.remove(&layout::validation(challenge));
        let Some(name) = server_name(challenge) else { return };
        if let Some(ids) = own.names.get_mut(&name) {
            ids.remove(&challenge.id());
            if ids.is_empty() {
                own.names.remove(&name);
            }
        }
    }

    /// Takes the keys of all stored challenges, withdraws those that are gone, and returns which to
    /// read.
    pub fn unknown(&self, listed: &[Key]) -> Vec<Key> {
        let mut foreign = locked(&self.foreign);
        let listed: BTreeSet<&Key> = listed.iter().collect();
        foreign.retain(|key, challenge| {
            let is_there = listed.contains(key);
            if !is_there {
                self.remove(challenge);
            }
            is_there
        });
        let own = locked(&self.own);
        let is_known = |key: &Key| own.keys.contains(key) || foreign.contains_key(key);
        let room = MAX_FOREIGN - foreign.len().min(MAX_FOREIGN);
        listed.into_iter().filter(|key| !is_known(key)).take(room).cloned().collect()
    }

    /// Publishes the challenge of another process.
    pub fn publish_foreign(&self, key: Key, challenge: Challenge) {
        // Without a key for its certificate there is no answer, as without the challenge.
        if self.insert(&challenge).is_ok() {
            locked(&self.foreign).insert(key, challenge);
        }
    }

    /// Returns how long to wait before the storage is searched for someone who asked at this time;
    /// `None` if a search has begun since.
    pub fn wait_to_search(last: Option<Instant>, asked: Instant) -> Option<Duration> {
        let Some(last) = last else { return Some(Duration::ZERO) };
        (last < asked).then(|| SEARCH_INTERVAL.saturating_sub(last.elapsed()))
    }

    fn insert(&self, challenge: &Challenge) -> Result<(), KeyError> {
        self.http01.insert(challenge);
        self.resolver.insert(challenge, clock::wall())
    }

    fn remove(&self, challenge: &Challenge) {
        self.http01.remove(challenge);
        self.resolver.remove(challenge);
    }
}

fn server_name(challenge: &Challenge) -> Option<String> {
    Some(challenge.tls_alpn_01()?.server_name.to_ascii_lowercase())
}

impl fmt::Debug for Validations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validations").field("own", &*locked(&self.own)).finish_non_exhaustive()
    }
}

/// The shortest time between two searches of the storage.
const SEARCH_INTERVAL: Duration = Duration::from_millis(250);

/// Whoever can write to the storage is trusted, and still an error of a program has an end here.
const MAX_FOREIGN: usize = 10_000;
