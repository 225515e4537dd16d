//! What the command line asks for.

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Other};
use crate::daemon::{Daemon, Prepared};
use crate::failure::Failure;
use crate::job::{Job, complain};

/// What the command line asks for.
#[derive(Debug)]
pub enum Program {
    /// To obtain one certificate.
    Job(Box<Job>),
    /// To keep the certificates of a file alive.
    Daemon(Box<Daemon>),
}

impl Program {
    /// Reads the command line, acquires the locks, and checks the existing files.
    ///
    /// # Errors
    /// The exit code of the program, after the message was printed: a failure, or that there is nothing more to do.
    pub fn from_args() -> Result<Self, ExitCode> {
        let parsed = Args::try_parse().map_err(|error| {
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { Failure::USAGE } else { 0 })
        });
        let args = Box::new(parsed?);
        let Some(Other::Daemon(daemon)) = &args.command else {
            return Job::new(args).map(|job| Self::Job(Box::new(job)));
        };
        match Daemon::prepare(daemon).map_err(|failure| complain(&failure))? {
            Prepared::Daemon(daemon) => Ok(Self::Daemon(daemon)),
            Prepared::Done(code) => Err(code),
        }
    }
}
