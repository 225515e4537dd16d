//! When to renew a certificate: renewal information (RFC 9773), and what is done without it.
//!
//! A [`RenewalSchedule`] is the memory of one certificate: what its CA said about the renewal, which instant
//! was chosen, how many attempts failed. It is a value, not a flow: it does nothing by itself, has no clock,
//! and can be stored between the runs of a program (serde; no secrets). [`next`](RenewalSchedule::next) tells
//! what is to be done now, and the answer is told to the schedule. `check_renewal` of both adapters does
//! that: with them, renewing a certificate for ever is
//!
//! ```text
//! let mut schedule = client.renewal_schedule(&leaf);
//! loop {
//!     match client.check_renewal(&mut schedule).await? {
//!         RenewalStep::Wait(at) => tokio::time::sleep(clock::until(at)).await,
//!         RenewalStep::Renew => match client.issue(names).replaces(&leaf).key(&key).solver(&dns).await {
//!             Ok(issued) => …          // and a new schedule for the new certificate
//!             Err(error) => client.renewal_failed(&mut schedule, &error),
//!         },
//!         _ => break,
//!     }
//! }
//! ```
//!
//! A program that runs now and then stores the schedule, and asks [`next_before`](RenewalSchedule::next_before)
//! with the time of its next run. Without an adapter:
//!
//! ```
//! # use acme_proto::{renewal::{RenewalSchedule, RenewalStep}, time::Timestamp, x509::Certificate};
//! # use acme_proto::{call::Call, error::Error, op::{GetRenewalInfo, RenewalInfoEntry}};
//! # fn run(call: impl Fn(GetRenewalInfo) -> Result<RenewalInfoEntry, Error>, leaf: &Certificate, now: Timestamp) {
//! let mut schedule = RenewalSchedule::new(leaf, 42); // any number of your own
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
//! - A uniformly random instant of the suggested window is chosen and kept while the window stays the same
//!   (RFC 9773 section 4.2). One that has passed means to renew at once: so a CA hurries us.
//! - The CA is asked right after issuance, then as it wishes by `Retry-After`, at least a minute and at most a
//!   day apart; six hours apart where it does not say (section 4.3).
//! - Errors that may pass are backed off from, others cost six hours (section 4.3.3). They never undo the last
//!   window, and never delay a renewal.
//! - Nothing is asked after expiry or replacement.
//! - Without any window, renewal is due at two thirds of the lifetime, or at half of one below ten days.
//! - Whatever the window says, renewal is due when a twentieth of the lifetime is left: no CA's answer can let
//!   a certificate expire.
//! - Failed attempts are backed off from, inside the window as elsewhere.
//!
//! The window is compared with the caller's `now`: a clock that is slow by a day renews a day late
//! (section 6), but the rule for the end of the lifetime holds by the same clock.

mod policy;
mod schedule;
mod window;

pub use policy::RenewalPolicy;
pub use schedule::{RenewalSchedule, RenewalStep};
pub use window::RenewalWindow;
