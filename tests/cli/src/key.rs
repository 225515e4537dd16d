//! The certificate's key.

use core::error::Error;

use acme_adapter::keys::{self, KeyError, KeyKind, ProviderKey};
use acme_proto::jose::Algorithm;
use acme_proto::signer::Rs256Key;
use ring::rand::{SecureRandom, SystemRandom};
use signature::rand_core::{TryCryptoRng, TryRng, UnwrapErr};
use zeroize::Zeroizing;

/// Generates a key, as PKCS#8 PEM.
///
/// The crypto provider generates it where it can. ring signs with RSA keys but generates none, so
/// those come from acme-proto.
pub(crate) fn generate(kind: KeyKind) -> Result<Zeroizing<String>, KeyError> {
    match (keys::generate(kind), kind) {
        (Err(KeyError::Unsupported { .. }), KeyKind::Rsa2048) => {
            Ok(Rs256Key::generate(&mut UnwrapErr(SystemRng(SystemRandom::new()))).to_pkcs8_pem())
        }
        (result, _) => result,
    }
}

/// Reads a key in PKCS#8 PEM.
pub(crate) fn read(pem: &str) -> Result<ProviderKey, Box<dyn Error + Send + Sync>> {
    Ok(ProviderKey::from_pkcs8_pem(pem, &keys::default_provider()?)?)
}

/// Returns whether a key is of a kind. Sizes of RSA keys are not compared.
pub(crate) fn is(key: &ProviderKey, kind: KeyKind) -> bool {
    let algorithm = match kind {
        KeyKind::Es256 => Algorithm::Es256,
        KeyKind::Es384 => Algorithm::Es384,
        KeyKind::Es512 => Algorithm::Es512,
        KeyKind::Ed25519 => Algorithm::EdDsa,
        _ => Algorithm::Rs256,
    };
    key.public_key().algorithm() == algorithm
}

/// The randomness of the operating system.
struct SystemRng(SystemRandom);

#[derive(Debug)]
struct NoRandomness;

impl core::fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the operating system gives no randomness")
    }
}

impl Error for NoRandomness {}

impl TryRng for SystemRng {
    type Error = NoRandomness;

    fn try_next_u32(&mut self) -> Result<u32, NoRandomness> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, NoRandomness> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        self.0.fill(octets).map_err(|_| NoRandomness)
    }
}

impl TryCryptoRng for SystemRng {}
