//! What the response to each operation teaches the issuance, one file for each.

mod authorization;
mod certificate;
mod challenge;
mod deactivation;
mod finalize;
mod new_order;
mod order;

use super::facts::Cause;
use super::plan::OrderStep;
use super::{AnyOperation, AnyResult, Issuance};
use crate::call::Finished;
use crate::error::Error;
use crate::session::{Awaited, Session};
use crate::time::Timestamp;

impl Issuance {
    /// Takes a finished exchange; an error that the flow does not survive ends it.
    pub(super) fn take(&mut self, finished: Finished<AnyOperation>, session: &mut Session) {
        let Finished { operation, result, retry_after, was_reread, may_have_landed } = finished;
        let cause = cause(&operation);
        if cause != Cause::Authorizations {
            self.order.in_flight = false;
        }
        let result = operation.with(result);
        self.change(cause, |flow| {
            let outcome =
                flow.learn_from(result, retry_after, was_reread, may_have_landed, session);
            if let Err(error) = outcome {
                flow.end(Err(error), session);
            }
        });
    }

    fn learn_from(
        &mut self,
        result: AnyResult,
        retry_after: Option<Timestamp>,
        was_reread: bool,
        may_have_landed: bool,
        session: &mut Session,
    ) -> Result<(), Error> {
        match result {
            AnyResult::NewOrder(_, result) => self.order_created(result, session),
            AnyResult::ReadOrder(read, result) => {
                self.order_read(&read.0, result, retry_after, session)
            }
            AnyResult::ReadAuthorization(read, result) => {
                self.authorization_read(&read.0, result, retry_after, session)
            }
            AnyResult::Respond(respond, result) => {
                self.challenge_read(respond.url(), result, retry_after, may_have_landed, session)
            }
            AnyResult::Finalize(_, result) => {
                self.finalized(result, retry_after, was_reread, session)
            }
            AnyResult::Download(download, result) => self.downloaded(download.0, result, session),
            AnyResult::DownloadAlternate(_, result) => {
                self.alternate_downloaded(result, session);
                Ok(())
            }
            AnyResult::Deactivate(deactivate, result) => {
                self.deactivated(&deactivate.0, result);
                Ok(())
            }
        }
    }

    /// Lets the first poll go out when the wait is expected to end, by what the session remembers of this CA.
    fn expect_end(&mut self, awaited: Awaited, session: &Session) {
        let now = self.engine.exchanges.now();
        self.polling.hold_until_expected(now, session.expected_wait(awaited));
        self.polling.set(self.engine.exchanges.before_deadline(self.polling.at()));
    }

    /// Lets no poll go out before the time that a response names.
    ///
    /// A time beyond `retry_after_cap` is nothing that the flow waits for, and counts as the cap.
    fn hold_poll(&mut self, retry_after: Option<Timestamp>, session: &Session) {
        if let Some(at) = retry_after {
            let at = at
                .min(self.engine.exchanges.now().saturating_add(session.policy().retry_after_cap));
            self.polling.hold(self.engine.exchanges.before_deadline(at));
        }
    }
}

/// Returns what a response is a cause of, as far as the order is concerned.
const fn cause(operation: &AnyOperation) -> Cause {
    match operation {
        AnyOperation::NewOrder(_) => Cause::Step(OrderStep::Create),
        AnyOperation::ReadOrder(_) => Cause::Step(OrderStep::Read),
        AnyOperation::Finalize(_) => Cause::Step(OrderStep::Finalize),
        AnyOperation::Download(_) => Cause::Step(OrderStep::Download),
        AnyOperation::DownloadAlternate(_) => Cause::Step(OrderStep::DownloadAlternate),
        AnyOperation::ReadAuthorization(_)
        | AnyOperation::Respond(_)
        | AnyOperation::Deactivate(_) => Cause::Authorizations,
    }
}
