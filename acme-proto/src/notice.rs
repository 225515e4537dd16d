//! What a driver may want to log, but need not react to.

use alloc::boxed::Box;
use alloc::string::String;

use crate::identifier::Identifier;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{ChallengeKind, Deviation, OrderStatus, Problem};

/// Something worth a log line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The server broke the RFC in a way that could be survived.
    Deviation {
        /// The URL of the request whose answer it was.
        url: Url,
        /// What was wrong.
        deviation: Deviation,
    },
    /// A request is going to be sent again.
    Retry {
        /// The URL of the request.
        url: Url,
        /// How many times it has been sent.
        tries: u32,
        /// Why.
        reason: RetryReason,
        /// When it goes out.
        at: Timestamp,
    },
    /// The flow waits for the server before it asks again.
    Waiting {
        /// The URL that will be asked.
        url: Url,
        /// When.
        until: Timestamp,
        /// Whether the server named that time by `Retry-After`.
        asked_by_server: bool,
    },
    /// An issuance came further.
    Progress(Progress),
}

/// Why a request is sent again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RetryReason {
    /// `badNonce`.
    BadNonce,
    /// The server answered with an error that may pass.
    Status(u16, Option<Box<Problem>>),
    /// There was no answer.
    Lost(String),
}

/// How far an issuance has come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// The order exists at this URL.
    OrderCreated(Url),
    /// A challenge was answered; the server validates.
    Validating(Identifier, ChallengeKind),
    /// The identifier is authorized.
    Authorized(Identifier),
    /// The order has a new status.
    Order(OrderStatus),
    /// The server refused one way of proving an identifier.
    ChallengeFailed(Identifier, ChallengeKind, Option<Box<Problem>>),
}
