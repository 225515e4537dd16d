//! Cancelling an issuance.

use core::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use acme_adapter::locked;

/// Cancels issuances from [any thread](Self::cancel); clones share one state.
///
/// ```
/// let cancel = acme_blocking::Cancel::new();
/// let remote = cancel.clone(); // for the handler of Ctrl-C, say
/// remote.cancel();
/// assert!(cancel.is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct Cancel {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    next: u64,
    waiting: Vec<(u64, Waker)>,
}

type Waker = Box<dyn Fn() + Send>;

impl Cancel {
    /// Creates a value that is not cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels: every issuance with this value cleans up its challenges and ends.
    pub fn cancel(&self) {
        let mut state = self.lock();
        state.cancelled = true;
        // Under the lock, which is safe because a waker only sends to a channel.
        for (_, wake) in state.waiting.drain(..) {
            wake();
        }
    }

    /// Returns whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Calls `wake` on cancellation, or at once if that has happened, until the result is dropped.
    pub(crate) fn subscribe(&self, wake: impl Fn() + Send + 'static) -> Subscription {
        let mut state = self.lock();
        // Used up even if nothing is queued: dropping the result must not end another subscription.
        let id = state.next;
        state.next += 1;
        if state.cancelled {
            wake();
        } else {
            state.waiting.push((id, Box::new(wake)));
        }
        drop(state);
        Subscription { cancel: self.clone(), id }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

/// Ends a subscription when dropped.
pub(crate) struct Subscription {
    cancel: Cancel,
    id: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.cancel.lock().waiting.retain(|(id, _)| *id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn whoever_subscribed_before_or_after_is_woken_once() {
        let (cancel, (send, receive)) = (Cancel::new(), mpsc::channel());
        let late = send.clone();
        let before = cancel.subscribe(move || send.send("before").expect("it is received"));
        cancel.cancel();
        cancel.cancel();
        let after = cancel.subscribe(move || late.send("after").expect("it is received"));
        drop((before, after));
        assert_eq!(receive.iter().take(2).collect::<Vec<_>>(), ["before", "after"]);
    }

    #[test]
    fn nobody_is_woken_whose_subscription_has_ended() {
        let (cancel, (send, receive)) = (Cancel::new(), mpsc::channel::<()>());
        drop(cancel.subscribe(move || send.send(()).expect("it is received")));
        cancel.cancel();
        assert!(receive.recv().is_err());
    }
}
