//! The result of a search as events of `tracing`, with the fields of [`trace`](crate::trace).

use tracing::{debug, warn};

use super::error::Propagated;

/// Emits which servers have a record and which were passed over, because they did not answer.
pub(super) fn propagated(done: &Propagated) {
    let identifier = done.names.last().map_or("", String::as_str);
    for server in done.servers.iter().filter(|server| !server.has_record()) {
        warn!(identifier, reason = %server, "a name server without the record was passed over");
    }
    debug!(identifier, "the record is there");
}
