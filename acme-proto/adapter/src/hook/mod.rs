//! A command of the user's that publishes TXT records.

use core::time::Duration;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// A command, run as `CMD present NAME VALUE` and `CMD cleanup NAME VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookCommand {
    words: Vec<String>,
    time_limit: Duration,
}

/// What a hook is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookAction {
    /// Add the value to the TXT records at the name.
    Present,
    /// Remove the value, and leave the others.
    Cleanup,
}

impl HookAction {
    /// Returns the word that the command is given.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Cleanup => "cleanup",
        }
    }
}

impl HookCommand {
    /// Takes a command with its first arguments, separated by spaces.
    ///
    /// Single or double quotes keep a word together; nothing else has a meaning, for no shell is involved.
    pub fn new(command: &str) -> Self {
        Self { words: words(command), time_limit: TIME_LIMIT }
    }

    /// Sets how long one run may take before it is killed; 2 minutes if nothing else is said.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Returns how long one run may take.
    pub const fn limit(&self) -> Duration {
        self.time_limit
    }

    /// Returns the command to be run, with nothing on its standard input.
    ///
    /// On Unix it is in a process group of its own, so that Ctrl-C at the terminal does not stop the
    /// clean-up that follows. The value may begin with `-`. [`check`](Self::check) judges how it ended.
    pub fn command(&self, action: HookAction, name: &str, value: &str) -> Command {
        let mut words = self.words.iter();
        let mut command = Command::new(words.next().map_or("", String::as_str));
        command
            .args(words)
            .args([action.as_str(), name, value])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
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

    /// Runs the command as [`run`](Self::run) does, as long as it is wanted.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run), and [`HookError::Stopped`] when it is not wanted any more: it is killed then.
    pub fn run_while(
        &self,
        action: HookAction,
        name: &str,
        value: &str,
        wanted: impl Fn() -> bool,
    ) -> Result<(), HookError> {
        let mut child =
            self.command(action, name, value).spawn().map_err(|error| self.not_started(error))?;
        let said = child.stderr.take().map(listen);
        let start = Instant::now();
        let mut pause = Duration::from_millis(1);
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if start.elapsed() >= self.time_limit => {
                    kill(&mut child);
                    return Err(self.timed_out());
                }
                Ok(None) if !wanted() => {
                    kill(&mut child);
                    return Err(HookError::Stopped { command: self.name() });
                }
                Ok(None) => thread::sleep(pause),
                Err(error) => return Err(self.not_started(error)),
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        };
        if status.success() {
            return Ok(());
        }
        let mut stderr = Vec::new();
        while let Some(Ok(piece)) = said.as_ref().map(|said| said.recv_timeout(LAST_WORDS)) {
            stderr.extend_from_slice(&piece);
        }
        self.check(&Output { status, stdout: Vec::new(), stderr })
    }

    /// Judges how the command ended.
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

    /// Describes a command that was killed at its time limit.
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
    /// It could not be run.
    #[error("the hook {command:?} cannot be run; give the path of a program that may be executed")]
    Start {
        /// The program.
        command: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// It said that it failed.
    #[error("the hook {command:?} failed ({status}): {said}")]
    Failed {
        /// The program.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error.
        said: String,
    },
    /// It was killed, for nobody waited for it any more.
    #[error("the hook {command:?} was stopped, for nobody waits for it any more")]
    Stopped {
        /// The program.
        command: String,
    },
    /// It did not end in time.
    #[error("the hook {command:?} did not end within {} s and was stopped", limit.as_secs())]
    TimedOut {
        /// The program.
        command: String,
        /// The time limit.
        limit: Duration,
    },
}

/// Kills a command and, on Unix, whatever it started in its process group.
///
/// Only the utility `kill` reaches a group without unsafe code; where there is none, the command alone is killed.
fn kill(child: &mut Child) {
    #[cfg(unix)]
    {
        // The number cannot be another's: the command has not been waited for.
        let group = format!("-{}", child.id());
        let mut command = Command::new("kill");
        command.args(["-s", "KILL", "--", &group]);
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads what a command says, on a thread that nobody waits for: a child that it left behind may hold the
/// pipe open for as long as it likes.
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

fn words(command: &str) -> Vec<String> {
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
const MAX_STDERR: usize = 64 * 1024;
const MAX_WORDS: usize = 500;

#[cfg(test)]
mod tests;
