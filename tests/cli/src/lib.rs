//! The command line of the example programs `issue` and `issue-blocking`.
//!
//! This crate parses arguments, keeps files and locks, shows progress and chooses the exit code.
//! The examples themselves only talk to the CA. A program is one [`Job`]: [`Job::from_args`] reads
//! the command line and opens the files, [`Job::end`] writes the results, prints the report, and
//! returns the exit code.
//!
//! | exit code | means |
//! | --- | --- |
//! | 0 | the certificate was issued and its files are written |
//! | 1 | it failed or was interrupted; the message has the CA's own words, the URL, and a remedy |
//! | 2 | wrong usage: an option is missing or invalid, or the CA's terms were not agreed to |
//!
//! # Files
//!
//! The directory `--out` holds these files, and the account file unless `--account` names another
//! place:
//!
//! - `key.pem` (mode 0600): the certificate's key, written before the order is created. An existing
//!   key is used again, since overwriting it would leave an earlier certificate without its key.
//!   With `--csr` there is no such file.
//! - `order.json`: the unfinished order, removed when the order is done. A later run resumes it.
//! - `cert.pem`: the leaf, then its chain.
//! - `root.pem`: the root of the embedded test CA.
//! - `*.lock`: empty files, locked while a run uses the directory or the account.
//!
//! # The embedded test CA
//!
//! The embedded CA stops with the run and keeps nothing. A later run therefore discards an
//! `order.json` of an embedded CA, and registers the account again with the same key. Files that
//! belong to any other CA are never discarded.

mod account;
mod args;
mod consent;
mod failure;
mod job;
mod key;
mod locking;
mod output;
mod progress;
mod report;
mod trace;

pub use failure::{BoxError, Failure};
pub use job::Job;
