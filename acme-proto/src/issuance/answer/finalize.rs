//! The answer to finalize (RFC 8555 Section 7.4).

use super::super::Issuance;
use super::super::polling::Polling;
use crate::error::Error;
use crate::session::Session;
use crate::time::Timestamp;
use crate::wire::{Order, OrderStatus, ProblemType};

impl Issuance {
    pub(super) fn finalized(
        &mut self,
        result: Result<Order, Error>,
        retry_after: Option<Timestamp>,
        was_reread: bool,
        session: &mut Session,
    ) -> Result<(), Error> {
        let may_read = !was_reread && self.finalization.may_read_order_instead();
        let order = match result {
            Ok(order) => order,
            // Not ready after all, or taken with an answer that cannot be read: the order shows which.
            Err(error) if is_not_ready(&error) || (error.is_unreadable() && may_read) => {
                self.finalization.set_sent(true);
                self.pause_after_finalize(session);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let Some(url) = self.order.url().cloned() else { return Ok(()) };
        self.learn(&url, order)?;
        // An order that was read after a lost answer is what it is; any other may not show the CSR yet.
        self.finalization.set_sent(!was_reread);
        self.pause_after_finalize(session);
        if retry_after.is_some() && self.order.status() != Some(&OrderStatus::Valid) {
            self.schedule_poll(retry_after, session);
        }
        Ok(())
    }

    /// After the CSR was sent the order is read at once; later and later if that did not help and it is sent again.
    fn pause_after_finalize(&mut self, session: &mut Session) {
        let repeated = self.finalization.count();
        self.polling = Polling::default();
        if repeated > 0 {
            let wait = session.jittered(session.policy().poll, repeated - 1);
            let at = self.engine.now().saturating_add(wait);
            self.polling.set(self.engine.before_deadline(at));
        }
    }
}

fn is_not_ready(error: &Error) -> bool {
    matches!(error, Error::Problem(problem) if problem.is(&ProblemType::OrderNotReady))
}
