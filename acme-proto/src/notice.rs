//! What a driver may want to log, but need not react to.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use crate::challenge::Challenge;
use crate::error::Error;
use crate::identifier::Identifier;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{ChallengeKind, Deviation, OrderStatus, Problem, printable};

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
    /// An alternate chain could not be had, or is for another certificate; it is not chosen.
    AlternateUnusable {
        /// The URL of the chain.
        url: Url,
        /// What is wrong with it.
        error: Box<Error>,
    },
    /// An authorization was to be given up at the end of an issuance, and is not.
    NotDeactivated {
        /// The URL of the authorization.
        url: Url,
        /// Why.
        error: Box<Error>,
    },
    /// A certificate that was to be revoked had been revoked before.
    AlreadyRevoked {
        /// The URL of the request.
        url: Url,
    },
    /// An issuance ends without a certificate, and this challenge may still be published somewhere.
    NotCleaned {
        /// What was to be taken back.
        challenge: Box<Challenge>,
        /// Why it was not.
        reason: String,
    },
}

/// Why a request is sent again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RetryReason {
    /// `badNonce`.
    BadNonce,
    /// The account key changed under way: the request is signed again, by the other one.
    KeyChanged,
    /// The CA wants to see the external account even where an account is looked up.
    ExternalAccount,
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

impl fmt::Display for Notice {
    /// Writes one line; everything that a server sent is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deviation { url, deviation } => write!(f, "{url} deviates: {deviation}"),
            Self::Retry { url, tries, reason, at } => {
                write!(f, "{url} again at {at}, after {tries} tries: {reason}")
            }
            Self::Waiting { url, until, asked_by_server: true } => {
                write!(f, "waiting until {until}, as the CA asks, for {url}")
            }
            Self::Waiting { url, until, .. } => write!(f, "waiting until {until} for {url}"),
            Self::Progress(progress) => progress.fmt(f),
            Self::AlternateUnusable { url, error } => {
                write!(f, "the alternate chain {url} is not used: {error}")
            }
            Self::NotDeactivated { url, error } => write!(f, "{url} was not given up: {error}"),
            Self::AlreadyRevoked { url } => write!(f, "{url}: the certificate was revoked before"),
            Self::NotCleaned { challenge, reason } => {
                let (kind, name) = (challenge.kind(), challenge.identifier());
                let reason = printable(reason, 200);
                write!(f, "{name}: {kind} may still be published: {reason}")
            }
        }
    }
}

impl fmt::Display for RetryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadNonce => f.write_str("badNonce"),
            Self::KeyChanged => f.write_str("the account key changed"),
            Self::ExternalAccount => f.write_str("with the external account"),
            Self::Status(status, None) => write!(f, "status {status}"),
            Self::Status(status, Some(problem)) => write!(f, "status {status}, {problem}"),
            Self::Lost(why) => f.write_str(&printable(why, 300)),
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OrderCreated(url) => write!(f, "order {url}"),
            Self::Validating(name, kind) => write!(f, "{name}: the CA validates {kind}"),
            Self::Authorized(name) => write!(f, "{name}: authorized"),
            Self::Order(status) => write!(f, "order {status}"),
            Self::ChallengeFailed(name, kind, None) => write!(f, "{name}: {kind} failed"),
            Self::ChallengeFailed(name, kind, Some(problem)) => {
                write!(f, "{name}: {kind} failed: {problem}")
            }
        }
    }
}
