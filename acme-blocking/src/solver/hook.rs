//! Running the user's command.

use core::cell::RefCell;

use acme_adapter::hook::{HookAction, HookCommand};
use acme_adapter::solvers::Stop;

use crate::BoxError;

thread_local! {
    /// Says when the call of a solver on this thread is to end early.
    static STOP: RefCell<Stop> = RefCell::default();
}

/// Runs a call of a solver, in which commands end early when `stop` says so.
pub(crate) fn stopped_by<T>(stop: &Stop, call: impl FnOnce() -> T) -> T {
    STOP.with(|current| current.replace(stop.clone()));
    let result = call();
    STOP.with(RefCell::take);
    result
}

/// Runs the command, and stops it when the issuance has no use for it.
pub(super) fn run(
    hook: &HookCommand,
    action: HookAction,
    name: &str,
    value: &str,
) -> Result<(), BoxError> {
    let stop = STOP.with_borrow(Stop::clone);
    Ok(hook.run_while(action, name, value, || !stop.is_set())?)
}
