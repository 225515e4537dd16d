//! Signing: a trait for keys in a device or a service.

use acme_proto::flow::{SignFailed, SignRequest};
use acme_proto::jose::{Jwk, Signature};

/// Signs with a key that the client does not hold, such as one in an HSM or a key management
/// service.
///
/// For keys in memory there is nothing to implement: give them to
/// [`ClientBuilder::key`](crate::ClientBuilder::key). It is called from several threads at once.
/// `&T`, `Arc<T>` and `Box<T>` are signers too.
pub trait Signer: Send + Sync {
    /// Returns the public half of the account key.
    fn account_key(&self) -> Jwk;

    /// Signs the request's message with the key that the request names.
    ///
    /// [`Signature::from_der`](acme_proto::jose::Signature::from_der) converts the DER form of
    /// ECDSA signatures, which most services return. The client stops waiting after
    /// [`SignRequest::time_limit`].
    ///
    /// # Errors
    /// [`SignFailed::UnknownKey`] for a key that the signer does not hold, and the other kinds of
    /// [`SignFailed`] as their documentation says.
    fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed>;
}

acme_adapter::forward! {
    Signer {
        fn account_key(&self) -> Jwk;
        fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed>;
    }
}

pub(crate) type BoxSigner = Box<dyn Signer>;
