//! The raw driver: flows in the world, no adapter.

use std::collections::BTreeMap;

use acme_proto::call::Call;
use acme_proto::issuance::{Issuance, Issued};
use acme_proto::op::{GetDirectory, NewOrder, Operation};
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::rollover::Rollover;
use acme_proto::session::Session;
use acme_testca::{CaConfig, Faults};
use acme_tokio::acme_adapter::error_chain;

use super::driver::{self, Driver};
use super::{Run, SEED, Scenario, Wish};
use crate::world::{SolverPlan, World, issue_with};

/// Runs a scenario without an adapter.
///
/// # Panics
/// If a run leaves something published.
pub fn run_raw(scenario: &Scenario, max_in_flight: usize) -> Run {
    let mut config = CaConfig::default();
    scenario.configure(&mut config);
    let world = World::new(config, SEED);
    let mut session = world.session();
    session.set_policy(scenario.policy(max_in_flight));
    driver::run(scenario, Raw { world, session })
}

struct Raw {
    world: World,
    session: Session,
}

impl Driver for Raw {
    fn connect(&mut self) -> Result<(), String> {
        self.call(GetDirectory).map(drop)
    }

    fn register(&mut self) -> Result<(), String> {
        let account =
            self.world.run(&mut self.session, Register::new(), |flow, _, event| match event {
                RegisterEvent::AgreeToTerms(_) => flow.agree().expect("asked for"),
                other => panic!("an event of another kind: {other:?}"),
            });
        account.map(drop).map_err(|error| error_chain(&error))
    }

    fn set_faults(&mut self, faults: Faults) {
        self.world.ca.set_faults(faults);
    }

    fn issue(
        &mut self,
        scenario: &Scenario,
        predecessor: Option<&Issued>,
    ) -> Result<Issued, String> {
        let identifiers = scenario.names.iter().map(|name| name.parse().expect("a name"));
        let order = NewOrder::new(identifiers).expect("names");
        let order = match (scenario.wish, predecessor) {
            (Wish::Profile(name), _) => order.with_profile(name),
            (Wish::PreferredProfiles(names), _) => {
                order.with_preferred_profiles(names.iter().copied())
            }
            (Wish::PrivateProfile(name), _) => order.with_private_profile(name),
            (Wish::Validity, _) => {
                order.with_not_after(super::day_after_tomorrow(self.world.now()))
            }
            (_, Some(predecessor)) => order
                .with_replaced_certificate(predecessor.chain().leaf())
                .expect("the CA names its key"),
            (Wish::Nothing | Wish::Renewal, None) => order,
        };
        let plan =
            SolverPlan { persist: scenario.persist(), ..SolverPlan::only(scenario.kind.clone()) };
        let flows = vec![Issuance::for_order(order)];
        let result = issue_with(&mut self.world, &mut self.session, flows, &plan).pop();
        assert!(self.world.published.is_empty(), "{}: nothing stays published", scenario.name);
        result.expect("a result").map_err(|error| error_chain(&error))
    }

    fn call<O: Operation>(&mut self, operation: O) -> Result<O::Response, String> {
        let result =
            self.world.run(&mut self.session, Call::new(operation), |_, _, never| match never {});
        result.map_err(|error| error_chain(&error))
    }

    fn change_key(&mut self) -> Result<(), String> {
        let change = Rollover::new(self.world.other_key.public_key());
        let result = self.world.run(&mut self.session, change, |flow, _, _| {
            flow.stored().expect("it asked");
        });
        result.map(drop).map_err(|error| error_chain(&error))
    }

    fn lines(&self) -> Vec<String> {
        self.world.lines()
    }

    fn txt(&self) -> BTreeMap<String, Vec<String>> {
        self.world.txt.clone()
    }
}
