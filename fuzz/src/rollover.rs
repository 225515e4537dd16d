use std::time::Duration;

use acme_proto::error::{Error, Misuse};
use acme_proto::flow::SaveRequest;
use acme_proto::http::Request;
use acme_proto::jose::Jwk;
use acme_proto::rollover::{Rollover, RolloverEvent, RolloverIntent};

use crate::world::{self, End, World};

/// Drives changes of the account key in one session, against the same CA as [`issuance`](crate::issuance).
///
/// The process may die at any step. The next one resumes the change from the stored intent, settles it, or begins another
/// change, as the input chooses.
///
/// # Panics
///
/// If the flow breaks the contract of a flow, sends the change before its intent is stored, or ends with a key that is
/// neither the old nor the new one.
pub fn rollover(data: &[u8]) {
    let mut world = World::new(data);
    let mut stored: Option<RolloverIntent> = None;
    for _ in 0..4 {
        let new_key = Jwk::ed25519(&[3 + world.bytes.u8() % 2; 32]);
        let mut flow = match (stored.take(), world.bytes.below(4)) {
            (Some(intent), 0 | 1) => Rollover::resume(read_back(&intent)),
            (Some(intent), _) => Rollover::settle(intent.new_account_key().clone()),
            (None, _) => Rollover::new(new_key),
        };
        let before = world.session.account_key().cloned();
        let mut user = User { before, ..User::default() };
        let end = world::run(&mut flow, &mut user, &mut world, true);
        stored = user.stored.filter(|_| end == End::Died);
        if world.bytes.is_over() {
            return;
        }
    }
}

/// Stores an intent and reads it, as another process does.
fn read_back(intent: &RolloverIntent) -> RolloverIntent {
    let text = serde_json::to_string(intent).expect("JSON");
    let again: RolloverIntent = serde_json::from_str(&text).expect("an intent");
    assert_eq!(again, *intent);
    again
}

#[derive(Debug, Default)]
struct User {
    before: Option<Jwk>,
    asked: Option<RolloverIntent>,
    stored: Option<RolloverIntent>,
    was_asked: bool,
}

impl world::User<Rollover> for User {
    fn event(&mut self, event: RolloverEvent) {
        let RolloverEvent::Store(intent) = event else { panic!("unknown: {event:?}") };
        assert!(!self.was_asked, "asked twice");
        self.was_asked = true;
        self.asked = Some(intent);
    }

    fn owes(&self) -> usize {
        usize::from(self.asked.is_some())
    }

    fn act(&mut self, _: usize, flow: &mut Rollover, world: &mut World<'_>) {
        let Some(intent) = self.asked.take() else { return };
        let said = if world.bytes.below(8) == 7 {
            flow.store_failed("no room".into())
        } else {
            self.stored = Some(intent);
            flow.stored()
        };
        assert!(matches!(said, Ok(()) | Err(Misuse::Finished)), "{said:?}");
    }

    fn disturb(&mut self, flow: &mut Rollover, _: &mut World<'_>) -> bool {
        if self.asked.is_none() {
            assert!(flow.stored().is_err());
        }
        false
    }

    fn sees(&mut self, request: &Request) {
        let changes = request.url().as_str().ends_with("/key");
        assert!(!changes || !self.was_asked || self.stored.is_some(), "sent before it is stored");
    }

    fn save(&mut self, _: &SaveRequest, _: &mut World<'_>) -> Result<(), String> {
        panic!("a rollover has no snapshot")
    }

    fn done(&mut self, flow: &mut Rollover, result: Result<Jwk, Error>, world: &mut World<'_>) {
        match result {
            Ok(key) => assert_eq!(world.session.account_key(), Some(&key)),
            Err(_) => assert!(world.session.account_key().is_some() || self.before.is_none()),
        }
        assert!(flow.stored().is_err());
    }

    fn grace(&self) -> Duration {
        Duration::ZERO
    }

    fn gives_up(&self) -> bool {
        false
    }
}
