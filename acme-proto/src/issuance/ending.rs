//! How an issuance comes to its end: the result first, then clean-ups and deactivations within their own time.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use super::event::Issued;
use super::publications::{PublicationEvent, Publishing};
use super::{Issuance, IssuanceEvent};
use crate::challenge::Challenge;
use crate::error::{Error, InvalidInput};
use crate::notice::Notice;
use crate::op::ChosenChain;
use crate::session::Session;
use crate::time::Timestamp;
use crate::url::Url;

/// A result that waits for what is still to be cleaned up.
#[derive(Debug)]
pub(super) struct Ending {
    result: Result<ChosenChain, Error>,
    /// Whether authorizations are deactivated before the flow ends.
    pub(super) deactivates: bool,
    /// When clean-ups are no longer waited for: set by the first poll after the result, which knows the time.
    until: Option<Timestamp>,
}

impl Issuance {
    /// Settles the result; only clean-ups and deactivations remain.
    ///
    /// Whatever happens while a chain is being chosen, the certificate is there.
    pub(super) fn end(&mut self, result: Result<ChosenChain, Error>, session: &mut Session) {
        if self.ending.is_some() {
            return;
        }
        let result = match (result, self.choosing.take()) {
            (Err(_), Some(choosing)) => Ok(choosing.finish()),
            (Err(error), None) => Err(self.with_earlier_failure(error)),
            (Ok(chosen), _) => Ok(chosen),
        };
        self.engine.reset(session);
        self.drop_questions();
        let deactivates = self.settings.deactivation.is_due(&result);
        self.ending = Some(Box::new(Ending { result, deactivates, until: None }));
        self.authorizations.touch_all();
        self.publications.touch_all();
    }

    /// Ends the flow, whose snapshot belongs to another directory or account. What it lists is left to that one.
    pub(super) fn refuse_snapshot(&mut self, saved: Url, session: &mut Session) {
        let reason = format!("the saved order belongs to {saved}");
        for challenge in self.publications.listed() {
            self.report_not_cleaned(challenge, reason.clone());
        }
        self.publications.clear();
        self.end(Err(InvalidInput::ForeignSnapshot(saved).into()), session);
    }

    fn report_not_cleaned(&mut self, challenge: Challenge, reason: String) {
        let challenge = Box::new(challenge);
        self.engine.exchanges.notice(Notice::NotCleaned { challenge, reason });
    }

    /// Drops the order and everything that depends on it. Published challenges are cleaned up.
    pub(super) fn forget_order(&mut self, session: &mut Session) {
        self.engine.abandon_all(session);
        self.drop_questions();
        self.order = super::Order::default();
        self.authorizations.clear();
        self.finalization.forget_order();
        self.polling = super::Polling::default();
        self.publications.touch_all();
        self.saving.change();
        self.prefetch_nonces(session);
    }

    /// Drops the events that the user has not seen, but for clean-ups.
    fn drop_questions(&mut self) {
        for event in core::mem::take(&mut self.events) {
            match event {
                IssuanceEvent::CleanUp(_) => self.events.push_back(event),
                // Nobody will say what came of publishing it.
                IssuanceEvent::Provision(challenge) => {
                    let again = PublicationEvent::Again;
                    self.publications.enter(challenge.url(), again, Publishing::STORED);
                }
                IssuanceEvent::Finalize(_) => self.finalization.withdraw_question(),
                IssuanceEvent::Authorize(_) => {}
            }
        }
    }

    /// Sets how long clean-ups are waited for; a flow may be cancelled long after its last poll.
    pub(super) fn start_ending(&mut self, session: &Session) {
        let Some(ending) = self.ending.as_mut().filter(|ending| ending.until.is_none()) else {
            return;
        };
        let limit = session.policy().clean_up_time_limit;
        let until = self.engine.exchanges.now().saturating_add(limit);
        ending.until = Some(until);
        self.engine.exchanges.set_deadline(until);
    }

    /// Returns whether clean-ups are no longer waited for.
    pub(super) fn is_out_of_clean_up_time(&self) -> bool {
        let until = self.ending.as_ref().and_then(|ending| ending.until);
        until.is_some_and(|until| self.engine.exchanges.now() >= until)
    }

    /// Ends the flow, once nothing is left to clean up, to save, or to deactivate; returns whether it did.
    pub(super) fn conclude(&mut self) -> bool {
        let is_over = self.ending.as_ref().is_some_and(|ending| ending.until.is_some());
        let waits = self.publications.any_held()
            || !self.engine.exchanges.is_idle()
            || self.saving.is_pending()
            || !self.saving.is_stored();
        if !is_over || (waits && !self.is_out_of_clean_up_time()) {
            return false;
        }
        let Some(ending) = self.ending.take() else { return false };
        let not_cleaned = self.publications.not_cleaned();
        for (challenge, reason) in &not_cleaned {
            self.report_not_cleaned(challenge.clone(), reason.clone());
        }
        let result = ending.result.and_then(|chosen| {
            let order = self.order.url().cloned().zip(self.order.object().cloned());
            let gone = Error::Internal("the order of a downloaded certificate is gone");
            let (order_url, order) = order.ok_or(gone)?;
            Ok(Issued { chosen, order_url, order: Box::new(order), not_cleaned })
        });
        self.life.end(result);
        true
    }
}
