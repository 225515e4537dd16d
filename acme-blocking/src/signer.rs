//! Who signs: a trait, for keys in a device or a service.

use acme_proto::flow::{SignFailed, SignRequest};
use acme_proto::jose::{Jwk, Signature};

/// Signs with a key that the client does not hold, such as one in an HSM or a key management service.
///
/// For keys in memory there is nothing to implement: give them to
/// [`ClientBuilder::key`](crate::ClientBuilder::key). It is called from several threads at once. `&T`,
/// `Arc<T>` and `Box<T>` are signers too.
pub trait Signer: Send + Sync {
    /// Returns the public half of the account key.
    fn account_key(&self) -> Jwk;

    /// Signs the request's message with the key that the request names.
    ///
    /// Services that answer ECDSA signatures in DER suit
    /// [`Signature::from_der`](acme_proto::jose::Signature::from_der). After
    /// [`SignRequest::time_limit`] nobody waits for the answer any longer.
    ///
    /// # Errors
    /// [`SignFailed::UnknownKey`] for a key that the signer does not hold, and others as they say.
    fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed>;
}

acme_adapter::forward! {
    Signer {
        fn account_key(&self) -> Jwk;
        fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed>;
    }
}

pub(crate) type BoxSigner = Box<dyn Signer>;
