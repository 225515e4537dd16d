//! What the example programs `issue` and `issue-blocking` share, and what nobody would copy from them.
//!
//! Arguments, files, locks, progress and exit codes are here; talking to the CA is in the examples. A
//! program is one [`Job`]: [`Job::from_args`] reads the command line and prepares everything,
//! [`Job::end`] writes the files, says how it went, and returns the exit code.
//!
//! | exit code | means |
//! | --- | --- |
//! | 0 | the certificate is issued and its files are written |
//! | 1 | it failed, or was interrupted: the message has the CA's own words, the URL, and what to do |
//! | 2 | wrong usage: an option is missing or unusable, or the CA's terms were not agreed to |
//!
//! # Files
//!
//! In the directory `--out`, beside the account file if `--account` puts it nowhere else:
//!
//! - `key.pem` (mode 0600): the certificate's key, there before anything is ordered. A key that is there
//!   already is used again, so that an existing certificate never loses its key. With `--csr` there is none.
//! - `order.json`: the order in flight, gone when it is done. A run that finds one goes on with it.
//! - `cert.pem`: the leaf, then its chain.
//! - `root.pem`: the root of the embedded test CA.
//! - `*.lock`: empty files, locked while a run uses the directory or the account.
//!
//! # The embedded test CA
//!
//! It lives as long as the run. So an `order.json` that an earlier embedded run left is given up, and the
//! account is registered again, with the same key. State of any other CA is never touched.

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
