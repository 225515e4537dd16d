//! A reproducible random number generator for tests.

use core::convert::Infallible;

use sha2::{Digest, Sha256};
use signature::rand_core::{TryCryptoRng, TryRng};

/// Returns the hashes of a counter.
#[derive(Default)]
pub(super) struct Hashing {
    counter: u64,
}

impl TryRng for Hashing {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(32) {
            self.counter += 1;
            let hash = Sha256::digest(self.counter.to_le_bytes());
            chunk.copy_from_slice(&hash[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Hashing {}
