//! When to renew a certificate: by renewal information (RFC 9773), or by its lifetime.
//!
//! A [`RenewalSchedule`] records the renewal state of one certificate: the window that its CA
//! suggests, the instant chosen in it, and the failed attempts. It is a value, not a flow: it does
//! nothing by itself, has no clock, and can be stored between the runs of a program (it implements
//! serde's traits and has no secrets). [`next`](RenewalSchedule::next) returns the next step, whose
//! result is reported back to the schedule. `Client::check_renewal` of both adapters does both, and
//! its documentation has the loop that keeps a certificate renewed.
//!
//! A program that runs periodically stores the schedule, and calls
//! [`next_before`](RenewalSchedule::next_before) with the time of its next run. Without an adapter:
//!
//! ```
//! # use acme_proto::{renewal::{RenewalSchedule, RenewalStep}, time::Timestamp, x509::Certificate};
//! # use acme_proto::{error::Error, op::{GetRenewalInfo, RenewalInfoEntry}};
//! # type Call = fn(GetRenewalInfo) -> Result<RenewalInfoEntry, Error>;
//! # fn run(call: Call, leaf: &Certificate, now: Timestamp) {
//! let mut schedule = RenewalSchedule::new(leaf, 42); // the seed: one number for each machine
//! match schedule.next(now) {
//!     RenewalStep::Ask(question) => {
//!         let notice = match call(question) {
//!             Ok(entry) => schedule.on_info(&entry, now),
//!             Err(error) => schedule.on_error(&error, now),
//!         };
//!         // Log the notice: it names the page that explains a new window. Then ask `next` again.
//!         # let _ = notice;
//!     }
//!     RenewalStep::Renew => {
//!         // Order, with `replaces`. Then a new schedule for the new certificate, or:
//!         schedule.on_attempt_failed(None, now);
//!     }
//!     RenewalStep::Wait(until) => assert!(until > now),
//!     _ => {} // replaced
//! }
//! # }
//! ```
//!
//! # The rules
//!
//! - A uniformly random instant in the suggested window is chosen, and kept while the window stays
//!   the same (RFC 9773 Section 4.2). If that instant is in the past, renewal is due at once; CAs
//!   move the window there for certificates that they revoke.
//! - Renewal information is fetched right after issuance, and then whenever `Retry-After` says, but
//!   no sooner than after a minute and no later than after a day. Without `Retry-After` it is
//!   fetched every six hours (Section 4.3).
//! - Temporary errors are retried with backoff, others after six hours (Section 4.3.3). An error
//!   never discards the last window, unless the CA no longer offers renewal information, and never
//!   delays a renewal.
//! - Nothing is fetched after the expiry or replacement of the certificate.
//! - Without a window, renewal is due at two thirds of the lifetime, or at half of a lifetime below
//!   ten days.
//! - Whatever the window is, renewal is due when a twentieth of the lifetime is left, so that no
//!   answer of a CA lets a certificate expire.
//! - Failed attempts are retried with backoff, inside the window as well.
//!
//! All times are compared with the caller's `now`. A clock that is a day slow renews a day late
//! (Section 6).

mod policy;
mod schedule;

pub use crate::renewal_window::RenewalWindow;
pub use policy::RenewalPolicy;
pub use schedule::{RenewalSchedule, RenewalStep};
