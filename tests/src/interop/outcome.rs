//! What came of a row, and what was to come of it.

use acme_blocking::Error;
use acme_proto::error::{Error as Core, InvalidInput, PeerFault, Unsupported};
use acme_proto::wire::Problem;

use super::{Feature, Line};

/// What is to come of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It works, and this was seen beside what the row's check asserts.
    Works(&'static str),
    /// The server lacks it, and the client ends in this error, as [`typed`] shows it, or sees this in the answer.
    Lacks(&'static str),
    /// It cannot be tried with this server, for this reason.
    NotTried(&'static str),
}

/// How a row ended that did not work.
#[derive(Debug)]
pub enum Failure {
    /// The server lacks it.
    Lacks(String),
    /// What came is neither what was asked for nor an error.
    Broken(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match typed(&error) {
            Some(shown) => Self::Lacks(shown),
            None => Self::Broken(error.to_string()),
        }
    }
}

impl Failure {
    /// Makes one from anything that can be shown.
    pub fn broken(reason: impl ToString) -> Self {
        Self::Broken(reason.to_string())
    }
}

impl Expect {
    /// Returns the line for the page if this is what came, and else a complaint.
    pub(super) fn compare(
        self,
        feature: Feature,
        server: &str,
        outcome: Result<String, Failure>,
    ) -> Result<Line, String> {
        match (self, outcome) {
            (Self::Works(expected), Ok(seen)) if expected == seen => {
                Ok(Line::server(server, feature.name(), "works", &seen))
            }
            (Self::Lacks(expected), Err(Failure::Lacks(seen))) if expected == seen => {
                Ok(Line::server(server, feature.name(), "lacks", &seen))
            }
            (expected, seen) => Err(format!("{feature}: expected {expected:?}, saw {seen:?}")),
        }
    }
}

/// Shows which error it is: its variant, and the status and type of the CA's problem; no texts and no URLs.
///
/// Returns `None` for what no server that lacks something should end in.
pub fn typed(error: &Error) -> Option<String> {
    if matches!(error, Error::NoCertificateId) {
        return Some("the certificate names no issuer key".to_owned());
    }
    match error.acme()? {
        Core::Unsupported(Unsupported::Operation(resource)) => {
            Some(format!("not offered: {resource}"))
        }
        Core::Unsupported(Unsupported::Profile(unknown)) => {
            Some(format!("no profile {}", unknown.requested()))
        }
        Core::Problem(problem) => {
            let kind = problem.problem().map_or("no problem document", problem_name);
            Some(format!("{} {kind}", problem.status()))
        }
        Core::Order(order) => {
            let failure = order.failures().first();
            match failure.and_then(|failure| failure.problem()).or_else(|| order.problem()) {
                Some(problem) => Some(format!("order failed: {}", problem_name(problem))),
                None => {
                    let mut offered: Vec<_> =
                        failure?.offered().iter().map(ToString::to_string).collect();
                    offered.sort_unstable(); // some servers shuffle them
                    Some(format!("order failed: no usable challenge among {}", offered.join(", ")))
                }
            }
        }
        Core::Peer(peer) => match peer.fault() {
            PeerFault::NotDeactivated => Some("not applied: still not deactivated".to_owned()),
            PeerFault::Object { fault, .. } => Some(format!("unusable answer: {fault}")),
            PeerFault::NoLocation => Some("no usable Location".to_owned()),
            PeerFault::Status(status) => Some(format!("unexpected status {status}")),
            _ => None,
        },
        Core::Input(InvalidInput::ExternalAccountRequired) => {
            Some("external account required".to_owned())
        }
        Core::Deadline(passed) => Some(format!("time limit, waiting for {}", passed.waiting_for())),
        Core::NoAccount { .. } => Some("no account".to_owned()),
        Core::AccountClosed { status, .. } => Some(format!("account {status}")),
        _ => None,
    }
}

/// The name of a problem's type, without its namespace; a relative one was resolved against a URL that has a port.
pub(super) fn problem_name(problem: &Problem) -> &str {
    let kind = problem.kind();
    kind.acme_name().or_else(|| kind.as_str().rsplit('/').next()).unwrap_or_default()
}
