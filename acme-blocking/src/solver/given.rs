//! A solver as it is given to an issuance: owned, or borrowed.

use core::fmt;
use std::sync::Arc;

use acme_proto::challenge::{Challenge, ChallengeResponse, ChallengeRules};
use acme_proto::wire::ChallengeKind;

use super::Solver;
use crate::BoxError;

/// What [`Issue::solver`](crate::Issue::solver) takes: a solver that borrows nothing, or a reference to any solver.
///
/// `M` is [`Owned`] or [`Borrowed`], and follows from the type of the argument.
pub trait IntoSolver<'a, M> {
    /// Returns the solver as an issuance holds it.
    fn into_solver(self) -> GivenSolver<'a>;
}

/// Says that a solver was given itself, or in an `Arc` or a `Box`.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_enums, reason = "it has no value")]
pub enum Owned {}

/// Says that a solver was given by reference.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_enums, reason = "it has no value")]
pub enum Borrowed {}

impl<T: Solver + 'static> IntoSolver<'_, Owned> for T {
    fn into_solver(self) -> GivenSolver<'static> {
        GivenSolver(Given::Owned(Arc::new(self)))
    }
}

impl<'a, T: Solver + ?Sized> IntoSolver<'a, Borrowed> for &'a T {
    fn into_solver(self) -> GivenSolver<'a> {
        GivenSolver(Given::Borrowed(Arc::new(Reference(self))))
    }
}

/// A solver as an issuance holds it.
#[derive(Clone)]
pub struct GivenSolver<'a>(pub(crate) Given<'a>);

#[derive(Clone)]
pub(crate) enum Given<'a> {
    /// A call that never returns can be left behind.
    Owned(Arc<dyn Solver>),
    /// Each call has to return before the borrow ends.
    Borrowed(Arc<dyn Solver + 'a>),
}

impl<'a> GivenSolver<'a> {
    fn solver(&self) -> &(dyn Solver + 'a) {
        match &self.0 {
            Given::Owned(solver) => &**solver,
            Given::Borrowed(solver) => &**solver,
        }
    }
}

impl fmt::Debug for GivenSolver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GivenSolver").field(&self.solver().kinds()).finish()
    }
}

/// A reference to a solver, which may be a trait object.
struct Reference<'a, T: ?Sized>(&'a T);

macro_rules! delegate {
    ([$($generics:tt)*], $type:ty, $this:ident => $solver:expr) => {
        impl<$($generics)*> Solver for $type {
            fn kinds(&self) -> &[ChallengeKind] {
                let $this = self;
                $solver.kinds()
            }

            fn rules(&self, kind: &ChallengeKind) -> Option<ChallengeRules> {
                let $this = self;
                $solver.rules(kind)
            }

            fn gathers(&self) -> bool {
                let $this = self;
                $solver.gathers()
            }

            fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
                let $this = self;
                $solver.present(challenge)
            }

            fn wait(&self, challenge: &Challenge) -> Result<(), BoxError> {
                let $this = self;
                $solver.wait(challenge)
            }

            fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
                let $this = self;
                $solver.clean_up(challenge)
            }
        }
    };
}

delegate! { [], GivenSolver<'_>, this => this.solver() }
delegate! { [T: Solver + ?Sized], Reference<'_, T>, this => this.0 }
