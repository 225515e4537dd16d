//! The raw driver: flows in the world, no adapter.

use acme_proto::error::Error;
use acme_proto::issuance::{Issuance, Issued};
use acme_proto::op::{GetDirectory, NewOrder};
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::session::Session;
use acme_testca::CaConfig;
use acme_tokio::acme_adapter::error_chain;

use super::{Run, SEED, Scenario, Wish, policy};
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
    if let Err(error) = world.run(&mut session, connect, |_, _, never| match never {}) {
        return Run::new(world.lines(), Err(error_chain(&error)));
    }
    let account = world.run(&mut session, Register::new(), |flow, _, event| match event {
        RegisterEvent::AgreeToTerms(_) => flow.agree().expect("asked for"),
        other => panic!("an event that nobody told us of: {other:?}"),
    });
    account.expect("an account");
    let predecessor = (scenario.wish == Wish::Renewal).then(|| {
        let issued = issue_raw(&mut world, &mut session, scenario, None);
        issued.expect("a certificate to be replaced")
    });
    world.ca.set_faults((scenario.faults)());
    let result = issue_raw(&mut world, &mut session, scenario, predecessor.as_ref());
    assert!(world.published.is_empty(), "{}: nothing stays published", scenario.name);
    scenario.check_leftovers(&world.txt, result.is_ok());
    let outcome = match result {
        Ok(issued) => Ok(super::adapters::shown(&issued)),
        Err(error) => Err(error_chain(&error)),
    };
    Run::new(world.lines(), outcome)
}

fn issue_raw(
    world: &mut World,
    session: &mut Session,
    scenario: &Scenario,
    predecessor: Option<&Issued>,
) -> Result<Issued, Error> {
    let identifiers = scenario.names.iter().map(|name| name.parse().expect("a name"));
    let order = NewOrder::new(identifiers).expect("names");
    let order = match (scenario.wish, predecessor) {
        (Wish::Profile(name), _) => order.with_profile(name),
        (Wish::PreferredProfiles(names), _) => order.with_preferred_profiles(names.iter().copied()),
        (Wish::PrivateProfile(name), _) => order.with_private_profile(name),
        (_, Some(predecessor)) => order.with_replaced_certificate(predecessor.chain().leaf())?,
        (Wish::Nothing | Wish::Renewal, None) => order,
    };
    let plan =
        SolverPlan { persist: scenario.persist(), ..SolverPlan::only(scenario.kind.clone()) };
    let flows = vec![Issuance::for_order(order)];
    issue_with(world, session, flows, &plan).pop().expect("a result")
}
