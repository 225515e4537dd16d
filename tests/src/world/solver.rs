//! The user of issuances in the world: publishes, takes back, and brings the CSR.

use std::sync::OnceLock;

use acme_proto::challenge::{Challenge, PersistOptions};
use acme_proto::error::Error;
use acme_proto::identifier::Identifier;
use acme_proto::issuance::{Issuance, IssuanceEvent, Issued};
use acme_proto::session::Session;
use acme_proto::signer::Es256Key;
use acme_proto::wire::ChallengeKind;
use acme_proto::x509::{Csr, CsrBuilder};

use super::{Due, Schedule, World};

/// How the user of an issuance behaves.
#[derive(Clone, Debug)]
pub struct SolverPlan {
    /// Which kinds of challenge to choose, the preferred ones first.
    pub kinds: Vec<ChallengeKind>,
    /// The longest time that publishing takes, in milliseconds.
    pub slowest: u64,
    /// How often publishing fails, in percent.
    pub fails: u64,
    /// Says that it has published, but does not: the CA finds nothing.
    pub forgets: bool,
    /// The kinds of challenge for which it forgets to publish.
    pub forgets_kinds: Vec<ChallengeKind>,
    /// The names for which it forgets to publish.
    pub forgets_names: Vec<String>,
    /// The kinds of challenge that it fails to publish.
    pub fails_kinds: Vec<ChallengeKind>,
    /// Why nothing can be taken back, if so.
    pub keeps: Option<String>,
    /// What records of dns-persist-01 say.
    pub persist: PersistOptions,
}

impl Default for SolverPlan {
    fn default() -> Self {
        let kinds = vec![ChallengeKind::Http01, ChallengeKind::Dns01, ChallengeKind::TlsAlpn01];
        Self {
            kinds,
            slowest: 0,
            fails: 0,
            forgets: false,
            forgets_kinds: Vec::new(),
            forgets_names: Vec::new(),
            fails_kinds: Vec::new(),
            keeps: None,
            persist: PersistOptions::default(),
        }
    }
}

impl SolverPlan {
    /// Prefers one kind of challenge, and knows no other.
    pub fn only(kind: ChallengeKind) -> Self {
        Self { kinds: vec![kind], ..Self::default() }
    }

    fn forgets(&self, challenge: &Challenge) -> bool {
        self.forgets
            || self.forgets_kinds.contains(challenge.kind())
            || self.forgets_names.contains(&challenge.identifier().value())
    }
}

/// Issues for these names with an obliging user.
///
/// # Errors
/// Those of the issuance.
pub fn issue(world: &mut World, session: &mut Session, names: &[&str]) -> Result<Issued, Error> {
    issue_with(world, session, vec![issuance(names)], &SolverPlan::default())
        .pop()
        .expect("one result")
}

/// Creates an issuance for these names.
///
/// # Panics
/// If one is not a name.
pub fn issuance(names: &[&str]) -> Issuance {
    let identifiers = names.iter().map(|name| name.parse().expect("a name"));
    Issuance::new(identifiers).expect("names")
}

/// Runs issuances side by side.
pub fn issue_with(
    world: &mut World,
    session: &mut Session,
    flows: Vec<Issuance>,
    plan: &SolverPlan,
) -> Vec<Result<Issued, Error>> {
    world.run_all(session, flows, |world, schedule, index, flow, session, event| {
        answer(world, schedule, index, flow, session, event, plan);
    })
}

fn answer(
    world: &mut World,
    schedule: &mut Schedule<Issuance>,
    index: usize,
    flow: &mut Issuance,
    session: &Session,
    event: IssuanceEvent,
    plan: &SolverPlan,
) {
    world.events.push((world.now, event.clone()));
    match event {
        IssuanceEvent::Authorize(offer) => {
            let told = match offer.choose(&plan.kinds) {
                Some(kind) => flow.select(session, &offer.id(), &kind),
                None => flow.refuse(&offer.id(), "no solver for these kinds".into()),
            };
            told.expect("the offer is open");
        }
        IssuanceEvent::Provision(challenge) => {
            let id = challenge.id();
            let fails =
                world.rng.below(100) < plan.fails || plan.fails_kinds.contains(challenge.kind());
            let mut why = fails.then(|| "no".to_owned());
            if !fails && !plan.forgets(&challenge) {
                why = world.publish_with(&challenge, &plan.persist).err();
            }
            let after = world.rng.below(plan.slowest + 1);
            let act = move |flow: &mut Issuance, _: &mut Session| {
                let told = match why {
                    Some(why) => flow.failed(&id, why),
                    None => flow.ready(&id),
                };
                // A flow that has ended in the meantime, or cleaned up, does not mind.
                let _ = told;
            };
            world.schedule(schedule, after, index, Due::Act(Box::new(act)));
        }
        IssuanceEvent::CleanUp(challenge) => {
            let id = challenge.id();
            if let Some(why) = &plan.keeps {
                return flow.clean_failed(&id, why.clone()).expect("the challenge was handed out");
            }
            world.take_back(&challenge);
            flow.cleaned(&id).expect("the challenge was handed out");
        }
        IssuanceEvent::Finalize(identifiers) => {
            flow.finalize(csr(&identifiers)).expect("a CSR that fits");
        }
        other => panic!("an event that nobody told us of: {other:?}"),
    }
}

/// Makes a CSR with a key that is the same in every test.
///
/// # Panics
/// Never: the key is good.
pub fn csr(identifiers: &[Identifier]) -> Csr {
    static KEY: OnceLock<Es256Key> = OnceLock::new();
    let key = KEY.get_or_init(|| Es256Key::from_scalar(&[3; 32]).expect("a scalar in range"));
    let builder = CsrBuilder::new(&key.public_key(), identifiers);
    let signature = key.sign(&builder.to_be_signed());
    builder.finish(&signature).expect("a CSR of our own")
}
