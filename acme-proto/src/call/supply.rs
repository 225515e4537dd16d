//! What exchanges lack, and the engine fetches by itself.

use alloc::vec::Vec;

use crate::session::Fresh;

/// One of the operations that the engine starts by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supply {
    Directory,
    Account,
    Nonce,
}

/// What the engine has fetched, and is fetching.
#[derive(Debug)]
pub(super) struct Supplies {
    /// How many exchanges of each kind there are.
    pub(super) running: [usize; 3],
    /// Nonces from this flow's own newNonce responses. They are not shared, or two flows could take them
    /// from each other forever.
    pub(super) nonces: Vec<Fresh>,
    /// How many nonces to fetch before anything lacks them.
    pub(super) prefetch: usize,
    /// newNonce failed, but responses that are still under way may bring nonces.
    pub(super) awaits_nonces: bool,
    pub(super) fetched_directory: bool,
}

impl Supplies {
    pub(super) const fn new() -> Self {
        Self {
            running: [0; 3],
            nonces: Vec::new(),
            prefetch: 0,
            awaits_nonces: false,
            fetched_directory: false,
        }
    }

    /// Forgets what is being fetched, and returns the nonces.
    pub(super) fn reset(&mut self) -> Vec<Fresh> {
        self.running = [0; 3];
        self.prefetch = 0;
        core::mem::take(&mut self.nonces)
    }

    pub(super) fn running(&self) -> usize {
        self.running.iter().sum()
    }
}
