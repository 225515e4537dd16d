//! Challenges of this process, and of others that share its storage.

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Instant;

use acme_proto::challenge::{Challenge, ChallengeId};

use crate::clock;
use crate::http01::Http01Handler;
use crate::keys::KeyError;
use crate::locked;
use crate::storage::Key;
use crate::storage::layout;
use crate::tls_alpn01::TlsAlpn01Resolver;

/// The challenges by tls-alpn-01 and http-01 that a server's own listeners answer.
///
/// A CA validates at the address of a name, where any of several servers may answer. Each server
/// stores the challenges that it has published. If it is asked for a challenge that it does not know,
/// it searches the storage for those of the others. Anyone can ask, for anything, so there is at most
/// one [search](Self::wait_to_search) in a quarter of a second. A request that comes meanwhile waits
/// for the next search: the present one may have begun before its challenge was stored.
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
        let key = layout::validation(challenge);
        // From now on no search withdraws it, also if another process published it before.
        locked(&self.own).keys.insert(key.clone());
        locked(&self.foreign).remove(&key);
        if let Err(error) = self.insert(challenge) {
            locked(&self.own).keys.remove(&key);
            return Err(error);
        }
        let mut own = locked(&self.own);
        if let Some(name) = server_name(challenge) {
            own.names.entry(name).or_default().insert(challenge.id());
        }
        Ok(())
    }

    /// Removes a challenge of this process, or of one that has ended and whose order it goes on
    /// with.
    pub fn withdraw(&self, challenge: &Challenge) {
        let key = layout::validation(challenge);
        self.remove(challenge);
        locked(&self.foreign).remove(&key);
        let mut own = locked(&self.own);
        own.keys.remove(&key);
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
        let own = locked(&self.own);
        let listed: BTreeSet<&Key> = listed.iter().collect();
        foreign.retain(|key, challenge| {
            let is_there = listed.contains(key);
            if !is_there && !own.keys.contains(key) {
                self.remove(challenge);
            }
            is_there
        });
        let is_known = |key: &Key| own.keys.contains(key) || foreign.contains_key(key);
        let room = MAX_FOREIGN - foreign.len().min(MAX_FOREIGN);
        listed.into_iter().filter(|key| !is_known(key)).take(room).cloned().collect()
    }

    /// Publishes the challenge of another process.
    pub fn publish_foreign(&self, key: Key, challenge: Challenge) {
        // This process may have published it since, such as for an order that it goes on with.
        if locked(&self.own).keys.contains(&key) {
            return;
        }
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

#[cfg(test)]
#[cfg(feature = "ring")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::resolver::CertificateResolver;

    fn validations() -> Validations {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Validations::new(CertificateResolver::new(&provider).challenges())
    }

    fn challenge(number: usize) -> Challenge {
        let json = format!(
            r#"{{"authorization": "https://ca.example/authz/{number}",
                "url": "https://ca.example/chall/{number}",
                "identifier": {{"type": "dns", "value": "a.example"}}, "kind": "http-01",
                "token": "token-{number}",
                "thumbprint": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}"#
        );
        serde_json::from_str(&json).expect("a challenge")
    }

    fn is_answered(validations: &Validations, number: usize) -> bool {
        !validations.http01().is_missing(&format!("/.well-known/acme-challenge/token-{number}"))
    }

    #[test]
    fn what_another_process_withdraws_is_withdrawn_here() {
        let (validations, challenge) = (validations(), challenge(1));
        let key = layout::validation(&challenge);
        assert_eq!(validations.unknown(std::slice::from_ref(&key)), std::slice::from_ref(&key));
        validations.publish_foreign(key.clone(), challenge);
        assert!(is_answered(&validations, 1));
        assert!(validations.unknown(std::slice::from_ref(&key)).is_empty(), "it is known");
        assert!(validations.unknown(&[]).is_empty());
        assert!(!is_answered(&validations, 1));
        assert_eq!(validations.unknown(std::slice::from_ref(&key)), std::slice::from_ref(&key));
    }

    #[test]
    fn what_this_process_publishes_stays_whatever_the_storage_has() {
        let (validations, challenge) = (validations(), challenge(1));
        let key = layout::validation(&challenge);
        // Another process has ended, and this one goes on with its order.
        validations.publish_foreign(key.clone(), challenge.clone());
        validations.publish(&challenge).expect("a key");
        assert!(validations.unknown(&[]).is_empty());
        assert!(is_answered(&validations, 1));
        validations.publish_foreign(key.clone(), challenge.clone());
        assert!(validations.unknown(&[]).is_empty());
        assert!(is_answered(&validations, 1));
        validations.withdraw(&challenge);
        assert!(!is_answered(&validations, 1));
        assert_eq!(validations.unknown(std::slice::from_ref(&key)), std::slice::from_ref(&key));
    }

    #[test]
    fn no_more_challenges_of_others_are_published_than_the_bound() {
        let validations = validations();
        let keys: Vec<_> =
            (0..=MAX_FOREIGN).map(|n| Key::new(&format!("validations/{n}"))).collect();
        assert_eq!(validations.unknown(&keys).len(), MAX_FOREIGN);
        for key in &keys[..MAX_FOREIGN - 1] {
            locked(&validations.foreign).insert(key.clone(), challenge(1));
        }
        assert_eq!(validations.unknown(&keys).len(), 1);
        locked(&validations.foreign).insert(keys[0].clone(), challenge(1));
        locked(&validations.foreign).insert(keys[MAX_FOREIGN].clone(), challenge(1));
        assert!(validations.unknown(&keys).is_empty());
    }

    #[test]
    fn a_search_answers_who_asked_before_it_began() {
        let asked = Instant::now();
        assert_eq!(Validations::wait_to_search(None, asked), Some(Duration::ZERO));
        assert_eq!(Validations::wait_to_search(Some(asked), asked), None);
        let last = Instant::now();
        let later = last + Duration::from_millis(1);
        let wait = Validations::wait_to_search(Some(last), later).expect("a search");
        assert!(wait <= SEARCH_INTERVAL);
    }
}
