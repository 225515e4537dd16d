//! A user's command that publishes challenges.

mod acme_sh;
mod dialect;
mod group;
mod output;
mod record;
mod turns;

use core::time::Duration;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use acme_proto::wire::ChallengeKind;

use self::output::{Pipes, Written, one_line};
use self::turns::{Facts, Turns};
use crate::solvers::Batch;

pub use self::dialect::{HookDialect, UnknownDialect};
pub use self::group::{Ended, Group, kill_all};
pub use self::record::HookRecord;

/// A command that publishes TXT records, by default run as `CMD present NAME VALUE` and `CMD cleanup NAME VALUE`.
///
/// [`dialect`](Self::dialect) has it run as the scripts of other ACME clients expect. Its standard input is empty, and it
/// inherits the environment. Clones share which runs have to follow each other.
#[derive(Clone, Debug)]
pub struct HookCommand {
    words: Vec<String>,
    /// Only certbot has two commands.
    cleanup: Option<Vec<String>>,
    dialect: HookDialect,
    /// Which kinds were asked for.
    wanted: Option<Vec<ChallengeKind>>,
    /// Which of them scripts of the dialect publish.
    kinds: Vec<ChallengeKind>,
    time_limit: Duration,
    turns: Arc<Turns>,
}

/// The action of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookAction {
    /// Add the value to the TXT records at the name.
    Present,
    /// Remove the value, and leave the others.
    Cleanup,
}

impl HookAction {
    /// Returns the argument that names the action.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Cleanup => "cleanup",
        }
    }
}

impl HookCommand {
    /// Parses a command with its first arguments, separated by spaces.
    ///
    /// Single or double quotes keep a word together. Nothing else has a special meaning, because no
    /// shell is involved.
    pub fn new(command: &str) -> Self {
        Self {
            words: words(command),
            cleanup: None,
            dialect: HookDialect::Plain,
            wanted: None,
            kinds: HookDialect::Plain.txt_kinds().to_vec(),
            time_limit: TIME_LIMIT,
            turns: Arc::default(),
        }
    }

    /// Has the command run as the scripts of another ACME client expect.
    pub fn dialect(mut self, dialect: HookDialect) -> Self {
        self.dialect = dialect;
        self.with_kinds()
    }

    /// Sets the command that takes back what [`HookDialect::Certbot`] has published; without one, nothing is run for
    /// that. The other dialects have one command for both.
    pub fn cleanup_command(mut self, command: &str) -> Self {
        self.cleanup = Some(words(command));
        self
    }

    /// Has the command publish challenges of these kinds, the preferred one first; by default, all that ask for TXT
    /// records. Those that scripts of its dialect do not publish are left out.
    ///
    /// [`HookDialect::Certbot`] and [`HookDialect::Dehydrated`] publish http-01 too. One command for all of its kinds
    /// counts the challenges of all of them.
    pub fn publishes(mut self, kinds: impl IntoIterator<Item = ChallengeKind>) -> Self {
        self.wanted = Some(kinds.into_iter().collect());
        self.with_kinds()
    }

    fn with_kinds(mut self) -> Self {
        self.kinds = match &self.wanted {
            Some(wanted) => {
                wanted.iter().filter(|kind| self.dialect.publishes(kind)).cloned().collect()
            }
            None => self.dialect.txt_kinds().to_vec(),
        };
        self
    }

    /// Sets how long one run may take before it is stopped, with everything that it started; 2 minutes by default.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Returns how long one run may take.
    pub const fn limit(&self) -> Duration {
        self.time_limit
    }

    /// Returns the kinds of challenges that it publishes.
    pub fn challenge_kinds(&self) -> &[ChallengeKind] {
        &self.kinds
    }

    /// Returns whether it has to know all challenges of an order before the first one: certbot's hooks do.
    pub fn gathers(&self) -> bool {
        self.dialect == HookDialect::Certbot
    }

    /// Runs the command to add a value to the TXT records at a name, and waits for its end.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    pub fn present(&self, name: &str, value: &str) -> Result<(), HookError> {
        self.run(HookAction::Present, &HookRecord::txt(name, value), None, || true)
    }

    /// Runs the command to remove a value from the TXT records at a name, and waits for its end.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    pub fn clean_up(&self, name: &str, value: &str) -> Result<(), HookError> {
        self.run(HookAction::Cleanup, &HookRecord::txt(name, value), None, || true)
    }

    /// Runs the command and waits for its end; it is stopped when `wanted` returns false.
    ///
    /// It runs in a process group of its own, so that Ctrl-C at the terminal does not kill the hook that cleans up. A
    /// value may begin with `-`.
    ///
    /// # Errors
    ///
    /// [`HookError`].
    pub fn run(
        &self,
        action: HookAction,
        record: &HookRecord,
        batch: Option<&Batch>,
        wanted: impl Fn() -> bool,
    ) -> Result<(), HookError> {
        let _turn = match self.dialect.runs_side_by_side() {
            true => None,
            false => Some(self.turns.wait(&wanted).ok_or_else(|| self.stopped())?),
        };
        match action {
            HookAction::Present => {
                let facts = self.turns.begin(record, batch);
                let written = self.run_once(action, record, &facts, wanted)?;
                if self.dialect == HookDialect::Certbot {
                    let output = output::variable(&written.stdout);
                    self.turns.keep(record, Facts { output, ..facts });
                }
            }
            HookAction::Cleanup => {
                let facts = self.turns.published(record);
                self.run_once(action, record, &facts, wanted)?;
                self.turns.forget(record);
            }
        }
        Ok(())
    }

    fn run_once(
        &self,
        action: HookAction,
        record: &HookRecord,
        facts: &Facts,
        wanted: impl Fn() -> bool,
    ) -> Result<Written, HookError> {
        let command = dialect::command(self, action, record, facts)?;
        let Some(mut command) = command else { return Ok(Written::default()) };
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = Group::start(&mut command).map_err(|error| self.not_started(error))?;
        let pipes = Pipes::of(group.child());
        let ended = group.wait(self.time_limit, wanted).map_err(|error| self.not_started(error))?;
        let status = match ended {
            Ended::Status(status) => status,
            Ended::TimedOut => return Err(self.timed_out()),
            Ended::Stopped => return Err(self.stopped()),
        };
        let needs_output = matches!(self.dialect, HookDialect::Certbot | HookDialect::AcmeSh);
        if status.success() && !needs_output {
            return Ok(Written::default());
        }
        let written = pipes.written();
        match acme_sh::unknown_function(&written.stderr) {
            Some(function) if self.dialect == HookDialect::AcmeSh => {
                return Err(HookError::UnknownFunction { command: self.name(), function });
            }
            _ if status.success() => return Ok(written),
            _ => {}
        }
        let said = [&written.stderr, &written.stdout].map(|octets| one_line(octets));
        let said = said.into_iter().find(|text| !text.is_empty());
        let said = said.unwrap_or_else(|| "it said nothing".to_owned());
        Err(HookError::Failed { command: self.name(), status, said })
    }

    fn not_started(&self, source: io::Error) -> HookError {
        HookError::Start { command: self.name(), source }
    }

    fn timed_out(&self) -> HookError {
        HookError::TimedOut { command: self.name(), limit: self.time_limit }
    }

    fn stopped(&self) -> HookError {
        HookError::Stopped { command: self.name() }
    }

    fn lacks_challenge(&self) -> HookError {
        HookError::LacksChallenge { command: self.name(), dialect: self.dialect }
    }

    fn name(&self) -> String {
        self.words.first().cloned().unwrap_or_default()
    }
}

/// How a hook failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// The command could not be started.
    #[error("the hook {command:?} cannot be run; give the path of a program that may be executed")]
    Start {
        /// The program.
        command: String,
        /// The operating system's error.
        source: io::Error,
    },
    /// The command reported a failure.
    #[error("the hook {command:?} failed ({status}): {said}")]
    Failed {
        /// The program.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error, or else to standard output.
        said: String,
    },
    /// The command was stopped, because its result was no longer needed.
    #[error("the hook {command:?} was stopped, because its result is no longer needed")]
    Stopped {
        /// The program.
        command: String,
    },
    /// The script calls a function of acme.sh that does not exist here.
    #[error(
        "the script {command:?} calls {function}, a function of acme.sh that does not exist here; define it in the script, or use another one"
    )]
    UnknownFunction {
        /// The script.
        command: String,
        /// The name of the function.
        function: String,
    },
    /// The file is no script of acme.sh's `dnsapi`.
    #[error(
        "{command:?} is no script of acme.sh; give the path of a file named dns_xxx.sh that defines {function}"
    )]
    NoScript {
        /// The file.
        command: String,
        /// The function that it would define.
        function: String,
        /// The operating system's error, if the file cannot be read.
        source: Option<io::Error>,
    },
    /// The dialect needs more than the name and the value of a record.
    #[error(
        "the hook {command:?} is run in the dialect {dialect}, which needs the challenge itself; give the HookCommand as the solver"
    )]
    LacksChallenge {
        /// The program.
        command: String,
        /// Its dialect.
        dialect: HookDialect,
    },
    /// The command did not end in time and was stopped.
    #[error("the hook {command:?} did not end within {} s and was stopped", limit.as_secs())]
    TimedOut {
        /// The program.
        command: String,
        /// The time limit.
        limit: Duration,
    },
}

/// Splits a command at white space outside quotes. An empty pair of quotes is an empty word.
pub fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

const TIME_LIMIT: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests;
