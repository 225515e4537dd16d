//! Records of exchanges and validations.

use crate::authority::{ChallengeKind, Identifier, Problem, RequestKind};

/// Records one exchange: a request and its response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExchangeRecord {
    /// Counts the exchanges from 1, in the order in which they were processed.
    pub number: u64,
    /// The method.
    pub method: String,
    /// The path and query.
    pub path: String,
    /// The kind of the request.
    pub kind: RequestKind,
    /// The status of the response, or 0 if a fault dropped the unprocessed request.
    pub status: u16,
    /// The problem type of an error response, without its URN prefix.
    pub problem: Option<String>,
    /// Whether the response was sent. False if a fault dropped it.
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
    /// Bytes in the response's body.
    pub response_bytes: usize,
}

/// The progress of an exchange, for a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangePhase {
    /// The request has taken effect, and no byte of the response was written.
    Processed,
    /// The last byte of the response was passed to the socket.
    ///
    /// It follows `Processed` for every exchange whose response could be written.
    Answered,
}

/// Records one validation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ValidationRecord {
    /// The identifier, without `*.`.
    pub identifier: Identifier,
    /// Whether the authorization was for the wildcard name.
    pub wildcard: bool,
    /// The type of the challenge.
    pub kind: ChallengeKind,
    /// The problem, or `None` if the validation succeeded.
    pub problem: Option<Problem>,
    /// When it ended, in milliseconds since the start of the CA.
    pub millis: u64,
}
