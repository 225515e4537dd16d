//! The lines of the daemon: one for each event, on standard output.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use acme_adapter::clock;
use acme_adapter::keeper::{CertificateEvent, CertificateEventKind};
use acme_proto::renewal::LifecycleEvent;

use crate::progress::plain;

/// Writes a line: when, of what, and what happened.
pub(super) fn say(subject: &str, what: &str) {
    let now = clock::wall();
    // Nobody may be reading.
    let _ = writeln!(io::stdout().lock(), "{now:.0} {}: {}", plain(subject), plain(what));
}

/// Writes a line of the daemon itself.
pub(super) fn note(what: &str) {
    say("daemon", what);
}

/// The events of certificates, in the words of the daemon.
#[derive(Clone, Debug, Default)]
pub(super) struct Events {
    /// The certificates that there were before.
    known: Arc<Mutex<BTreeSet<String>>>,
}

impl Events {
    /// Writes the line of an event.
    pub(super) fn show(&self, event: &CertificateEvent) {
        let what = match &event.kind {
            CertificateEventKind::Lifecycle(LifecycleEvent::Renewed { directory, not_after }) => {
                match self.is_new(&event.name) {
                    true => format!("obtained, valid until {not_after:.0}, from {directory}"),
                    false => format!("renewed until {not_after:.0} by {directory}"),
                }
            }
            CertificateEventKind::Loaded { not_after } => {
                self.is_new(&event.name);
                format!("stored, valid until {not_after:.0}")
            }
            CertificateEventKind::Adopted { not_after } => {
                self.is_new(&event.name);
                format!("obtained by another process, valid until {not_after:.0}")
            }
            // The line before it says that it was renewed.
            CertificateEventKind::Saved => return,
            CertificateEventKind::Lifecycle(event) => event.to_string(),
            _ => event
                .to_string()
                .split_once(": ")
                .map_or_else(String::new, |(_, what)| what.to_owned()),
        };
        say(&event.name, &what);
    }

    fn is_new(&self, name: &str) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned())
    }
}
