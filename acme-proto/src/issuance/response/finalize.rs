//! The response to finalize (RFC 8555 Section 7.4).

use core::time::Duration;

use super::super::Issuance;
use super::super::polling::Polling;
use crate::error::Error;
use crate::policy::Schedule;
use crate::session::{Awaited, Session};
use crate::time::Timestamp;
use crate::wire::{Order, OrderStatus, ProblemType};

/// The waits before an order is read that stays ready although the CSR was sent again.
const AGAIN: Schedule = Schedule::new(Duration::from_millis(400), 1.55, Duration::from_secs(15));

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
            // Not ready after all, or taken with a response that cannot be read: the order shows which.
            Err(error) if is_not_ready(&error) || (error.is_unreadable() && may_read) => {
                self.finalization.set_sent(true);
                self.pause_after_finalize(session);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let Some(url) = self.order.url().cloned() else { return Ok(()) };
        self.learn(&url, order)?;
        // An order that was read after a lost response is what it is; any other may not show the CSR yet.
        self.finalization.set_sent(!was_reread);
        self.pause_after_finalize(session);
        if retry_after.is_some() && self.order.status() != Some(&OrderStatus::Valid) {
            self.schedule_poll(retry_after, session);
        }
        Ok(())
    }

    /// After the CSR was sent the order is read at once, or when this CA is expected to have issued the certificate; later
    /// and later if that did not help and it is sent again.
    fn pause_after_finalize(&mut self, session: &mut Session) {
        let repeated = self.finalization.count();
        self.polling = Polling::default();
        self.polling.begin(self.engine.exchanges.now());
        if repeated > 0 {
            let wait = session.jittered(session.policy().poll.unwrap_or(AGAIN), repeated - 1);
            let at = self.engine.exchanges.now().saturating_add(wait);
            self.polling.set(self.engine.exchanges.before_deadline(at));
        } else if self.order.status() == Some(&OrderStatus::Processing) {
            self.expect_end(Awaited::Issuance, session);
        }
    }
}

fn is_not_ready(error: &Error) -> bool {
    matches!(error, Error::Problem(problem) if problem.is(&ProblemType::OrderNotReady))
}
