//! When to renew a certificate: by renewal information (RFC 9773), or by its lifetime.
//!
//! A [`Lifecycle`] keeps one certificate alive: it says when to ask the CA, when to order, at which
//! of several CAs, and how long to wait after a failure. A [`RenewalSchedule`] is the part of it
//! that knows when one certificate is due; a program that brings its own retries uses it alone.
//! Both are values, not flows: they do nothing by themselves, have no clock, and can be stored
//! between the runs of a program (they implement serde's traits and have no secrets). The adapters'
//! `Certificates` drives a lifecycle for each certificate of a server. Without an adapter:
//!
//! ```
//! # use acme_proto::error::Error;
//! # use acme_proto::op::{GetRenewalInfo, RenewalInfoEntry};
//! # use acme_proto::renewal::{Lifecycle, LifecycleStep};
//! # use acme_proto::{time::Timestamp, url::Url, x509::Certificate};
//! # trait Ca {
//! #     fn ask(&self, directory: &Url, question: GetRenewalInfo) -> Result<RenewalInfoEntry, Error>;
//! #     fn register(&self, directory: &Url) -> Result<(), Error>;
//! #     fn order(&self, directory: &Url, replaces: Option<String>) -> Result<Certificate, Error>;
//! # }
//! # fn run(ca: impl Ca, now: Timestamp) -> Result<(), Box<dyn std::error::Error>> {
//! let mut life = Lifecycle::new(["https://ca.example/directory".parse()?], 42); // a seed of this machine
//! match life.next(now) {
//!     LifecycleStep::FetchInfo { directory, question } => {
//!         match ca.ask(&directory, question) {
//!             Ok(entry) => life.on_info(&entry, now),
//!             Err(error) => life.on_info_failed(&error, now),
//!         };
//!     }
//!     LifecycleStep::Register { directory } => match ca.register(&directory) {
//!         Ok(()) => life.on_registered(&directory),
//!         Err(error) => life.on_failed(&directory, &error, now),
//!     },
//!     LifecycleStep::Order { directory, replaces } => match ca.order(&directory, replaces) {
//!         Ok(leaf) => life.on_issued(&directory, &leaf, now),
//!         Err(error) => life.on_failed(&directory, &error, now),
//!     },
//!     LifecycleStep::Wait(until) => assert!(until > now), // sleep, but look at the clock every hour
//!     _ => {}
//! }
//! while let Some(event) = life.poll_event() {
//!     println!("{event}");
//! }
//! // Store the lifecycle, and start over.
//! # Ok(())
//! # }
//! ```
//!
//! # When a certificate is due
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
//!   response of a CA lets a certificate expire.
//!
//! # What a lifecycle adds
//!
//! - The age of a certificate counts by the machine's own clock too. A clock that is slow by months
//!   delays no renewal by months.
//! - There is a least time between two certificates: an hour, but at most a third of the lifetime.
//!   It doubles, up to half of the lifetime, while each new certificate is due as soon as it is
//!   there. No window, lifetime or clock causes a loop of orders.
//! - After a failure the next CA of the list is tried at once. A CA that failed is left alone for
//!   half of the time since its first failure, at least a minute (ten seconds if it was not
//!   reached or out of order), for twelve minutes for each failed validation of a name, and for as
//!   long as it asks, up to a day. While a certificate is valid, the wait is at most a twentieth of
//!   its lifetime and six hours; without one, an hour.
//! - The next renewal begins with the first CA again.
//! - If a CA has lost the account, the step is [`Register`](LifecycleStep::Register) again, once.
//!
//! All times are compared with the caller's `now`. A clock that is a day slow renews a day late
//! (Section 6).

mod lifecycle;
mod policy;
mod schedule;

pub use crate::renewal_window::RenewalWindow;
pub use lifecycle::{Lifecycle, LifecycleEvent, LifecycleFailure, LifecycleStep};
pub use policy::RenewalPolicy;
pub use schedule::{RenewalSchedule, RenewalStep};
