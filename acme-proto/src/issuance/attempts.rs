//! What was tried, over all orders of an issuance.
//!
//! Each kind of challenge is tried once for an identifier: what failed is neither offered again nor, after a crash,
//! tried again, for a snapshot has it. A new order inherits it, and there are only so many orders.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::challenge::Attempt;
use crate::identifier::Identifier;
use crate::snapshot::{Snapshot, Tried};
use crate::wire::ChallengeKind;

/// The kinds of challenge that failed, by identifier, and the orders that were made.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    failed: BTreeMap<Identifier, Vec<Attempt>>,
    orders: u32,
    /// A challenge was responded to in this run.
    responded: bool,
}

impl Attempts {
    pub(super) fn restore(snapshot: &Snapshot) -> Self {
        let mut attempts = Self::default();
        for tried in &snapshot.tried {
            attempts.add(tried.identifier.clone(), tried.attempt.clone());
        }
        attempts
    }

    /// Returns what failed for an identifier.
    pub(super) fn of(&self, identifier: Option<&Identifier>) -> &[Attempt] {
        identifier.and_then(|i| self.failed.get(i)).map_or(&[], Vec::as_slice)
    }

    /// Returns whether a kind failed for an identifier.
    pub(super) fn has_tried(&self, identifier: Option<&Identifier>, kind: &ChallengeKind) -> bool {
        self.of(identifier).iter().any(|attempt| attempt.kind() == kind)
    }

    pub(super) fn add(&mut self, identifier: Identifier, attempt: Attempt) {
        self.failed.entry(identifier).or_default().push(attempt);
    }

    /// Forgets what failed, but not how many orders were made.
    pub(super) fn clear(&mut self) {
        self.failed.clear();
    }

    /// Returns what a snapshot keeps.
    pub(super) fn listed(&self) -> Vec<Tried> {
        let each = |(identifier, attempts): (&Identifier, &Vec<Attempt>)| {
            let identifier = identifier.clone();
            let tried = |attempt: &Attempt| Tried {
                identifier: identifier.clone(),
                attempt: attempt.clone(),
            };
            attempts.iter().map(tried).collect::<Vec<_>>()
        };
        self.failed.iter().flat_map(each).collect()
    }

    pub(super) const fn count_order(&mut self) {
        self.orders += 1;
    }

    /// Returns how many orders this run has made.
    pub(super) const fn orders(&self) -> u32 {
        self.orders
    }

    pub(super) const fn note_response(&mut self) {
        self.responded = true;
    }

    /// Returns whether this run has neither made an order nor responded to a challenge.
    pub(super) const fn is_empty_run(&self) -> bool {
        self.orders == 0 && !self.responded
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_those_of_the_identifier() {
        let [a, b] = ["a.example", "b.example"].map(|name| Identifier::dns(name).unwrap());
        let attempt = Attempt { kind: ChallengeKind::Http01, problem: None, local: None };
        let mut attempts = Attempts::default();
        attempts.add(a.clone(), attempt.clone());
        assert!(attempts.has_tried(Some(&a), &ChallengeKind::Http01));
        assert!(!attempts.has_tried(Some(&a), &ChallengeKind::Dns01));
        assert!(!attempts.has_tried(Some(&b), &ChallengeKind::Http01));
        assert!(!attempts.has_tried(None, &ChallengeKind::Http01));
        assert_eq!(attempts.listed(), [Tried { identifier: a, attempt }]);
    }
}
