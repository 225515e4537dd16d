//! Commands in process groups of their own, which end with everything that they started.

use core::time::Duration;
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crate::locked;

/// A command that runs in a process group of its own, so that Ctrl-C at the terminal does not reach it.
///
/// Dropping it kills the group.
#[derive(Debug)]
pub struct Group {
    child: Child,
    has_ended: bool,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// By itself.
    Status(ExitStatus),
    /// It was stopped, since its time was over.
    TimedOut,
    /// It was stopped, since its result is not needed any more.
    Stopped,
}

impl Group {
    /// Starts the command.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut running = locked(&RUNNING);
        let child = command.spawn()?;
        running.push(child.id());
        Ok(Self { child, has_ended: false })
    }

    /// Returns the command's process.
    pub const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for the end of the command; it is stopped at its time limit, and when `wanted` returns false.
    ///
    /// To stop it, the group is asked to end first (SIGTERM), and killed if the command goes on for two seconds.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn wait(&mut self, limit: Duration, wanted: impl Fn() -> bool) -> io::Result<Ended> {
        // The standard library cannot wait with a time limit. The pauses grow, so that a fast command
        // ends soon and a slow one costs little.
        let start = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(Ended::Status(status));
            }
            let stopped = match start.elapsed() >= limit {
                true => Some(Ended::TimedOut),
                false => (!wanted()).then_some(Ended::Stopped),
            };
            if let Some(ended) = stopped {
                self.stop();
                return Ok(ended);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        // Under the lock: `kill_all` must not signal a process ID that is free for others.
        let mut running = locked(&RUNNING);
        let status = self.child.try_wait()?;
        if status.is_some() {
            self.has_ended = true;
            running.retain(|id| *id != self.child.id());
        }
        Ok(status)
    }

    /// Asks the group to end, and kills it if it does not.
    fn stop(&mut self) {
        signal(self.child.id(), "TERM");
        let start = Instant::now();
        while matches!(self.try_wait(), Ok(None)) && start.elapsed() < GRACE {
            thread::sleep(LONGEST_PAUSE);
        }
        // What the command started may go on without it.
        signal(self.child.id(), "KILL");
        self.reap();
    }

    fn reap(&mut self) {
        if !self.has_ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
            self.has_ended = true;
            locked(&RUNNING).retain(|id| *id != self.child.id());
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.has_ended {
            signal(self.child.id(), "KILL");
            self.reap();
        }
    }
}

/// Kills every command of this process that is running, with everything that it started, for a program that ends at
/// once.
pub fn kill_all() {
    for id in locked(&RUNNING).iter() {
        signal(*id, "KILL");
    }
}

/// Signals a process group.
///
/// Without unsafe code, only the utility `kill` can do that.
fn signal(group: u32, name: &str) {
    if cfg!(unix) {
        let mut command = Command::new("kill");
        command.args(["-s", name, "--", &format!("-{group}")]);
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// The process groups that are running.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());
const GRACE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
