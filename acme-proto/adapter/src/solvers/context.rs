//! What a call of a solver knows beside its challenge.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Stop;

/// Says to a call of a solver when it is to end early, and which other calls are made with it; clones share one state.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CallContext {
    /// The wish that the call end.
    pub stop: Stop,
    /// The challenges that are handed to the solver together; only for `present` of a solver that gathers.
    pub batch: Option<Arc<Batch>>,
}

/// The challenges of an order that are handed to one solver together.
#[derive(Debug)]
pub struct Batch {
    names: Vec<String>,
    left: AtomicUsize,
}

impl Batch {
    /// Creates a batch of one challenge for each of these identifiers.
    pub fn new(names: Vec<String>) -> Self {
        let left = AtomicUsize::new(names.len());
        Self { names, left }
    }

    /// Returns the identifiers, one for each challenge: that of a wildcard and its base name is there twice.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Counts one challenge as begun, and returns how many are left.
    pub fn take(&self) -> usize {
        let fewer = |left: usize| left.checked_sub(1);
        let before = self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer);
        before.unwrap_or(1).saturating_sub(1)
    }
}
