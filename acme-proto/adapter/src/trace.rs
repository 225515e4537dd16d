//! Notices as events of `tracing`.
//!
//! An event's message is a fixed text, so that events can be counted by it. Variable parts are in
//! fields, which have one name and one meaning in all events:
//!
//! | field | is |
//! | --- | --- |
//! | `url` | the URL of the event, mostly that of a request |
//! | `identifier` | the DNS name or address |
//! | `kind` | the type of a challenge |
//! | `status` | the status of an order |
//! | `certificate` | the identifier of a certificate in renewal information (RFC 9773 section 4.1) |
//! | `profile` | the profiles that were requested |
//! | `offered` | the profiles that the CA offers or applies |
//! | `tries` | how often a request was sent |
//! | `at` | when the client acts next |
//! | `reason` | why |

use core::time::Duration;

use acme_proto::error::Report;
use acme_proto::notice::{Notice, Progress};
use acme_proto::time::Timestamp;
use tracing::{debug, info, warn};

use crate::clock;

/// How far ahead a time is that is worth a line in a log.
const FAR: Duration = Duration::from_secs(5);

fn is_far(at: Timestamp) -> bool {
    at.saturating_duration_since(clock::wall()) >= FAR
}

/// Emits a notice: faults of the CA and failures as warnings, progress as information, the rest for
/// debugging.
pub fn notice(notice: &Notice) {
    match notice {
        Notice::Deviation { url, deviation } if deviation.is_routine() => {
            debug!(%url, reason = %deviation, "the CA deviates from the RFC, as others do");
        }
        Notice::Deviation { url, deviation } => {
            warn!(%url, reason = %deviation, "the CA deviates from the RFC");
        }
        // Otherwise a log would show nothing for that time.
        Notice::Retry { url, tries, reason, at } if is_far(*at) => {
            info!(%url, tries, %at, %reason, "a request is sent again");
        }
        Notice::Retry { url, tries, reason, at } => {
            debug!(%url, tries, %at, %reason, "a request is sent again");
        }
        Notice::Waiting { url, until, .. } if is_far(*until) => {
            info!(%url, at = %until, "waiting for the CA");
        }
        Notice::Waiting { url, until, .. } => debug!(%url, at = %until, "waiting for the CA"),
        Notice::Progress(progress) => on_progress(progress),
        Notice::AlternateUnusable { url, error } => {
            debug!(%url, reason = %Report::new(&**error), "an alternate chain is not usable");
        }
        Notice::ExtraNames { url, .. } => {
            warn!(%url, reason = %notice, "the certificate has names that were not ordered");
        }
        Notice::NotValidNow { url, .. } => {
            warn!(%url, reason = %notice, "the certificate is not valid now");
        }
        Notice::NotDeactivated { url, error } => {
            warn!(%url, reason = %Report::new(&**error), "an authorization was not deactivated");
        }
        Notice::AlreadyRevoked { url } => debug!(%url, "the certificate was already revoked"),
        Notice::RenewalWindow { certificate_id, renew_at, .. } => {
            info!(certificate = %certificate_id.escape_debug(), at = %renew_at, "the CA suggests a renewal window");
        }
        Notice::NoRenewalInfo { certificate_id, error, again_at } => {
            debug!(certificate = %certificate_id.escape_debug(), at = %again_at, reason = %Report::new(&**error), "no renewal information");
        }
        Notice::NotReplacing { certificate_id, reason } => {
            warn!(certificate = %certificate_id.escape_debug(), %reason, "the order does not replace the certificate");
        }
        Notice::NoPreferredProfile { preferred, offered } => {
            info!(profile = ?preferred, ?offered, "no preferred profile is offered");
        }
        Notice::OtherProfile { asked, applied } => {
            warn!(profile = ?asked, offered = ?applied, "the CA applies another profile");
        }
        Notice::NotCleaned { challenge, reason } => {
            let (identifier, kind) = (challenge.identifier(), challenge.kind());
            let reason = reason.escape_debug();
            warn!(%identifier, %kind, %reason, "a challenge may still be published");
        }
        other => debug!(reason = %other, "notice"),
    }
}

fn on_progress(progress: &Progress) {
    match progress {
        Progress::OrderCreated(url) => info!(%url, "ordered"),
        Progress::Validating(identifier, kind) => info!(%identifier, %kind, "the CA validates"),
        Progress::Authorized(identifier) => info!(%identifier, "authorized"),
        Progress::Order(status) => info!(%status, "the order has a new status"),
        Progress::ChallengeFailed(identifier, kind, problem) => {
            let reason = problem.as_ref().map(ToString::to_string);
            warn!(%identifier, %kind, reason, "a challenge failed");
        }
        other => info!(reason = %other, "progress"),
    }
}
