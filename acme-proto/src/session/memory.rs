//! What a session knows about a server, as data that outlives the process.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Session;
use super::nonce::Fresh;
use super::recent::Recent;
use crate::jose::Jwk;
use crate::time::Timestamp;
use crate::token::Nonce;
use crate::url::Url;
use crate::wire::{Context, Directory};

/// What a [`Session`] knows about its server: the directory, the account's URL, nonces, and how long the CA took lately.
///
/// It is plain data for serde, such as JSON, and has no secrets. A session that takes it up spares the requests for what
/// it has. Nothing in it has to be right: a directory that has changed, or lacks what a flow asks for, is fetched again,
/// an account that is unknown is looked up by its key, and a nonce that the server refuses is replaced by the one that
/// comes with the refusal, at the price of one repeated exchange each.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionMemory {
    version: u32,
    directory_url: Url,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    directory: Option<KnownDirectory>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<KnownAccount>,
    /// The oldest first.
    #[serde(default)]
    nonces: Vec<KnownNonce>,
    #[serde(default)]
    recent: Recent,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KnownDirectory {
    fetched: Timestamp,
    object: Value,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KnownAccount {
    /// Of the key that it has: a memory of one account is of use to another at the same server.
    thumbprint: String,
    url: Url,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KnownNonce {
    received: Timestamp,
    nonce: String,
}

/// How many nonces are saved: whoever needs more fetches them while the order is made.
const MOST_NONCES: usize = 16;

/// The age up to which one nonce is tried though the policy counts it as too old: if the server refuses it, the refusal
/// brings another one, as newNonce would have.
const OLDEST_NONCE: Duration = Duration::from_secs(86_400);

impl SessionMemory {
    const VERSION: u32 = 1;

    /// Returns the directory that it is about.
    pub const fn directory_url(&self) -> &Url {
        &self.directory_url
    }
}

impl fmt::Debug for SessionMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMemory")
            .field("directory_url", &self.directory_url)
            .field("nonces", &self.nonces.len())
            .field("recent", &self.recent)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Returns what the session knows about the server, for a later session: see
    /// [`with_memory`](Self::with_memory).
    pub fn memory(&self) -> SessionMemory {
        let nonces = self
            .nonces
            .newest(MOST_NONCES)
            .map(|held| KnownNonce { received: held.since, nonce: held.nonce.as_str().into() });
        let account = self.account.clone().zip(self.account_key.as_ref());
        SessionMemory {
            version: SessionMemory::VERSION,
            directory_url: self.directory_url.clone(),
            directory: self.directory.as_ref().map(|directory| KnownDirectory {
                fetched: self.directory_at,
                object: directory.to_json(),
            }),
            account: account.map(|(url, key)| KnownAccount { thumbprint: thumbprint(key), url }),
            nonces: nonces.collect(),
            recent: self.recent.clone(),
        }
    }

    /// Takes up what an earlier session knew, as far as it is about this directory and this account key; after the
    /// directory's URL, key, account and policy are set.
    pub fn with_memory(mut self, memory: SessionMemory, now: Timestamp) -> Self {
        let SessionMemory { version, directory_url, directory, account, nonces, recent } = memory;
        if version > SessionMemory::VERSION || directory_url != self.directory_url {
            return self;
        }
        if let Some(KnownDirectory { fetched, object }) = directory {
            let context = Context { url: &directory_url, allow_http: self.allow_http };
            let parsed = Directory::parse(object.to_string().as_bytes(), context);
            if let Ok(parsed) = parsed {
                self.directory = Some(parsed.value);
                self.directory_at = fetched;
                self.directory_is_remembered = true;
            }
        }
        let is_own = |known: &KnownAccount| {
            let key = self.account_key.as_ref();
            key.is_some_and(|key| thumbprint(key) == known.thumbprint) && self.allows(&known.url)
        };
        if let Some(known) = account.filter(is_own)
            && self.account.is_none()
        {
            self.account = Some(known.url);
            self.account_is_remembered = true;
        }
        self.recall_nonces(nonces, now);
        self.recent = recent;
        self
    }

    fn recall_nonces(&mut self, nonces: Vec<KnownNonce>, now: Timestamp) {
        let newest = nonces.last().cloned();
        let first = nonces.len().saturating_sub(MOST_NONCES);
        for KnownNonce { received, nonce } in nonces.into_iter().skip(first) {
            let is_fresh = received <= now
                && now.saturating_duration_since(received) <= self.policy.nonce_max_age;
            if let Some(nonce) = Nonce::parse(&nonce).ok().filter(|_| is_fresh) {
                self.put_nonce(Fresh { nonce, since: received, from: None });
            }
        }
        let is_empty = self.nonces.held(now, self.policy.nonce_max_age) == 0;
        let last = newest.filter(|last| {
            let age = now.saturating_duration_since(last.received);
            is_empty && age <= OLDEST_NONCE
        });
        if let Some(nonce) = last.and_then(|last| Nonce::parse(&last.nonce).ok()) {
            self.put_nonce(Fresh { nonce, since: now, from: None });
        }
    }
}

fn thumbprint(key: &Jwk) -> String {
    key.thumbprint().to_string()
}
