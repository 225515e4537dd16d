//! Registering an account: the consent to the terms of service.

use acme_proto::register::{Register, RegisterEvent};

use super::{EventHandler, Task};
use crate::client_state::ClientState;
use crate::error::Error;
use crate::solvers::Wake;

/// Says whether the user agrees to the terms of service at this URL.
pub type Consent<'a> = Box<dyn FnOnce(&str) -> bool + Send + 'a>;

/// Has the user asked for consent to the terms of service.
#[derive(Debug, Default)]
pub struct Registering {
    terms: Option<String>,
}

impl EventHandler<Register> for Registering {
    fn event(
        &mut self,
        _: &mut Register,
        event: RegisterEvent,
        _: &ClientState,
        _: &Wake,
    ) -> Result<(), Error> {
        if let RegisterEvent::AgreeToTerms(terms) = event {
            self.terms = Some(terms);
        }
        Ok(())
    }

    fn next_task(&mut self) -> Option<Task> {
        self.terms.take().map(Task::Consent)
    }

    fn consented(&mut self, flow: &mut Register, agreed: bool) -> Result<(), Error> {
        if agreed {
            flow.agree()?;
        } else {
            flow.decline()?;
        }
        Ok(())
    }
}
