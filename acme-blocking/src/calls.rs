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
