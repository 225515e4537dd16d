//! Publishing challenges: a trait, and the solvers that come with this crate.

mod dns01;
mod dns_update;
mod given;
pub(crate) mod hook;
pub(crate) mod http01;
pub(crate) mod listener;
#[cfg(feature = "propagation")]
mod propagation;
mod tcp;
mod tls_alpn01;

use acme_proto::challenge::{Challenge, ChallengeResponse, ChallengeRules};
use acme_proto::wire::ChallengeKind;

use crate::BoxError;

pub use self::dns01::Dns01;
pub(crate) use self::given::Given;
pub use self::given::{Borrowed, GivenSolver, IntoSolver, Owned};
#[cfg(feature = "propagation")]
pub use self::propagation::propagated;

/// Publishes challenges for the CA to find, and removes them afterwards.
///
/// Calls for different challenges run at the same time, up to sixteen of one issuance; `wait` is
/// not counted. Those for one record name (a wildcard and its base name share one) follow each
/// other, also among all issuances of one client. A call cannot be interrupted, so let none take
/// longer than a few minutes: see [`Issue::solver`](crate::Issue::solver) for what becomes of one
/// that never returns. One that panics has failed.
///
/// `Arc<T>` and `Box<T>` are solvers too, and an issuance takes `&T`.
pub trait Solver: Send + Sync {
    /// Returns the kinds of challenges that it can publish, preferred ones first.
    fn kinds(&self) -> &[ChallengeKind];

    /// Returns the rules of one of its kinds that acme-proto does not know; by default none.
    ///
    /// A kind without rules is never offered.
    fn rules(&self, kind: &ChallengeKind) -> Option<ChallengeRules> {
        let _ = kind;
        None
    }

    /// Returns whether the challenges of an order are handed to it all at once; by default each comes as soon as the CA
    /// offers it.
    ///
    /// For a solver that asks a person, or that does something once after the last challenge. No `present` of it starts
    /// while an authorization has yet to be read.
    fn gathers(&self) -> bool {
        false
    }

    /// Publishes the challenge beside whatever else is published.
    ///
    /// It may be called again for a challenge that is published already, such as after a restart.
    /// It returns the response that the CA receives: empty for every kind that this crate knows,
    /// and for other kinds with the members that they define.
    ///
    /// # Errors
    /// An error fails this way of proving the identifier; another kind may be tried.
    fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError>;

    /// Waits until the CA can see the challenge, such as for DNS to propagate; by default it does
    /// not wait.
    ///
    /// It is called when every `present` of this solver that is under way has ended, for each
    /// challenge on a thread of its own.
    ///
    /// # Errors
    /// An error fails this way of proving the identifier; another kind may be tried.
    fn wait(&self, challenge: &Challenge) -> Result<(), BoxError> {
        let _ = challenge;
        Ok(())
    }

    /// Removes this one challenge, and nothing else that is published under its name.
    ///
    /// It must not assume that `present` succeeded, nor that it happened in this process.
    ///
    /// Two orders of one account may share a challenge. A client that issues both at once calls this for the last of them
    /// only, so that solvers of one client which know the same kind publish in the same place.
    ///
    /// # Errors
    /// An error is listed in the result of the issuance and fails nothing.
    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError>;
}

// Not for `&T`: that is what distinguishes a reference from an owned solver, see `IntoSolver`.
acme_adapter::forward! {
    @owned Solver {
        fn kinds(&self) -> &[ChallengeKind];
        fn rules(&self, kind: &ChallengeKind) -> Option<ChallengeRules>;
        fn gathers(&self) -> bool;
        fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError>;
        fn wait(&self, challenge: &Challenge) -> Result<(), BoxError>;
        fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError>;
    }
}

acme_adapter::ready_made_solvers! { async: [], await: [] }
