//! When a snapshot is stored: changes are counted as generations, and saved in batches.
//!
//! Each snapshot has the whole issuance, so that one for each of a thousand selections would write a million challenges.
//! While more changes are expected, a snapshot is written only when as many changes have come as the one before listed
//! challenges, or after half a second and a millisecond for each of those: an order of a thousand names takes about a dozen
//! snapshots, and together they have two or three times its challenges.

use alloc::string::String;
use core::time::Duration;

use crate::flow::SaveId;
use crate::time::Timestamp;

/// How long a change waits for others, for each challenge that the snapshot before listed a millisecond longer.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// What of the snapshot is stored.
#[derive(Debug, Default)]
pub(super) struct Saving {
    durable: bool,
    /// The generation that the snapshot would have now: counts up at each change.
    current: u64,
    /// The generation that is stored.
    stored: u64,
    /// The snapshot that is being stored, and its generation.
    pending: Option<(SaveId, u64)>,
    /// How many challenges the snapshot before listed.
    listed: u64,
    /// Since when a change waits.
    waiting_since: Option<Timestamp>,
    /// A snapshot could not be stored, and no further one is tried.
    failed: bool,
}

impl Saving {
    pub(super) const fn make_durable(&mut self) {
        self.durable = true;
    }

    /// Notes that the snapshot is another one from now on, and returns its generation.
    pub(super) const fn change(&mut self) -> u64 {
        self.current += 1;
        self.current
    }

    /// Returns the generation that counts as stored: of an issuance that saves nothing, any.
    pub(super) const fn stored(&self) -> u64 {
        if self.durable && !self.failed { self.stored } else { u64::MAX }
    }

    /// Returns whether everything is stored, or nothing has to be.
    pub(super) const fn is_stored(&self) -> bool {
        self.current <= self.stored()
    }

    /// Returns whether a snapshot is being stored.
    pub(super) const fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Returns whether a snapshot is due; `expects_more` says that further changes will come without waiting for it.
    pub(super) fn is_due(&mut self, now: Timestamp, expects_more: bool) -> bool {
        if self.is_stored() || self.is_pending() {
            return false;
        }
        let since = *self.waiting_since.get_or_insert(now);
        let changes = self.current - self.stored;
        !expects_more
            || changes >= self.listed
            || now.saturating_duration_since(since) >= self.longest_wait()
    }

    /// Returns when a snapshot is due at the latest.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        let since = self.waiting_since.filter(|_| !self.is_stored() && !self.is_pending())?;
        Some(since.saturating_add(self.longest_wait()))
    }

    /// Takes note of the snapshot that is handed out, with so many challenges.
    pub(super) fn begin(&mut self, id: SaveId, challenges: usize) {
        self.pending = Some((id, self.current));
        self.listed = challenges as u64;
        self.waiting_since = None;
    }

    /// Takes the result of saving a snapshot; returns the error, if it could not be stored.
    pub(super) fn finish(&mut self, id: SaveId, failure: Option<String>) -> Option<String> {
        let (_, generation) = self.pending.take_if(|(pending, _)| *pending == id)?;
        match failure {
            None => self.stored = generation,
            Some(_) => self.failed = true,
        }
        failure
    }

    const fn longest_wait(&self) -> Duration {
        LONGEST_WAIT.saturating_add(Duration::from_millis(self.listed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::FlowId;

    fn id(seq: u64) -> SaveId {
        SaveId { flow: FlowId(0), seq }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    fn durable() -> Saving {
        Saving { durable: true, ..Saving::default() }
    }

    #[test]
    fn an_issuance_that_is_not_durable_saves_nothing() {
        let mut saving = Saving::default();
        assert!(saving.change() <= saving.stored());
        assert!(saving.is_stored() && !saving.is_due(at(0), false));
    }

    #[test]
    fn a_change_is_stored_only_by_the_snapshot_that_has_it() {
        let mut saving = durable();
        let first = saving.change();
        assert!(saving.is_due(at(0), false));
        saving.begin(id(1), 0);
        let second = saving.change();
        assert!(!saving.is_due(at(0), false), "one is being stored");
        assert_eq!(saving.finish(id(9), None), None);
        assert!(saving.is_pending(), "the result of another one");
        assert_eq!(saving.finish(id(1), None), None);
        assert!(first <= saving.stored() && second > saving.stored());
        assert!(saving.is_due(at(0), false));
    }

    #[test]
    fn after_a_failure_nothing_waits_for_a_snapshot() {
        let mut saving = durable();
        saving.change();
        saving.begin(id(1), 0);
        assert_eq!(saving.finish(id(1), Some("full".into())), Some("full".into()));
        saving.change();
        assert!(saving.is_stored() && !saving.is_due(at(0), false));
    }

    #[test]
    fn changes_wait_for_others_that_are_expected_but_not_for_long() {
        let mut saving = durable();
        saving.change();
        saving.begin(id(1), 3);
        saving.finish(id(1), None);
        saving.change();
        saving.change();
        assert!(!saving.is_due(at(1_000), true));
        assert_eq!(saving.due_at(), Some(at(1_503)));
        assert!(saving.is_due(at(1_000), false) && saving.is_due(at(1_503), true));
        saving.change();
        assert!(saving.is_due(at(1_000), true), "as many as were listed");
    }

    #[test]
    fn a_thousand_selections_one_by_one_take_a_dozen_snapshots() {
        let mut saving = durable();
        let (mut saves, mut listed) = (0, 0);
        for selected in 1..=1000 {
            saving.change();
            if saving.is_due(at(0), selected < 1000) {
                saves += 1;
                listed += selected;
                saving.begin(id(saves), selected);
                saving.finish(id(saves), None);
            }
        }
        assert!(saves <= 12 && listed <= 3 * 1000, "{saves} snapshots, {listed} challenges");
        assert!(saving.is_stored());
    }
}
