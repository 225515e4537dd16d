//! Drives a flow, and checks the contract of flows at every step.

use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::error::{Error, Misuse};
use acme_proto::flow::{Flow, Input, Output, RequestId, SaveRequest, SignFailed, SignRequest};
use acme_proto::flow::{Lost, Transmit};
use acme_proto::http::{Request, Response};
use acme_proto::notice::Notice;
use acme_proto::op::GetDirectory;
use acme_proto::session::Session;
use acme_proto::time::Timestamp;
use acme_proto::url::Url;

use super::{World, request, signature};
use crate::check;

/// The user of one kind of flow: answers its events, and checks what only that kind guarantees.
pub(crate) trait User<F: Flow> {
    /// Receives an event, which is answered later or never.
    fn event(&mut self, event: F::Event);
    /// Returns how many events are unanswered.
    fn owes(&self) -> usize;
    /// Answers one of the events.
    fn act(&mut self, which: usize, flow: &mut F, world: &mut World<'_>);
    /// Does something that no event asked for. Returns whether it cancelled the flow.
    fn disturb(&mut self, flow: &mut F, world: &mut World<'_>) -> bool;
    /// Checks a request that is sent.
    fn sees(&mut self, request: &Request);
    /// Saves a snapshot, or returns why that failed.
    fn save(&mut self, request: &SaveRequest, world: &mut World<'_>) -> Result<(), String>;
    /// Checks a flow that is done.
    fn done(&mut self, flow: &mut F, result: Result<F::Success, Error>, world: &mut World<'_>);
    /// Returns how long the flow may continue after its time limit.
    fn grace(&self) -> Duration;
    /// Returns whether the time limit starts again now.
    fn restarts_clock(&mut self) -> bool {
        false
    }
    /// Returns whether the flow may abandon exchanges without waiting for their responses.
    fn gives_up(&self) -> bool;
}

/// How driving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The flow returned `Done`.
    Done,
    /// The process was killed.
    Died,
}

/// Drives a flow until it is done or, if it `may_die`, until the process is killed.
pub(crate) fn run<F: Flow>(
    flow: &mut F,
    user: &mut impl User<F>,
    world: &mut World<'_>,
    may_die: bool,
) -> End {
    let mut drive = Drive::new(world.now);
    let mut idle = 0;
    loop {
        let Some(wake) = drive.drain(flow, user, world) else {
            drive.after_the_end(flow, world);
            return End::Done;
        };
        idle += usize::from(world.bytes.is_over());
        assert!(idle < 4000, "a flow with an honest server does not end");
        match world.bytes.below(16) {
            12 => drive.disturb(flow, world),
            13 => drive.cancelled(user.disturb(flow, world)),
            14 => drive.sleep(wake, world),
            15 if may_die && world.bytes.one_in(4) => return End::Died,
            _ => drive.step(wake, flow, user, world),
        }
    }
}

/// An output that has no input yet.
enum Owed {
    Transmit(Transmit),
    Sign(SignRequest),
    Save(SaveRequest),
}

struct Drive {
    owed: Vec<Owed>,
    /// The latest time that the flow has seen.
    latest: Timestamp,
    deadline: Timestamp,
    /// When the flow first saw a time past its deadline, or was cancelled.
    ending: Option<Timestamp>,
    retired: Option<RequestId>,
    /// The URLs requested since the clock last moved.
    at_once: Vec<Url>,
}

impl Drive {
    fn new(now: Timestamp) -> Self {
        Self {
            owed: Vec::new(),
            latest: now,
            deadline: now.saturating_add(super::LIMIT),
            ending: None,
            retired: None,
            at_once: Vec::new(),
        }
    }

    /// Returns the time for the next call. A flow takes the latest time that it has seen, so that a
    /// clock that goes backwards does not move it.
    fn now(&mut self, world: &World<'_>) -> Timestamp {
        if world.now > self.latest {
            self.latest = world.now;
            self.at_once.clear();
        }
        world.now
    }

    /// Polls until `Timeout`, and returns its time. `None` means `Done`.
    fn drain<F: Flow>(
        &mut self,
        flow: &mut F,
        user: &mut impl User<F>,
        world: &mut World<'_>,
    ) -> Option<Timestamp> {
        for _ in 0..MOST_OUTPUTS {
            let now = self.now(world);
            if user.restarts_clock() {
                self.deadline = self.deadline.max(self.latest.saturating_add(super::LIMIT));
                self.ending = None;
            }
            let over = self.ending.is_some_and(|at| self.latest >= at.saturating_add(user.grace()));
            if self.ending.is_none() && self.latest >= self.deadline {
                self.ending = Some(self.latest);
            }
            match flow.poll_output(&mut world.session, now) {
                Output::Transmit(transmit) => self.transmit(transmit, user, world),
                Output::Sign(sign) => self.owed.push(Owed::Sign(sign)),
                Output::Save(save) => self.owed.push(Owed::Save(save)),
                Output::Event(event) => user.event(event),
                Output::Notice(Notice::Deviation { deviation, .. }) => check::is_plain(&deviation),
                Output::Notice(notice) => drop(format!("{notice:?}")),
                Output::Timeout(wake) => {
                    assert!(!over, "still going on at {}", self.latest);
                    assert!(wake > self.latest, "{wake} is not after {}", self.latest);
                    return Some(wake);
                }
                Output::Done(result) => {
                    if let Err(error) = &result {
                        check::is_plain(error);
                        drop(format!("{error:?} {:?} {:?}", error.url(), error.retry_at()));
                        assert!(!matches!(error, Error::Misuse(_)), "{error}");
                    }
                    user.done(flow, result, world);
                    return None;
                }
            }
        }
        panic!("more than {MOST_OUTPUTS} outputs at once");
    }

    fn transmit<F: Flow>(
        &mut self,
        transmit: Transmit,
        user: &mut impl User<F>,
        world: &mut World<'_>,
    ) {
        let policy = world.session.policy();
        // A request that was lost has more time, up to four times as much.
        assert!(transmit.time_limit <= policy.request_time_limit.saturating_mul(4));
        assert!(!transmit.time_limit.is_zero(), "no time for {}", transmit.request.url());
        // A policy of zero still allows one exchange, or nothing would ever be sent.
        let most = policy.max_in_flight.max(1);
        if let Some(nonce) = request::check(&transmit.request, &world.signatures) {
            let times = world.sent.entry(nonce.clone()).or_default();
            *times += 1;
            // A faulty CA may give a nonce twice, and a flow cannot tell.
            let issued = world.ca.nonces.get(&nonce).copied().unwrap_or(0);
            assert!(*times <= issued, "nonce {nonce} sent {times} times, received {issued} times");
        }
        user.sees(&transmit.request);
        let url = transmit.request.url().clone();
        self.at_once.push(url.clone());
        let same = self.at_once.iter().filter(|u| **u == url).count();
        assert!(same <= MOST_AT_ONCE, "{url} is asked without end");
        self.owed.push(Owed::Transmit(transmit));
        let flying = self.owed.iter().filter(|owed| matches!(owed, Owed::Transmit(_))).count();
        assert!(user.gives_up() || flying <= most, "{flying} in flight, allowed are {most}");
    }

    /// Answers an output or event, or sleeps if there is none.
    fn step<F: Flow>(
        &mut self,
        wake: Timestamp,
        flow: &mut F,
        user: &mut impl User<F>,
        world: &mut World<'_>,
    ) {
        let count = self.owed.len() + user.owes();
        if count == 0 {
            return self.sleep(wake, world);
        }
        let which = world.bytes.below(count);
        if which >= self.owed.len() {
            return user.act(which - self.owed.len(), flow, world);
        }
        let input = match self.owed.remove(which) {
            Owed::Transmit(transmit) => {
                self.retired = Some(transmit.id);
                let answer = world.ca.answer(&transmit.request, &mut world.bytes);
                // What nobody processed, or was refused before it came to the CA, has used up no nonce.
                let keeps_nonce = match &answer {
                    Ok(response) => {
                        let headers = response.headers();
                        matches!(response.status(), 429 | 503)
                            && headers.first("replay-nonce").is_none()
                    }
                    Err(lost) => matches!(lost, Lost::NotSent(_)),
                };
                if let Some(nonce) = request::check(&transmit.request, &world.signatures)
                    && let Some(times) = world.sent.get_mut(&nonce).filter(|_| keeps_nonce)
                {
                    *times -= 1;
                }
                Input::exchanged(transmit.id, answer)
            }
            Owed::Sign(sign) => answer_sign(&sign, world),
            Owed::Save(save) => Input::saved(save.id, user.save(&save, world)),
        };
        let now = self.now(world);
        assert_eq!(flow.handle_input(&mut world.session, input, now), Ok(()));
    }

    fn sleep(&self, wake: Timestamp, world: &mut World<'_>) {
        world.now = match world.bytes.below(8) {
            5 => wake.saturating_add(Duration::from_secs(world.bytes.u8().into())),
            6 => {
                let back = Duration::from_secs(world.bytes.u8().into());
                world.now.saturating_sub(back).max(Timestamp::UNIX_EPOCH)
            }
            7 => self.latest.saturating_add(Duration::from_millis(world.bytes.u8().into())),
            _ => wake,
        };
    }

    fn cancelled(&mut self, cancelled: bool) {
        if cancelled && self.ending.is_none() {
            self.ending = Some(self.latest);
        }
    }

    /// Breaks the contract, which must be refused, or repeats a response, which must be ignored.
    fn disturb<F: Flow>(&mut self, flow: &mut F, world: &mut World<'_>) {
        let Some(id) = self.retired else { return };
        let mut other_session = Session::new(world.session.directory_url().clone(), 0);
        let again =
            || Input::Response(id, Response::new(200).with_header("Replay-Nonce", "stolen"));
        match world.bytes.below(4) {
            0 => {
                let now = self.now(world);
                assert_eq!(flow.handle_input(&mut world.session, again(), now), Ok(()));
            }
            1 => {
                let refused = flow.handle_input(&mut other_session, again(), world.now);
                assert_eq!(refused, Err(Misuse::WrongSession));
            }
            2 => {
                let polled = flow.poll_output(&mut other_session, world.now);
                assert!(matches!(polled, Output::Done(Err(Error::Misuse(Misuse::WrongSession)))));
            }
            _ => {
                let mut other = Call::new(GetDirectory);
                let polled = other.poll_output(&mut world.session, Timestamp::UNIX_EPOCH);
                if let Output::Transmit(foreign) = polled {
                    let now = self.now(world);
                    let input = Input::Lost(foreign.id, Lost::TimedOut);
                    let refused = flow.handle_input(&mut world.session, input, now);
                    assert_eq!(refused, Err(Misuse::UnknownId));
                }
            }
        }
    }

    /// Checks that a flow that is done asks for nothing more, and ignores inputs.
    fn after_the_end<F: Flow>(&mut self, flow: &mut F, world: &mut World<'_>) {
        for owed in std::mem::take(&mut self.owed) {
            let input = match owed {
                Owed::Transmit(transmit) => Input::Response(transmit.id, Response::new(200)),
                Owed::Sign(sign) => Input::Signature(sign.id, signature(0)),
                Owed::Save(save) => Input::Saved(save.id),
            };
            assert_eq!(flow.handle_input(&mut world.session, input, world.now), Ok(()));
            let after = flow.poll_output(&mut world.session, world.now);
            assert!(matches!(after, Output::Done(Err(Error::Misuse(Misuse::Finished)))));
        }
        let much_later = world.now.saturating_add(Duration::from_secs(1 << 30));
        let after = flow.poll_output(&mut world.session, much_later);
        assert!(matches!(after, Output::Done(Err(Error::Misuse(Misuse::Finished)))));
    }
}

fn answer_sign(sign: &SignRequest, world: &mut World<'_>) -> Input {
    assert!(sign.message.iter().filter(|b| **b == b'.').count() == 1);
    assert!(sign.time_limit <= world.session.policy().sign_time_limit);
    match world.bytes.below(64) {
        61 => Input::SignFailed(sign.id, SignFailed::UnknownKey),
        62 => Input::SignFailed(sign.id, SignFailed::UnsupportedAlgorithm),
        63 => Input::SignFailed(sign.id, SignFailed::Failed("\u{1b}[2J".into())),
        number => {
            let made = signature(number as u8);
            world.signatures.insert(made.as_bytes().to_vec());
            Input::Signature(sign.id, made)
        }
    }
}

/// The most outputs that one input may cause.
const MOST_OUTPUTS: usize = 400;
/// The most requests to one URL while no time passes.
const MOST_AT_ONCE: usize = 100;
