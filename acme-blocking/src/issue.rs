//! Issuing a certificate: what the user sets.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use acme_adapter::error::Error;
use acme_adapter::keys::{self, ProviderKey};
use acme_proto::issuance::{Deactivation, Issuance, Issued};
use acme_proto::op::NewOrder;
use acme_proto::snapshot::Snapshot;
use acme_proto::time::Timestamp;
use acme_proto::x509::{Certificate, ChainChoice, Csr, CsrBuilder};

use crate::cancel::Cancel;
use crate::client::Client;
use crate::drive;
use crate::solver::Solver;
use crate::solving::Solving;
use crate::store::Store;

/// An issuance to be [run](Self::run); made by [`Client::issue`] and [`Client::resume`].
///
/// It needs a CSR or a key, and at least one solver.
#[must_use = "it does nothing until it is run"]
pub struct Issue<'a> {
    client: Client,
    start: Result<Start, Error>,
    csr: Option<Result<Csr, Error>>,
    chain: Option<ChainChoice>,
    deactivation: Deactivation,
    time_limit: Option<Duration>,
    removes_persistent: bool,
    solvers: Vec<Arc<dyn Solver + 'a>>,
    store: Option<Arc<dyn Store + 'a>>,
    cancel: Option<Cancel>,
}

enum Start {
    New(Box<NewOrder>),
    Resume(Box<Snapshot>),
}

impl<'a> Issue<'a> {
    pub(crate) fn new(client: Client, order: Result<NewOrder, Error>) -> Self {
        Self::start(client, order.map(|order| Start::New(Box::new(order))))
    }

    pub(crate) fn resume(client: Client, snapshot: Snapshot) -> Self {
        Self::start(client, Ok(Start::Resume(Box::new(snapshot))))
    }

    fn start(client: Client, start: Result<Start, Error>) -> Self {
        Self {
            client,
            start,
            csr: None,
            chain: None,
            deactivation: Deactivation::Never,
            time_limit: None,
            removes_persistent: false,
            solvers: Vec::new(),
            store: None,
            cancel: None,
        }
    }

    /// Sets the CSR, which has to have exactly the names that were given.
    pub fn csr(mut self, csr: Csr) -> Self {
        self.csr = Some(Ok(csr));
        self
    }

    /// Makes the CSR from a key; have the key on disk, or a crash may leave a certificate without it.
    pub fn key(self, key: &ProviderKey) -> Self {
        self.key_with(key, |csr| csr)
    }

    /// Makes the CSR from a key, as [`key`](Self::key) does, with a common name or must-staple.
    pub fn key_with(
        mut self,
        key: &ProviderKey,
        change: impl FnOnce(CsrBuilder) -> CsrBuilder,
    ) -> Self {
        let names = match &self.start {
            Ok(Start::New(order)) => order.identifiers(),
            Ok(Start::Resume(snapshot)) => snapshot.identifiers(),
            Err(_) => return self,
        };
        self.csr = Some(keys::make_csr_with(key, names, change).map_err(Error::from));
        self
    }

    /// Adds a solver for the kinds of challenges that it knows; those added first are preferred.
    pub fn solver(mut self, solver: impl Solver + 'a) -> Self {
        self.solvers.push(Arc::new(solver));
        self
    }

    /// Writes the order's state ahead of every step, so that no crash loses an order, and none leaves
    /// a challenge published that [`Client::resume`] does not know of.
    pub fn durable(mut self, store: impl Store + 'a) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Chooses among the chains that the CA offers.
    ///
    /// Alternates are fetched only if the CA's own chain is not what is wanted. Without a fitting one the CA's own is
    /// taken, and [`Issued::matches_chain_choice`] is false.
    pub fn chain(mut self, choice: ChainChoice) -> Self {
        self.chain = Some(choice);
        self
    }

    /// Has the order's authorizations given up at the end, such as when it is cancelled.
    pub const fn deactivate_authorizations(mut self, when: Deactivation) -> Self {
        self.deactivation = when;
        self
    }

    /// Demands a profile that the directory lists; if it does not, the error has those that it lists.
    ///
    /// This, like the other profiles, the validity dates and [`replaces`](Self::replaces), is for a new
    /// order: a resumed one is as it was ordered. The last profile that is set counts.
    pub fn profile(self, name: impl Into<String>) -> Self {
        self.order(|order| Ok(order.with_profile(name)))
    }

    /// Asks for the first of these profiles that the directory lists; if it lists none of them the CA
    /// chooses, and a notice says so.
    pub fn preferred_profiles<I>(self, names: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.order(|order| Ok(order.with_preferred_profiles(names)))
    }

    /// Demands a profile whether or not the directory lists it, such as one agreed upon with the CA.
    pub fn private_profile(self, name: impl Into<String>) -> Self {
        self.order(|order| Ok(order.with_private_profile(name)))
    }

    /// Asks for a certificate that is not valid before this time.
    pub fn not_before(self, time: Timestamp) -> Self {
        self.order(|order| Ok(order.with_not_before(time)))
    }

    /// Asks for a certificate that is not valid after this time.
    pub fn not_after(self, time: Timestamp) -> Self {
        self.order(|order| Ok(order.with_not_after(time)))
    }

    /// Names the certificate that this one renews (RFC 9773 section 5): one of the same account, with at
    /// least one of the order's names.
    ///
    /// A CA without renewal information is not told; one that refuses is asked again without, and a notice
    /// says so. A certificate without an authority key identifier cannot be named. With no name in common,
    /// the issuance fails before anything is sent.
    pub fn replaces(self, certificate: &Certificate) -> Self {
        self.order(|order| Ok(order.with_replaced_certificate(certificate)?))
    }

    /// As [`replaces`](Self::replaces), by the certificate's
    /// [identifier](acme_proto::x509::Certificate::renewal_id).
    pub fn replaces_id(self, certificate_id: impl Into<String>) -> Self {
        self.order(|order| Ok(order.with_replaces(certificate_id)))
    }

    /// Removes records of dns-persist-01 too when the issuance is over; by default they stay.
    pub const fn remove_persistent(mut self) -> Self {
        self.removes_persistent = true;
        self
    }

    /// Sets a time limit other than the policy's; clean-ups may take a little longer.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Cancels in good order when the wish is expressed: challenges are cleaned up first.
    pub fn cancel_on(mut self, wish: &Cancel) -> Self {
        self.cancel = Some(wish.clone());
        self
    }

    /// Issues.
    ///
    /// It returns when no call of a solver is under way any more, even if that is after the time limit.
    ///
    /// # Errors
    /// Those of the core, [`Error::NoCsr`], and what is wrong with the key.
    pub fn run(self) -> Result<Issued, Error> {
        let csr = self.csr.transpose()?;
        let mut flow = match self.start? {
            Start::New(_) if csr.is_none() => return Err(Error::NoCsr),
            Start::New(order) => Issuance::for_order(*order),
            Start::Resume(snapshot) => Issuance::resume(*snapshot),
        };
        if let Some(csr) = csr {
            flow = flow.with_csr(csr)?;
        }
        let kinds = self.solvers.iter().flat_map(|solver| solver.kinds()).cloned();
        flow = flow.with_solver_kinds(kinds).deactivate_authorizations(self.deactivation);
        if let Some(choice) = self.chain {
            flow = flow.with_chain_choice(choice);
        }
        if let Some(limit) = self.time_limit {
            flow = flow.with_time_limit(limit);
        }
        if self.store.is_some() {
            flow = flow.durable();
        }
        if self.removes_persistent {
            flow = flow.remove_persistent();
        }
        let solving = Solving::new(self.client.inner(), self.solvers, self.store);
        drive::drive(self.client.inner(), flow, solving, self.cancel.as_ref())
    }

    fn order(mut self, change: impl FnOnce(NewOrder) -> Result<NewOrder, Error>) -> Self {
        self.start = match self.start {
            Ok(Start::New(order)) => change(*order).map(|order| Start::New(Box::new(order))),
            start => start,
        };
        self
    }
}

impl fmt::Debug for Issue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issue").finish_non_exhaustive()
    }
}
