//! Issuing a certificate: the solvers' part.

use acme_proto::challenge::ChallengeResponse;
use acme_proto::issuance::{Issuance, IssuanceEvent};

use super::{EventHandler, Task};
use crate::client_state::ClientState;
use crate::error::Error;
use crate::solvers::{CallId, Scheduler, Verdict, Wake};

/// Answers the events of an issuance by calls of the user's solvers.
#[derive(Debug)]
pub struct Solving(pub Scheduler);

impl EventHandler<Issuance> for Solving {
    fn event(
        &mut self,
        flow: &mut Issuance,
        event: IssuanceEvent,
        client: &ClientState,
        wake: &Wake,
    ) -> Result<(), Error> {
        match event {
            IssuanceEvent::Authorize(offer) => match self.0.choose(&offer) {
                Ok(kind) => flow.select(&client.session(), &offer.id(), &kind)?,
                Err(why) => flow.refuse(&offer.id(), why)?,
            },
            IssuanceEvent::Provision(challenge) => {
                let id = challenge.id();
                if let Err(why) = self.0.present(challenge, wake) {
                    flow.failed(&id, why)?;
                }
            }
            IssuanceEvent::CleanUp(challenge) => {
                let id = challenge.id();
                if let Err(why) = self.0.clean_up(challenge, wake) {
                    flow.clean_failed(&id, why)?;
                }
            }
            // The flow asks only if it was given no CSR at its start.
            IssuanceEvent::Finalize(_) => return Err(Error::NoCsr),
            _ => {}
        }
        Ok(())
    }

    fn next_task(&mut self) -> Option<Task> {
        self.0.next_call().map(Task::Solve)
    }

    fn has_queued(&self) -> bool {
        self.0.has_queued()
    }

    fn solved(
        &mut self,
        flow: &mut Issuance,
        call: CallId,
        result: Result<ChallengeResponse, String>,
    ) -> Result<(), Error> {
        match self.0.finished(call, result, |id| flow.is_wanted(id)) {
            Some(Verdict::Published(id)) => flow.published(&id)?,
            Some(Verdict::Ready(id, response)) => flow
                .ready_with(&id, response)
                // A response that the kind does not allow fails this kind only.
                .or_else(|misuse| flow.failed(&id, misuse.to_string()))?,
            Some(Verdict::Failed(id, why)) => flow.failed(&id, why)?,
            Some(Verdict::Cleaned(id)) => flow.cleaned(&id)?,
            Some(Verdict::CleanFailed(id, why)) => flow.clean_failed(&id, why)?,
            None => {}
        }
        Ok(())
    }

    fn look(&mut self, flow: &mut Issuance) -> Result<bool, Error> {
        if self.0.is_gathering() && !flow.is_selecting() {
            self.0.gathered();
            return Ok(true);
        }
        let dropped = if flow.is_ending() { self.0.stop() } else { Vec::new() };
        for id in &dropped {
            flow.failed(id, "it was not called, because the issuance had ended".to_owned())?;
        }
        Ok(!dropped.is_empty())
    }

    fn explain(&self, error: acme_proto::error::Error) -> Error {
        match self.0.stuck() {
            Some(call) if matches!(error, acme_proto::error::Error::Deadline(_)) => {
                Error::SolverStuck { call, source: Box::new(error) }
            }
            _ => error.into(),
        }
    }

    fn cancel(&mut self, flow: &mut Issuance, client: &ClientState) {
        flow.cancel(&mut client.session());
    }
}
