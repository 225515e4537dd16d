//! Issuances by the adapters at a CA whose responses are changed on the way.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use acme_proto::http::Response;
use acme_proto::policy::{Policy, Rates, Schedule};
use acme_proto::wire::ChallengeKind::Dns01;
use acme_testca::{CaResponse, RequestKind, TestCa};

use super::Scenario;
use super::adapters::{Blocking, Tokio};
use super::driver::{Driver, shown};
use super::table::PLAIN;
use crate::mutations::{Change, Which};

/// An adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// `acme-tokio`.
    Tokio,
    /// `acme-blocking`.
    Blocking,
}

/// A CA on loopback whose responses are changed.
pub struct ChangedCa {
    ca: Arc<TestCa>,
    plan: Arc<Mutex<Plan>>,
    time_limit: Duration,
}

#[derive(Default)]
struct Plan {
    change: Option<(Which, Arc<Change>)>,
    /// What the CA sent, before a change.
    sent: Vec<(RequestKind, Response)>,
}

/// What became of an issuance.
pub struct Changed {
    /// The names of the certificate, or the error.
    pub result: Result<Vec<String>, String>,
    /// What the CA sent, before a change.
    pub sent: Vec<(RequestKind, Response)>,
    /// The records that are left.
    pub left: BTreeMap<String, Vec<String>>,
}

impl ChangedCa {
    /// Starts one.
    ///
    /// # Panics
    /// If loopback does not work.
    pub fn start() -> Self {
        let plan = Arc::new(Mutex::new(Plan::default()));
        let of_ca = Arc::clone(&plan);
        let builder = TestCa::builder().edit_responses(move |_, response| {
            let mut plan = of_ca.lock().unwrap_or_else(PoisonError::into_inner);
            plan.edit(response);
        });
        let time_limit = Duration::from_millis(1_500);
        Self { ca: Arc::new(builder.start().expect("a CA")), plan, time_limit }
    }

    /// Sets how long an issuance may take.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Issues for one name with a new account, and changes responses after that was made.
    pub fn issue(&self, adapter: Adapter, which: Which, change: &Arc<Change>) -> Changed {
        let (ca, policy) = (Arc::clone(&self.ca), hasty(self.time_limit));
        match adapter {
            Adapter::Tokio => self.issue_by(Tokio::at(ca, policy), which, change),
            Adapter::Blocking => self.issue_by(Blocking::at(ca, policy), which, change),
        }
    }

    fn issue_by(&self, mut driver: impl Driver, which: Which, change: &Arc<Change>) -> Changed {
        let scenario = Scenario { kind: Dns01, ..PLAIN };
        *self.plan() = Plan::default();
        driver.connect().and_then(|()| driver.register()).expect("an account");
        *self.plan() = Plan { change: Some((which, Arc::clone(change))), sent: Vec::new() };
        let result = driver.issue(&scenario, None).map(|issued| shown(&issued));
        let sent = core::mem::take(&mut *self.plan()).sent;
        let mut left = self.ca.published_txt();
        left.retain(|_, values| !values.is_empty());
        Changed { result, sent, left }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    fn edit(&mut self, response: &mut CaResponse) {
        let Some((which, change)) = &self.change else { return };
        let headers = response.headers.iter();
        let sent = headers.fold(
            Response::new(response.status).with_body(response.body.clone()),
            |sent, (name, value)| sent.with_header(name, value),
        );
        let is_next = which.is_next(response.kind, self.sent.iter().map(|(kind, _)| *kind));
        let changed = is_next.then(|| change(&sent)).flatten();
        self.sent.push((response.kind, sent));
        if let Some(changed) = changed {
            response.status = changed.status();
            response.body = changed.body().to_vec();
            let headers = changed.headers().iter();
            response.headers = headers.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        }
    }
}

/// Waits for nothing long.
fn hasty(time_limit: Duration) -> Policy {
    let millis = Duration::from_millis;
    let mut policy = Policy::default();
    policy.rates = Rates::unlimited();
    policy.backoff = Schedule::new(millis(1), 2.0, millis(4));
    policy.poll = Some(Schedule::new(millis(2), 1.5, millis(20)));
    policy.replica_lag = millis(20);
    policy.request_time_limit = millis(1_000);
    policy.issuance_time_limit = time_limit;
    policy.clean_up_time_limit = millis(500);
    policy
}
