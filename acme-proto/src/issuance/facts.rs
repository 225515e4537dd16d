//! The facts that determine an [`OrderView`], and which of them each [`Cause`] may change.
//!
//! The diagram of an order's life is generated from `OrderView::of` and `Facts::may_become`, and debug builds check every
//! change against them.

use super::plan::{OrderStep, OrderView};

/// All that decides the view of the order; what makes no difference has the first value of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) end: End,
    pub(super) status: Status,
    pub(super) proofs: Proofs,
    pub(super) csr: CsrView,
    /// The CSR was sent since the order was last seen ready.
    pub(super) sent: bool,
    pub(super) certificate: Certificate,
}

/// Whether the result is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    No,
    CleanUps,
    Deactivations,
}

/// The status of the order, as far as it can be worked on (RFC 8555 Section 7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    /// There is no order.
    Missing,
    Unread,
    Pending,
    Ready,
    Processing,
    Valid,
    /// Invalid, or expired, which is the same (RFC 8555 Section 7.1.6).
    Invalid,
}

/// What the authorizations of an order that is pending or invalid have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proofs {
    /// One is still to be proved; or to be read once more, if the order is invalid.
    Open,
    /// Each is valid, or its challenge was responded to.
    Responded,
    /// One failed, and others are read once more.
    Failing,
    /// One failed, or the order is invalid, and nothing more is learned from any.
    Explained,
}

/// The CSR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CsrView {
    Missing,
    /// The user was asked for it.
    Asked,
    /// It is not in a stored snapshot yet.
    Unsaved,
    Here,
}

/// The certificate of a valid order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certificate {
    /// The order does not name its URL.
    Unnamed,
    Named,
    /// It is here, and an alternate chain is wanted.
    Downloaded,
}

/// What changes the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// A step was taken; if it is a request, its response came.
    Step(OrderStep),
    /// The authorizations have come to something else.
    Authorizations,
    /// The user gives the CSR.
    GiveCsr,
    /// A snapshot is stored.
    Saved,
    /// The order's own time is over.
    Expiry,
    /// An error, the deadline, or the user's cancellation.
    End,
}

impl OrderView {
    /// Returns the view of an order.
    pub(super) const fn of(facts: &Facts) -> Self {
        match (facts.end, facts.status) {
            (End::CleanUps, _) => Self::Ending,
            (End::Deactivations, _) => Self::Deactivating,
            (_, Status::Missing) => Self::Missing,
            (_, Status::Unread) => Self::Unread,
            (_, Status::Pending | Status::Ready) if facts.sent => Self::Finalized,
            (_, Status::Pending) => match facts.proofs {
                Proofs::Open => Self::Proving,
                Proofs::Responded => Self::Responded,
                Proofs::Failing => Self::Failing,
                Proofs::Explained => Self::FailureExplained,
            },
            (_, Status::Ready) => match facts.csr {
                CsrView::Missing => Self::NeedsCsr,
                CsrView::Asked => Self::AwaitsCsr,
                CsrView::Unsaved => Self::UnsavedCsr,
                CsrView::Here => Self::Ready,
            },
            (_, Status::Processing) => Self::Processing,
            (_, Status::Valid) => match facts.certificate {
                Certificate::Unnamed => Self::WithoutCertificate,
                Certificate::Named => Self::Valid,
                Certificate::Downloaded => Self::Choosing,
            },
            (_, Status::Invalid) => match facts.proofs {
                Proofs::Explained => Self::InvalidExplained,
                _ => Self::Invalid,
            },
        }
    }
}

impl Facts {
    /// Returns the same with the first value for all that makes no difference.
    pub(super) const fn normal(self) -> Self {
        let ended = !matches!(self.end, End::No);
        let pending = matches!(self.status, Status::Pending) && !ended;
        let ready = matches!(self.status, Status::Ready) && !ended;
        let invalid = matches!(self.status, Status::Invalid) && !ended;
        let valid = matches!(self.status, Status::Valid) && !ended;
        Self {
            end: self.end,
            status: if ended { Status::Missing } else { self.status },
            proofs: match self.proofs {
                proofs if pending => proofs,
                Proofs::Explained if invalid => Proofs::Explained,
                _ => Proofs::Open,
            },
            csr: if ended { CsrView::Missing } else { self.csr },
            sent: self.sent && (pending || ready),
            certificate: if valid { self.certificate } else { Certificate::Unnamed },
        }
    }

    /// Returns whether a cause may lead from these facts to others.
    pub(super) fn may_become(self, after: Self, cause: Cause) -> bool {
        let kept = |changed: Self| changed.normal() == after;
        let ended = after.end != End::No && kept(Self { end: after.end, ..self });
        match cause {
            _ if self.end != End::No => false,
            Cause::End => ended,
            Cause::Step(OrderStep::Create) => {
                // A refusal may be about the certificate to be replaced: asked again without it.
                let refused = self == after;
                // The CSR has to be in a snapshot with the order.
                let csr_is_kept = after.csr == self.csr || (self.has_csr() && after.has_csr());
                refused || (csr_is_kept && !after.sent && self.is_shown_as(after))
            }
            Cause::Step(OrderStep::Read) => {
                let forgotten = self.status == Status::Unread && after.status == Status::Missing;
                let was_sent = self.sent && self.status == Status::Pending;
                let sent_is_kept = after.sent == (was_sent && after.status == Status::Pending);
                let shown = self.is_shown_as(after) && sent_is_kept;
                (forgotten || shown) && after.csr == self.csr && after.end == End::No
            }
            Cause::Step(OrderStep::Finalize) => self.is_shown_as(after) && after.csr == self.csr,
            Cause::Step(OrderStep::AskForCsr) => kept(Self { csr: CsrView::Asked, ..self }),
            Cause::Step(OrderStep::Download) => {
                // The certificate of a resumed order may be of no use.
                let again = kept(Self { status: Status::Missing, ..self });
                kept(Self { certificate: Certificate::Downloaded, ..self }) || again || ended
            }
            Cause::Step(OrderStep::DownloadAlternate) => self == after || ended,
            Cause::Step(OrderStep::Fail) => {
                let again = |csr| kept(Self { status: Status::Missing, csr, ..self });
                // A question about the CSR that the user has not seen is dropped.
                let is_asked = self.csr == CsrView::Asked;
                again(self.csr) || (is_asked && again(CsrView::Missing)) || ended
            }
            Cause::Authorizations => kept(Self { proofs: after.proofs, ..self }),
            Cause::GiveCsr => after.has_csr() && kept(Self { csr: after.csr, ..self }),
            Cause::Saved => {
                self.csr == CsrView::Unsaved && kept(Self { csr: CsrView::Here, ..self })
            }
            Cause::Expiry => {
                let open = matches!(self.status, Status::Pending | Status::Ready) && !self.sent;
                let invalid = Self { status: Status::Invalid, proofs: after.proofs, ..self };
                open && kept(invalid)
            }
        }
    }

    /// Returns whether a response may show the order as in `after`.
    fn is_shown_as(self, after: Self) -> bool {
        let proofs_are_kept = match (self.status, after.status) {
            // No authorization has been read yet; perhaps there is none.
            (Status::Missing | Status::Unread, Status::Pending) => {
                matches!(after.proofs, Proofs::Open | Proofs::Responded)
            }
            // Without authorizations nothing is left to prove, until the server lists them.
            (Status::Pending, Status::Pending) => {
                after.proofs == self.proofs
                    || (self.proofs == Proofs::Responded && after.proofs == Proofs::Open)
            }
            _ => true,
        };
        after.status > Status::Unread
            && after.end == End::No
            && after.certificate != Certificate::Downloaded
            && proofs_are_kept
    }

    const fn has_csr(self) -> bool {
        matches!(self.csr, CsrView::Unsaved | CsrView::Here)
    }
}
