//! The CSR: given beforehand or asked for, and sent when the order is ready.
//!
//! Whether it was taken is for the order to show. A server may respond with an error, or unreadably, and have taken it all
//! the same; so the order is read after each try, later and later, and the CSR sent again while the order stays ready.

use super::facts::CsrView;
use crate::x509::Csr;

/// How many times a CSR is sent whose response cannot be read.
const MOST_UNREADABLE: u32 = 3;

/// The CSR, and what became of it at the current order.
#[derive(Debug, Default)]
pub(super) struct Finalization {
    csr: Option<Csr>,
    /// The generation of the snapshot that has both order and CSR: it is stored before the CSR is sent.
    generation: u64,
    /// The user was asked for the CSR.
    asked: bool,
    /// It was sent since the order was last seen ready.
    sent: bool,
    /// How many times it was sent.
    times: u32,
    /// A certificate that cannot be used was downloaded.
    downloaded: bool,
}

impl Finalization {
    pub(super) fn set_csr(&mut self, csr: Csr) {
        self.csr = Some(csr);
    }

    pub(super) const fn csr(&self) -> Option<&Csr> {
        self.csr.as_ref()
    }

    /// Lets the CSR be sent only when this generation of the snapshot is stored.
    pub(super) const fn wait_for(&mut self, generation: u64) {
        self.generation = generation;
    }

    pub(super) const fn ask(&mut self) {
        self.asked = true;
    }

    /// The question never reached the user.
    pub(super) const fn withdraw_question(&mut self) {
        self.asked = false;
    }

    /// Counts that it was sent, and returns how many times it had been sent before.
    pub(super) const fn count(&mut self) -> u32 {
        self.times += 1;
        self.times - 1
    }

    pub(super) const fn set_sent(&mut self, sent: bool) {
        self.sent = sent;
    }

    pub(super) const fn is_sent(&self) -> bool {
        self.sent
    }

    /// Returns whether a response that cannot be read costs nothing, because the order is read next.
    pub(super) const fn may_read_order_instead(&self) -> bool {
        self.times < MOST_UNREADABLE
    }

    /// Returns whether a certificate that cannot be used is downloaded once more, before it counts.
    pub(super) const fn may_download_again(&mut self) -> bool {
        !core::mem::replace(&mut self.downloaded, true)
    }

    /// Starts over with a new order: the CSR stays.
    pub(super) const fn forget_order(&mut self) {
        self.sent = false;
        self.times = 0;
        self.downloaded = false;
    }

    /// Returns the view of the CSR; generations of the snapshot up to `stored` are stored.
    pub(super) const fn view(&self, stored: u64) -> CsrView {
        match (&self.csr, self.asked) {
            (None, false) => CsrView::Missing,
            (None, true) => CsrView::Asked,
            (Some(_), _) if self.generation > stored => CsrView::Unsaved,
            (Some(_), _) => CsrView::Here,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::csr;
    use super::*;

    #[test]
    fn a_csr_is_asked_for_once() {
        let mut finalization = Finalization::default();
        assert_eq!(finalization.view(u64::MAX), CsrView::Missing);
        finalization.ask();
        assert_eq!(finalization.view(u64::MAX), CsrView::Asked);
        finalization.withdraw_question();
        assert_eq!(finalization.view(u64::MAX), CsrView::Missing);
    }

    #[test]
    fn a_csr_is_sent_only_when_a_stored_snapshot_has_it() {
        let mut finalization = Finalization::default();
        finalization.set_csr(csr());
        assert_eq!(finalization.view(0), CsrView::Here, "it was given beforehand");
        finalization.wait_for(3);
        assert_eq!(finalization.view(2), CsrView::Unsaved);
        assert_eq!(finalization.view(3), CsrView::Here);
    }

    #[test]
    fn a_new_order_counts_anew() {
        let mut finalization = Finalization::default();
        assert_eq!([finalization.count(), finalization.count()], [0, 1]);
        finalization.set_sent(true);
        assert!(finalization.is_sent());
        assert!(finalization.may_read_order_instead());
        finalization.count();
        assert!(!finalization.may_read_order_instead());
        finalization.forget_order();
        assert!(finalization.may_read_order_instead() && !finalization.is_sent());
    }
}
