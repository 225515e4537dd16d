//! A queue from any thread to one, with a time limit.
//!
//! The channels of the standard library do the same with three kinds of queues and their wait lists, of which a program
//! has a copy for each type of message: 58 kilobytes for the three types here.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use acme_adapter::locked;

/// Where messages arrive. Once it is dropped, those that were not taken are dropped, and so is whatever is sent later.
pub(crate) struct Mailbox<T>(Address<T>);

/// Sends to a mailbox; clones send to the same one.
pub(crate) struct Address<T>(Arc<Shared<T>>);

struct Shared<T> {
    /// `None` once the mailbox is dropped.
    messages: Mutex<Option<VecDeque<T>>>,
    has_come: Condvar,
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> Self {
        let messages = Mutex::new(Some(VecDeque::new()));
        Self(Address(Arc::new(Shared { messages, has_come: Condvar::new() })))
    }

    pub(crate) fn address(&self) -> Address<T> {
        self.0.clone()
    }

    /// Returns the oldest message, or `None` if none comes within the time.
    pub(crate) fn take(&self, limit: Duration) -> Option<T> {
        let Shared { messages, has_come } = &*self.0.0;
        // `None` is farther away than time goes.
        let end = Instant::now().checked_add(limit);
        let mut waiting = locked(messages);
        loop {
            if let Some(message) = waiting.as_mut().and_then(VecDeque::pop_front) {
                return Some(message);
            }
            let left = end.map_or(limit, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return None;
            }
            let waited = has_come.wait_timeout(waiting, left);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl<T> Drop for Mailbox<T> {
    fn drop(&mut self) {
        // Not under the lock: the destructor of a message may send one.
        let left = locked(&self.0.0.messages).take();
        drop(left);
    }
}

impl<T> Address<T> {
    pub(crate) fn send(&self, message: T) {
        let mut messages = locked(&self.0.messages);
        let Some(waiting) = &mut *messages else {
            // What nobody waits for is dropped, and not under the lock.
            drop(messages);
            return;
        };
        waiting.push_back(message);
        self.0.has_come.notify_one();
    }
}

impl<T> Clone for Address<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn messages_come_in_the_sequence_in_which_they_were_sent_from_any_thread() {
        let mailbox = Mailbox::new();
        let address = mailbox.address();
        thread::spawn(move || (0..100).for_each(|n| address.send(n))).join().expect("no panic");
        assert!((0..100).all(|n| mailbox.take(LONG) == Some(n)));
    }

    #[test]
    fn whoever_waits_is_woken_by_a_message_and_else_by_the_time() {
        let mailbox = Mailbox::new();
        let address = mailbox.address();
        assert_eq!(mailbox.take(Duration::ZERO), None);
        assert_eq!(mailbox.take(Duration::from_millis(1)), None);
        let sender = thread::spawn(move || address.send("late"));
        assert_eq!(mailbox.take(Duration::MAX), Some("late"));
        sender.join().expect("no panic");
    }

    #[test]
    fn what_nobody_takes_any_more_is_dropped() {
        let (mailbox, message) = (Mailbox::new(), Arc::new(()));
        let address = mailbox.address();
        address.send(Arc::clone(&message));
        assert_eq!(Arc::strong_count(&message), 2);
        drop(mailbox);
        assert_eq!(Arc::strong_count(&message), 1);
        address.send(Arc::clone(&message));
        assert_eq!(Arc::strong_count(&message), 1);
    }
}
