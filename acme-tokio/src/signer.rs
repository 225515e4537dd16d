//! Signing: a trait for keys in a device or a service.

use core::future::Future;

use acme_proto::flow::{SignFailed, SignRequest};
use acme_proto::jose::{Jwk, Signature};

use crate::BoxFuture;

/// Signs with a key that the client does not hold, such as one in an HSM or a key management
/// service.
///
/// For keys in memory there is nothing to implement: give them to
/// [`ClientBuilder::key`](crate::ClientBuilder::key). The methods may be written as `async fn`.
/// `&T`, `Arc<T>` and `Box<T>` are signers too, and [`DynSigner`] is the form for trait objects.
pub trait Signer: Send + Sync {
    /// Returns the public half of the account key.
    fn account_key(&self) -> Jwk;

    /// Signs the request's message with the key that the request names.
    ///
    /// [`Signature::from_der`](acme_proto::jose::Signature::from_der) converts the DER form of
    /// ECDSA signatures, which most services return.
    ///
    /// # Errors
    /// [`SignFailed::UnknownKey`] for a key that the signer does not hold, and the other kinds of
    /// [`SignFailed`] as their documentation says.
    fn sign(
        &self,
        request: &SignRequest,
    ) -> impl Future<Output = Result<Signature, SignFailed>> + Send;
}

/// The form of [`Signer`] for trait objects: `Arc<dyn DynSigner>` is a [`Signer`].
///
/// Every [`Signer`] implements it; nobody needs to do so by hand.
pub trait DynSigner: Send + Sync {
    /// Does what [`Signer::account_key`] does.
    fn dyn_account_key(&self) -> Jwk;

    /// Does what [`Signer::sign`] does.
    fn dyn_sign<'a>(
        &'a self,
        request: &'a SignRequest,
    ) -> BoxFuture<'a, Result<Signature, SignFailed>>;
}

impl<T: Signer> DynSigner for T {
    fn dyn_account_key(&self) -> Jwk {
        self.account_key()
    }

    fn dyn_sign<'a>(
        &'a self,
        request: &'a SignRequest,
    ) -> BoxFuture<'a, Result<Signature, SignFailed>> {
        Box::pin(self.sign(request))
    }
}

impl Signer for dyn DynSigner + '_ {
    fn account_key(&self) -> Jwk {
        self.dyn_account_key()
    }

    async fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        self.dyn_sign(request).await
    }
}

acme_adapter::forward! {
    Signer {
        fn account_key(&self) -> Jwk;
        fn sign(&self, request: &SignRequest) -> impl Future<Output = Result<Signature, SignFailed>> + Send;
    }
}

pub(crate) type BoxSigner = Box<dyn DynSigner>;
