//! One exchange: an operation on its way to its response, and the states that it passes through.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::supply::Supply;
use crate::error::Error;
use crate::http::Response;
use crate::jose::{Jwk, Signature, SigningInput, Thumbprint};
use crate::op::{Auth, Payload, Spec};
use crate::request::RequestId;
use crate::session::{Fresh, Session};
use crate::time::Timestamp;
use crate::url::Url;

/// Names an exchange within its engine; an older one has a lower id, and goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExchangeId(pub(super) u64);

/// An operation in progress: its present request, and how often that was tried.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) work: Work,
    pub(super) phase: Phase,
    pub(super) spec: Spec,
    state: State,
    /// The URL that the request goes to, or last went to.
    pub(super) url: Option<Url>,
    /// The URL that a redirect led to.
    pub(super) redirect: Option<Url>,
    /// The payload, where it is more than the spec's: around a signed inner JWS, or made for the directory.
    pub(super) payload: Option<Vec<u8>>,
    /// The nonce of a badNonce response, or the own one of a request that nobody has processed; no other exchange may use
    /// it.
    pub(super) nonce: Option<Fresh>,
    pub(super) counts: Counts,
    /// Since the server first did not know what it had named a moment ago. Boxed, because it is rare.
    pub(super) lag: Option<Box<Lag>>,
    pub(super) refetched_directory: bool,
    /// The key that signs since the request was refused because of its key.
    pub(super) second_key: Option<SecondKey>,
}

/// How often things happened to the present request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    /// It was lost, or refused for now.
    pub(super) tries: u32,
    /// It was lost: the next one has more time.
    pub(super) losses: u32,
    /// Its nonce was refused.
    pub(super) bad_nonces: u32,
    /// It left, and the server may have processed it.
    pub(super) arrivals: u32,
    pub(super) redirects: u32,
}

/// A key that signs a request once more, while the account changes from one to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecondKey {
    /// The account's key, which another one was when the request was signed first.
    Current,
    /// The key that the account is changing to, to see whether the server holds it already.
    New,
}

/// The server does not know a URL that it has named, or an account that it has made.
#[derive(Debug)]
pub(super) struct Lag {
    /// When it said so first.
    pub(super) since: Timestamp,
    pub(super) times: u32,
    /// What it does not know is the account.
    pub(super) of_account: bool,
}

/// What an exchange is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// An operation of the flow.
    Operation,
    /// Something that other exchanges lack.
    Supply(Supply),
}

/// Which of an operation's requests this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The one of its spec.
    Request,
    /// The one that reads, after a lost response, whether the request was processed.
    Reread,
    /// The fallback after a failure; with the status of the first response, if that could not be read.
    Fallback { first_status: Option<u16> },
}

/// A final response, with the URL that it came from, or the error instead.
pub(super) type Outcome = Result<(Url, Response), Error>;

/// The state of an exchange, with what belongs to it.
#[derive(Debug)]
enum State {
    /// For a time, a slot of the rate limits, or something that it lacks; in one of the
    /// [`Queue`](super::queue::Queue)'s sets.
    Waiting {
        not_before: Timestamp,
        has_slot: bool,
    },
    SigningInner(SigningInput),
    Signing(SigningInput, SignedWith),
    /// The body is ready to be sent.
    Signed(Vec<u8>, SignedWith),
    /// With the nonce of a signed request.
    Sent(Sent, Option<Fresh>),
}

/// What a request is signed with.
#[derive(Debug)]
struct SignedWith {
    nonce: Fresh,
    key: Thumbprint,
}

/// A request that the driver has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) id: RequestId,
    pub(super) at: Timestamp,
    /// The key that signed it, and since when its nonce was known.
    pub(super) signed: Option<(Thumbprint, Timestamp)>,
}

impl Sent {
    pub(super) fn is_signed_by(&self, key: &Jwk) -> bool {
        self.signed.is_some_and(|(thumbprint, _)| thumbprint == key.thumbprint())
    }
}

/// An exchange whose present request has come to its end, for its operation to read.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) id: ExchangeId,
    pub(super) exchange: Box<Exchange>,
    pub(super) outcome: Outcome,
    /// It ended because it was not supplied with what it lacks.
    pub(super) unsupplied: bool,
}

/// What an input means for its exchange.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It goes on: its state says how.
    Stay,
    /// Its request has come to its end.
    Settle(Outcome),
}

/// A state without its data, for [`next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Waits for a time, for a slot of the rate limits, or for a directory, account URL or nonce.
    Waiting,
    /// The signer has the inner JWS: of a key change, or of the binding to an external account.
    SigningInner,
    /// The signer has the request.
    Signing,
    /// The request is signed, and is handed out at the next poll.
    Signed,
    /// The driver has the request.
    Sent,
    /// The last response or error came; the operation reads it at the next poll.
    Settled,
    /// The flow has the operation's response or error.
    Finished,
}

/// What takes an exchange from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// All that it lacked is there, but an inner JWS has to be signed first.
    SignInner,
    /// All that it lacked is there, with the nonce.
    Sign,
    /// The signature came.
    Signature,
    /// The request is handed to the driver: signed, or in no need of a signature.
    Send,
    /// The response was lost, or refuses the request for now: it is sent again later.
    Retry,
    /// The response refuses the nonce, the account key, the binding to an external account, a remembered account, or a
    /// URL of an old directory, or nothing responds at that: the request is sent again with another one.
    Amend,
    /// The response redirects a GET to another URL.
    Redirect,
    /// The response was lost, or is a server error, and the request may have been processed: the resource is read
    /// to see whether it was.
    Reread,
    /// The last response came, or an error that no retry helps against: no signature, no directory, account URL
    /// or nonce, or the deadline.
    Settle,
    /// The operation has another request: the next page or link.
    NextRequest,
    /// The request failed, and another resource has the response.
    Fallback,
    /// The resource shows that the request was not processed: it is sent again.
    Resend,
    /// The operation is done.
    #[cfg_attr(not(test), expect(dead_code, reason = "an exchange that is finished is dropped"))]
    Finish,
}

/// Returns the state after an event; `None` where the event cannot happen.
pub(super) const fn next(stage: Stage, event: Event) -> Option<Stage> {
    Some(match (stage, event) {
        (Stage::Waiting, Event::SignInner) => Stage::SigningInner,
        // The outer JWS, around the inner one, has its own needs: the nonce above all.
        (Stage::SigningInner, Event::Signature) => Stage::Waiting,
        (Stage::Waiting, Event::Sign) => Stage::Signing,
        (Stage::Signing, Event::Signature) => Stage::Signed,
        (Stage::Waiting | Stage::Signed, Event::Send) => Stage::Sent,
        (Stage::Sent, Event::Retry | Event::Amend | Event::Redirect | Event::Reread) => {
            Stage::Waiting
        }
        (Stage::Settled | Stage::Finished, Event::Settle) => return None,
        (_, Event::Settle) => Stage::Settled,
        (Stage::Settled, Event::NextRequest | Event::Fallback | Event::Resend) => Stage::Waiting,
        (Stage::Settled, Event::Finish) => Stage::Finished,
        _ => return None,
    })
}

impl Exchange {
    pub(super) const fn new(work: Work, spec: Spec) -> Self {
        Self {
            work,
            phase: Phase::Request,
            spec,
            state: State::NEW,
            url: None,
            redirect: None,
            payload: None,
            nonce: None,
            counts: Counts::NONE,
            lag: None,
            refetched_directory: false,
            second_key: None,
        }
    }

    pub(super) const fn stage(&self) -> Stage {
        self.state.stage()
    }

    /// Returns until when it waits at least; `None` for one that is further on.
    pub(super) const fn waits_until(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting { not_before, .. } => Some(not_before),
            _ => None,
        }
    }

    pub(super) const fn has_slot(&self) -> bool {
        matches!(self.state, State::Waiting { has_slot: true, .. })
    }

    /// Returns what the driver has of it.
    pub(super) const fn sent(&self) -> Option<Sent> {
        match self.state {
            State::Sent(sent, _) => Some(sent),
            _ => None,
        }
    }

    /// Takes a slot of the rate limits, which may be a later one, or waits for room in them.
    pub(super) fn take_slot(&mut self, not_before: Timestamp) {
        debug_assert_eq!(self.stage(), Stage::Waiting);
        self.state = State::Waiting { not_before, has_slot: true };
    }

    /// Hands the inner JWS to the signer.
    pub(super) fn sign_inner(&mut self, input: SigningInput) {
        self.enter(Event::SignInner, State::SigningInner(input));
    }

    /// Hands the request to the signer.
    pub(super) fn sign(&mut self, input: SigningInput, nonce: Fresh, key: Thumbprint) {
        self.enter(Event::Sign, State::Signing(input, SignedWith { nonce, key }));
    }

    /// Handles `Input::Signature`.
    pub(super) fn signature(&mut self, signature: &Signature, now: Timestamp) {
        debug_assert!(next(self.stage(), Event::Signature).is_some());
        match core::mem::replace(&mut self.state, State::NEW) {
            State::Signing(input, with) => {
                self.state = State::Signed(input.flattened(signature.as_bytes()), with);
            }
            State::SigningInner(input) => {
                if let Payload::Nested(inner) = &self.spec.payload {
                    self.payload = Some(inner.wrap(&input.flattened(signature.as_bytes())));
                }
                // The slot stays reserved: nothing was sent yet.
                self.state = State::Waiting { not_before: now, has_slot: true };
            }
            other => self.state = other,
        }
    }

    /// Hands the request to the driver; returns its body, and whose response brought its nonce.
    pub(super) fn send(&mut self, id: RequestId, at: Timestamp) -> (Vec<u8>, Option<RequestId>) {
        debug_assert_eq!(next(self.stage(), Event::Send), Some(Stage::Sent));
        match core::mem::replace(&mut self.state, State::NEW) {
            State::Signed(body, SignedWith { nonce, key }) => {
                let (signed, from) = (Some((key, nonce.since)), nonce.from);
                self.state = State::Sent(Sent { id, at, signed }, Some(nonce));
                (body, from)
            }
            _ => {
                self.state = State::Sent(Sent { id, at, signed: None }, None);
                (Vec::new(), None)
            }
        }
    }

    /// Goes back to be sent again at `not_before`, by a slot of its own.
    pub(super) fn send_again(&mut self, event: Event, not_before: Timestamp) -> Verdict {
        self.enter(event, State::Waiting { not_before, has_slot: false });
        Verdict::Stay
    }

    /// Returns the URL of a request that was sent.
    pub(super) fn sent_url(&self, session: &Session) -> Url {
        self.url.clone().unwrap_or_else(|| session.directory_url().clone())
    }

    /// Ends the present request, for the operation to read the outcome.
    pub(super) fn settle(self: Box<Self>, id: ExchangeId, outcome: Outcome) -> Settled {
        debug_assert_eq!(next(self.stage(), Event::Settle), Some(Stage::Settled));
        Settled { id, exchange: self, outcome, unsupplied: false }
    }

    /// Begins another request of the same operation, once the present one is settled; only what it is for is kept.
    pub(super) fn restart(&self, event: Event, phase: Phase, spec: Spec) -> Self {
        debug_assert_eq!(next(Stage::Settled, event), Some(Stage::Waiting));
        Self { phase, ..Self::new(self.work, spec) }
    }

    /// Sends a request again of which a re-read shows that it was not processed, with the tries, and the time, that it had.
    pub(super) fn resend(&self, spec: Spec) -> Self {
        let Counts { tries, losses, .. } = self.counts;
        let counts = Counts { tries, losses, ..Counts::NONE };
        Self { counts, ..self.restart(Event::Resend, Phase::Request, spec) }
    }

    fn enter(&mut self, event: Event, state: State) {
        debug_assert_eq!(next(self.stage(), event), Some(state.stage()));
        self.state = state;
    }

    /// Returns whether the next signature is that of the request, and not of an inner JWS.
    pub(super) const fn needs_nonce_next(&self) -> bool {
        let inner = matches!(self.spec.payload, Payload::Nested(_)) && self.payload.is_none();
        self.spec.is_signed() && !inner
    }

    /// Keeps the nonce that the request was signed with, for the next try: nobody has used it up.
    pub(super) fn keep_nonce(&mut self) {
        if let State::Sent(_, nonce) = &mut self.state {
            self.nonce = nonce.take();
        }
    }

    /// Takes the nonce of a request that is given up before it is sent.
    pub(super) fn take_unsent_nonce(&mut self) -> Option<Fresh> {
        match core::mem::replace(&mut self.state, State::NEW) {
            State::Signed(_, SignedWith { nonce, .. }) => Some(nonce),
            other => {
                self.state = other;
                None
            }
        }
    }

    pub(super) fn tries_new_key(&self) -> bool {
        self.second_key == Some(SecondKey::New)
    }

    pub(super) const fn uses_account_url(&self) -> bool {
        matches!(self.spec.auth, Auth::Account)
    }
}

impl Counts {
    const NONE: Self = Self { tries: 0, losses: 0, bad_nonces: 0, arrivals: 0, redirects: 0 };
}

impl State {
    const NEW: Self = Self::Waiting { not_before: Timestamp::UNIX_EPOCH, has_slot: false };

    const fn stage(&self) -> Stage {
        match self {
            Self::Waiting { .. } => Stage::Waiting,
            Self::SigningInner(_) => Stage::SigningInner,
            Self::Signing(..) => Stage::Signing,
            Self::Signed(..) => Stage::Signed,
            Self::Sent(..) => Stage::Sent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::diagrams::{EVENTS, STAGES};
    use super::*;

    #[test]
    fn every_state_is_reached_and_left_until_the_end() {
        for stage in STAGES {
            let leaves = EVENTS.iter().filter_map(|event| next(stage, *event)).count();
            assert_eq!(leaves == 0, stage == Stage::Finished, "{stage:?}");
            let reached = STAGES
                .iter()
                .any(|from| EVENTS.iter().any(|event| next(*from, *event) == Some(stage)));
            assert!(reached, "{stage:?}");
        }
    }

    #[test]
    fn only_what_was_sent_is_retried() {
        for stage in STAGES {
            assert_eq!(next(stage, Event::Retry).is_some(), stage == Stage::Sent, "{stage:?}");
        }
    }

    #[test]
    fn an_operation_ends_only_by_reading_its_response() {
        for (stage, event) in STAGES.iter().flat_map(|s| EVENTS.map(|event| (*s, event))) {
            let ends = next(stage, event) == Some(Stage::Finished);
            assert_eq!(ends, (stage, event) == (Stage::Settled, Event::Finish));
        }
    }
}
