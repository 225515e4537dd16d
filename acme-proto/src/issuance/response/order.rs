//! The order as it was read (RFC 8555 Section 7.4).

use super::super::Issuance;
use super::super::polling::Polling;
use crate::error::{Error, PeerFault, ServerProblem};
use crate::notice::{Notice, Progress};
use crate::session::{Awaited, Session};
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{Order, OrderStatus, ProblemType};

/// The jitter takes off so large a part of a wait at most: less than of those between retries, for the times of polls are
/// chosen by the length of the wait.
const JITTER: u32 = 8;

impl Issuance {
    pub(super) fn order_read(
        &mut self,
        url: &Url,
        result: Result<Order, Error>,
        retry_after: Option<Timestamp>,
        session: &mut Session,
    ) -> Result<(), Error> {
        let order = match result {
            Err(Error::Problem(p)) if self.is_forgotten(&p) => {
                self.identity.forget_snapshot();
                self.forget_order(session);
                return Ok(());
            }
            result => result?,
        };
        let lacks_certificate =
            *order.status() == OrderStatus::Valid && order.certificate().is_none();
        let waits = matches!(order.status(), OrderStatus::Pending | OrderStatus::Processing)
            || lacks_certificate;
        let awaited = self.awaited();
        let is_new_status = self.learn(url, order)?;
        if is_new_status && !waits {
            self.note_wait(awaited, session);
        }
        // Polls before the order was valid do not count against it.
        if lacks_certificate && !is_new_status && self.polling.has_looked_often() {
            return Err(Error::peer(url, PeerFault::NoCertificateUrl));
        }
        if self.lacks_authorizations() && self.polling.has_looked_often() {
            return Err(Error::peer(url, PeerFault::NoAuthorizations));
        }
        let is_over =
            matches!(self.order.status(), Some(OrderStatus::Valid | OrderStatus::Invalid));
        if waits || (self.finalization.is_sent() && !is_over) {
            self.polling.count_reading(is_new_status, self.engine.exchanges.now());
            self.schedule_poll(retry_after, session);
            self.look_closer();
        }
        Ok(())
    }

    /// Returns whether a pending order lists no authorizations, so that nothing can be done for it.
    fn lacks_authorizations(&self) -> bool {
        self.order.status() == Some(&OrderStatus::Pending) && self.authorizations.is_empty()
    }

    /// Returns whether the server does not know the order of the snapshot any more.
    fn is_forgotten(&self, problem: &ServerProblem) -> bool {
        self.identity.is_resumed()
            && self.order.status().is_none()
            && match problem.status() {
                404 | 410 => true,
                // Anything else that a CA says is about the account or the request, not about the order.
                400 | 403 => problem.problem().is_none_or(|p| {
                    p.is_generic()
                        || matches!(p.kind(), ProblemType::Malformed | ProblemType::Unauthorized)
                }),
                _ => false,
            }
    }

    /// Takes a new state of the order; returns whether its status is another one than before.
    pub(super) fn learn(&mut self, url: &Url, order: Order) -> Result<bool, Error> {
        self.compare(&order);
        let status = order.status().clone();
        let (names, now) = (&self.settings.names, self.engine.exchanges.now());
        let change = self
            .order
            .learn(order, &mut self.authorizations, names, now)
            .map_err(|fault| Error::peer(url, fault))?;
        if change.is_ready_again {
            self.finalization.set_sent(false);
        }
        if change.went_back {
            // What was known of the authorizations may not hold any more.
            self.finalization.set_sent(false);
            for index in 0..self.authorizations.len() {
                self.authorizations.edit(index).stale = true;
            }
        }
        if change.is_new_status {
            // It may name its certificate now. What was named long ago is there as well, since the order is.
            if status != OrderStatus::Invalid {
                self.engine.exchanges.resources_given();
            }
            self.report(Progress::Order(status));
        }
        Ok(change.is_new_status)
    }

    /// Sets when the order is read next: as the server asks, or by the schedule.
    pub(super) fn schedule_poll(&mut self, asked: Option<Timestamp>, session: &mut Session) {
        let now = self.engine.exchanges.now();
        let Some(url) = self.order.url().cloned() else { return };
        let round = self.polling.round();
        let at = Polling::next(now, asked, || match session.policy().poll {
            Some(schedule) => session.jittered(schedule, round.saturating_sub(1)),
            None => {
                let expected = session.expected_wait(self.awaited());
                session.shortened(self.polling.wait(now, expected), JITTER)
            }
        });
        let asked_by_server = asked.is_some_and(|at| at > now);
        let beyond_cap = at.saturating_duration_since(now) > session.policy().retry_after_cap;
        if asked_by_server && beyond_cap {
            return self.end(Err(Error::RetryLater { url, until: at }), session);
        }
        let until = self.engine.exchanges.before_deadline(at);
        self.polling.set(until);
        self.engine.exchanges.notice(Notice::Waiting { url, until, asked_by_server });
    }

    /// Returns what the order is read for.
    pub(super) fn awaited(&self) -> Awaited {
        let pending = self.order.status() == Some(&OrderStatus::Pending);
        if pending && !self.finalization.is_sent() {
            Awaited::Validation
        } else {
            Awaited::Issuance
        }
    }

    /// Remembers how long the CA took, if the order is what was waited for.
    fn note_wait(&self, awaited: Awaited, session: &mut Session) {
        let is_over = match (awaited, self.order.status()) {
            (Awaited::Validation, Some(status)) => *status == OrderStatus::Ready,
            (Awaited::Issuance, Some(status)) => *status == OrderStatus::Valid,
            (_, None) => false,
        };
        if let Some(took) = self.polling.took().filter(|_| is_over) {
            session.note_wait(awaited, took);
        }
    }

    /// Every few polls, has some of the authorizations read that are not known to be valid.
    fn look_closer(&mut self) {
        if self.order.status() == Some(&OrderStatus::Pending) {
            let most = self.polling.authorizations_to_read();
            self.authorizations.look_closer(most);
        }
    }
}
