//! What the user of an issuance wants; nothing in it changes but the certificate to be replaced.

use alloc::vec::Vec;

use super::Deactivation;
use super::names::Names;
use crate::challenge::{Attempt, Kinds};
use crate::error::InvalidInput;
use crate::identifier::Identifier;
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
    /// After one of dns-01 and dns-account-01 failed, the other is tried.
    pub(super) tries_both_dns_kinds: bool,
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
            tries_both_dns_kinds: false,
        }
    }

    /// Returns whether what failed speaks against a kind of challenge: it failed itself, or one that is proved by the same
    /// records did.
    pub(super) fn is_spent(&self, kind: &ChallengeKind, tried: &[Attempt]) -> bool {
        let mut tried = tried.iter().map(Attempt::kind);
        tried.any(|failed| {
            failed == kind || (!self.tries_both_dns_kinds && self.kinds.share_records(failed, kind))
        })
    }

    /// Returns the first identifier that no kind of the user's can prove, if the kinds were named.
    pub(super) fn unproved(&self) -> Option<InvalidInput> {
        let solvable = self.solvable.as_ref()?;
        let is_proved = |name: &Identifier| solvable.iter().any(|kind| self.kinds.suit(kind, name));
        let name = self.request.identifiers().iter().find(|name| !is_proved(name))?;
        let (identifier, kinds) = (name.clone(), self.kinds.suiting(name));
        Some(InvalidInput::NoSolver { identifier, kinds })
    }

    /// Returns whether the user can solve a kind of challenge, as far as that was said.
    pub(super) fn is_solvable(&self, kind: &ChallengeKind) -> bool {
        self.solvable.as_ref().is_some_and(|kinds| kinds.contains(kind))
    }
}
