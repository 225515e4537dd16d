//! Events of certificates as events of `tracing`, with the fields of [`trace`](crate::trace).

use acme_proto::renewal::LifecycleEvent;
use tracing::{debug, info, warn};

use super::event::{CertificateEvent, CertificateEventKind};

/// Emits an event of a certificate that a server keeps.
pub(super) fn certificate(event: &CertificateEvent) {
    let (identifier, is_loud) = (&*event.name, event.is_loud());
    match &event.kind {
        CertificateEventKind::Lifecycle(LifecycleEvent::Waiting { until }) => {
            debug!(identifier, at = %until, "a certificate waits for its renewal");
        }
        _ if is_loud => warn!(identifier, reason = %event, "a certificate needs attention"),
        _ => info!(identifier, reason = %event, "a certificate"),
    }
}
