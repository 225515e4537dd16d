//! The CA's resolver: every name is loopback, and tests set the TXT records.

use core::net::{IpAddr, Ipv4Addr};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::dns;
use super::shared::Shared;
use crate::authority::{Identifier, Problem};

const MOST_NAMES: usize = 10_000;
const MOST_VALUES: usize = 200;

/// TXT records by name, in lower case and without a dot at the end.
#[derive(Debug, Default)]
pub(crate) struct TxtRecords(Mutex<BTreeMap<String, Vec<String>>>);

impl TxtRecords {
    /// Adds a value. Returns false if there is no room.
    pub(crate) fn set(&self, name: &str, value: &str) -> bool {
        let mut records = self.lock();
        if records.len() >= MOST_NAMES {
            return false;
        }
        let values = records.entry(normal(name)).or_default();
        if values.len() >= MOST_VALUES {
            return false;
        }
        if !values.iter().any(|v| v == value) {
            values.push(value.to_owned());
        }
        true
    }

    /// Removes a value. Returns false if it was not published.
    pub(crate) fn clear(&self, name: &str, value: &str) -> bool {
        let mut records = self.lock();
        let name = normal(name);
        let Some(values) = records.get_mut(&name) else {
            return false;
        };
        let before = values.len();
        values.retain(|v| v != value);
        let removed = values.len() < before;
        if values.is_empty() {
            records.remove(&name);
        }
        removed
    }

    pub(crate) fn all(&self) -> BTreeMap<String, Vec<String>> {
        self.lock().clone()
    }

    fn get(&self, name: &str) -> Vec<String> {
        self.lock().get(&normal(name)).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Returns the address at which an identifier is validated: a loopback address, unless a DNS
    /// server has another one.
    pub(crate) async fn address_of(&self, identifier: &Identifier) -> Result<IpAddr, Problem> {
        match identifier {
            Identifier::Ip(address) if address.is_loopback() => Ok(*address),
            Identifier::Ip(_) => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Identifier::Dns(name) => match self.options.dns {
                None => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                Some(server) => Ok(dns::address(server, name, self.options.validation_timeout)
                    .await?
                    .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))),
            },
        }
    }

    /// Returns the TXT records of a name.
    pub(crate) async fn txt_of(&self, name: &str) -> Result<Vec<String>, Problem> {
        match self.options.dns {
            None => Ok(self.txt.get(name)),
            Some(server) => dns::txt(server, name, self.options.validation_timeout).await,
        }
    }
}

fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
