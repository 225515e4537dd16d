//! Registering an account: the consent to the terms of service.

use core::fmt;

use acme_proto::register::{Register, RegisterEvent};

use super::EventHandler;
use crate::client_state::ClientState;
use crate::error::Error;
use crate::solvers::Wake;

/// Says whether the user agrees to the terms of service at this URL.
pub type Consent<'a> = Box<dyn FnOnce(&str) -> bool + Send + 'a>;

/// Asks the user for consent to the terms of service; without a way to ask, nobody agrees.
pub struct Registering<'a>(pub Option<Consent<'a>>);

impl EventHandler<Register> for Registering<'_> {
    fn event(
        &mut self,
        flow: &mut Register,
        event: RegisterEvent,
        _: &ClientState,
        _: &Wake,
    ) -> Result<(), Error> {
        if let RegisterEvent::AgreeToTerms(terms) = event {
            if self.0.take().is_some_and(|ask| ask(&terms)) {
                flow.agree()?;
            } else {
                flow.decline()?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Registering<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registering").finish_non_exhaustive()
    }
}
