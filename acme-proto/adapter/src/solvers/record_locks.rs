//! What all issuances of a client share: locks for DNS record names, and who counts on which challenge.
//!
//! A wildcard and its base name share one TXT record name, and two orders of one account may be for
//! the same name. A solver that reads, changes and writes back a record set would lose one of two
//! values if it were called for both at once. So calls for one record name follow each other, first
//! come, first served.
//!
//! Two orders of one account may also share an authorization, and publish the same challenge. It stays published until the
//! last of them has no more use for it.

use core::fmt;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::locked;

use acme_proto::sorted::SortedMap;
use acme_proto::url::Url;

/// Called, from any thread, when a place in a queue has become the first.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// The queues for all record names that are in use, and the challenges that are published.
#[derive(Default)]
pub struct RecordLocks {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next_ticket: u64,
    queues: SortedMap<String, VecDeque<Waiter>>,
    /// Who counts on a challenge, by its URL.
    users: SortedMap<Url, Vec<u64>>,
}

struct Waiter {
    ticket: u64,
    wake: Wake,
}

impl RecordLocks {
    /// Joins the queue for a record name; the lock is [held](RecordLock::is_held) by the first in
    /// it.
    ///
    /// `wake` is called if the lock is not held at once, when it is.
    pub fn lock(self: &Arc<Self>, name: &str, wake: Wake) -> RecordLock {
        let mut state = self.state();
        let ticket = state.ticket();
        state.queues.or_default(name.to_owned()).push_back(Waiter { ticket, wake });
        drop(state);
        RecordLock { locks: Arc::clone(self), name: name.to_owned(), ticket }
    }

    /// Counts an issuance among those that have a challenge published.
    pub(super) fn publish(self: &Arc<Self>, challenge: &Url) -> Published {
        let mut state = self.state();
        let ticket = state.ticket();
        state.users.or_default(challenge.clone()).push(ticket);
        drop(state);
        Published { locks: Arc::clone(self), challenge: challenge.clone(), ticket }
    }

    /// Returns how many issuances have a challenge published.
    pub(super) fn users(&self, challenge: &Url) -> usize {
        self.state().users.get(challenge).map_or(0, Vec::len)
    }

    /// Locks the state, which is valid even if another thread panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl State {
    const fn ticket(&mut self) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        ticket
    }
}

impl fmt::Debug for RecordLocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.state().queues.keys()).finish()
    }
}

/// The use that an issuance has for a challenge; dropping it ends the use.
#[derive(Debug)]
pub(super) struct Published {
    locks: Arc<RecordLocks>,
    challenge: Url,
    ticket: u64,
}

impl Published {
    /// Ends the use; dropping it does the same.
    pub(super) fn end(&self) {
        let mut state = self.locks.state();
        let Some(users) = state.users.get_mut(&self.challenge) else { return };
        users.retain(|ticket| *ticket != self.ticket);
        if users.is_empty() {
            state.users.remove(&self.challenge);
        }
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        self.end();
    }
}

/// A place in the queue for a record name; dropping it leaves the queue.
#[derive(Debug)]
pub struct RecordLock {
    locks: Arc<RecordLocks>,
    name: String,
    ticket: u64,
}

impl RecordLock {
    /// Returns whether this place is the first.
    pub fn is_held(&self) -> bool {
        let state = self.locks.state();
        let first = state.queues.get(&self.name).and_then(VecDeque::front);
        first.is_some_and(|waiter| waiter.ticket == self.ticket)
    }
}

impl Drop for RecordLock {
    fn drop(&mut self) {
        let mut state = self.locks.state();
        let Some(queue) = state.queues.get_mut(&self.name) else { return };
        // A place in the middle wakes nobody: the first of the queue stays the same.
        let was_held = queue.front().is_some_and(|waiter| waiter.ticket == self.ticket);
        queue.retain(|waiter| waiter.ticket != self.ticket);
        let next = queue.front().filter(|_| was_held).map(|waiter| Arc::clone(&waiter.wake));
        if queue.is_empty() {
            state.queues.remove(&self.name);
        }
        // Not under the lock: whoever is woken may ask at once whether the lock is held.
        drop(state);
        if let Some(wake) = next {
            wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn counter() -> (Arc<AtomicUsize>, Wake) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        (count, Arc::new(move || _ = counted.fetch_add(1, Ordering::SeqCst)))
    }

    #[test]
    fn a_record_has_one_holder_and_the_next_is_woken() {
        let locks = Arc::new(RecordLocks::default());
        let (woken, wake) = counter();
        let first = locks.lock("_acme-challenge.a.test", Arc::clone(&wake));
        let second = locks.lock("_acme-challenge.a.test", Arc::clone(&wake));
        let other = locks.lock("_acme-challenge.b.test", wake);
        assert!(first.is_held());
        assert!(other.is_held());
        assert!(!second.is_held());
        drop(first);
        assert!(second.is_held());
        assert_eq!(woken.load(Ordering::SeqCst), 1);
        drop((second, other));
        assert_eq!(format!("{locks:?}"), "[]");
    }

    #[test]
    fn whoever_leaves_the_queue_early_wakes_nobody() {
        let locks = Arc::new(RecordLocks::default());
        let (woken, wake) = counter();
        let first = locks.lock("a", Arc::clone(&wake));
        let second = locks.lock("a", Arc::clone(&wake));
        let third = locks.lock("a", wake);
        drop(second);
        assert_eq!(woken.load(Ordering::SeqCst), 0);
        drop(first);
        assert!(third.is_held());
        assert_eq!(woken.load(Ordering::SeqCst), 1);
    }
}
