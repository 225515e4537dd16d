//! The certificates by name. A change copies a small part of the table and shares the rest.

use core::hash::BuildHasher as _;
use core::net::IpAddr;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::Arc;

use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};

/// All certificates, spread over shards by the hash of the name or id that they are found by.
#[derive(Clone)]
pub(super) struct Table {
    shards: Box<[Arc<Shard>]>,
    hasher: RandomState,
    count: usize,
    /// The id of the default, installed or not.
    default: Option<Arc<str>>,
    /// The default, and then the others of its first name.
    default_entries: Group,
}

#[derive(Clone, Default)]
struct Shard {
    by_id: HashMap<Arc<str>, Arc<Entry>>,
    exact: HashMap<Arc<str>, Group>,
    /// By the name without `*.`.
    wildcard: HashMap<Arc<str>, Group>,
}

/// The certificates for one name, preferred ones first.
type Group = Arc<[Arc<Entry>]>;

struct Entry {
    id: Arc<str>,
    names: Vec<Name>,
    key: Arc<CertifiedKey>,
}

enum Name {
    Exact(Arc<str>),
    Wildcard(Arc<str>),
}

impl Table {
    pub(super) fn install<'a>(
        &mut self,
        id: &str,
        names: impl Iterator<Item = &'a str>,
        key: Arc<CertifiedKey>,
    ) {
        self.take(id);
        let names = names.filter_map(Name::parse).collect();
        let entry = Arc::new(Entry { id: id.into(), names, key });
        self.count += 1;
        self.shard(&entry.id).by_id.insert(Arc::clone(&entry.id), Arc::clone(&entry));
        for name in &entry.names {
            let group = self.group(name);
            // A certificate may name something twice.
            let others = group.iter().filter(|other| other.id != entry.id);
            let mut entries: Vec<_> = [&entry].into_iter().chain(others).cloned().collect();
            // A stable sort: among equals, the last one stays first.
            entries.sort_by_key(|entry| rank(&*entry.key.key));
            *group = entries.into();
        }
        self.find_default();
    }

    pub(super) fn remove(&mut self, id: &str) -> bool {
        let found = self.take(id);
        self.find_default();
        found
    }

    pub(super) fn set_default(&mut self, id: Option<&str>) {
        self.default = id.map(Arc::from);
        self.find_default();
    }

    pub(super) fn certificate(&self, id: &str) -> Option<&Arc<CertifiedKey>> {
        self.entry(id).map(|entry| &entry.key)
    }

    pub(super) const fn len(&self) -> usize {
        self.count
    }

    pub(super) fn covers(&self, name: &str) -> bool {
        let name = canonical(name);
        self.exact(&name).is_some() || self.wildcard(&name).is_some()
    }

    /// Returns the certificate for a client that asks for this name and verifies these signatures.
    pub(super) fn choose(
        &self,
        name: Option<&str>,
        schemes: &[SignatureScheme],
    ) -> Option<&Arc<CertifiedKey>> {
        let name = name.map(canonical);
        let exact = name.as_deref().and_then(|name| self.exact(name));
        let wildcard = name.as_deref().and_then(|name| self.wildcard(name));
        let named = || exact.into_iter().chain(wildcard).flat_map(|group| group.iter());
        let default = self.default_entries.iter().filter(|_| named().next().is_none());
        let mut entries = named().chain(default).peekable();
        // If it can verify none, rustls says so to the client by the right alert, given any.
        let any = entries.peek().copied();
        let verified = entries.find(|entry| entry.key.key.choose_scheme(schemes).is_some());
        verified.or(any).map(|entry| &entry.key)
    }

    fn exact(&self, name: &str) -> Option<&Group> {
        self.shards[self.index(name)].exact.get(name)
    }

    fn wildcard(&self, name: &str) -> Option<&Group> {
        let (label, parent) = name.split_once('.')?;
        let group = self.shards[self.index(parent)].wildcard.get(parent)?;
        (!label.is_empty()).then_some(group)
    }

    fn entry(&self, id: &str) -> Option<&Arc<Entry>> {
        self.shards[self.index(id)].by_id.get(id)
    }

    /// Removes an entry; the default is left as it was.
    fn take(&mut self, id: &str) -> bool {
        let Some(entry) = self.entry(id).cloned() else { return false };
        self.count -= 1;
        self.shard(id).by_id.remove(id);
        for name in &entry.names {
            let group = self.group(name);
            *group = group.iter().filter(|other| other.id != entry.id).cloned().collect();
            if group.is_empty() {
                match name {
                    Name::Exact(name) => self.shard(name).exact.remove(name),
                    Name::Wildcard(parent) => self.shard(parent).wildcard.remove(parent),
                };
            }
        }
        true
    }

    fn find_default(&mut self) {
        let entry = self.default.as_deref().and_then(|id| self.entry(id));
        let group = entry.and_then(|entry| match entry.names.first()? {
            Name::Exact(name) => self.exact(name),
            Name::Wildcard(parent) => self.shards[self.index(parent)].wildcard.get(parent),
        });
        let others = group.into_iter().flat_map(|group| group.iter());
        let others = others.filter(|other| entry.is_none_or(|entry| other.id != entry.id));
        self.default_entries = entry.into_iter().chain(others).cloned().collect();
    }

    /// Returns a group to change, empty if there is none.
    fn group(&mut self, name: &Name) -> &mut Group {
        match name {
            Name::Exact(name) => self.shard(name).exact.entry(Arc::clone(name)),
            Name::Wildcard(parent) => self.shard(parent).wildcard.entry(Arc::clone(parent)),
        }
        .or_insert_with(|| [].into())
    }

    /// Returns a shard to change, copied if handshakes still read it.
    fn shard(&mut self, key: &str) -> &mut Shard {
        let index = self.index(key);
        Arc::make_mut(&mut self.shards[index])
    }

    fn index(&self, key: &str) -> usize {
        // No stranger can know the hash, so nobody can choose names that meet in one shard.
        let hash = self.hasher.hash_one(key);
        usize::from(hash.to_le_bytes()[0])
    }
}

impl Default for Table {
    fn default() -> Self {
        let shards = core::iter::repeat_n(Arc::new(Shard::default()), SHARDS).collect();
        Self {
            shards,
            hasher: RandomState::new(),
            count: 0,
            default: None,
            default_entries: [].into(),
        }
    }
}

impl Name {
    /// Reads a name of a certificate; an IP address is none that a client can ask for.
    fn parse(name: &str) -> Option<Self> {
        if name.parse::<IpAddr>().is_ok() {
            return None;
        }
        let name = canonical(name);
        Some(match name.strip_prefix("*.") {
            Some(parent) => Self::Wildcard(parent.into()),
            None => Self::Exact(name.into()),
        })
    }
}

/// Returns one spelling of a name: in lower case, without a final dot.
pub(super) fn canonical(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Returns the place of a kind of key among those that a client can verify: small signatures first.
fn rank(key: &dyn SigningKey) -> u8 {
    match key.algorithm() {
        SignatureAlgorithm::ECDSA => 0,
        SignatureAlgorithm::ED25519 => 1,
        _ => 2,
    }
}

/// As many as there are values of the byte that selects one.
const SHARDS: usize = 256;

#[cfg(test)]
mod tests;
