use std::time::Duration;

use acme_proto::error::{Error, Misuse};
use acme_proto::flow::SaveRequest;
use acme_proto::http::Request;
use acme_proto::op::AccountEntry;
use acme_proto::register::{Register, RegisterEvent};
use acme_proto::session::ExternalAccount;

use crate::check;
use crate::world::{self, End, World};

/// Drives two registrations in one session, against the same CA as [`issuance`](crate::issuance).
///
/// # Panics
///
/// If the flow breaks the contract of a flow, or registers although the user has not agreed to
/// terms that it asked about.
pub fn register(data: &[u8]) {
    let mut world = World::new(data);
    for _ in 0..2 {
        let flags = world.bytes.u8();
        let mut flow = Register::new();
        if flags & 1 != 0 {
            let external = ExternalAccount::new("kid-1").expect("printable");
            flow = flow.with_external_account(Some(external));
        }
        let contacts = vec![String::from_utf8_lossy(world.bytes.some(20)).into_owned()];
        let flow = Register::with_contacts(flow, contacts).unwrap_or_default();
        let mut user = User::default();
        let mut flow = flow;
        assert_eq!(world::run(&mut flow, &mut user, &mut world, false), End::Done);
    }
}

/// What the user was asked, and has answered.
#[derive(Debug, Default)]
struct User {
    asked: bool,
    answered: bool,
    agreed: bool,
    /// The flow was polled after the answer, and so has seen it.
    noticed: bool,
}

impl world::User<Register> for User {
    fn event(&mut self, event: RegisterEvent) {
        let RegisterEvent::AgreeToTerms(terms) = event else { panic!("unknown: {event:?}") };
        check::is_plain(&terms);
        assert!(!self.asked, "asked twice");
        self.asked = true;
    }

    fn owes(&self) -> usize {
        usize::from(self.asked && !self.answered)
    }

    fn act(&mut self, _: usize, flow: &mut Register, world: &mut World<'_>) {
        self.answered = true;
        self.agreed = world.bytes.below(8) != 7;
        let said = if self.agreed { flow.agree() } else { flow.decline() };
        assert_eq!(said, Ok(()));
    }

    fn disturb(&mut self, flow: &mut Register, _: &mut World<'_>) -> bool {
        if !self.asked || self.answered {
            assert!(matches!(flow.agree(), Err(Misuse::ConsentNotRequested)));
        }
        false
    }

    fn sees(&mut self, request: &Request) {
        let is_account = request.url().as_str().ends_with("/account");
        assert!(!is_account || !self.asked || self.agreed, "sent without consent");
    }

    fn save(&mut self, _: &SaveRequest, _: &mut World<'_>) -> Result<(), String> {
        panic!("a registration has nothing to save")
    }

    fn done(
        &mut self,
        flow: &mut Register,
        result: Result<AccountEntry, Error>,
        world: &mut World<'_>,
    ) {
        if let Ok(entry) = result {
            assert!(!self.asked || self.agreed);
            check::is_usable(entry.url(), false);
            assert_eq!(world.session.account_url(), Some(entry.url()));
        }
        assert!(flow.agree().is_err());
        assert!(flow.decline().is_err());
    }

    fn grace(&self) -> Duration {
        Duration::ZERO
    }

    fn restarts_clock(&mut self) -> bool {
        // The time that the user needs for the answer does not count against the flow's limit.
        let waits = self.asked && !self.noticed;
        self.noticed = self.answered;
        waits
    }

    fn gives_up(&self) -> bool {
        false
    }
}
