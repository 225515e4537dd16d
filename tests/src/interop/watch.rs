//! What a client sent, and what it said of it.

use std::sync::{Arc, Mutex, PoisonError};

use acme_blocking::ExchangeRecord;
use acme_blocking::acme_adapter::clock;
use acme_proto::http::Method;
use acme_proto::notice::{Notice, RetryReason};

/// What a client sent and waited for; clones see the same.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Mutex<(Vec<Exchange>, Vec<u64>)>>);

/// One request, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The method.
    pub method: Method,
    /// The path of the URL, up to the first digit.
    pub path: String,
    /// The status, if a response arrived.
    pub status: Option<u16>,
}

impl Watch {
    /// Takes the exchanges since the last time.
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Returns whether a request got lost, or the server failed at it.
    pub fn has_failed(&self) -> bool {
        let exchanges = &self.0.lock().unwrap_or_else(PoisonError::into_inner).0;
        exchanges.iter().any(|exchange| exchange.status.is_none_or(|status| status >= 500))
    }

    /// Returns whether an authorization was read since the last time.
    pub fn has_read_an_authorization(&self) -> bool {
        let exchanges = &self.0.lock().unwrap_or_else(PoisonError::into_inner).0;
        exchanges.iter().any(|exchange| exchange.path.ends_with("/authz/"))
    }

    /// Returns after how many seconds each request was sent again, of those that the server failed at.
    pub fn waits(&self) -> Vec<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    pub(super) fn exchange(&self, record: &ExchangeRecord) {
        let url = record.url.as_str();
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        let path = path.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
        let exchange =
            Exchange { method: record.method, path: format!("/{path}"), status: record.status };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.push(exchange);
    }

    pub(super) fn notice(&self, notice: &Notice) {
        let Notice::Retry { at, reason: RetryReason::Status(..), .. } = notice else { return };
        let wait = at.saturating_duration_since(clock::wall()).as_secs_f64().round();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.push(wait as u64);
    }
}
