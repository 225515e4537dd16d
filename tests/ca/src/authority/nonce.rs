//! Anti-replay nonces (RFC 8555 Section 6.5).

use std::collections::{BTreeMap, VecDeque};

use super::rng::Rng;

/// The most nonces that are remembered. Older ones are refused as badNonce.
const MOST: usize = 20_000;

/// The nonces that were issued and not yet used.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    /// The time and the connection of each.
    given: BTreeMap<String, (u64, u64)>,
    order: VecDeque<String>,
}

impl Nonces {
    pub(crate) fn give(&mut self, rng: &mut Rng, now: u64, connection: u64) -> String {
        let nonce = rng.token();
        self.given.insert(nonce.clone(), (now, connection));
        self.order.push_back(nonce.clone());
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.given.remove(&oldest);
            }
        }
        nonce
    }

    /// Uses a nonce up. Returns false if it was not issued, was used before, is too old, or came by
    /// another connection than this one.
    pub(crate) fn take(
        &mut self,
        nonce: &str,
        now: u64,
        lifetime: u64,
        connection: Option<u64>,
    ) -> bool {
        self.given.remove(nonce).is_some_and(|(given, by)| {
            now.saturating_sub(given) <= lifetime && connection.is_none_or(|here| here == by)
        })
    }
}
