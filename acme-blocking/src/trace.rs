//! Notices as events of `tracing`.

use acme_proto::notice::{Notice, Progress};
use tracing::{debug, info, warn};

/// Emits a notice: what the CA did wrong as a warning, progress as information, the rest for debugging.
pub(crate) fn notice(notice: &Notice) {
    match notice {
        Notice::Deviation { .. } | Notice::Progress(Progress::ChallengeFailed(..)) => {
            warn!("{notice}");
        }
        Notice::Progress(_) => info!("{notice}"),
        _ => debug!("{notice}"),
    }
}
