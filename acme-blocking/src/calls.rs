//! A bound on calls that strangers cause.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bounds the calls that run at the same time: a thread in one stays when its connection makes room
/// for others.
#[derive(Debug)]
pub(crate) struct Calls {
    most: usize,
    running: AtomicUsize,
}

impl Calls {
    pub(crate) const fn new(most: usize) -> Self {
        Self { most, running: AtomicUsize::new(0) }
    }

    /// Runs a call, unless too many are running.
    pub(crate) fn run(&self, call: impl FnOnce()) {
        /// Counts down again, also if the call panics.
        struct Running<'a>(&'a AtomicUsize);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let before = self.running.fetch_add(1, Ordering::Relaxed);
        let _running = Running(&self.running);
        if before < self.most {
            call();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn calls_beyond_the_bound_are_left_out() {
        let (calls, ran) = (Calls::new(2), AtomicUsize::new(0));
        let count = || {
            ran.fetch_add(1, Ordering::Relaxed);
        };
        calls.run(|| calls.run(|| calls.run(count)));
        assert_eq!(ran.load(Ordering::Relaxed), 0);
        calls.run(|| calls.run(count));
        // One that panics makes room, too.
        for _ in 0..3 {
            let panicked = catch_unwind(AssertUnwindSafe(|| calls.run(|| panic!("as it should"))));
            assert!(panicked.is_err());
        }
        calls.run(count);
        assert_eq!(ran.load(Ordering::Relaxed), 2);
    }
}
