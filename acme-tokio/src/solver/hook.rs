//! dns-01 by a command of the user's.

use acme_host::hook::{HookAction, HookCommand};
use acme_proto::challenge::Challenge;
use acme_proto::wire::ChallengeKind;
use tokio::task::spawn_blocking;

use super::{Solver, dns01};
use crate::BoxError;

impl Solver for HookCommand {
    fn kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::Dns01]
    }

    async fn present(&self, challenge: &Challenge) -> Result<(), BoxError> {
        run(self, HookAction::Present, challenge).await
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        run(self, HookAction::Cleanup, challenge).await
    }
}

/// Runs the command on a thread that may block; it runs to its end even if nobody waits any more.
async fn run(
    hook: &HookCommand,
    action: HookAction,
    challenge: &Challenge,
) -> Result<(), BoxError> {
    let (hook, record) = (hook.clone(), dns01::record(challenge)?);
    Ok(spawn_blocking(move || hook.run(action, &record.name, &record.value)).await??)
}
