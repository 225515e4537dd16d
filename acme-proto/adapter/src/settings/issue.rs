//! The settings of an issuance.

use core::time::Duration;

use acme_proto::challenge::ChallengeRules;
use acme_proto::identifier::Identifier;
use acme_proto::issuance::{Deactivation, Issuance};
use acme_proto::op::NewOrder;
use acme_proto::snapshot::Snapshot;
use acme_proto::wire::ChallengeKind;
use acme_proto::x509::{ChainChoice, Csr, CsrBuilder};

use crate::error::Error;
use crate::keys::{self, ProviderKey};

/// The order or the snapshot to resume, and the options of the issuance.
///
/// An invalid setting is reported when the issuance is run, so that a builder's methods can be
/// chained.
#[derive(Debug)]
pub struct IssueSettings {
    start: Result<Start, Error>,
    csr: Option<Result<Csr, Error>>,
    /// Which chain is taken; `None` for the one that the CA offers first.
    pub chain: Option<ChainChoice>,
    /// Whether authorizations are deactivated at the end.
    pub deactivation: Deactivation,
    /// A time limit other than the policy's.
    pub time_limit: Option<Duration>,
    /// Whether records of dns-persist-01 are removed at the end.
    pub removes_persistent: bool,
    /// Whether dns-account-01 may follow a failed dns-01, and the other way round.
    pub tries_both_dns_kinds: bool,
    /// The kinds of challenges that acme-proto does not know, with the rules that the solvers
    /// supply.
    pub rules: Vec<(ChallengeKind, ChallengeRules)>,
}

#[derive(Debug)]
enum Start {
    New(Box<NewOrder>),
    Resume(Box<Snapshot>),
}

impl IssueSettings {
    /// Orders a certificate for these names.
    pub fn new<I>(names: I) -> Self
    where
        I: IntoIterator<Item: TryInto<Identifier, Error: Into<Error>>>,
    {
        let names = names.into_iter().map(|name| name.try_into().map_err(Into::into));
        let names: Result<Vec<Identifier>, Error> = names.collect();
        let order = names.and_then(|names| Ok(NewOrder::new(names)?));
        Self::start(order.map(|order| Start::New(Box::new(order))))
    }

    /// Continues an order from a snapshot.
    pub fn resume(snapshot: Snapshot) -> Self {
        Self::start(Ok(Start::Resume(Box::new(snapshot))))
    }

    fn start(start: Result<Start, Error>) -> Self {
        Self {
            start,
            csr: None,
            chain: None,
            deactivation: Deactivation::Never,
            time_limit: None,
            removes_persistent: false,
            tries_both_dns_kinds: false,
            rules: Vec::new(),
        }
    }

    /// Sets the CSR.
    pub fn csr(&mut self, csr: Csr) {
        self.csr = Some(Ok(csr));
    }

    /// Makes the CSR from a key.
    pub fn key(&mut self, key: &ProviderKey, change: impl FnOnce(CsrBuilder) -> CsrBuilder) {
        let names = match &self.start {
            Ok(Start::New(order)) => order.identifiers(),
            Ok(Start::Resume(snapshot)) => snapshot.identifiers(),
            // Without names there is no CSR. The stored error says why.
            Err(_) => return,
        };
        self.csr = Some(keys::make_csr_with(key, names, change).map_err(Error::from));
    }

    /// Changes the new order; a resumed order exists at the CA and stays unchanged.
    pub fn order(&mut self, change: impl FnOnce(NewOrder) -> Result<NewOrder, Error>) {
        // The placeholder never stays: each arm ends with an assignment.
        let start = core::mem::replace(&mut self.start, Err(Error::NoCsr));
        self.start = match start {
            Ok(Start::New(order)) => change(*order).map(|order| Start::New(Box::new(order))),
            start => start,
        };
    }

    /// Makes the flow.
    ///
    /// # Errors
    /// [`Error::NoCsr`], and the first error among the settings.
    pub fn into_flow(
        self,
        solver_kinds: &[Vec<ChallengeKind>],
        is_durable: bool,
    ) -> Result<Issuance, Error> {
        let csr = self.csr.transpose()?;
        let mut flow = match self.start? {
            // Checked before anything is ordered. A snapshot may be past the point of needing a
            // CSR.
            Start::New(_) if csr.is_none() => return Err(Error::NoCsr),
            Start::New(order) => Issuance::for_order(*order),
            Start::Resume(snapshot) => Issuance::resume(*snapshot),
        };
        if let Some(csr) = csr {
            flow = flow.with_csr(csr)?;
        }
        flow = flow
            .with_solver_kinds(solver_kinds.iter().flatten().cloned())
            .deactivate_authorizations(self.deactivation);
        for (kind, rules) in self.rules {
            flow = flow.with_kind(kind, rules);
        }
        if let Some(choice) = self.chain {
            flow = flow.with_chain_choice(choice);
        }
        if let Some(limit) = self.time_limit {
            flow = flow.with_time_limit(limit);
        }
        if is_durable {
            flow = flow.durable();
        }
        if self.removes_persistent {
            flow = flow.remove_persistent();
        }
        if self.tries_both_dns_kinds {
            flow = flow.try_both_dns_kinds();
        }
        Ok(flow)
    }
}
