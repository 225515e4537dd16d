use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use acme_proto::challenge::{Challenge, ChallengeId};
use acme_proto::error::{Error, Misuse};
use acme_proto::flow::SaveRequest;
use acme_proto::http::Request;
use acme_proto::issuance::{Deactivation, Issuance, IssuanceEvent, Issued, Offer};
use acme_proto::op::NewOrder;
use acme_proto::snapshot::Snapshot;
use acme_proto::url::Url;
use acme_proto::wire::ChallengeKind;
use acme_proto::x509::ChainChoice;

use crate::check;
use crate::world::{self, CLEAN_UP, End, World};

/// Drives a whole issuance against a CA, a signer, a user, a store and a clock that all follow the
/// input.
///
/// The process may be killed, and another one resumes from the stored snapshot. The first bytes
/// choose the configuration. After the last byte everyone behaves correctly, so that the issuance
/// must finish.
///
/// # Panics
///
/// If the flow breaks a guarantee. Requests are well formed and use each nonce once. No wait is
/// endless. Every provisioned challenge is cleaned up. A durable flow saves before it acts. A
/// finished flow stays finished.
pub fn issuance(data: &[u8]) {
    issuance_ending(data);
}

/// Drives an issuance as [`issuance`] does, and returns the result: `Issued`, or the name of the
/// error.
pub fn issuance_ending(data: &[u8]) -> String {
    let mut world = World::new(data);
    let flags = world.bytes.u8();
    let several = world.session.policy().max_orders > 1;
    let mut user = User::new(flags & 1 != 0, several);
    let mut flow = user.begin(&world, flags);
    for lives in (0..=3).rev() {
        match world::run(&mut flow, &mut user, &mut world, lives > 0) {
            End::Done => break,
            End::Died => flow = user.revive(flow),
        }
    }
    user.ending
}

/// What the user was asked, and has answered.
#[derive(Debug)]
struct User {
    durable: bool,
    owed: Vec<IssuanceEvent>,
    /// The challenges that were provisioned, without those whose clean-up was requested.
    provisioned: BTreeSet<Url>,
    /// The challenges whose clean-up was requested, with the error of a clean-up that failed.
    leaving: BTreeMap<Url, Option<String>>,
    offers: Vec<Offer>,
    ids: Vec<ChallengeId>,
    saved: Option<Snapshot>,
    /// Whether exchanges may be abandoned: there may be a second order, or a second process.
    gives_up: bool,
    ending: String,
}

impl User {
    fn new(durable: bool, gives_up: bool) -> Self {
        Self {
            durable,
            owed: Vec::new(),
            provisioned: BTreeSet::new(),
            leaving: BTreeMap::new(),
            offers: Vec::new(),
            ids: Vec::new(),
            saved: None,
            gives_up,
            ending: String::new(),
        }
    }

    fn begin(&self, world: &World<'_>, flags: u8) -> Issuance {
        let mut request = NewOrder::new(world.ca.names.iter().cloned()).expect("there are names");
        if flags & 2 != 0 {
            request = request.with_replaces("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
        }
        if flags & 4 != 0 {
            request = request.with_profile(if flags & 8 != 0 { "unknown" } else { "classic" });
        }
        let flow = Issuance::for_order(request);
        let flow =
            if flags & 16 != 0 { flow.with_csr(world.csr()).expect("its names") } else { flow };
        let flow = if flags & 32 != 0 {
            flow.with_chain_choice(ChainChoice::custom(|_| false))
        } else {
            flow
        };
        let flow = if flags & 64 != 0 {
            flow.deactivate_authorizations(Deactivation::Always)
        } else {
            flow
        };
        self.configure(flow)
    }

    /// Applies the settings that every issuance of this user has, resumed ones included.
    fn configure(&self, flow: Issuance) -> Issuance {
        let kinds = [ChallengeKind::Http01, ChallengeKind::Dns01, ChallengeKind::TlsAlpn01];
        let flow = flow.with_solver_kinds(kinds);
        if self.durable { flow.durable() } else { flow }
    }

    /// Restarts the process, from a snapshot if there is one.
    ///
    /// A durable issuance has saved its own. From any other, a snapshot is taken just before the
    /// process dies.
    fn revive(&mut self, flow: Issuance) -> Issuance {
        let snapshot = if self.durable { self.saved.clone() } else { flow.snapshot() };
        let stored = snapshot.map(|s| serde_json::to_string(&s).expect("it can be stored"));
        self.gives_up = true;
        self.owed.clear();
        self.offers.clear();
        let Some(stored) = stored else {
            assert!(self.provisioned.is_empty(), "nothing was stored");
            self.leaving.clear();
            let names = flow.identifiers().to_vec();
            let flow = Issuance::new(names).expect("there are names");
            return self.configure(flow);
        };
        let snapshot: Snapshot = serde_json::from_str(&stored).expect("a snapshot");
        let held: BTreeSet<Url> = snapshot.challenges().iter().map(|c| c.url().clone()).collect();
        // A restarted process cleans up only what its snapshot lists.
        let forgotten = self.provisioned.iter().find(|url| !held.contains(url));
        assert_eq!(forgotten, None, "it was provisioned, but not stored");
        self.leaving.clear();
        self.provisioned = held;
        self.configure(Issuance::resume(snapshot))
    }

    fn answer(&mut self, event: IssuanceEvent, flow: &mut Issuance, world: &mut World<'_>) {
        let bytes = &mut world.bytes;
        match event {
            IssuanceEvent::Authorize(offer) => {
                let kind = offer.kinds()[bytes.below(offer.kinds().len())].clone();
                let said = match bytes.below(16) {
                    15 => flow.refuse(&offer.id(), "no\u{1b}".into()),
                    _ => flow.select(&world.session, &offer.id(), &kind),
                };
                fits(said, &[Misuse::UnknownId, Misuse::Finished]);
                self.offers.push(offer);
            }
            IssuanceEvent::Provision(challenge) => {
                let id = challenge.id();
                let said = match bytes.below(8) {
                    6 => flow.ready_after(&id, Duration::from_secs(bytes.u8().into())),
                    7 => flow.failed(&id, "no\u{1b}".into()),
                    _ => flow.ready(&id),
                };
                fits(said, &[Misuse::UnknownId, Misuse::Finished]);
                self.ids.push(id);
            }
            IssuanceEvent::CleanUp(challenge) => self.clean_up(&challenge, flow, world),
            IssuanceEvent::Finalize(identifiers) => {
                assert_eq!(identifiers, world.ca.names);
                if let Err(error) = flow.finalize(world.csr()) {
                    assert!(matches!(error, Error::Misuse(Misuse::Finished)), "{error}");
                }
            }
            other => panic!("an event that nobody knows: {other:?}"),
        }
    }

    /// Returns whether the user has not said yet what came of publishing a challenge.
    fn owes_publishing(&self, url: &Url) -> bool {
        let publishes = |event: &IssuanceEvent| matches!(event, IssuanceEvent::Provision(challenge) if challenge.url() == url);
        self.owed.iter().any(publishes)
    }

    fn clean_up(&mut self, challenge: &Challenge, flow: &mut Issuance, world: &mut World<'_>) {
        let id = challenge.id();
        if world.bytes.below(8) == 7 {
            assert_eq!(flow.clean_failed(&id, "stuck".into()), Ok(()));
            self.leaving.insert(challenge.url().clone(), Some("stuck".into()));
        } else {
            assert_eq!(flow.cleaned(&id), Ok(()), "{}", challenge.url());
            self.leaving.remove(challenge.url());
        }
    }

    /// Repeats an earlier answer, which must be ignored or refused.
    fn repeat(&self, flow: &mut Issuance, world: &mut World<'_>) {
        let which = world.bytes.u8();
        if let Some(offer) = self.offers.get(usize::from(which)) {
            let kind = offer.kinds()[0].clone();
            let said = flow.select(&world.session, &offer.id(), &kind);
            fits(said, &[Misuse::UnknownId, Misuse::Finished]);
        }
        // A challenge can be handed out again; to say the same of that would be no repetition.
        let owed = |id: &&ChallengeId| {
            self.owed.iter().any(|event| matches!(event, IssuanceEvent::Provision(challenge) if challenge.id() == **id))
        };
        if let Some(id) = self.ids.get(usize::from(which)).filter(|id| !owed(id)) {
            fits(flow.ready(id), &[Misuse::UnknownId, Misuse::Finished]);
        }
    }

    fn is_finished(&self, flow: &mut Issuance, world: &mut World<'_>) {
        let over = Err(Misuse::Finished);
        for offer in &self.offers {
            assert_eq!(flow.select(&world.session, &offer.id(), &offer.kinds()[0]), over);
            assert_eq!(flow.refuse(&offer.id(), String::new()), over);
        }
        for id in &self.ids {
            assert_eq!(flow.ready(id), over);
            assert_eq!(flow.failed(id, String::new()), over);
            assert_eq!(flow.cleaned(id), over);
            assert_eq!(flow.clean_failed(id, String::new()), over);
        }
        let finalized = flow.finalize(world.csr());
        assert!(matches!(finalized, Err(Error::Misuse(Misuse::Finished))));
        flow.cancel(&mut world.session);
    }
}

impl world::User<Issuance> for User {
    fn event(&mut self, event: IssuanceEvent) {
        match &event {
            IssuanceEvent::Authorize(offer) => {
                assert!(!offer.kinds().is_empty(), "nothing to choose from");
                check::is_plain(offer.identifier());
            }
            IssuanceEvent::Provision(challenge) => {
                let url = challenge.url();
                assert!(!self.leaving.get(url).is_some_and(Option::is_none), "{url} is leaving");
                self.leaving.remove(url);
                self.provisioned.insert(url.clone());
                if self.durable {
                    let stored = self.saved.as_ref().map_or(&[][..], |s| s.challenges());
                    assert!(stored.contains(challenge), "{url} was not stored before");
                }
            }
            IssuanceEvent::CleanUp(challenge) => {
                self.provisioned.remove(challenge.url());
                self.leaving.insert(challenge.url().clone(), None);
                let url = challenge.url();
                assert!(!self.owes_publishing(url), "{url} is still being published");
            }
            _ => {}
        }
        self.owed.push(event);
    }

    fn owes(&self) -> usize {
        self.owed.len()
    }

    fn act(&mut self, which: usize, flow: &mut Issuance, world: &mut World<'_>) {
        let event = self.owed.remove(which);
        self.answer(event, flow, world);
    }

    fn disturb(&mut self, flow: &mut Issuance, world: &mut World<'_>) -> bool {
        match world.bytes.below(4) {
            0 => {
                flow.cancel(&mut world.session);
                return true;
            }
            1 => drop(flow.snapshot()),
            _ => self.repeat(flow, world),
        }
        false
    }

    fn sees(&mut self, request: &Request) {
        if self.durable && world::finalizes(request) {
            let order = self.saved.as_ref().and_then(Snapshot::order_url);
            assert!(order.is_some(), "the order was not stored before it was finalized");
        }
    }

    fn save(&mut self, request: &SaveRequest, world: &mut World<'_>) -> Result<(), String> {
        assert!(self.durable);
        if world.bytes.below(64) == 63 {
            return Err("full\u{1b}".into());
        }
        self.saved = Some(request.snapshot.clone());
        Ok(())
    }

    fn done(&mut self, flow: &mut Issuance, result: Result<Issued, Error>, world: &mut World<'_>) {
        let foreign = matches!(&result, Err(Error::Input(_)));
        // Nothing is cleaned up before the user has said what came of publishing it.
        let owed = self.provisioned.iter().all(|url| self.owes_publishing(url));
        assert!(foreign || owed, "left behind: {:?}", self.provisioned);
        self.ending = result.as_ref().map_or_else(name, |_| "Issued").into();
        if let Ok(issued) = result {
            let left: Vec<_> = issued.not_cleaned().iter().map(|(c, _)| c.url()).collect();
            let known: BTreeSet<&Url> = self.leaving.keys().chain(&self.provisioned).collect();
            assert!(left.iter().copied().eq(known), "{left:?} {:?}", self.leaving);
            let leaf = issued.chain().leaf();
            assert_eq!(leaf.spki_der(), world.ca.spki);
            let names = |list: &[_]| list.iter().cloned().collect::<BTreeSet<_>>();
            assert_eq!(names(leaf.identifiers()), names(&world.ca.names));
        }
        self.is_finished(flow, world);
    }

    fn grace(&self) -> Duration {
        CLEAN_UP
    }

    fn gives_up(&self) -> bool {
        self.gives_up
    }
}

/// Checks that a command was accepted, or refused for one of the `allowed` reasons.
fn fits(said: Result<(), Misuse>, allowed: &[Misuse]) {
    assert!(said.err().is_none_or(|misuse| allowed.contains(&misuse)), "{said:?}");
}

/// Returns the name of an error's variant.
const fn name(error: &Error) -> &'static str {
    match error {
        Error::AccountClosed { .. } => "AccountClosed",
        Error::Cancelled => "Cancelled",
        Error::Deadline(_) => "Deadline",
        Error::Input(_) => "Input",
        Error::NoAccount { .. } => "NoAccount",
        Error::Order(_) => "Order",
        Error::Peer(_) => "Peer",
        Error::Problem(_) => "Problem",
        Error::RetryLater { .. } => "RetryLater",
        Error::Signer(_) => "Signer",
        Error::Storage(_) => "Storage",
        Error::Transport(_) => "Transport",
        Error::Unsupported(_) => "Unsupported",
        _ => "other",
    }
}
