//! What the server remembers of its exchanges and validations.

use crate::authority::{ChallengeKind, Identifier, Problem, RequestKind};

/// Records one exchange: a request, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExchangeRecord {
    /// Counts the exchanges from 1, in the order in which they were processed.
    pub number: u64,
    /// The method.
    pub method: String,
    /// The path and query.
    pub path: String,
    /// What was asked for.
    pub kind: RequestKind,
    /// The status of the answer; 0 if a fault dropped the request before it was looked at.
    pub status: u16,
    /// The problem type of an error answer, without its URN prefix.
    pub problem: Option<String>,
    /// Whether the answer was to reach the client; false if a fault had it lost.
    pub delivered: bool,
    /// When it was processed, in milliseconds since the start of the CA.
    pub millis: u64,
    /// Counts the TLS connections from 1: the one that the request came on.
    pub connection: u64,
    /// The protocol version, as `HTTP/1.1` or `HTTP/2.0`.
    pub version: &'static str,
    /// The `User-Agent` of the request.
    pub user_agent: Option<String>,
    /// The `Accept-Language` of the request.
    pub accept_language: Option<String>,
    /// Bytes in the request's body.
    pub request_bytes: usize,
    /// Bytes in the answer's body.
    pub response_bytes: usize,
}

/// Tells a hook how far an exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangePhase {
    /// The request was processed and its effects are in force; no byte of the answer was written.
    Processed,
    /// The last byte of the answer was handed to the socket.
    ///
    /// It comes after `Processed` for every exchange whose answer could be written.
    Answered,
}

/// Records one validation that was made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ValidationRecord {
    /// What was validated, without `*.`.
    pub identifier: Identifier,
    /// Whether it was for the wildcard name.
    pub wildcard: bool,
    /// How it was validated.
    pub kind: ChallengeKind,
    /// The problem that was found, or `None` if the validation succeeded.
    pub problem: Option<Problem>,
    /// When it ended, in milliseconds since the start of the CA.
    pub millis: u64,
}
