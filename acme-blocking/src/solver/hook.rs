//! Running what blocks: the user's command, and a question to a person.

use core::cell::RefCell;

use acme_adapter::hook::{HookAction, HookCommand, HookRecord};
use acme_adapter::solvers::{CallContext, Stop};

use crate::BoxError;

thread_local! {
    /// What the call of a solver on this thread knows beside its challenge.
    static CONTEXT: RefCell<CallContext> = RefCell::default();
}

/// Runs a call of a solver, in which commands end early when its context says so.
pub(crate) fn within<T>(context: &CallContext, call: impl FnOnce() -> T) -> T {
    /// Takes the context away, also after a panic: the thread goes on with other calls.
    struct Without;
    impl Drop for Without {
        fn drop(&mut self) {
            CONTEXT.take();
        }
    }
    CONTEXT.set(context.clone());
    let _without = Without;
    call()
}

/// Runs the command, and stops it when the issuance has no use for it.
pub(super) fn run(
    hook: &HookCommand,
    action: HookAction,
    record: HookRecord,
) -> Result<(), BoxError> {
    let batch = CONTEXT.with_borrow(|context| context.batch.clone());
    blocking(move |wanted| Ok(hook.run(action, &record, batch.as_deref(), wanted)?))
}

/// Runs what blocks; its argument returns false when the issuance has no use for the result.
pub(super) fn blocking(
    work: impl FnOnce(&dyn Fn() -> bool) -> Result<(), BoxError>,
) -> Result<(), BoxError> {
    let stop = stop();
    work(&|| !stop.is_set())
}

/// Returns what says that the issuance has no use for the result of the call on this thread.
pub(super) fn stop() -> Stop {
    CONTEXT.with_borrow(|context| context.stop.clone())
}
