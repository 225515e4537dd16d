//! What is due, as three tables without state.
//!
//! An issuance has no program counter: after each input it looks at the views of what that input changed, and starts
//! what these tables name. A view holds everything that decides, so that a step is started as it is planned. All views
//! are listed (`ALL`), so that tests and the diagrams in the documentation cover each combination.
//!
//! | of | the view is derived by | the step is taken by |
//! | --- | --- | --- |
//! | the order | `Issuance::facts` in `advance`, [`OrderView::of`] in `facts` | `Issuance::step_order` in `advance` |
//! | an authorization | `Authorization::view` and `view_at_end` in `authorization` | `Issuance::step_authorization` in `advance` |
//! | a selected challenge | `Publications::view` in `publications`, `Issuance::need` in `advance` | `Issuance::step_publications` in `advance` |

/// The order, with what its authorizations and the CSR have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OrderView {
    /// There is no order.
    Missing,
    /// There is one, but its state has not been read in this run.
    Unread,
    /// Pending: an authorization is still to be proved.
    Proving,
    /// Pending: every authorization is valid, or its challenge was responded to.
    Responded,
    /// Pending, but an authorization failed: the others are read once more, so that the error has every reason.
    Failing,
    /// Pending, an authorization failed, and every reason is known.
    FailureExplained,
    /// Ready, and there is no CSR.
    NeedsCsr,
    /// Ready, and the user has been asked for the CSR.
    AwaitsCsr,
    /// Ready, and the CSR is not in a stored snapshot yet.
    UnsavedCsr,
    /// Ready, and so is the CSR.
    Ready,
    /// The CSR was sent, but the order does not show it yet.
    Finalized,
    /// The server issues.
    Processing,
    /// Valid, but without the URL of its certificate.
    WithoutCertificate,
    /// Valid, with the URL of its certificate.
    Valid,
    /// The certificate is here, and an alternate chain is wanted.
    Choosing,
    /// Invalid or expired: authorizations are read once more, so that the error has every reason.
    Invalid,
    /// Invalid or expired, and every reason is known.
    InvalidExplained,
    /// The result is known; clean-ups remain.
    Ending,
    /// The result is known; clean-ups remain, and authorizations to deactivate.
    Deactivating,
}

/// Whether a request about the order itself can be sent: there is one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// It is too early to read the order again, or to create another one; other requests can be sent.
    Later,
    /// Such a request is in flight.
    InFlight,
}

/// What is due for the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OrderStep {
    /// Send newOrder.
    Create,
    /// Read the order.
    Read,
    /// Ask the user for the CSR.
    AskForCsr,
    /// Send the CSR.
    Finalize,
    /// Download the certificate.
    Download,
    /// Download an alternate chain.
    DownloadAlternate,
    /// Start over with a new order, or end with every reason.
    Fail,
}

/// An authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthorizationView {
    /// Not read yet, or to be read again.
    Unread,
    /// It is being read.
    Reading,
    /// Valid: nothing is left to be proved.
    Valid,
    /// Pending, and a kind of challenge can be offered to the user.
    Open,
    /// Pending, and the record of an earlier attempt or account key has to be cleaned up first.
    Blocked,
    /// Pending, and no kind of challenge is left.
    Exhausted,
    /// The user is choosing a kind of challenge.
    Offered,
    /// The challenge is being saved, or the user is publishing it.
    Provisioning,
    /// Published, and the response to the challenge is sent later.
    Published,
    /// Published, and the response to the challenge can be sent.
    Due,
    /// The response is being sent.
    Responding,
    /// The server has the response and validates.
    Responded,
    /// Something failed, and this one was read after that, or could not be: nothing more is learned from it.
    Explained,
    /// It cannot be proved any more.
    Failed,
    /// The issuance is ending, and the authorization may be pending or valid.
    Usable,
    /// The issuance is ending, and it is deactivated, or in another final state (RFC 8555 Section 7.1.6).
    Closed,
}

/// What is due for an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthorizationStep {
    Read,
    /// Offer the kinds of challenge to the user.
    Offer,
    /// Count it as failed: nothing is left to be offered.
    GiveUp,
    Respond,
    Deactivate,
}

/// How far an issuance is, as far as authorizations and what is published are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is no order.
    #[default]
    NoOrder,
    /// There is one, and nothing is known of its authorizations.
    Unread,
    /// Authorizations are proved.
    Proving,
    /// One failed. Others may still become valid.
    Failing,
    /// The order is invalid or expired.
    Invalid,
    /// The order is ready or further, so that its authorizations have done their part.
    Proved,
    /// The result is known; clean-ups remain.
    Ending,
    /// The result is known; clean-ups remain, and authorizations to deactivate.
    Deactivating,
}

/// A challenge that was selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PublicationView {
    /// Selected, but not in a stored snapshot yet.
    Unsaved,
    /// It can be handed to the user.
    Selected,
    /// The user is publishing it.
    Provisioning,
    /// The user has published it, or failed to; or an earlier run did.
    Provisioned,
    /// The user is cleaning up.
    CleaningUp,
    /// The user could not clean it up. The result says so.
    CleanUpFailed,
    /// It stays published, and nothing more is done about it.
    Persistent,
}

/// What a selected challenge is still needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Its authorization relies on it.
    Wanted,
    /// It has proved its authorization; the record is made to last, and others may use it while the issuance runs.
    Lingering,
    /// Its authorization no longer needs it, but the record is meant to stay published.
    Lasting,
    /// Its authorization no longer needs it, and it can be cleaned up.
    Unwanted,
}

/// What is due for a selected challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PublicationStep {
    Provision,
    CleanUp,
    /// Leave it published.
    Keep,
}

/// Derives what is due for the order.
pub(super) const fn order(view: OrderView, gate: Gate) -> Option<OrderStep> {
    use OrderView as V;
    let step = match view {
        // No requests, so the gate does not matter.
        V::FailureExplained | V::InvalidExplained => return Some(OrderStep::Fail),
        V::NeedsCsr => return Some(OrderStep::AskForCsr),
        V::Missing => OrderStep::Create,
        V::Unread | V::Responded | V::Finalized | V::Processing | V::WithoutCertificate => {
            OrderStep::Read
        }
        V::Ready => OrderStep::Finalize,
        V::Valid => OrderStep::Download,
        V::Choosing => OrderStep::DownloadAlternate,
        V::Proving | V::Failing | V::Invalid => return None,
        V::AwaitsCsr | V::UnsavedCsr | V::Ending | V::Deactivating => return None,
    };
    match (gate, step) {
        (Gate::InFlight, _) | (Gate::Later, OrderStep::Read | OrderStep::Create) => None,
        _ => Some(step),
    }
}

/// Derives what is due for an authorization.
pub(super) const fn authorization(
    phase: Phase,
    view: AuthorizationView,
) -> Option<AuthorizationStep> {
    use {AuthorizationStep as S, AuthorizationView as V};
    match phase {
        Phase::Proving => match view {
            V::Unread => Some(S::Read),
            V::Open => Some(S::Offer),
            V::Exhausted => Some(S::GiveUp),
            V::Due => Some(S::Respond),
            // The user acts next, or a time comes.
            V::Blocked | V::Offered | V::Provisioning | V::Published => None,
            // The server acts next. What it validates is read at times of its own (`polling`).
            V::Reading | V::Responding | V::Responded => None,
            // It has its result.
            V::Valid | V::Explained | V::Failed | V::Usable | V::Closed => None,
        },
        Phase::Failing | Phase::Invalid => match view {
            V::Unread | V::Responded => Some(S::Read),
            V::Reading | V::Responding => None,
            // The server was not asked to validate it, so that it has no reason to give.
            V::Open | V::Blocked | V::Exhausted | V::Offered => None,
            V::Provisioning | V::Published | V::Due => None,
            V::Valid | V::Explained | V::Failed | V::Usable | V::Closed => None,
        },
        Phase::Deactivating => match view {
            V::Usable => Some(S::Deactivate),
            V::Closed => None,
            // An issuance that is ending has only the two above (`view_at_end`).
            V::Unread | V::Reading | V::Valid | V::Open | V::Blocked | V::Exhausted => None,
            V::Offered | V::Provisioning | V::Published | V::Due => None,
            V::Responding | V::Responded | V::Explained | V::Failed => None,
        },
        // Which authorizations there are is not known, or no longer matters.
        Phase::NoOrder | Phase::Unread | Phase::Proved | Phase::Ending => None,
    }
}

/// Derives what is due for a selected challenge.
pub(super) const fn publication(view: PublicationView, need: Need) -> Option<PublicationStep> {
    use {PublicationStep as S, PublicationView as V};
    match (view, need) {
        (V::Selected, Need::Wanted) => Some(S::Provision),
        // It waits for a snapshot, or is published already, or the user is publishing it.
        (V::Unsaved | V::Provisioning | V::Provisioned, Need::Wanted) => None,
        // Its authorization is valid. Whether the record stays is decided at the end.
        (V::Unsaved | V::Selected | V::Provisioning | V::Provisioned, Need::Lingering) => None,
        (V::Unsaved | V::Selected | V::Provisioning | V::Provisioned, Need::Lasting) => {
            Some(S::Keep)
        }
        // Also what was not handed out in this run: an earlier run may have published it.
        (V::Unsaved | V::Selected | V::Provisioned, Need::Unwanted) => Some(S::CleanUp),
        // The clean-up could come before the publishing, and leave the record behind.
        (V::Provisioning, Need::Unwanted) => None,
        // The user has it, or its result is known.
        (V::CleaningUp | V::CleanUpFailed | V::Persistent, _) => None,
    }
}

impl OrderView {
    /// Returns the phase that authorizations and publications are planned in.
    pub(super) const fn phase(self) -> Phase {
        match self {
            Self::Missing => Phase::NoOrder,
            Self::Unread => Phase::Unread,
            Self::Proving | Self::Responded => Phase::Proving,
            Self::Failing | Self::FailureExplained => Phase::Failing,
            Self::Invalid | Self::InvalidExplained => Phase::Invalid,
            Self::Ending => Phase::Ending,
            Self::Deactivating => Phase::Deactivating,
            Self::NeedsCsr
            | Self::AwaitsCsr
            | Self::UnsavedCsr
            | Self::Ready
            | Self::Finalized
            | Self::Processing
            | Self::WithoutCertificate
            | Self::Valid
            | Self::Choosing => Phase::Proved,
        }
    }
}

#[cfg(test)]
impl OrderView {
    pub(super) const ALL: [Self; 19] = [
        Self::Missing,
        Self::Unread,
        Self::Proving,
        Self::Responded,
        Self::Failing,
        Self::FailureExplained,
        Self::NeedsCsr,
        Self::AwaitsCsr,
        Self::UnsavedCsr,
        Self::Ready,
        Self::Finalized,
        Self::Processing,
        Self::WithoutCertificate,
        Self::Valid,
        Self::Choosing,
        Self::Invalid,
        Self::InvalidExplained,
        Self::Ending,
        Self::Deactivating,
    ];
}

impl AuthorizationView {
    pub(super) const ALL: [Self; 16] = [
        Self::Unread,
        Self::Reading,
        Self::Valid,
        Self::Open,
        Self::Blocked,
        Self::Exhausted,
        Self::Offered,
        Self::Provisioning,
        Self::Published,
        Self::Due,
        Self::Responding,
        Self::Responded,
        Self::Explained,
        Self::Failed,
        Self::Usable,
        Self::Closed,
    ];
}

#[cfg(test)]
impl Gate {
    pub(super) const ALL: [Self; 3] = [Self::Open, Self::Later, Self::InFlight];
}

#[cfg(test)]
impl Phase {
    pub(super) const ALL: [Self; 8] = [
        Self::NoOrder,
        Self::Unread,
        Self::Proving,
        Self::Failing,
        Self::Invalid,
        Self::Proved,
        Self::Ending,
        Self::Deactivating,
    ];
}

#[cfg(test)]
impl PublicationView {
    pub(super) const ALL: [Self; 7] = [
        Self::Unsaved,
        Self::Selected,
        Self::Provisioning,
        Self::Provisioned,
        Self::CleaningUp,
        Self::CleanUpFailed,
        Self::Persistent,
    ];
}

#[cfg(test)]
impl Need {
    pub(super) const ALL: [Self; 4] =
        [Self::Wanted, Self::Lingering, Self::Lasting, Self::Unwanted];
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn the_order_has_one_step_in_each_view() {
        use OrderStep as S;
        use OrderView as V;
        // With a request in flight, before the time of the next poll, and after it.
        let always = |step| [Some(step); 3];
        let request = |step| [None, Some(step), Some(step)];
        let read = [None, None, Some(S::Read)];
        let none = [None; 3];
        for view in V::ALL {
            let expected = match view {
                V::Missing => [None, None, Some(S::Create)],
                V::Unread | V::Responded => read,
                V::Finalized | V::Processing | V::WithoutCertificate => read,
                V::Ready => request(S::Finalize),
                V::Valid => request(S::Download),
                V::Choosing => request(S::DownloadAlternate),
                V::NeedsCsr => always(S::AskForCsr),
                V::FailureExplained | V::InvalidExplained => always(S::Fail),
                V::Proving | V::Failing | V::Invalid => none,
                V::AwaitsCsr | V::UnsavedCsr | V::Ending | V::Deactivating => none,
            };
            let found = [Gate::InFlight, Gate::Later, Gate::Open].map(|gate| order(view, gate));
            assert_eq!(found, expected, "{view:?}");
        }
        // covers 8555-7.1.3-6
        assert_eq!(order(V::Responded, Gate::Open), Some(S::Read));
    }

    #[test]
    fn an_authorization_has_a_step_only_where_its_phase_has_one() {
        use AuthorizationStep as S;
        use AuthorizationView as V;
        let steps = |phase| -> Vec<(V, S)> {
            let each = |view: V| authorization(phase, view).map(|step| (view, step));
            V::ALL.into_iter().filter_map(each).collect()
        };
        for phase in Phase::ALL {
            let expected: &[(V, S)] = match phase {
                Phase::Proving => &[
                    (V::Unread, S::Read),
                    (V::Open, S::Offer),
                    (V::Exhausted, S::GiveUp),
                    (V::Due, S::Respond),
                ],
                Phase::Failing | Phase::Invalid => &[(V::Unread, S::Read), (V::Responded, S::Read)],
                Phase::Deactivating => &[(V::Usable, S::Deactivate)],
                Phase::NoOrder | Phase::Unread | Phase::Proved | Phase::Ending => &[],
            };
            assert_eq!(steps(phase), expected, "{phase:?}");
        }
    }

    #[test]
    fn a_challenge_is_published_once_and_cleaned_up_once() {
        use Need as N;
        use PublicationStep as S;
        use PublicationView as V;
        for view in V::ALL {
            let handed_out_or_not =
                matches!(view, V::Unsaved | V::Selected | V::Provisioning | V::Provisioned);
            for need in N::ALL {
                let expected = match need {
                    N::Wanted if view == V::Selected => Some(S::Provision),
                    N::Lasting if handed_out_or_not => Some(S::Keep),
                    N::Unwanted if handed_out_or_not && view != V::Provisioning => Some(S::CleanUp),
                    _ => None,
                };
                assert_eq!(publication(view, need), expected, "{view:?} {need:?}");
            }
        }
    }

    #[test]
    fn each_view_stands_at_its_own_place() {
        for (place, view) in AuthorizationView::ALL.into_iter().enumerate() {
            assert_eq!(view as usize, place);
        }
        for (place, view) in OrderView::ALL.into_iter().enumerate() {
            assert_eq!(view as usize, place);
        }
        for gate in Gate::ALL {
            assert_eq!(order(OrderView::FailureExplained, gate), Some(OrderStep::Fail));
        }
    }
}
