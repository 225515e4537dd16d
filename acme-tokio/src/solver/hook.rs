//! Running the user's command.

use std::sync::Arc;

use acme_adapter::hook::{HookAction, HookCommand};
use acme_adapter::solvers::Stop;
use tokio::task::spawn_blocking;

use crate::BoxError;

tokio::task_local! {
    /// Says when the call of the solver that is being polled is to end early.
    pub(crate) static STOP: Stop;
}

/// Runs the command on a thread that may block, and stops it if this future is dropped, and when the issuance has no use
/// for it.
pub(super) async fn run(
    hook: &HookCommand,
    action: HookAction,
    name: &str,
    value: &str,
) -> Result<(), BoxError> {
    let (hook, name, value) = (hook.clone(), name.to_owned(), value.to_owned());
    // Dropping the future drops `waiting`, which the thread sees. `spawn_blocking` itself cannot be
    // cancelled.
    let waiting = Arc::new(());
    let wanted = Arc::downgrade(&waiting);
    let stop = STOP.try_with(Clone::clone).unwrap_or_default();
    let is_wanted = move || wanted.strong_count() > 0 && !stop.is_set();
    let run = move || hook.run_while(action, &name, &value, is_wanted);
    let result = spawn_blocking(run).await;
    drop(waiting);
    Ok(result??)
}

#[cfg(all(test, unix))]
mod tests {
    use core::time::Duration;
    use std::fs;

    use tokio::time::{sleep, timeout};

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
