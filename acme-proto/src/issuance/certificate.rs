//! The end of an order: finalizing it, downloading its certificate, choosing the chain.

use super::{Issuance, Key, Poll};
use crate::call::Reply;
use crate::error::{Error, PeerFault};
use crate::header;
use crate::op::private::Plan;
use crate::op::{Choosing, GetCertificate, GetOrder, Operation};
use crate::session::Session;
use crate::wire::{OrderStatus, ProblemType};
use crate::x509::Csr;

/// How many times a CSR is sent whose answer cannot be read.
const MOST_FINALIZES: u32 = 3;

impl Issuance {
    pub(super) fn finalized(
        &mut self,
        result: Result<Reply, Error>,
        session: &mut Session,
    ) -> Result<(), Error> {
        let reply = match result {
            Err(Error::Problem(p)) if p.is(&ProblemType::OrderNotReady) => {
                self.facts.csr_sent = true;
                self.pause_after_finalize(session);
                return Ok(());
            }
            Err(error) if error.is_unreadable() && self.may_read_instead(false) => {
                self.facts.csr_sent = true;
                self.pause_after_finalize(session);
                return Ok(());
            }
            result => result?,
        };
        let url = self.facts.url.clone().unwrap_or_else(|| reply.url().clone());
        let reread = reply.is_reread();
        let order = match self.lanes.read(&reply, session, |a| GetOrder(url.clone()).read(a)) {
            Ok(order) => order,
            // It was taken all the same, for all we know: the order tells.
            Err(error) if error.is_unreadable() && self.may_read_instead(reread) => {
                self.facts.csr_sent = true;
                self.pause_after_finalize(session);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.learn(&url, order)?;
        self.facts.csr_sent = !reread;
        if reread
            && self.facts.status() == Some(&OrderStatus::Ready)
            && let Some(finalize) = self.finalize_operation(session)?
        {
            self.lanes.resend(Key::Finalize, finalize.spec(), &reply);
        }
        self.pause_after_finalize(session);
        let asked = header::retry_after(reply.response().headers(), self.lanes.now()).is_some();
        if asked && self.facts.status() != Some(&OrderStatus::Valid) {
            self.schedule_poll(&reply, session);
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
            self.poll.at = self.lanes.before_deadline(self.lanes.now().saturating_add(wait));
        }
    }

    pub(super) fn downloaded(
        &mut self,
        result: Result<Reply, Error>,
        session: &mut Session,
    ) -> Result<(), Error> {
        let reply = result?;
        let url = reply.url().clone();
        let download = self.lanes.read(&reply, session, |a| GetCertificate(url.clone()).read(a))?;
        let ordered = self.request.identifiers();
        // An order that was valid before this flow came: its key is not ours to check.
        let key = self.csr.as_ref().map_or_else(|| download.chain.leaf().spki_der(), Csr::spki_der);
        let matched = download.chain.matches(key, ordered);
        matched.map_err(|m| Error::peer(&url, PeerFault::WrongCertificate(m)))?;
        self.choosing = Some(Choosing::new(self.chain.clone(), url, download));
        self.settle_chain(session);
        Ok(())
    }

    /// Takes an alternate chain, or does without: nothing that is wrong with it costs the certificate.
    pub(super) fn alternate_downloaded(
        &mut self,
        result: Result<Reply, Error>,
        session: &mut Session,
    ) -> Result<(), Error> {
        let read = GetCertificate;
        let download = result.and_then(|reply| {
            let url = reply.url().clone();
            self.lanes.read(&reply, session, |a| read(url).read(a))
        });
        let notice = self.choosing.as_mut().and_then(|choosing| choosing.take(download));
        notice.into_iter().for_each(|notice| self.lanes.notice(notice));
        self.settle_chain(session);
        Ok(())
    }

    /// Ends the issuance, unless another chain is wanted.
    fn settle_chain(&mut self, session: &mut Session) {
        if let Some(choosing) = self.choosing.as_ref().filter(|one| one.next().is_none()) {
            let chosen = choosing.finish();
            self.end(Ok(chosen), session);
        }
    }
}
