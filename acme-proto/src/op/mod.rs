//! One typed operation a file: where it goes, what it carries, which key signs it, how the answer reads.
//!
//! An operation is pure: [`Call`](crate::call::Call) brings nonces, retries and redirects to it.

mod account;
mod account_entry;
mod answer;
mod authorization;
mod certificate;
mod chain;
mod challenge;
mod directory;
mod finalize;
mod find_account;
mod hooks;
mod key_change;
mod new_account;
mod new_nonce;
mod new_order;
mod operations;
mod order;
mod orders;
mod renewal_info;
mod revocation_reason;
mod revoke;
mod spec;

use alloc::boxed::Box;

pub use crate::resource::Resource;
pub use account::{DeactivateAccount, GetAccount, UpdateAccount};
pub use account_entry::AccountEntry;
pub use authorization::{
    AuthorizationEntry, DeactivateAuthorization, GetAuthorization, NewAuthorization,
};
pub use certificate::{Download, GetCertificate};
pub use chain::{ChosenChain, GetChain};
pub use challenge::{GetChallenge, RespondChallenge};
pub use directory::GetDirectory;
pub use finalize::Finalize;
pub use find_account::FindAccount;
pub use key_change::KeyChange;
pub use new_account::NewAccount;
pub use new_order::{NewOrder, OrderEntry};
pub use order::GetOrder;
pub use orders::{ListAllOrders, ListOrders, Page};
pub use renewal_info::{GetRenewalInfo, RenewalInfoEntry};
pub use revocation_reason::RevocationReason;
pub use revoke::{Revoke, Revoked};

pub(crate) use answer::{Answer, object};
pub(crate) use chain::Choosing;
pub(crate) use find_account::{LocateAccount, Located};
pub(crate) use hooks::{Failure, Hooks, Read, Reading};
pub(crate) use new_nonce::NewNonce;
pub(crate) use operations::operations;
pub(crate) use spec::{Auth, Inner, InnerContext, OnLost, Payload, Spec, Target, octets};

/// One operation of RFC 8555 or an extension, to be run by [`Call`](crate::call::Call).
///
/// The trait is sealed.
#[expect(private_bounds, reason = "the hooks are private, which seals the trait")]
pub trait Operation: Hooks<<Self as Operation>::Response> {
    /// What a successful answer holds.
    type Response;

    /// Takes the caller's own functions out of the operation: what is returned has to be applied to the response.
    ///
    /// A driver that shares its session behind a lock holds the lock while it polls. A function that is called then,
    /// such as that of [`ChainChoice::custom`](crate::x509::ChainChoice::custom), would never return if it used the
    /// same session. So such a driver calls this first, and the result when it has released the lock.
    fn detach(&mut self) -> Option<Settle<Self::Response>> {
        None
    }
}

/// The caller's own functions, which settle a response: see [`Operation::detach`].
pub type Settle<T> = Box<dyn FnOnce(T) -> T + Send>;
