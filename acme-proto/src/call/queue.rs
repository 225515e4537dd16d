//! Which exchange goes next; every step costs the logarithm of how many there are.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use super::exchange::{ExchangeId, Settled};
use super::supply::Supply;
use crate::policy::ResourceClass;
use crate::sorted::{SortedMap, SortedSet};
use crate::time::Timestamp;

/// The exchanges, sorted by what happens to each next.
///
/// Each is in one of these sets and nowhere else, unless it was taken out to be worked on.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// To be begun at the next pass.
    pub(super) ready: SortedSet<ExchangeId>,
    /// To be begun at a time.
    pub(super) timed: SortedSet<(Timestamp, ExchangeId)>,
    /// To be begun when something is there that they lack; by [`Supply`].
    pub(super) lacking: [SortedSet<ExchangeId>; 3],
    /// To be handed to the driver.
    pub(super) signed: SortedSet<ExchangeId>,
    /// With the driver or the signer, by the number that an input names. An exchange
    /// that is given up stays here until its input comes: its request is still in flight.
    pub(super) outstanding: SortedMap<u64, Outstanding>,
    /// To be read by their operations, in the sequence in which they were settled.
    pub(super) settled: VecDeque<Settled>,
}

/// What an input will come for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outstanding {
    pub(super) id: ExchangeId,
    /// The class in which the session counts a request as sent.
    pub(super) counts_as: Option<ResourceClass>,
}

/// A queue that takes no room while it was not written to: a flow may wait long, and one of many.
///
/// Its destructor is a function of its own. Otherwise each unit of code generation has a copy, of a kilobyte.
#[derive(Debug, Default)]
pub(super) struct LazyQueue(ManuallyDrop<Option<Box<Queue>>>);

static EMPTY: Queue = Queue::new();

impl LazyQueue {
    pub(super) const fn new() -> Self {
        Self(ManuallyDrop::new(None))
    }
}

impl Drop for LazyQueue {
    #[inline(never)]
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

impl Deref for LazyQueue {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        self.0.as_deref().unwrap_or(&EMPTY)
    }
}

impl DerefMut for LazyQueue {
    fn deref_mut(&mut self) -> &mut Queue {
        self.0.get_or_insert_default()
    }
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            ready: SortedSet::new(),
            timed: SortedSet::new(),
            lacking: [SortedSet::new(), SortedSet::new(), SortedSet::new()],
            signed: SortedSet::new(),
            outstanding: SortedMap::new(),
            settled: VecDeque::new(),
        }
    }

    /// Makes those ready whose time has come.
    pub(super) fn wake(&mut self, now: Timestamp) {
        while let Some((_, id)) = self.timed.first().copied().filter(|(at, _)| *at <= now) {
            self.timed.pop_first();
            self.ready.insert(id);
        }
    }

    /// Makes those ready that lacked something.
    pub(super) fn supply(&mut self, supply: Supply) {
        self.ready.append(&mut self.lacking[supply as usize]);
    }

    /// Takes the oldest exchange that can be handed out or, with room for another, begun.
    ///
    /// One that lacks a nonce may find one, unless it is known that there is none.
    pub(super) fn take_next(&mut self, has_place: bool, no_nonce: bool) -> Option<ExchangeId> {
        // One that is signed has its place among the active already, so that it needs no room.
        let Self { ready, signed, lacking, .. } = self;
        let starving = &mut lacking[Supply::Nonce as usize];
        let sets = [(signed, true), (ready, has_place), (starving, has_place && !no_nonce)];
        let sets = sets.into_iter().filter(|(_, open)| *open).map(|(set, _)| set);
        sets.filter(|set| !set.is_empty()).min_by_key(|set| set.first().copied())?.pop_first()
    }

    /// Forgets exchanges that are given up, unless they are settled; what is outstanding still counts as active.
    pub(super) fn retain(&mut self, keep: impl Fn(&ExchangeId) -> bool) {
        self.ready.retain(|id| keep(id));
        self.timed.retain(|(_, id)| keep(id));
        self.lacking.iter_mut().for_each(|set| set.retain(|id| keep(id)));
        self.signed.retain(|id| keep(id));
    }

    /// Returns how many are being signed, or are under way.
    pub(super) fn active(&self) -> usize {
        self.signed.len() + self.outstanding.len()
    }

    pub(super) fn iter_active(&self) -> impl Iterator<Item = &ExchangeId> {
        self.signed.iter().chain(self.outstanding.values().map(|outstanding| &outstanding.id))
    }

    /// Returns those that wait for a time or for what they lack, oldest first.
    pub(super) fn waiting(&self) -> SortedSet<ExchangeId> {
        let sets = self.lacking.iter().chain([&self.ready]).flat_map(SortedSet::iter);
        sets.chain(self.timed.iter().map(|(_, id)| id)).copied().collect()
    }

    pub(super) fn next_time(&self) -> Option<Timestamp> {
        self.timed.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(100);

    fn ids<const N: usize>() -> [ExchangeId; N] {
        core::array::from_fn(|n| ExchangeId(n as u64))
    }

    #[test]
    fn the_oldest_goes_first_whatever_it_waited_for() {
        let [a, b, c, d] = ids();
        let mut queue = Queue::new();
        queue.ready.insert(d);
        queue.signed.insert(c);
        queue.lacking[Supply::Nonce as usize].insert(b);
        queue.timed.insert((NOW, a));
        queue.wake(NOW);
        let taken: [_; 5] = core::array::from_fn(|_| queue.take_next(true, false));
        assert_eq!(taken, [Some(a), Some(b), Some(c), Some(d), None]);
    }

    #[test]
    fn without_room_only_what_is_signed_goes() {
        let [a, b] = ids();
        let mut queue = Queue::new();
        queue.ready.insert(a);
        queue.signed.insert(b);
        assert_eq!([queue.take_next(false, false), queue.take_next(false, false)], [Some(b), None]);
    }

    #[test]
    fn what_lacks_a_directory_waits_until_it_is_there() {
        let [a] = ids();
        let mut queue = Queue::new();
        queue.lacking[Supply::Directory as usize].insert(a);
        assert_eq!(queue.take_next(true, false), None);
        queue.supply(Supply::Account);
        assert_eq!(queue.take_next(true, false), None);
        queue.supply(Supply::Directory);
        assert_eq!(queue.take_next(true, false), Some(a));
    }

    #[test]
    fn what_was_given_up_is_only_outstanding() {
        let [a, b, c, d, e] = ids();
        let mut queue = Queue::new();
        queue.ready.insert(a);
        queue.timed.insert((NOW, b));
        queue.lacking[Supply::Account as usize].insert(c);
        queue.signed.insert(d);
        queue.outstanding.insert(1, Outstanding { id: e, counts_as: None });
        queue.retain(|_| false);
        assert!(queue.waiting().is_empty());
        assert_eq!((queue.active(), queue.next_time()), (1, None));
    }
}
