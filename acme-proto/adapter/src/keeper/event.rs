//! What happens to the certificates of a server.

use core::fmt;
use std::sync::Arc;

use acme_proto::renewal::LifecycleEvent;
use acme_proto::time::Timestamp;

/// Something that happened to one certificate; `Display` is one line that begins with its name.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CertificateEvent {
    /// The name of the certificate: its first identifier.
    pub name: Arc<str>,
    /// What happened.
    pub kind: CertificateEventKind,
}

/// What happened to a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateEventKind {
    /// An event of its life: ordered, renewed, failed.
    Lifecycle(LifecycleEvent),
    /// The stored certificate was loaded and is served.
    Loaded {
        /// When it expires.
        not_after: Timestamp,
    },
    /// Another process that shares the storage has obtained a certificate, which is now served.
    Adopted {
        /// When it expires.
        not_after: Timestamp,
    },
    /// Something stored for the certificate, or a certificate that was just issued, cannot be used.
    Damaged {
        /// What is wrong, and where it was moved, if it was moved.
        details: String,
    },
    /// The storage failed. The certificate in memory is served meanwhile.
    StorageFailed {
        /// The error with its causes.
        reason: String,
    },
    /// Another process has held the lock of the order for so long that it may hang. Nothing is
    /// ordered before it ends.
    LockHeld {
        /// Which lock, and how to find the process.
        lock: String,
        /// Since when it has been seen.
        since: Timestamp,
    },
    /// An order is over or given up, and what it had published for a challenge could not be removed: it
    /// may still be there.
    NotCleaned {
        /// The kind and the identifier of the challenge.
        challenge: String,
        /// The error with its causes.
        reason: String,
    },
    /// The new certificate is in the storage: other programs may load its files now.
    Saved,
    /// What was missing in the storage was written again.
    Stored,
}

impl CertificateEvent {
    /// Returns whether the event needs a person's attention.
    pub const fn is_loud(&self) -> bool {
        match &self.kind {
            CertificateEventKind::Lifecycle(event) => event.is_loud(),
            CertificateEventKind::Damaged { .. }
            | CertificateEventKind::StorageFailed { .. }
            | CertificateEventKind::LockHeld { .. }
            | CertificateEventKind::NotCleaned { .. } => true,
            _ => false,
        }
    }
}

impl fmt::Display for CertificateEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        match &self.kind {
            CertificateEventKind::Lifecycle(event) => event.fmt(f),
            CertificateEventKind::Loaded { not_after } => {
                write!(f, "serving the stored certificate, which expires at {not_after:.0}")
            }
            CertificateEventKind::Adopted { not_after } => write!(
                f,
                "serving the certificate of another process, which expires at {not_after:.0}"
            ),
            CertificateEventKind::Damaged { details } => {
                write!(f, "what is stored is damaged: {details}")
            }
            CertificateEventKind::StorageFailed { reason } => {
                write!(f, "the storage failed: {reason}")
            }
            CertificateEventKind::LockHeld { lock, since } => {
                write!(f, "another process has held {lock} since {since:.0}; end it if it hangs")
            }
            CertificateEventKind::NotCleaned { challenge, reason } => {
                write!(f, "{challenge} may still be published; remove it by hand: {reason}")
            }
            CertificateEventKind::Saved => f.write_str("the new certificate is stored"),
            CertificateEventKind::Stored => f.write_str("what was missing is stored again"),
        }
    }
}
