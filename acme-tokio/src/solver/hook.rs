//! Running what blocks: the user's command, and a question to a person.

use core::time::Duration;
use std::sync::Arc;

use acme_adapter::hook::{HookAction, HookCommand, HookRecord};
use acme_adapter::solvers::CallContext;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::BoxError;

tokio::task_local! {
    /// What the call of the solver that is being polled knows beside its challenge.
    pub(crate) static CONTEXT: CallContext;
}

/// Runs the command on a thread that may block, and stops it if this future is dropped, and when the issuance has no use
/// for it.
pub(super) async fn run(
    hook: &HookCommand,
    action: HookAction,
    record: HookRecord,
) -> Result<(), BoxError> {
    let hook = hook.clone();
    let batch = context().batch;
    blocking(move |wanted| Ok(hook.run(action, &record, batch.as_deref(), wanted)?)).await
}

/// Runs what blocks on a thread that may; its argument returns false when this future is dropped, and when the issuance has
/// no use for the result.
pub(super) async fn blocking(
    work: impl FnOnce(&dyn Fn() -> bool) -> Result<(), BoxError> + Send + 'static,
) -> Result<(), BoxError> {
    // Dropping the future drops `waiting`, which the thread sees. `spawn_blocking` itself cannot be
    // cancelled.
    let waiting = Arc::new(());
    let wanted = Arc::downgrade(&waiting);
    let stop = context().stop;
    let result =
        spawn_blocking(move || work(&|| wanted.strong_count() > 0 && !stop.is_set())).await;
    drop(waiting);
    result?
}

/// Waits until the issuance has no use for the result of the call that is being polled.
pub(super) async fn stopped() {
    let stop = context().stop;
    while !stop.is_set() {
        sleep(PAUSE).await;
    }
}

fn context() -> CallContext {
    CONTEXT.try_with(Clone::clone).unwrap_or_default()
}

/// How long it takes at most to notice that the result is not wanted.
const PAUSE: Duration = Duration::from_millis(50);

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use tokio::time::timeout;

    use super::*;
    use crate::Dns01 as _;

    #[tokio::test]
    async fn a_hook_is_stopped_when_its_future_is_dropped() {
        let file = std::env::temp_dir().join(format!("acme-tokio-hook-{}", std::process::id()));
        let _ = fs::remove_file(&file);
        let body = format!("while :; do echo x >> {}; sleep 0.05; done", file.display());
        let hook = HookCommand::new(&format!("/bin/sh -c '{body}' hook"));
        let hook = hook.time_limit(Duration::from_secs(20));
        let written = async {
            while !file.exists() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            result = hook.set_txt("a", "b") => panic!("it ended: {result:?}"),
            () = written => {}
        }
        let length = || fs::metadata(&file).map_or(0, |metadata| metadata.len());
        let stopped = async {
            let mut then = 0;
            while length() != then {
                then = length();
                sleep(Duration::from_secs(1)).await;
            }
        };
        timeout(Duration::from_secs(10), stopped).await.expect("it goes on");
        fs::remove_file(&file).expect("it wrote");
    }
}
