//! One typed operation a file: where it goes, what it carries, which key signs it, how its response reads.
//!
//! An operation is pure: [`Call`](crate::call::Call) brings nonces, retries and redirects to it.

mod account_entry;
mod deactivate_account;
mod deactivate_authorization;
mod finalize;
mod find_account;
mod get_account;
mod get_authorization;
mod get_certificate;
mod get_chain;
mod get_challenge;
mod get_directory;
mod get_order;
mod get_renewal_info;
mod hooks;
mod key_change;
mod list_all_orders;
mod list_orders;
mod new_account;
mod new_authorization;
mod new_nonce;
mod new_order;
mod operations;
mod received;
mod respond_challenge;
mod revocation_reason;
mod revoke;
mod spec;
mod update_account;

use alloc::boxed::Box;

use crate::jose::Jwk;
use crate::token::Nonce;
use crate::wire::{Account, Authorization, Challenge, Directory, Order};

pub use crate::resource::Resource;
pub use account_entry::AccountEntry;
pub use deactivate_account::DeactivateAccount;
pub use deactivate_authorization::DeactivateAuthorization;
pub use finalize::Finalize;
pub use find_account::FindAccount;
pub use get_account::GetAccount;
pub use get_authorization::GetAuthorization;
pub use get_certificate::{Download, GetCertificate};
pub use get_chain::{ChosenChain, GetChain};
pub use get_challenge::GetChallenge;
pub use get_directory::GetDirectory;
pub use get_order::GetOrder;
pub use get_renewal_info::{GetRenewalInfo, RenewalInfoEntry};
pub use key_change::KeyChange;
pub use list_all_orders::ListAllOrders;
pub use list_orders::{ListOrders, Page};
pub use new_account::NewAccount;
pub use new_authorization::{AuthorizationEntry, NewAuthorization};
pub use new_order::{NewOrder, OrderEntry};
pub use respond_challenge::RespondChallenge;
pub use revocation_reason::RevocationReason;
pub use revoke::{Revoke, Revoked};
pub use update_account::UpdateAccount;

pub(crate) use find_account::{LocateAccount, Located};
pub(crate) use get_chain::Choosing;
pub(crate) use hooks::{Failure, Hooks, Read, Reading};
pub(crate) use new_nonce::NewNonce;
pub(crate) use operations::operations;
pub(crate) use received::{Received, object};
pub(crate) use spec::{Auth, Inner, InnerContext, OnLost, Payload, Spec, Target, octets};

/// One operation of RFC 8555 or an extension, to be run by [`Call`](crate::call::Call).
///
/// The trait is sealed.
#[expect(private_bounds, reason = "the hooks are private, which seals the trait")]
pub trait Operation: Hooks<<Self as Operation>::Response> {
    /// What a successful response gives.
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

/// Names the response of operations that need nothing else of [`Operation`]; their [`Hooks`] read it.
macro_rules! responses {
    ($($operation:ty => $response:ty,)+) => {
        $(impl Operation for $operation {
            type Response = $response;
        })+
    };
}

responses! {
    GetDirectory => Directory,
    NewNonce => Nonce,
    NewAccount => AccountEntry,
    FindAccount => Option<AccountEntry>,
    LocateAccount => Option<Located>,
    GetAccount => Account,
    UpdateAccount => Account,
    DeactivateAccount => Account,
    KeyChange => Jwk,
    ListOrders => Page,
    ListAllOrders => Page,
    NewOrder => OrderEntry,
    GetOrder => Order,
    Finalize => Order,
    GetCertificate => Download,
    Revoke => Revoked,
    NewAuthorization => AuthorizationEntry,
    GetAuthorization => Authorization,
    DeactivateAuthorization => Authorization,
    GetChallenge => Challenge,
    RespondChallenge => Challenge,
    GetRenewalInfo => RenewalInfoEntry,
}
