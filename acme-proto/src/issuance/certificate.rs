//! The end of an order: finalizing it, downloading its certificate, choosing the chain.

use super::{Issuance, Poll};
use crate::error::{Error, PeerFault};
use crate::op::{Choosing, Download};
use crate::session::Session;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{Order, OrderStatus, ProblemType};
use crate::x509::Csr;

/// How many times a CSR is sent whose answer cannot be read.
const MOST_FINALIZES: u32 = 3;

impl Issuance {
    pub(super) fn finalized(
        &mut self,
        result: Result<Order, Error>,
        retry_after: Option<Timestamp>,
        was_reread: bool,
        session: &mut Session,
    ) -> Result<(), Error> {
        let order = match result {
            Err(Error::Problem(p)) if p.is(&ProblemType::OrderNotReady) => None,
            // It was taken all the same, for all we know: the order tells.
            Err(error) if error.is_unreadable() && self.may_read_instead(was_reread) => None,
            result => Some(result?),
        };
        let (Some(order), Some(url)) = (order, self.facts.url.clone()) else {
            self.facts.csr_sent = true;
            self.pause_after_finalize(session);
            return Ok(());
        };
        self.learn(&url, order)?;
        self.facts.csr_sent = !was_reread;
        self.pause_after_finalize(session);
        if retry_after.is_some() && self.facts.status() != Some(&OrderStatus::Valid) {
            self.schedule_poll(retry_after, session);
        }
        Ok(())
    }

    /// Whether an answer to finalize that cannot be read is survived, because the order is read next.
    const fn may_read_instead(&self, reread: bool) -> bool {
        !reread && self.facts.finalizes < MOST_FINALIZES
    }

    /// After the CSR was sent the order is read at once; later and later if that did not help and it is sent again.
    fn pause_after_finalize(&mut self, session: &mut Session) {
        let repeated = self.facts.finalizes;
        self.facts.finalizes += 1;
        self.poll = Poll::default();
        if repeated > 0 {
            let wait = session.jittered(session.policy().poll, repeated - 1);
            self.poll.at = self.engine.before_deadline(self.engine.now().saturating_add(wait));
        }
    }

    pub(super) fn downloaded(
        &mut self,
        url: &Url,
        result: Result<Download, Error>,
        session: &mut Session,
    ) -> Result<(), Error> {
        let download = result?;
        let ordered = self.request.identifiers();
        // An order that was valid before this flow came: its key is not ours to check.
        let key = self.csr.as_ref().map_or_else(|| download.chain.leaf().spki_der(), Csr::spki_der);
        let matched = download.chain.matches(key, ordered);
        matched.map_err(|m| Error::peer(url, PeerFault::WrongCertificate(m)))?;
        self.choosing = Some(Choosing::new(self.chain.clone(), url.clone(), download));
        self.settle_chain(session);
        Ok(())
    }

    /// Takes an alternate chain, or does without: nothing that is wrong with it costs the certificate.
    pub(super) fn alternate_downloaded(
        &mut self,
        download: Result<Download, Error>,
        session: &mut Session,
    ) {
        let notice = self.choosing.as_mut().and_then(|choosing| choosing.take(download));
        notice.into_iter().for_each(|notice| self.engine.notice(notice));
        self.settle_chain(session);
    }

    /// Ends the issuance, unless another chain is wanted.
    fn settle_chain(&mut self, session: &mut Session) {
        if let Some(choosing) = self.choosing.as_ref().filter(|one| one.next().is_none()) {
            let chosen = choosing.finish();
            self.end(Ok(chosen), session);
        }
    }
}
