//! What the user of an issuance wants; nothing in it changes but the certificate to be replaced.

use alloc::vec::Vec;

use super::Deactivation;
use super::names::Names;
use crate::challenge::Kinds;
use crate::op::NewOrder;
use crate::wire::ChallengeKind;
use crate::x509::ChainChoice;

/// The order to be made, and how the issuance goes about it.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) request: NewOrder,
    pub(super) names: Names,
    pub(super) chain: Option<ChainChoice>,
    pub(super) deactivation: Deactivation,
    /// The kinds of challenge that the user can solve, if they were named.
    pub(super) solvable: Option<Vec<ChallengeKind>>,
    /// The kinds of challenge that can be offered, with their rules.
    pub(super) kinds: Kinds,
    /// Records that are made to last are removed too.
    pub(super) removes_persistent: bool,
}

impl Settings {
    pub(super) fn new(request: NewOrder) -> Self {
        Self {
            names: Names::new(request.identifiers()),
            request,
            chain: None,
            deactivation: Deactivation::Never,
            solvable: None,
            kinds: Kinds::default(),
            removes_persistent: false,
        }
    }

    /// Returns whether the user can solve a kind of challenge, as far as that was said.
    pub(super) fn is_solvable(&self, kind: &ChallengeKind) -> bool {
        self.solvable.as_ref().is_some_and(|kinds| kinds.contains(kind))
    }
}
