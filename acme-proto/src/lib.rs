//! The ACME client protocol (RFC 8555 and its extensions) as a **sans-IO state machine**.
//!
//! This crate turns operations into descriptions of HTTP requests and parses the responses. It has no socket,
//! no clock, no runtime, no thread and no private key: whoever drives it brings these, so that it runs in
//! any runtime, in blocking programs, on bare metal, and under a fuzzer. `acme-tokio` and `acme-blocking`
//! are two thin drivers; writing a third takes about forty lines. `acme-adapter` holds what every adapter shares: files,
//! locks, keys, clocks, child processes. It is a crate of its own, because none of that may be in here.
//!
//! # The one rule
//!
//! A [`Flow`](flow::Flow) is polled until it says [`Timeout`](flow::Output::Timeout) or
//! [`Done`](flow::Output::Done), and each output on the way is acted upon. Whatever comes back is handed in,
//! and then it is polled again. Time enters as the argument `now` and in no other way.
//!
//! This is a whole driver, one thing at a time. It works for every flow:
//!
//! ```
//! use acme_proto::flow::{Flow, Input, Lost, Output, SignFailed, SignRequest, Transmit};
//! use acme_proto::{call::Call, error::Error, http::Response, jose::Signature, op::GetDirectory};
//! use acme_proto::{session::Session, time::Timestamp, url::Url};
//!
//! /// What a driver brings: a network, a key, a clock.
//! trait Outside {
//!     fn exchange(&mut self, transmit: &Transmit) -> Result<Response, Lost>;
//!     fn sign(&mut self, request: &SignRequest) -> Result<Signature, SignFailed>;
//!     fn now(&self) -> Timestamp;
//!     fn sleep_until(&mut self, time: Timestamp);
//! }
//!
//! fn drive<F: Flow>(
//!     flow: &mut F,
//!     session: &mut Session,
//!     outside: &mut impl Outside,
//!     mut on_event: impl FnMut(&mut F, &mut Session, F::Event),
//! ) -> Result<F::Success, Error> {
//!     loop {
//!         match flow.poll_output(session, outside.now()) {
//!             Output::Transmit(t) => {
//!                 let input = Input::exchanged(t.id, outside.exchange(&t));
//!                 flow.handle_input(session, input, outside.now())?;
//!             }
//!             Output::Sign(s) => {
//!                 let input = Input::signed(s.id, outside.sign(&s));
//!                 flow.handle_input(session, input, outside.now())?;
//!             }
//!             Output::Save(s) => {
//!                 // A durable flow: store `s.snapshot` first.
//!                 flow.handle_input(session, Input::Saved(s.id), outside.now())?;
//!             }
//!             Output::Event(event) => on_event(flow, session, event),
//!             Output::Notice(_) => {} // log it
//!             Output::Timeout(time) => outside.sleep_until(time),
//!             Output::Done(result) => return result,
//!         }
//!     }
//! }
//!
//! /// Stands in for a network with one server, which has one directory.
//! struct StandIn(Timestamp);
//!
//! impl Outside for StandIn {
//!     fn exchange(&mut self, transmit: &Transmit) -> Result<Response, Lost> {
//!         assert_eq!(transmit.request.url().as_str(), "https://ca.example/directory");
//!         Ok(Response::new(200).with_body(r#"{"newNonce": "https://ca.example/nonce"}"#))
//!     }
//!     fn sign(&mut self, _: &SignRequest) -> Result<Signature, SignFailed> {
//!         Err(SignFailed::UnknownKey)
//!     }
//!     fn now(&self) -> Timestamp {
//!         self.0
//!     }
//!     fn sleep_until(&mut self, time: Timestamp) {
//!         self.0 = time;
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // One flow: fetch a directory.
//!     let mut outside = StandIn(Timestamp::UNIX_EPOCH);
//!     let mut session = Session::new(Url::parse("https://ca.example/directory")?, 0);
//!     let mut call = Call::new(GetDirectory);
//!     let directory = drive(&mut call, &mut session, &mut outside, |_, _, never| match never {})?;
//!     assert_eq!(directory.new_nonce().as_str(), "https://ca.example/nonce");
//!     Ok(())
//! }
//! ```
//!
//! A driver that does several things at once hands out everything before `Timeout` and feeds the results in as
//! they come, in any order.
//!
//! # Map
//!
//! | module | holds |
//! | --- | --- |
//! | [`flow`] | the contract: [`Flow`](flow::Flow), outputs, inputs |
//! | [`session`] | what the flows of one account share: directory, account URL, nonces, rate limits |
//! | [`call`], [`op`] | one operation with every retry rule; one typed operation a file |
//! | [`register`] | creating an account, with the user's consent |
//! | [`rollover`] | changing the account key, with the new one stored first |
//! | [`issuance`], [`snapshot`] | a whole order, and its state for the next process |
//! | [`renewal`] | when to renew a certificate |
//! | [`challenge`] | what to publish where |
//! | [`caa`] | CAA records: to write them, and to foresee what the CA will find |
//! | [`policy`] | every number that can be tuned |
//! | [`error`], [`notice`] | what went wrong, by culprit; what is worth a log line |
//! | [`wire`], [`header`], [`jose`], [`x509`], [`pem`] | what is sent and received, and the keys |
//! | [`http`], [`url`], [`time`], [`identifier`], [`token`] | plain data |
//! | `zerossl` | ZeroSSL's credentials for external account binding (a feature) |
//! | [`manual`] | why it is built like this |
//! | `acme-adapter` | not a module but the crate beside this one: what every adapter shares (files, locks, keys, clocks, child processes) |
//!
//! # Features
//!
//! `es256`, `es384`, `es512`, `ed25519` and `rs256` bring pure-Rust signers (the module `signer`) for those
//! who have no other crypto at hand. Without them there is no cryptography in here but hashing.
//! `zerossl` brings the module of that name.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod caa;
pub mod call;
pub mod challenge;
#[cfg(test)]
mod diagrams;
pub mod error;
pub mod flow;
pub mod header;
pub mod http;
pub mod identifier;
pub mod issuance;
pub mod jose;
pub mod manual;
pub mod notice;
pub mod op;
mod output;
pub mod pem;
pub mod policy;
pub mod register;
pub mod renewal;
mod renewal_window;
mod request;
mod resource;
pub mod rollover;
pub mod session;
#[cfg(any(
    feature = "es256",
    feature = "es384",
    feature = "es512",
    feature = "ed25519",
    feature = "rs256"
))]
pub mod signer;
pub mod snapshot;
#[doc(hidden)]
pub mod sorted;
mod text;
pub mod time;
pub mod token;
pub mod url;
pub mod wire;
pub mod x509;
#[cfg(feature = "zerossl")]
pub mod zerossl;
