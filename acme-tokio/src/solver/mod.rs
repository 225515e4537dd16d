//! Publishing challenges: a trait, and the solvers that come with this crate.

mod dns01;
mod dns_update;
pub(crate) mod hook;
pub(crate) mod http01;
pub(crate) mod listener;
#[cfg(feature = "propagation")]
mod propagation;
mod tcp;
mod tls_alpn01;

use core::future::Future;

use acme_proto::challenge::{Challenge, ChallengeResponse, ChallengeRules};
use acme_proto::wire::ChallengeKind;

use crate::{BoxError, BoxFuture};

pub use self::dns01::Dns01;
#[cfg(feature = "propagation")]
pub use self::propagation::propagated;

/// Publishes challenges for the CA to find, and removes them afterwards.
///
/// Calls for different challenges run at the same time, up to sixteen of one issuance; `wait` is
/// not counted. Those for one record name (a wildcard and its base name share one) follow each
/// other, also among all issuances of one client.
///
/// The methods may be written as `async fn`. `&T`, `Arc<T>` and `Box<T>` are solvers too, and
/// [`DynSolver`] is the form for trait objects.
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
    fn present(
        &self,
        challenge: &Challenge,
    ) -> impl Future<Output = Result<ChallengeResponse, BoxError>> + Send;

    /// Waits until the CA can see the challenge, such as for DNS to propagate; by default it does
    /// not wait.
    ///
    /// It is called when every `present` of this solver that is under way has ended.
    ///
    /// # Errors
    /// An error fails this way of proving the identifier; another kind may be tried.
    fn wait(&self, challenge: &Challenge) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = challenge;
        async { Ok(()) }
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
    fn clean_up(&self, challenge: &Challenge) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// The form of [`Solver`] for trait objects: `Arc<dyn DynSolver>` is a [`Solver`].
///
/// Every [`Solver`] implements it; nobody needs to do so by hand.
pub trait DynSolver: Send + Sync {
    /// Does what [`Solver::kinds`] does.
    fn dyn_kinds(&self) -> &[ChallengeKind];

    /// Does what [`Solver::rules`] does.
    fn dyn_rules(&self, kind: &ChallengeKind) -> Option<ChallengeRules>;

    /// Does what [`Solver::gathers`] does.
    fn dyn_gathers(&self) -> bool;

    /// Does what [`Solver::present`] does.
    fn dyn_present<'a>(
        &'a self,
        challenge: &'a Challenge,
    ) -> BoxFuture<'a, Result<ChallengeResponse, BoxError>>;

    /// Does what [`Solver::wait`] does.
    fn dyn_wait<'a>(&'a self, challenge: &'a Challenge) -> BoxFuture<'a, Result<(), BoxError>>;

    /// Does what [`Solver::clean_up`] does.
    fn dyn_clean_up<'a>(&'a self, challenge: &'a Challenge) -> BoxFuture<'a, Result<(), BoxError>>;
}

impl<T: Solver> DynSolver for T {
    fn dyn_kinds(&self) -> &[ChallengeKind] {
        self.kinds()
    }

    fn dyn_rules(&self, kind: &ChallengeKind) -> Option<ChallengeRules> {
        self.rules(kind)
    }

    fn dyn_gathers(&self) -> bool {
        self.gathers()
    }

    fn dyn_present<'a>(
        &'a self,
        challenge: &'a Challenge,
    ) -> BoxFuture<'a, Result<ChallengeResponse, BoxError>> {
        Box::pin(self.present(challenge))
    }

    fn dyn_wait<'a>(&'a self, challenge: &'a Challenge) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(self.wait(challenge))
    }

    fn dyn_clean_up<'a>(&'a self, challenge: &'a Challenge) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(self.clean_up(challenge))
    }
}

impl Solver for dyn DynSolver + '_ {
    fn kinds(&self) -> &[ChallengeKind] {
        self.dyn_kinds()
    }

    fn rules(&self, kind: &ChallengeKind) -> Option<ChallengeRules> {
        self.dyn_rules(kind)
    }

    fn gathers(&self) -> bool {
        self.dyn_gathers()
    }

    async fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.dyn_present(challenge).await
    }

    async fn wait(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.dyn_wait(challenge).await
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.dyn_clean_up(challenge).await
    }
}

acme_adapter::forward! {
    Solver {
        fn kinds(&self) -> &[ChallengeKind];
        fn rules(&self, kind: &ChallengeKind) -> Option<ChallengeRules>;
        fn gathers(&self) -> bool;
        fn present(&self, challenge: &Challenge) -> impl Future<Output = Result<ChallengeResponse, BoxError>> + Send;
        fn wait(&self, challenge: &Challenge) -> impl Future<Output = Result<(), BoxError>> + Send;
        fn clean_up(&self, challenge: &Challenge) -> impl Future<Output = Result<(), BoxError>> + Send;
    }
}

acme_adapter::ready_made_solvers! { async: [async], await: [.await] }
