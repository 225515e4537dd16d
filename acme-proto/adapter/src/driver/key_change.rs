//! Changing the account key: both keys are stored before the CA is asked.

use acme_proto::rollover::{Rollover, RolloverEvent, RolloverIntent};

use super::{EventHandler, Task};
use crate::client_state::ClientState;
use crate::error::Error;
use crate::solvers::Wake;

/// Has both keys stored before the change is requested.
#[derive(Debug, Default)]
pub struct KeyChanging {
    intent: Option<RolloverIntent>,
}

impl EventHandler<Rollover> for KeyChanging {
    fn event(
        &mut self,
        _: &mut Rollover,
        event: RolloverEvent,
        _: &ClientState,
        _: &Wake,
    ) -> Result<(), Error> {
        if let RolloverEvent::Store(intent) = event {
            self.intent = Some(intent);
        }
        Ok(())
    }

    fn next_task(&mut self) -> Option<Task> {
        self.intent.take().map(Task::StoreIntent)
    }

    fn intent_stored(
        &mut self,
        flow: &mut Rollover,
        result: Result<(), String>,
    ) -> Result<(), Error> {
        match result {
            Ok(()) => flow.stored()?,
            Err(why) => flow.store_failed(why)?,
        }
        Ok(())
    }
}
