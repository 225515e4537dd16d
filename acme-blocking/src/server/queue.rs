//! The connections that are ready, between the threads that make them and those that take them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use acme_adapter::locked;

/// A queue that can be closed, and where whoever fills it can wait for room first.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        let state = State { items: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Adds an item, which is dropped if the queue is closed. It never waits.
    pub(super) fn push(&self, item: T) {
        let mut state = locked(&self.state);
        if !state.closed {
            state.items.push_back(item);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Waits for an item; `None` once the queue is closed.
    pub(super) fn pop(&self) -> Option<T> {
        let waits = |state: &State<T>| state.items.is_empty() && !state.closed;
        let item = self.wait_while(waits).items.pop_front();
        self.changed.notify_all();
        item
    }

    /// Waits until there are less than `most` items, or the queue is closed.
    pub(super) fn wait_for_room(&self, most: usize) {
        drop(self.wait_while(|state| state.items.len() >= most && !state.closed));
    }

    /// Drops what is in the queue, and ends all waits.
    pub(super) fn close(&self) {
        let mut state = locked(&self.state);
        state.closed = true;
        state.items.clear();
        drop(state);
        self.changed.notify_all();
    }

    fn wait_while(&self, waits: impl Fn(&State<T>) -> bool) -> MutexGuard<'_, State<T>> {
        let state = self.changed.wait_while(locked(&self.state), |state| waits(state));
        state.unwrap_or_else(PoisonError::into_inner)
    }
}
