//! The raw driver: flows in the world, no adapter.

use acme_proto::issuance::Issuance;
use acme_proto::op::GetDirectory;
use acme_proto::register::{Register, RegisterEvent};
use acme_testca::CaConfig;

use super::{Run, SEED, Scenario, policy};
use crate::world::{SolverPlan, World, issue_with};

/// Runs a scenario without an adapter.
///
/// # Panics
/// If the account cannot be made, which no scenario is about.
pub fn run_raw(scenario: &Scenario, max_in_flight: usize) -> Run {
    let mut config = CaConfig::default();
    (scenario.configure)(&mut config);
    let mut world = World::new(config, SEED);
    let mut session = world.session();
    session.set_policy(policy(max_in_flight));
    let connect = acme_proto::call::Call::new(GetDirectory);
    world.run(&mut session, connect, |_, _, never| match never {}).expect("a directory");
    let account = world.run(&mut session, Register::new(), |flow, _, event| match event {
        RegisterEvent::AgreeToTerms(_) => flow.agree().expect("asked for"),
        other => panic!("an event that nobody told us of: {other:?}"),
    });
    account.expect("an account");
    world.ca.set_faults((scenario.faults)());
    let identifiers = scenario.names.iter().map(|name| name.parse().expect("a name"));
    let flow = Issuance::new(identifiers).expect("names");
    let plan =
        SolverPlan { persist: scenario.persist(), ..SolverPlan::only(scenario.kind.clone()) };
    let result = issue_with(&mut world, &mut session, vec![flow], &plan).pop().expect("a result");
    assert!(world.published.is_empty(), "{}: nothing stays published", scenario.name);
    scenario.check_leftovers(&world.txt, result.is_ok());
    let outcome = match result {
        Ok(issued) => Ok(super::adapters::names_of(issued.chain().leaf())),
        Err(error) => Err(error.to_string()),
    };
    Run::new(world.lines(), outcome)
}
