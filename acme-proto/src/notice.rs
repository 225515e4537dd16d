//! Notices: what a program may log; none needs a reaction.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::challenge::Challenge;
use crate::error::{Error, Report, ServerProblem};
use crate::identifier::Identifier;
use crate::renewal_window::RenewalWindow;
use crate::text::{counted, printable};
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{ChallengeKind, Deviation, OrderStatus, Problem};

/// Something worth a log line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The server broke the RFC in a way that the flow survives.
    Deviation {
        /// The URL of the request.
        url: Url,
        /// What was wrong.
        deviation: Deviation,
    },
    /// A request will be sent again.
    Retry {
        /// The URL of the request.
        url: Url,
        /// How many times it has been sent.
        tries: u32,
        /// Why.
        reason: RetryReason,
        /// When it is sent.
        at: Timestamp,
    },
    /// The flow waits for the server before it asks again.
    Waiting {
        /// The URL that is read next.
        url: Url,
        /// When it is read.
        until: Timestamp,
        /// Whether the server set that time by `Retry-After`.
        asked_by_server: bool,
    },
    /// An issuance reached its next step.
    Progress(Progress),
    /// An alternate chain could not be downloaded, or belongs to another certificate. It is not chosen.
    AlternateUnusable {
        /// The URL of the chain.
        url: Url,
        /// What is wrong with it.
        error: Box<Error>,
    },
    /// The certificate has names that were not ordered. It is used, for it has all that were.
    ExtraNames {
        /// The URL of the certificate.
        url: Url,
        /// The names that were not ordered.
        names: Vec<Identifier>,
    },
    /// The certificate has expired, or is not valid yet though that was not asked for. It is used, for our clock may be the
    /// one that is wrong.
    NotValidNow {
        /// The URL of the certificate.
        url: Url,
        /// When its validity begins.
        not_before: Timestamp,
        /// The last second of its validity.
        not_after: Timestamp,
        /// What time it is by our clock.
        now: Timestamp,
    },
    /// An authorization could not be deactivated at the end of an issuance.
    NotDeactivated {
        /// The URL of the authorization.
        url: Url,
        /// Why.
        error: Box<Error>,
    },
    /// The certificate was revoked already, so that nothing was left to revoke.
    AlreadyRevoked {
        /// The URL of the request.
        url: Url,
    },
    /// A CA suggests a new window for the renewal of a certificate (RFC 9773 section 4.2).
    RenewalWindow {
        /// The certificate.
        certificate_id: String,
        /// The window, the instant chosen in it, and the page that explains it.
        window: Box<RenewalWindow>,
        /// When the certificate is due for renewal.
        renew_at: Timestamp,
    },
    /// Renewal information could not be read; renewal falls back to the certificate's lifetime.
    NoRenewalInfo {
        /// The certificate.
        certificate_id: String,
        /// Why.
        error: Box<Error>,
        /// When the CA is asked again.
        again_at: Timestamp,
    },
    /// The CA does not treat the order as the renewal of the certificate that it replaces.
    NotReplacing {
        /// The certificate.
        certificate_id: String,
        /// Why.
        reason: NotReplacing,
    },
    /// The directory lists none of the preferred profiles, so the CA chooses one.
    NoPreferredProfile {
        /// The preferred profiles, the best first.
        preferred: Vec<String>,
        /// The names in the directory.
        offered: Vec<String>,
    },
    /// The order has another profile than the requested one.
    OtherProfile {
        /// The requested profile.
        asked: String,
        /// The profile in the CA's order; `None` if the order has none.
        applied: Option<String>,
    },
    /// An issuance ends, with a certificate or without, and this challenge may still be published.
    NotCleaned {
        /// The challenge to clean up.
        challenge: Box<Challenge>,
        /// Why it was not cleaned up.
        reason: String,
    },
}

/// Why an order does not replace a certificate (RFC 9773 section 5).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NotReplacing {
    /// The directory has no `renewalInfo`, so the order does not name the certificate.
    NotOffered,
    /// The CA refused the order because of `replaces`; the next order does not have that member.
    Refused(Arc<ServerProblem>),
    /// The CA accepted the order, but its order object has no `replaces`.
    NotShown,
}

/// Why a request is sent again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RetryReason {
    /// `badNonce`.
    BadNonce,
    /// The account key changed meanwhile: the request is signed again, by the other key.
    KeyChanged,
    /// The CA demands the external account binding for an account look-up too.
    ExternalAccount,
    /// The server sent an error that may pass.
    Status(u16, Option<Problem>),
    /// No response arrived.
    Lost(String),
}

/// A step of an issuance.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// The order exists at this URL.
    OrderCreated(Url),
    /// The server accepted the response to a challenge and validates it.
    Validating(Identifier, ChallengeKind),
    /// The identifier is authorized.
    Authorized(Identifier),
    /// The order has a new status.
    Order(OrderStatus),
    /// The server refused one way of proving an identifier.
    ChallengeFailed(Identifier, ChallengeKind, Option<Problem>),
}

impl fmt::Display for Notice {
    /// Writes one line; everything that a server sent is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deviation { url, deviation } => write!(f, "{url} deviates: {deviation}"),
            Self::Retry { url, tries, reason, at } => {
                let tries = counted(*tries, "try", "tries");
                write!(f, "{url} again at {at:.0}, after {tries}: {reason}")
            }
            Self::Waiting { url, until, asked_by_server: true } => {
                write!(f, "waiting until {until:.0}, as the CA asks, for {url}")
            }
            Self::Waiting { url, until, .. } => write!(f, "waiting until {until:.0} for {url}"),
            Self::Progress(progress) => progress.fmt(f),
            Self::AlternateUnusable { url, error } => {
                write!(f, "the alternate chain {url} is not used: {}", Report::new(&**error))
            }
            Self::ExtraNames { url, names } => {
                let names: Vec<_> = names.iter().map(Identifier::value).collect();
                write!(
                    f,
                    "the certificate {url} has names that were not ordered: {}",
                    Names(&names)
                )
            }
            Self::NotValidNow { url, not_before, not_after, now } => {
                write!(f, "the certificate {url} is valid from {not_before:.0} to {not_after:.0}")?;
                write!(f, ", and it is {now:.0} by this system's clock")
            }
            Self::NotDeactivated { url, error } => {
                write!(f, "{url} was not given up: {}", Report::new(&**error))
            }
            Self::AlreadyRevoked { url } => write!(f, "{url}: the certificate was revoked before"),
            Self::RenewalWindow { window, renew_at, .. } => {
                let (start, end) = (window.start(), window.end());
                write!(f, "the CA suggests renewal from {start:.0} to {end:.0}")?;
                write!(f, ", so it is due at {renew_at:.0}")?;
                window.explanation_url().map_or(Ok(()), |page| write!(f, "; see {page}"))
            }
            Self::NoRenewalInfo { error, again_at, .. } => {
                write!(
                    f,
                    "no renewal information, asking again at {again_at:.0}: {}",
                    Report::new(&**error)
                )
            }
            Self::NotReplacing { certificate_id, reason } => {
                write!(f, "not ordered as a replacement of {}: ", printable(certificate_id, 120))?;
                reason.fmt(f)
            }
            Self::NoPreferredProfile { preferred, offered } => {
                f.write_str("no preferred profile is offered: ")?;
                write!(f, "{} among {}", Names(preferred), Names(offered))
            }
            Self::OtherProfile { asked, applied } => other_profile(f, asked, applied.as_deref()),
            Self::NotCleaned { challenge, reason } => {
                let (kind, name) = (challenge.kind(), challenge.identifier());
                let reason = printable(reason, 200);
                write!(f, "{name}: {kind} may still be published: {reason}")
            }
        }
    }
}

fn other_profile(f: &mut fmt::Formatter<'_>, asked: &str, applied: Option<&str>) -> fmt::Result {
    let asked = printable(asked, 80);
    match applied {
        None => write!(f, "the CA does not say that it applies the profile {asked}"),
        Some(applied) => {
            write!(f, "the CA applies the profile {} instead of {asked}", printable(applied, 80))
        }
    }
}

impl fmt::Display for NotReplacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered => f.write_str("the CA does not offer renewal information"),
            Self::Refused(problem) => problem.fmt(f),
            Self::NotShown => f.write_str("the CA's order does not show it"),
        }
    }
}

/// A list of names, escaped; not all of a long one.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, name) in self.0.iter().take(MOST_NAMES).enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, printable(name, 80))?;
        }
        f.write_str(if self.0.len() > MOST_NAMES { ", ..." } else { "" })
    }
}

const MOST_NAMES: usize = 20;

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
