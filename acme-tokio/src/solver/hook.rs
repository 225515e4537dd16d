//! TXT records by a command of the user's.

use acme_host::hook::{HookAction, HookCommand};
use acme_proto::challenge::Challenge;
use acme_proto::wire::ChallengeKind;
use tokio::task::spawn_blocking;

use super::Solver;
use super::dns01::{Dns01, KINDS, record};
use crate::BoxError;

impl Dns01 for HookCommand {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        run(self, HookAction::Present, name, value).await
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        run(self, HookAction::Cleanup, name, value).await
    }
}

impl Solver for HookCommand {
    fn kinds(&self) -> &[ChallengeKind] {
        &KINDS
    }

    async fn present(&self, challenge: &Challenge) -> Result<(), BoxError> {
        let record = record(challenge)?;
        self.set_txt(&record.name, &record.value).await
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        let record = record(challenge)?;
        self.remove_txt(&record.name, &record.value).await
    }
}

/// Runs the command on a thread that may block; it runs to its end even if nobody waits any more.
async fn run(
    hook: &HookCommand,
    action: HookAction,
    name: &str,
    value: &str,
) -> Result<(), BoxError> {
    let (hook, name, value) = (hook.clone(), name.to_owned(), value.to_owned());
    Ok(spawn_blocking(move || hook.run(action, &name, &value)).await??)
}
