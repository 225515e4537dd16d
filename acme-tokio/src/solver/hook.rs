//! dns-01 by a command of the user's.

use acme_host::hook;
use acme_proto::challenge::Challenge;
use acme_proto::wire::ChallengeKind;
use tokio::task::spawn_blocking;

use super::Solver;
use super::dns01::{Dns01, Dns01Solver};
use crate::BoxError;

/// Has a command publish dns-01 challenges: `CMD present NAME VALUE` and `CMD cleanup NAME VALUE`.
///
/// `NAME` is the record's name without a final dot, such as `_acme-challenge.example.org`. A status other
/// than 0 is an error, with what the command wrote to its standard error.
#[derive(Clone, Debug)]
pub struct HookCommand {
    solver: Dns01Solver<Command>,
}

impl HookCommand {
    /// Creates a solver that runs `command`: the path of a program, or its name if it is in `PATH`,
    /// perhaps with arguments of its own, separated by spaces.
    pub fn new(command: impl AsRef<str>) -> Self {
        Self { solver: Dns01Solver::new(Command(hook::HookCommand::new(command.as_ref()))) }
    }
}

impl Solver for HookCommand {
    fn kinds(&self) -> &[ChallengeKind] {
        self.solver.kinds()
    }

    async fn present(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.solver.present(challenge).await
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.solver.clean_up(challenge).await
    }
}

#[derive(Clone, Debug)]
struct Command(hook::HookCommand);

impl Dns01 for Command {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        let (command, name, value) = (self.0.clone(), name.to_owned(), value.to_owned());
        Ok(spawn_blocking(move || command.present(&name, &value)).await??)
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        let (command, name, value) = (self.0.clone(), name.to_owned(), value.to_owned());
        Ok(spawn_blocking(move || command.clean_up(&name, &value)).await??)
    }
}
