//! What exchanges lack, and the engine fetches by itself.

use alloc::vec::Vec;

use crate::session::Fresh;

/// What an exchange may lack before it can be signed or sent; the engine fetches it by an exchange of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supply {
    Directory,
    Account,
    Nonce,
}

/// What the engine has fetched, and is fetching.
#[derive(Debug, Default)]
pub(super) struct Supplies {
    /// How many exchanges of each kind there are.
    pub(super) running: [usize; 3],
    /// Nonces from this flow's own newNonce responses. While the flow runs they are not shared, because two
    /// flows could otherwise take each other's without end; what is left at its end goes to the session.
    pub(super) nonces: Vec<Fresh>,
    /// How many nonces to fetch before anything lacks them.
    pub(super) prefetch: usize,
    /// newNonce failed, but responses that are still under way may bring nonces.
    pub(super) awaits_nonces: bool,
    pub(super) fetched_directory: bool,
}

impl Supplies {
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
