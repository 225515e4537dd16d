//! The command line of the example programs `issue` and `issue-blocking`.
//!
//! This crate parses arguments, keeps files and locks, shows progress and chooses the exit code.
//! The examples themselves only talk to the CA. [`Program::from_args`] reads the command line. It asks for one
//! [`Job`], whose files are then open, and whose [`end`](Job::end) writes the results, prints the report, and returns
//! the exit code; or for the [`Daemon`], which keeps the certificates of a configuration file alive. The manual's page
//! "running it" describes that file.
//!
//! | exit code | means |
//! | --- | --- |
//! | 0 | the certificate was issued and its files are written, or the stored one is not due for renewal, or its renewal failed a short time ago |
//! | 1 | it failed or was interrupted; the message has the CA's own words, the URL, and a remedy |
//! | 2 | wrong usage: an option is missing or invalid, or the CA's terms were not agreed to |
//! | 3 | the certificate is stored, but `--deploy-hook` failed; the next run starts it again |
//!
//! Ctrl-C and SIGTERM have the challenges cleaned up, for as long as `--timeout` at most, or ten seconds; a second one ends the program at
//! once, and says what is still published. Neither leaves a hook running.
//!
//! # Files
//!
//! The directory `--out` holds these files, and the account file with what is beside it, unless `--account` names another
//! place:
//!
//! - `account.json.session` (mode 0600), beside the account file and named after it: the CA's directory, the account's
//!   URL, some nonces, and how long the CA took lately. It spares a run two of eleven round trips. It is written after a
//!   run that ended well, when the certificate is stored, and removed after one that failed at the CA. What is out of
//!   date in it costs one repeated request. A file of that name that is something else is left alone, with a warning.
//! - `key.pem` (mode 0600): the certificate's key, written before the order is created. An existing
//!   key is used again, since overwriting it would leave an earlier certificate without its key.
//!   With `--csr` there is no such file.
//! - `order.json`: the unfinished order, removed when the order is done. A later run resumes it.
//! - `renewal.json`: when `cert.pem` is renewed, which CA issued it, and whether the deploy hook has yet to run. While it
//!   is not due, a run ends at once with exit code 0, unless it is given other names, another profile or another key, or
//!   `--force`. After a renewal that failed, runs leave the CA alone for as long as it asked, or for a minute at first,
//!   and twice as long after each failure.
//! - `cert.pem`: the leaf, then its chain.
//! - `root.pem`: the root of the embedded test CA.
//! - `*.lock`: empty files, locked while a run uses the directory or the account.
//!
//! # The embedded test CA
//!
//! The embedded CA stops with the run and keeps nothing, so every run orders a certificate. Its files are in a folder
//! of their own unless `--out` is given, and its account and order have names of their own, `embedded-account.json`
//! (`embedded-FILE` beside `--account FILE`) and `embedded-order.json`: no run with the embedded CA is in the way of one with another CA. A later run discards such an
//! order, and registers the account again with the same key. What another CA issued is never replaced.

mod account;
mod args;
mod consent;
mod daemon;
mod deploy;
mod failure;
mod interrupt;
mod job;
mod key;
mod kinds;
mod locking;
mod output;
mod program;
mod progress;
mod publisher;
mod renewal;
mod report;
mod trace;

pub use consent::AtTerminal;
pub use daemon::{Adapter, Authority, Daemon, Keeper, Plan, Settings, SolverSettings, Webroot};
pub use failure::{BoxError, Failure};
pub use job::Job;
pub use program::Program;
pub use publisher::{DnsUpdateSettings, HookSettings};
