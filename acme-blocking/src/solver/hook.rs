//! Running the user's command.

use acme_adapter::hook::{HookAction, HookCommand};

use crate::BoxError;

pub(super) fn run(
    hook: &HookCommand,
    action: HookAction,
    name: &str,
    value: &str,
) -> Result<(), BoxError> {
    Ok(hook.run(action, name, value)?)
}
