//! What each kind of answer teaches the issuance, one file for each.

mod authorization;
mod certificate;
mod challenge;
mod deactivation;
mod finalize;
mod new_order;
mod order;

use super::{Issuance, Task, TaskResult};
use crate::call::Finished;
use crate::session::Session;
use crate::time::Timestamp;

pub(super) use new_order::Expected;

impl Issuance {
    /// Takes a finished exchange; an error that the flow does not survive ends it.
    pub(super) fn take(&mut self, finished: Finished<Task>, session: &mut Session) {
        let Finished { operation, result, retry_after, was_reread, .. } = finished;
        let is_about_order = !matches!(
            operation,
            Task::ReadAuthorization(_) | Task::Respond(_) | Task::Deactivate(_)
        );
        if is_about_order {
            self.order.in_flight = false;
        }
        let outcome = match operation.with(result) {
            TaskResult::NewOrder(_, result) => self.order_created(result, session),
            TaskResult::ReadOrder(read, result) => {
                self.order_read(&read.0, result, retry_after, session)
            }
            TaskResult::ReadAuthorization(read, result) => {
                self.authorization_read(&read.0, result, retry_after, session)
            }
            TaskResult::Respond(respond, result) => {
                self.responded(respond.url(), result, retry_after, session)
            }
            TaskResult::Finalize(_, result) => {
                self.finalized(result, retry_after, was_reread, session)
            }
            TaskResult::Download(download, result) => self.downloaded(download.0, result, session),
            TaskResult::DownloadAlternate(_, result) => {
                self.alternate_downloaded(result, session);
                Ok(())
            }
            TaskResult::Deactivate(deactivate, result) => {
                self.deactivated(&deactivate.0, result);
                Ok(())
            }
        };
        if let Err(error) = outcome {
            self.end(Err(error), session);
        }
    }

    /// Lets no poll go out before the time that an answer names.
    fn hold_poll(&mut self, retry_after: Option<Timestamp>) {
        if let Some(at) = retry_after {
            self.polling.hold(self.engine.before_deadline(at));
        }
    }
}
