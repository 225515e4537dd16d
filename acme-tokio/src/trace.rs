//! Notices as events of `tracing`.

use acme_proto::notice::{Notice, Progress};
use tracing::{debug, info, warn};

/// Emits a notice: what the CA did wrong and what failed as a warning, progress as information, the
/// rest for debugging.
pub(crate) fn notice(notice: &Notice) {
    match notice {
        Notice::Deviation { url, deviation } => warn!(%url, "{deviation}"),
        Notice::Retry { url, tries, reason, .. } => debug!(%url, tries, ?reason, "sent again"),
        Notice::Waiting { url, until, .. } => debug!(%url, %until, "waiting for the server"),
        Notice::Progress(Progress::ChallengeFailed(identifier, kind, problem)) => {
            warn!(%identifier, %kind, ?problem, "challenge failed");
        }
        Notice::Progress(Progress::Validating(identifier, kind)) => {
            info!(%identifier, %kind, "the server validates");
        }
        Notice::Progress(Progress::Authorized(identifier)) => info!(%identifier, "authorized"),
        Notice::Progress(Progress::OrderCreated(url)) => info!(%url, "ordered"),
        Notice::Progress(Progress::Order(status)) => info!(%status, "the order's status"),
        other => debug!(notice = ?other),
    }
}
