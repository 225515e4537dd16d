//! A user's command that publishes TXT records.

mod group;

use core::time::Duration;
use std::io::{self, Read};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

pub use self::group::{Ended, Group, kill_all};

/// A command, run as `CMD present NAME VALUE` and `CMD cleanup NAME VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookCommand {
    words: Vec<String>,
    time_limit: Duration,
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
        Self { words: words(command), time_limit: TIME_LIMIT }
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

    /// Returns the command with an empty standard input.
    ///
    /// [`Group::start`] runs it in a process group of its own, so that Ctrl-C at the terminal does not kill
    /// the hook that cleans up. The value may begin with `-`. Pass its output to [`check`](Self::check).
    pub fn command(&self, action: HookAction, name: &str, value: &str) -> Command {
        let mut words = self.words.iter();
        let mut command = Command::new(words.next().map_or("", String::as_str));
        command
            .args(words)
            .args([action.as_str(), name, value])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the command to add a value to the TXT records at a name, and waits for its end.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    pub fn present(&self, name: &str, value: &str) -> Result<(), HookError> {
        self.run(HookAction::Present, name, value)
    }

    /// Runs the command to remove a value from the TXT records at a name, and waits for its end.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    pub fn clean_up(&self, name: &str, value: &str) -> Result<(), HookError> {
        self.run(HookAction::Cleanup, name, value)
    }

    /// Runs the command and waits for its end.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check), and [`HookError::Start`] and [`HookError::TimedOut`].
    pub fn run(&self, action: HookAction, name: &str, value: &str) -> Result<(), HookError> {
        self.run_while(action, name, value, || true)
    }

    /// Runs the command as [`run`](Self::run) does, and stops it when `wanted` returns false.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run), and [`HookError::Stopped`] if it was stopped for that.
    pub fn run_while(
        &self,
        action: HookAction,
        name: &str,
        value: &str,
        wanted: impl Fn() -> bool,
    ) -> Result<(), HookError> {
        let mut command = self.command(action, name, value);
        let mut group = Group::start(&mut command).map_err(|error| self.not_started(error))?;
        let said = group.child().stderr.take().map(listen);
        let ended = group.wait(self.time_limit, wanted).map_err(|error| self.not_started(error))?;
        let status = match ended {
            Ended::Status(status) => status,
            Ended::TimedOut => return Err(self.timed_out()),
            Ended::Stopped => return Err(HookError::Stopped { command: self.name() }),
        };
        if status.success() {
            return Ok(());
        }
        // What it has written may still be in the pipe. A child that it left behind may keep the
        // pipe open, so this does not wait for its end but for a short silence, and not for that of one that never is
        // silent.
        let mut stderr = Vec::new();
        let end = Instant::now() + MOST_LAST_WORDS;
        let wait = || end.saturating_duration_since(Instant::now()).min(LAST_WORDS);
        while let Some(Ok(piece)) = said.as_ref().map(|said| said.recv_timeout(wait())) {
            stderr.extend_from_slice(&piece);
            if wait().is_zero() {
                break;
            }
        }
        self.check(&Output { status, stdout: Vec::new(), stderr })
    }

    /// Checks the exit status of the command.
    ///
    /// # Errors
    ///
    /// [`HookError::Failed`] with what it wrote to standard error, for any status but 0.
    pub fn check(&self, output: &Output) -> Result<(), HookError> {
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let text: String = text
            .trim()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MAX_WORDS)
            .collect();
        let said = if text.is_empty() { "it said nothing".into() } else { text };
        Err(HookError::Failed { command: self.name(), status: output.status, said })
    }

    /// Describes a command that could not be run.
    pub fn not_started(&self, source: io::Error) -> HookError {
        HookError::Start { command: self.name(), source }
    }

    /// Describes a command that was stopped at its time limit.
    pub fn timed_out(&self) -> HookError {
        HookError::TimedOut { command: self.name(), limit: self.time_limit }
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
        /// What it wrote to standard error.
        said: String,
    },
    /// The command was stopped, because its result was no longer needed.
    #[error("the hook {command:?} was stopped, because its result is no longer needed")]
    Stopped {
        /// The program.
        command: String,
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

/// Reads standard error on a detached thread: a child that the command left behind may keep the
/// pipe open for any length of time.
///
/// Output beyond the limit is read and dropped, because a full pipe would block the command.
fn listen(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut piece = [0; 4096];
        let mut left = MAX_STDERR;
        while let Ok(length @ 1..) = pipe.read(&mut piece) {
            let kept = length.min(left);
            left -= kept;
            if kept > 0 {
                let _ = send.send(piece[..kept].to_vec());
            }
        }
    });
    receive
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
const LAST_WORDS: Duration = Duration::from_millis(200);
const MOST_LAST_WORDS: Duration = Duration::from_secs(1);
const MAX_STDERR: usize = 64 * 1024;
const MAX_WORDS: usize = 500;

#[cfg(test)]
mod tests;
