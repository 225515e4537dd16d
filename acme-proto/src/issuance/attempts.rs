//! What was tried, over all orders of an issuance.
//!
//! Each kind of challenge is tried once for an identifier: what failed is neither offered again nor, after a crash,
//! tried again, for a snapshot has it. A new order inherits it, and there are only so many orders, and only so many
//! failed validations of an identifier: CAs count those (Let's Encrypt allows five an hour), and refuse new orders after
//! that.
//!
//! `serverInternal` is no failure of a kind: the server could not validate at all. In a new order, the kind is tried
//! again.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::challenge::Attempt;
use crate::error::OrderFailed;
use crate::identifier::Identifier;
use crate::snapshot::{Snapshot, Tried};
use crate::sorted::SortedMap;
use crate::wire::{ChallengeKind, Problem, ProblemType};

/// The kinds of challenge that failed, by identifier, and the orders that were made.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    failed: SortedMap<Identifier, Vec<Attempt>>,
    /// What the server itself failed at, in orders before the present one.
    pardoned: SortedMap<Identifier, Vec<Attempt>>,
    /// How many validations the server made in vain.
    validations: SortedMap<Identifier, u32>,
    /// How many of an identifier may be made in vain; `None` before the first poll.
    most_validations: Option<u32>,
    /// The last order that failed and was followed by another one.
    earlier: Option<Box<OrderFailed>>,
    orders: u32,
    /// A challenge was responded to in this run.
    responded: bool,
}

impl Attempts {
    pub(super) fn restore(snapshot: &Snapshot) -> Self {
        let mut attempts = Self::default();
        for tried in &snapshot.tried {
            if tried.attempt.problem().is_some() {
                attempts.count_validation(tried.identifier.clone());
            }
            attempts.add(tried.identifier.clone(), tried.attempt.clone());
        }
        attempts.pardon();
        attempts
    }

    /// Pardons what the server itself failed at: a new order follows.
    pub(super) fn pardon(&mut self) {
        for (identifier, attempts) in self.failed.iter_mut() {
            let (pardoned, failed) =
                core::mem::take(attempts).into_iter().partition(is_server_fault);
            *attempts = failed;
            let earlier: &mut Vec<_> = self.pardoned.or_default(identifier.clone());
            earlier.extend::<Vec<_>>(pardoned);
        }
    }

    /// Returns what was tried for an identifier, in all orders.
    pub(super) fn history(&self, identifier: &Identifier) -> Vec<Attempt> {
        let [pardoned, failed] = [&self.pardoned, &self.failed].map(|map| map.get(identifier));
        pardoned.into_iter().chain(failed).flatten().cloned().collect()
    }

    /// Returns what failed for an identifier and speaks against its kind of challenge.
    pub(super) fn of(&self, identifier: Option<&Identifier>) -> &[Attempt] {
        identifier.and_then(|i| self.failed.get(i)).map_or(&[], Vec::as_slice)
    }

    /// Sets how many validations of an identifier may be made in vain.
    pub(super) const fn limit_validations(&mut self, most: u32) {
        self.most_validations = Some(most);
    }

    /// Counts a validation that the server made in vain.
    pub(super) fn count_validation(&mut self, identifier: Identifier) {
        *self.validations.or_default(identifier) += 1;
    }

    /// Returns whether another validation of an identifier may be asked for.
    pub(super) fn allow_another(&self, identifier: Option<&Identifier>) -> bool {
        let made = identifier.and_then(|i| self.validations.get(i)).copied().unwrap_or_default();
        self.most_validations.is_none_or(|most| made < most)
    }

    /// Keeps the failure of an order that another one follows.
    pub(super) fn keep(&mut self, failed: OrderFailed) {
        self.earlier = Some(Box::new(failed));
    }

    /// Takes the failure of the order before the present one.
    pub(super) const fn take_earlier(&mut self) -> Option<Box<OrderFailed>> {
        self.earlier.take()
    }

    /// Returns whether a kind failed for an identifier.
    pub(super) fn has_tried(&self, identifier: Option<&Identifier>, kind: &ChallengeKind) -> bool {
        self.of(identifier).iter().any(|attempt| attempt.kind() == kind)
    }

    pub(super) fn add(&mut self, identifier: Identifier, attempt: Attempt) {
        self.failed.or_default(identifier).push(attempt);
    }

    /// Forgets what failed, but not how many orders were made.
    pub(super) fn clear(&mut self) {
        (self.failed, self.pardoned) = (SortedMap::new(), SortedMap::new());
        self.validations = SortedMap::new();
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
        self.pardoned.iter().chain(self.failed.iter()).flat_map(each).collect()
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

/// Returns whether a validation failed by a fault of the server (`serverInternal`).
pub(super) fn is_server_fault(attempt: &Attempt) -> bool {
    attempt.problem().map(Problem::kind) == Some(&ProblemType::ServerInternal)
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

    #[test]
    fn validations_are_limited_for_each_identifier() {
        let [a, b] = ["a.example", "b.example"].map(|name| Identifier::dns(name).unwrap());
        let mut attempts = Attempts::default();
        attempts.limit_validations(2);
        attempts.count_validation(a.clone());
        assert!(attempts.allow_another(Some(&a)));
        attempts.count_validation(a.clone());
        assert!(!attempts.allow_another(Some(&a)));
        assert!(attempts.allow_another(Some(&b)));
    }
}
