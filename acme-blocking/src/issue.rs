//! Issuing a certificate.

use crate::cancel::Cancel;
use crate::solver::IntoSolver;

acme_adapter::issue! {
    async: [],
    await: [],
    /// An issuance to be [run](Self::run); made by [`Client::issue`](crate::Client::issue) and
    /// [`Client::resume`](crate::Client::resume).
    ///
    /// It needs a CSR or a key, and at least one solver.
    #[must_use = "it does nothing until it is run"]
}

impl<'a> Issue<'a> {
    /// Adds a solver for the kinds of challenges that it knows; those added first are preferred.
    ///
    /// A solver itself, an `Arc` or a `Box` of one is *owned*: a call of it that never returns is left behind on its
    /// thread when the time of the issuance is over, and the error names it. A *reference* is borrowed until every call
    /// of the solver has returned, so that such a call keeps [`run`](Self::run) from returning.
    pub fn solver<M>(mut self, solver: impl IntoSolver<'a, M>) -> Self {
        self.user.solvers.push(solver.into_solver());
        self
    }

    /// Cancels the issuance when `wish` is cancelled: challenges are cleaned up before it ends.
    pub fn cancel_on(mut self, wish: &Cancel) -> Self {
        self.user.cancel = Some(wish.clone());
        self
    }
}
