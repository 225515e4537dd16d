//! Challenges by tls-alpn-01 of this process, and of others that share its storage.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use acme_proto::challenge::{Challenge, ChallengeId};

use crate::client_state::locked;
use crate::clock;
use crate::tls_alpn01::TlsAlpn01Resolver;

/// The challenges that a server's own listener answers.
///
/// A CA validates at the address of a name, where any of several servers may answer. Each stores
/// the challenges that it has published, and looks up those of the others when a validation comes.
pub struct Validations {
    resolver: TlsAlpn01Resolver,
    /// The challenges of this process by name: two certificates may share one.
    own: Mutex<BTreeMap<String, BTreeSet<ChallengeId>>>,
    foreign: Mutex<BTreeMap<String, Challenge>>,
}

impl Validations {
    pub(super) fn new(resolver: &TlsAlpn01Resolver) -> Self {
        let resolver = resolver.clone();
        Self { resolver, own: Mutex::default(), foreign: Mutex::default() }
    }

    /// Returns the resolver, which is a solver of the adapters.
    pub const fn resolver(&self) -> &TlsAlpn01Resolver {
        &self.resolver
    }

    /// Returns whether this process has published a challenge for a name that a validation asks
    /// for.
    pub fn is_own(&self, server_name: &str) -> bool {
        locked(&self.own).contains_key(server_name)
    }

    /// Notes whether this process has published a challenge.
    pub fn set_own(&self, challenge: &Challenge, is_own: bool) {
        let Some(wanted) = challenge.tls_alpn_01() else { return };
        let name = wanted.server_name.to_ascii_lowercase();
        let mut own = locked(&self.own);
        if is_own {
            own.entry(name).or_default().insert(challenge.id());
        } else if let Some(ids) = own.get_mut(&name) {
            ids.remove(&challenge.id());
            if ids.is_empty() {
                own.remove(&name);
            }
        }
    }

    /// Publishes the challenge of another process for this name, in place of the one that it had
    /// before.
    pub fn set_foreign(&self, server_name: &str, challenge: Option<Challenge>) {
        let mut foreign = locked(&self.foreign);
        if foreign.get(server_name) == challenge.as_ref() {
            return;
        }
        if let Some(old) = foreign.remove(server_name) {
            self.resolver.remove(&old);
        }
        let Some(challenge) = challenge else { return };
        // Without a key for its certificate there is no answer, as without the challenge.
        if self.resolver.insert(&challenge, clock::wall()).is_ok() {
            foreign.insert(server_name.to_owned(), challenge);
        }
    }
}

impl fmt::Debug for Validations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validations").field("own", &*locked(&self.own)).finish_non_exhaustive()
    }
}
