//! The wish that a call of a solver end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Says to a call of a solver that its result is of no use any more; clones share one state.
///
/// A call may go on: [`HookCommand`](crate::hook::HookCommand) stops its command.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the call to end.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Returns whether the call is asked to end.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
