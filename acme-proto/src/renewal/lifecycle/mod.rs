//! The life of one certificate: from the first order through every renewal.

mod authority;
mod event;
mod held;
mod ladder;

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, de};

pub use self::event::{LifecycleEvent, LifecycleFailure};

use self::authority::Authority;
use self::held::Held;
use self::ladder::{Circumstances, Weight};
use super::policy::{HOUR, RenewalPolicy, later};
use super::schedule::RenewalSchedule;
use crate::error::{Error, Report};
use crate::notice::Notice;
use crate::op::{GetRenewalInfo, RenewalInfoEntry};
use crate::renewal_window::random;
use crate::time::Timestamp;
use crate::url::Url;
use crate::x509::Certificate;

/// The next step in the life of a certificate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LifecycleStep {
    /// Run this operation at the CA with this directory, then call [`on_info`](Lifecycle::on_info)
    /// or [`on_info_failed`](Lifecycle::on_info_failed) with its result.
    FetchInfo {
        /// The directory of the CA that issued the certificate.
        directory: Url,
        /// The operation.
        question: GetRenewalInfo,
    },
    /// Register the account, or find it, then call [`on_registered`](Lifecycle::on_registered) or
    /// [`on_failed`](Lifecycle::on_failed).
    Register {
        /// The directory of the CA.
        directory: Url,
    },
    /// Order a certificate, or go on with an order that is in flight, then call
    /// [`on_issued`](Lifecycle::on_issued) or [`on_failed`](Lifecycle::on_failed).
    Order {
        /// The directory of the CA.
        directory: Url,
        /// The identifier of the certificate that the order
        /// [replaces](crate::op::NewOrder::with_replaces), if this CA issued it.
        replaces: Option<String>,
    },
    /// Do nothing before this time, which is in the future.
    Wait(Timestamp),
}

/// The life of one certificate: when it is ordered, at which CA, and what happens after a failure.
///
/// The [module documentation](super) has an example and the rules. A lifecycle is a value, not a
/// flow: it does nothing by itself and has no clock. [`next`](Self::next) returns the next step,
/// whose result is reported back. It is level-triggered: `next` depends on the state alone, so a
/// program may stop at any time, and any process may go on with a stored lifecycle. It implements
/// serde's traits and has no secrets. The [policy](Self::with_policy) is not stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    #[serde(deserialize_with = "known_version")]
    version: u32,
    seed: u64,
    /// In the order of preference.
    authorities: Vec<Authority>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<Held>,
    #[serde(default)]
    is_ordered_now: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_failure: Option<LifecycleFailure>,
    /// Not stored: a stored lifecycle would otherwise change with every step.
    #[serde(skip)]
    last_seen: Option<Timestamp>,
    #[serde(skip)]
    waiting_until: Option<Timestamp>,
    #[serde(skip)]
    events: VecDeque<LifecycleEvent>,
    #[serde(skip)]
    policy: RenewalPolicy,
}

/// Rejects a lifecycle in the format of a newer version of this crate.
fn known_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        version @ 0..=Lifecycle::VERSION => Ok(version),
        _ => Err(de::Error::custom("the lifecycle is of a newer version of acme-proto")),
    }
}

impl Lifecycle {
    const VERSION: u32 = 1;

    /// Creates the life of a certificate that does not exist yet.
    ///
    /// `directories` are the CAs that may issue it, the preferred one first. `seed` decides which
    /// instant of a window is chosen; use a different one on each machine.
    pub fn new(directories: impl IntoIterator<Item = Url>, seed: u64) -> Self {
        Self {
            version: Self::VERSION,
            seed,
            authorities: directories.into_iter().map(Authority::new).collect(),
            held: None,
            is_ordered_now: false,
            last_failure: None,
            last_seen: None,
            waiting_until: None,
            events: VecDeque::new(),
            policy: RenewalPolicy::default(),
        }
    }

    /// Sets the limits and waits. Set them again after loading a stored lifecycle.
    pub fn with_policy(mut self, policy: RenewalPolicy) -> Self {
        if let Some(held) = self.held.take() {
            let schedule = held.schedule.with_policy(policy.clone());
            self.held = Some(Held { schedule, ..held });
        }
        self.policy = policy;
        self
    }

    /// Returns the limits and waits.
    pub const fn policy(&self) -> &RenewalPolicy {
        &self.policy
    }

    /// Replaces the CAs, the preferred one first. A stored lifecycle keeps what it knows about
    /// those that stay.
    pub fn with_directories(mut self, directories: impl IntoIterator<Item = Url>) -> Self {
        let known = core::mem::take(&mut self.authorities);
        self.waiting_until = None;
        let keep = |directory: Url| {
            let known = known.iter().find(|authority| authority.directory == directory);
            known.cloned().unwrap_or_else(|| Authority::new(directory))
        };
        self.authorities = directories.into_iter().map(keep).collect();
        self
    }

    /// Returns the next step.
    pub fn next(&mut self, now: Timestamp) -> LifecycleStep {
        self.next_before(now, now)
    }

    /// Returns the next step for a program that runs again only at `next_run`.
    ///
    /// An order that becomes due before `next_run` is due now (RFC 9773 Section 4.2, step 5).
    pub fn next_before(&mut self, now: Timestamp, next_run: Timestamp) -> LifecycleStep {
        self.settle(now);
        // A certificate of a CA that is no longer in use has no question, and no time of one.
        let question = self.question();
        let ask_at = question.as_ref().and(self.held.as_ref());
        let ask_at = ask_at.and_then(|held| held.schedule.ask_time(now));
        if ask_at.is_some_and(|at| at <= now)
            && let Some(step) = question
        {
            return step;
        }
        let due_at = match &self.held {
            Some(held) if !self.is_ordered_now => held.due_at(&self.policy),
            _ => now,
        };
        let mut until = due_at;
        if due_at <= now || due_at < next_run {
            match self.first_free(now) {
                Ok(index) => return self.order_at(index),
                Err(free_at) => until = free_at,
            }
        }
        let until = ask_at.map_or(until, |ask| ask.min(until));
        if self.waiting_until != Some(until) {
            self.waiting_until = Some(until);
            self.events.push_back(LifecycleEvent::Waiting { until });
        }
        LifecycleStep::Wait(until)
    }

    /// Returns the next event, until there is none.
    pub fn poll_event(&mut self) -> Option<LifecycleEvent> {
        self.events.pop_front()
    }

    /// Handles fetched renewal information, and returns a notice of a new window.
    pub fn on_info(&mut self, entry: &RenewalInfoEntry, now: Timestamp) -> Option<Notice> {
        let held = self.held.as_mut()?;
        let was_due = held.due_at(&self.policy) <= now;
        let notice = held.schedule.on_info(entry, now);
        if let Some(window) = held.schedule.window()
            && window.end() <= now
            && !was_due
            && notice.is_some()
        {
            let explanation_url = window.explanation_url().cloned();
            self.events.push_back(LifecycleEvent::ReplaceNow { explanation_url });
        }
        notice
    }

    /// Handles a failed fetch of renewal information, which never delays a renewal.
    pub fn on_info_failed(&mut self, error: &Error, now: Timestamp) -> Option<Notice> {
        self.held.as_mut()?.schedule.on_error(error, now)
    }

    /// Handles a registration.
    pub fn on_registered(&mut self, directory: &Url) {
        if let Some(authority) = self.authority(directory) {
            authority.is_registered = true;
        }
    }

    /// Reports that an order begins; a step may be returned more than once before its result.
    pub fn on_ordering(&mut self, directory: &Url) {
        self.events.push_back(LifecycleEvent::Renewing { directory: directory.clone() });
    }

    /// Handles a new certificate, also one that another process ordered.
    pub fn on_issued(&mut self, directory: &Url, certificate: &Certificate, now: Timestamp) {
        let early = match self.held.take() {
            Some(old) if !self.is_ordered_now => old.early_with_this(),
            _ => 0,
        };
        self.hold(directory, certificate, now);
        if let Some(held) = &mut self.held {
            held.early = early;
        }
        self.is_ordered_now = false;
        self.last_failure = None;
        for authority in &mut self.authorities {
            authority.ladder = ladder::Ladder::default();
        }
        self.on_registered(directory);
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        self.events.push_back(LifecycleEvent::Renewed { directory: directory.clone(), not_after });
        if now < not_before || now >= not_after {
            let expected = if now < not_before { not_before } else { not_after };
            self.events.push_back(LifecycleEvent::ClockLooksWrong { now, expected });
        }
    }

    /// Holds a stored certificate, which arrived at the time `issued_at` of this machine.
    ///
    /// A stored lifecycle knows its certificate already. Without one, or if another process has
    /// replaced the certificate, use this or [`on_issued`](Self::on_issued).
    pub fn hold(&mut self, directory: &Url, certificate: &Certificate, issued_at: Timestamp) {
        let schedule =
            RenewalSchedule::new(certificate, self.seed).with_policy(self.policy.clone());
        self.waiting_until = None;
        self.held = Some(Held {
            directory: directory.clone(),
            schedule,
            issued_at,
            early: 0,
            reported_emergency: false,
            reported_expiry: false,
        });
    }

    /// Returns whether this certificate is the one in use.
    pub fn holds(&self, certificate: &Certificate) -> bool {
        self.held.as_ref().is_some_and(|held| {
            let schedule = &held.schedule;
            schedule.certificate_id() == certificate.renewal_id().as_deref()
                && schedule.not_before() == certificate.not_before()
                && schedule.not_after() == certificate.not_after()
        })
    }

    /// Forgets the certificate: its file is lost or damaged.
    pub fn forget(&mut self) {
        self.held = None;
        self.waiting_until = None;
    }

    /// Makes an order due now: the certificate was revoked, its key was exposed, or its names
    /// changed. Waits after failures still apply.
    pub const fn order_now(&mut self) {
        self.is_ordered_now = true;
    }

    /// Handles a failed registration or order at a CA.
    ///
    /// The next CA is tried at once. After a failure of this machine, such as its signer, no CA is.
    pub fn on_failed(&mut self, directory: &Url, error: &Error, now: Timestamp) {
        let Some(authority) = self.authority(directory) else { return };
        if matches!(error, Error::NoAccount { .. }) && authority.is_registered {
            authority.is_registered = false;
            let is_first = authority.ladder.failures() == 0;
            self.events.push_back(LifecycleEvent::AccountLost { directory: directory.clone() });
            // The second time, registering did not help.
            if is_first && let Some(authority) = self.authority(directory) {
                authority.ladder.count(now);
                return;
            }
        }
        let is_local = matches!(
            error,
            Error::Signer(_) | Error::Storage(_) | Error::Misuse(_) | Error::Internal(_)
        );
        let weight = Weight::of(error);
        self.fail(directory, Report::new(error).to_string(), weight, is_local, now);
    }

    /// Handles a failure that did not come from a CA, such as a file that cannot be written.
    pub fn on_local_failure(&mut self, directory: &Url, reason: String, now: Timestamp) {
        self.fail(directory, reason, Weight::LOCAL, true, now);
    }

    /// Handles a CA that cannot be used as this machine is set up: it demands an external account, say, and none is set.
    ///
    /// The next CA is tried at once.
    pub fn on_unusable_ca(&mut self, directory: &Url, reason: String, now: Timestamp) {
        self.fail(directory, reason, Weight::LOCAL, false, now);
    }

    fn fail(&mut self, at: &Url, reason: String, weight: Weight, everywhere: bool, now: Timestamp) {
        let lifetime = self.held.as_ref().map(|held| held.schedule.lifetime());
        let is_valid = self.not_after().is_some_and(|end| now < end);
        let mut failures = 0;
        for authority in &mut self.authorities {
            let is_it = authority.directory == *at;
            if is_it || everywhere {
                let count = authority.ladder.failures();
                let random = random(self.seed, authority.directory.as_str(), count);
                let around = Circumstances { policy: &self.policy, lifetime, is_valid, random };
                authority.ladder.fail(weight, around, now);
            }
            if is_it {
                failures = authority.ladder.failures();
            }
        }
        let next_attempt = self.first_free(now).map_or_else(|at| at, |_| now);
        self.waiting_until = None;
        let directory = at.clone();
        let failure = LifecycleFailure { directory, reason, at: now, next_attempt, failures };
        self.last_failure = Some(failure.clone());
        self.events.push_back(LifecycleEvent::Failed(failure));
    }

    /// Returns the last failure since the certificate was issued.
    pub const fn last_failure(&self) -> Option<&LifecycleFailure> {
        self.last_failure.as_ref()
    }

    /// Returns when the certificate expires; `None` without one.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.held.as_ref().map(|held| held.schedule.not_after())
    }

    /// Returns whether the certificate in use expires soon, or has expired.
    pub fn is_urgent(&self, now: Timestamp) -> bool {
        self.held.as_ref().is_some_and(|held| held.latest() <= now)
    }

    /// Returns the directory of the CA that issued the certificate.
    pub fn directory(&self) -> Option<&Url> {
        self.held.as_ref().map(|held| &held.directory)
    }

    /// Returns when the next order is due, apart from waits after failures; `None` without a
    /// certificate, when it is due at once.
    pub fn renew_at(&self) -> Option<Timestamp> {
        self.held.as_ref().map(|held| held.due_at(&self.policy))
    }

    fn question(&self) -> Option<LifecycleStep> {
        let held = self.held.as_ref()?;
        let question = held.schedule.question()?;
        // A CA that is no longer in use has no client.
        let is_known = self.authorities.iter().any(|other| other.directory == held.directory);
        is_known.then(|| LifecycleStep::FetchInfo { directory: held.directory.clone(), question })
    }

    /// Returns the first CA that may be tried, or the time when one may be.
    fn first_free(&self, now: Timestamp) -> Result<usize, Timestamp> {
        let mut earliest = None;
        for (index, authority) in self.authorities.iter().enumerate() {
            match authority.ladder.held_until(now) {
                None => return Ok(index),
                Some(until) => earliest = Some(earliest.map_or(until, |other| until.min(other))),
            }
        }
        // Without any CA nothing can be done; the caller may set some later.
        Err(earliest.unwrap_or_else(|| later(now, HOUR)))
    }

    fn order_at(&mut self, index: usize) -> LifecycleStep {
        let authority = &self.authorities[index];
        let directory = authority.directory.clone();
        self.waiting_until = None;
        if !authority.is_registered {
            return LifecycleStep::Register { directory };
        }
        let held = self.held.as_ref().filter(|held| held.directory == directory);
        let replaces = held.and_then(|held| held.schedule.certificate_id()).map(String::from);
        LifecycleStep::Order { directory, replaces }
    }

    fn authority(&mut self, directory: &Url) -> Option<&mut Authority> {
        self.authorities.iter_mut().find(|authority| authority.directory == *directory)
    }

    /// Corrects what a wrong clock stored, and reports what the time makes of the certificate.
    fn settle(&mut self, now: Timestamp) {
        let issued_at = self.held.as_ref().map(|held| held.issued_at);
        if let Some(expected) = self.last_seen.max(issued_at)
            && now < expected.saturating_sub(HOUR)
        {
            self.events.push_back(LifecycleEvent::ClockLooksWrong { now, expected });
        }
        self.last_seen = Some(now);
        for authority in &mut self.authorities {
            authority.ladder.settle(&self.policy, now);
        }
        let Some(held) = &mut self.held else { return };
        // The clock may have been fast when the certificate arrived. A time before its validity is a clock that is not set.
        if now >= held.schedule.not_before() {
            held.issued_at = held.issued_at.min(now);
        }
        let not_after = held.schedule.not_after();
        if now >= not_after && !core::mem::replace(&mut held.reported_expiry, now >= not_after) {
            self.events.push_back(LifecycleEvent::Expired { not_after });
        } else if now >= held.latest()
            && now < not_after
            && !core::mem::replace(&mut held.reported_emergency, true)
        {
            self.events.push_back(LifecycleEvent::Emergency { not_after });
        }
    }
}
