//! One operation with every retry rule, and the engine that runs the operations of all flows.
//!
//! # Theory of operation
//!
//! A flow says which operations run and what follows from each response. The engine does the rest: it sends
//! the requests of an operation, retries them, reads the responses, and gives the operation back with its
//! response or its final error. [`Call`] is the smallest flow: one operation, and nothing follows.
//!
//! **What it guarantees.** Every operation that was started comes back exactly once, unless the flow ends
//! first. A request that may have been processed is sent again only if the operation says that this does no
//! harm. Each nonce is used for at most one request that a CA may have seen. At most `max_in_flight` requests are with the signer or
//! the driver. The engine fetches only what a request waits for, and the nonces that a flow asks for ahead of time.
//! The time that `Output::Timeout` names is later than `now`, unless the deadline has passed. A step takes
//! O(log n) for n exchanges. Only two things visit all of them: the end of a flow, and a failure to fetch the
//! directory, the account's URL or a nonce.
//!
//! **Who owns what.** An *exchange* owns an operation, its present request and its tries. The *engine* owns
//! the exchanges of one flow, the deadline, and the nonces that this flow fetched for itself. The *session*
//! owns what flows share: directory, account URL and keys, all other nonces, and the rate limits. An
//! *operation* owns what is particular to it: it says what its request is, how a response is read, what a lost
//! one means, and from which other resource the same can be read (the *fallback*). It never sees a nonce, a signature or a retry. The
//! *driver* owns sockets, keys and the clock, and sees numbered requests.
//!
//! **The sequence of outputs.** A flow's own outputs, a save or an event, come before those of the engine
//! (`drive.rs`). Of the engine's, notices come first, so that a log shows a cause before the request that
//! follows from it. Then come operations that are done, because their results may make the flow start others. Then the oldest exchange that is
//! signed, or that can be begun, takes its next step. An exchange keeps its place through all of its
//! requests, so that a retry goes before requests that were started later. Only if no exchange has a next
//! step, the engine fetches what is lacking. If everything that is lacking is being fetched, the flow waits.
//!
//! **Nonces.** A nonce from a newNonce response stays in the flow that asked for it. If it went to the session,
//! two flows could take each other's nonces without end. All other nonces go to the session. The nonce of a
//! badNonce response belongs to the request that is sent again ([RFC 8555 Section 6.5]; `bad_nonce` in
//! `retry.rs`). The session then drops every nonce that it received before the refused one: a server that
//! lost one, by a restart for example, lost them all. The few that this flow fetched itself stay. A request that
//! provably nobody processed, or that a server in front of the CA refused, keeps its nonce for the next try. If
//! newNonce fails, the requests that wait for its nonce fail with that error, which is never treated as a refusal of
//! theirs.
//!
//! **Limits.** After a 5xx or a 429, a request is sent again at the time of `Retry-After`, or after a jittered backoff.
//! But a 429, or a 503 without a problem document, may name no time. All exchanges of the session
//! then share a pace (`session/pace.rs`): it starts at what the server accepted in one second, each further refusal lowers it, and
//! it rises slowly while there is none. newAccount and newOrder have a pace of their own. While a pace holds, an exchange
//! gets a slot only with its nonce, and at most one nonce is fetched at a time. A request fails after `tries` tries
//! if no other request was accepted meanwhile, and after four times `tries` in any case. It also fails if the pause
//! would outlast the deadline.
//! A `rateLimited` with another status and without a time is an error at once: such limits last for hours.
//!
//! **Lost responses.** A request is sent again unless its operation says otherwise (`OnLost`). Reads,
//! newAccount, newOrder, revokeCert and updates of the account may be sent twice without harm, except that a repeated
//! newOrder may leave one order unused. The response to a challenge, finalize and the deactivation of an authorization may
//! not: the resource is read first, and the request is sent again only if it was not processed. A lost key
//! change is reported, because only [`Rollover`](crate::rollover::Rollover) knows which key to ask with. What
//! provably never left is sent again in any case, and what the server says it did not process (`Lost::NotProcessed`) at
//! once, without a backoff. A server whose TLS certificate is not trusted, and a proxy that demands a password, end the
//! flow: another try ends in the same way (`Lost::Untrusted`, `Lost::Blocked`).
//!
//! **Servers that lag.** A CA is many machines. A 404 for a resource that a response named in the last half minute
//! (`replica_lag`), or `accountDoesNotExist` for an account that was just created, is retried for half a minute and not
//! believed. Each URL has that time for itself: when one that lagged is there, what was named with it counts as named just
//! then. The order of a snapshot is old: until it was read, a 404 for it is believed at once. A request that was lost gets
//! twice the time limit at its next try, because a busy server may need it. If newNonce refuses HEAD, it is asked by GET
//! for the rest of the session.
//!
//! **Old directories.** A directory lasts for a day (`directory_max_age`), and a remembered one came from another process. So
//! what one lacks that is remembered, or older than ten minutes, is looked for in a new one first: the URL of a resource, a
//! profile. If nothing is at a URL that an earlier flow learnt from the directory, or it redirects, or its host is gone and
//! is not that of the directory, the directory is fetched again and the request is sent once more. An account that is
//! unknown at a remembered URL is looked up by its key.
//!
//! **Key changes.** While it is not known which of two keys the server holds, a request that is refused
//! because of its key is signed again by the other one, once. If the server accepts it, the change has taken
//! effect, and the session uses the new key.
//!
//! # The life of an exchange
//!
#![doc = include_str!("exchange.svg")]
//!
#![doc = include_str!("exchange.md")]
//!
//! 1. *Waiting.* The engine looks, in this order, for the directory, the account key, the account's URL,
//!    a slot of the rate limits, and a nonce. The directory comes first because everything else depends on
//!    it. The nonce comes last because it grows old; it is taken only when it will be signed at once: the rate limits
//!    have room for it, too, though requests that are out arrive late (`session/limits.rs`). While a pace
//!    holds, the nonce comes before the slot, and may wait for it. If the directory, the account's URL or a nonce
//!    is lacking, the engine starts an exchange that fetches it (`fetch.rs`), and the exchange waits. A slot is kept
//!    while a nonce is fetched, unless the server asks for a pause.
//! 2. *Signing the inner JWS*, for key changes and external accounts. The exchange then waits again, for the
//!    nonce of the outer JWS.
//! 3. *Signing*, then *signed*. The signature may take seconds. If the nonce goes stale meanwhile, the
//!    server refuses it with badNonce: the request is signed again at once, with the nonce of that response or,
//!    if it has none, with another one. It is sent at most `bad_nonce_tries` times in all.
//! 4. *Sent.* The response, or its absence, decides (`retry.rs`): the exchange goes back to *waiting* to be sent again,
//!    at once or later; or back to *waiting* to read whether the request was processed; or it is settled.
//! 5. *Settled.* At the next poll the operation reads the response. It is not read earlier, because only a poll
//!    can hand out what follows from it: an event, a notice, the next request. If the operation has a fallback
//!    for this error, such as an unreadable body, that is sent. If a re-read shows that the request was not
//!    processed, it is sent again, and keeps its count of tries. If
//!    the operation has another request, that is sent. Otherwise the exchange is finished.
//!
//! [RFC 8555 Section 6.5]: https://www.rfc-editor.org/rfc/rfc8555#section-6.5

#[cfg(test)]
mod diagrams;
mod drive;
mod engine;
mod exchange;
mod exchanges;
mod fetch;
mod queue;
mod retry;
mod send;
mod supply;
#[cfg(test)]
mod tests;

use core::convert::Infallible;
use core::time::Duration;

use crate::op::Operation;
use crate::output::Output;
use crate::session::Session;

pub(crate) use drive::{Drive, Life, handle_input, poll};
pub(crate) use engine::{Engine, Finished};

/// Runs one [`Operation`]: fetches what it needs first (directory, account URL, nonce), and sends it
/// again where that is safe.
///
/// ```
/// use acme_proto::{call::Call, op::GetDirectory};
///
/// let call = Call::new(GetDirectory);
/// # let _ = call;
/// ```
#[derive(Debug)]
pub struct Call<O: Operation> {
    engine: Engine<O>,
    life: Life<O::Response>,
}

impl<O: Operation> Call<O> {
    /// Creates a call with the policy's time limit.
    pub fn new(operation: O) -> Self {
        let mut engine = Engine::new();
        engine.start(operation);
        Self { engine, life: Life::New }
    }

    /// Sets a time limit of its own, retries included.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.engine.exchanges.set_time_limit(limit);
        self
    }
}

impl<O: Operation> Drive<Infallible, O::Response> for Call<O> {
    type Operation = O;

    fn engine(&mut self) -> &mut Engine<O> {
        &mut self.engine
    }

    fn life(&mut self) -> &mut Life<O::Response> {
        &mut self.life
    }

    fn start(&mut self, session: &mut Session) {
        self.engine.exchanges.start_clock(session.policy().call_time_limit);
    }

    fn advance(&mut self, _: &mut Session) -> Option<Output<Infallible, O::Response>> {
        None
    }

    fn finished(&mut self, finished: Finished<O>, _: &mut Session) {
        self.life.end(finished.result);
    }

    fn late(&mut self, session: &mut Session) {
        self.engine.expire(session);
    }
}
