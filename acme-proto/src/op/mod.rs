//! One typed operation a file: where it goes, what it carries, which key signs it, how the answer reads.
//!
//! An operation is pure: [`Call`](crate::call::Call) brings nonces, retries and redirects to it.

mod account;
mod authorization;
mod certificate;
mod chain;
mod challenge;
mod directory;
mod finalize;
mod key_change;
mod new_account;
mod new_order;
mod order;
mod orders;
mod renewal_info;
mod revocation_reason;
mod revoke;
mod spec;

pub use account::{DeactivateAccount, GetAccount, UpdateAccount};
pub use authorization::{
    AuthorizationEntry, DeactivateAuthorization, GetAuthorization, NewAuthorization,
};
pub use certificate::{Download, GetCertificate};
pub use chain::{ChosenChain, GetChain};
pub use challenge::{GetChallenge, RespondChallenge};
pub use directory::GetDirectory;
pub use finalize::Finalize;
pub use key_change::KeyChange;
pub use new_account::{AccountEntry, FindAccount, NewAccount};
pub use new_order::{NewOrder, OrderEntry};
pub use order::GetOrder;
pub use orders::{ListAllOrders, ListOrders, Page};
pub use renewal_info::{GetRenewalInfo, RenewalInfoEntry};
pub use revocation_reason::RevocationReason;
pub use revoke::{Revoke, Revoked};

pub(crate) use chain::Choosing;
pub(crate) use new_account::{bound_lookup, located_account, lookup};
pub(crate) use spec::{
    Answer, Auth, Inner, InnerContext, OnLost, Payload, Spec, Target, object, octets,
};

use alloc::vec::Vec;

use crate::error::Error;
use crate::notice::Notice;
use crate::session::Session;
use crate::url::Url;

/// One operation of RFC 8555 or an extension, to be run by [`Call`](crate::call::Call).
///
/// The trait is sealed.
pub trait Operation: private::Plan {
    /// What a successful answer holds.
    type Response;

    #[doc(hidden)]
    fn read(&self, answer: &mut Answer<'_>) -> Result<Self::Response, Error>;

    #[doc(hidden)]
    fn read_error(&self, error: Error, _before: Option<&Error>) -> Result<Self::Response, Error> {
        Err(error)
    }

    #[doc(hidden)]
    fn landed(&self, _response: &Self::Response) -> bool {
        true
    }

    /// Refuses what must not be sent, before anything is.
    #[doc(hidden)]
    fn check(&self, _session: &Session) -> Result<(), Error> {
        Ok(())
    }

    /// Takes the answer, and says whether the operation has another request: its `spec` is that one then.
    #[doc(hidden)]
    fn go_on(
        &mut self,
        result: Result<Self::Response, Error>,
        _notices: &mut Vec<Notice>,
    ) -> Next<Self::Response> {
        Next::Done(result)
    }

    #[doc(hidden)]
    fn apply(&self, _response: &Self::Response, _session: &mut Session) {}

    /// Says what to ask instead after a failure, once; `location` is that of an answer that could not
    /// be read.
    #[doc(hidden)]
    fn elsewhere(
        &self,
        _failure: &Error,
        _location: Option<&Url>,
        _session: &mut Session,
    ) -> Option<Spec> {
        None
    }

    /// Reads the answer of [`elsewhere`](Self::elsewhere); `first_status` is that of the one that could
    /// not be read.
    #[doc(hidden)]
    fn read_elsewhere(
        &self,
        answer: &mut Answer<'_>,
        _first_status: Option<u16>,
    ) -> Result<Self::Response, Error> {
        self.read(answer)
    }
}

/// What becomes of an operation after an answer.
#[derive(Debug)]
#[allow(unnameable_types)] // public in a sealed trait only
pub enum Next<R> {
    /// It is done.
    Done(Result<R, Error>),
    /// It has another request.
    Request,
}

pub(crate) mod private {
    use super::Spec;

    /// Keeps [`Operation`](super::Operation) ours to implement.
    #[allow(unnameable_types)] // that is how a trait is sealed
    pub trait Plan {
        #[doc(hidden)]
        fn spec(&self) -> Spec;
    }
}
