//! What to do about an error: one sentence for each cause.

use super::PeerFault;
use crate::resource::Resource;
use crate::wire::{ChallengeKind, ProblemType};

pub(super) fn for_problem(
    resource: Resource,
    status: u16,
    kind: Option<&ProblemType>,
) -> &'static str {
    if resource == Resource::RevokeCert && kind == Some(&ProblemType::Unauthorized) {
        return "revoke with the account that ordered it, with the certificate's own key, or after all its names \
            are authorized for this account";
    }
    let Some(kind) = kind else { return for_status(status) };
    if resource == Resource::Directory && status == 404 {
        return for_status(status);
    }
    match kind {
        ProblemType::AccountDoesNotExist => "register this key, or give the right account",
        ProblemType::AlreadyRevoked => "nothing is left to do",
        ProblemType::BadCsr => "make another CSR: exactly the ordered names, a key of its own",
        ProblemType::BadNonce => "try again",
        ProblemType::BadPublicKey => "use another kind of account key",
        ProblemType::BadRevocationReason => "give another reason, or none",
        ProblemType::BadSignatureAlgorithm => "use an account key of an algorithm the CA lists",
        ProblemType::ExternalAccountRequired => {
            "get a key identifier and MAC key (EAB) from the CA and give both"
        }
        ProblemType::InvalidContact | ProblemType::UnsupportedContact => "give another contact",
        ProblemType::RateLimited => "wait, then try again",
        ProblemType::RejectedIdentifier => "leave out the names that the CA refuses",
        ProblemType::UnsupportedIdentifier => "this CA does not issue for such names",
        ProblemType::Unauthorized => {
            "check the account (it may be deactivated) and, with external account binding, the MAC key"
        }
        ProblemType::UserActionRequired => "visit the CA's page, then try again",
        ProblemType::InvalidProfile => "choose a profile that the directory lists",
        ProblemType::AlreadyReplaced => "order without naming the certificate to be replaced",
        ProblemType::ServerInternal => "try again later",
        ProblemType::OrderNotReady => "read the order again",
        other => for_order(Some(other)),
    }
}

/// What to do after a challenge was not published, so that the CA has said nothing.
pub(super) const NOT_PUBLISHED: &str =
    "correct what kept the challenge from being published, then try again";

/// What to do after the user chose none of the offered kinds.
pub(super) const NOT_CHOSEN: &str = "give a solver for one of the kinds that the CA offers";

/// Returns what to do after a validation by this kind of challenge failed.
pub(super) fn for_challenge(kind: &ChallengeKind, problem: &ProblemType) -> &'static str {
    let is_txt = matches!(
        kind,
        ChallengeKind::Dns01 | ChallengeKind::DnsAccount01 | ChallengeKind::DnsPersist01
    );
    match problem {
        ProblemType::IncorrectResponse | ProblemType::Unauthorized if is_txt => {
            "make sure that the TXT record is there and has reached all name servers"
        }
        problem => for_order(Some(problem)),
    }
}

pub(super) fn for_order(kind: Option<&ProblemType>) -> &'static str {
    match kind {
        Some(ProblemType::Caa) => "allow this CA in the name's CAA records",
        Some(ProblemType::Connection) => {
            "make sure that the CA can reach the challenge at the name's public address and port"
        }
        Some(ProblemType::Dns) => "check the name's DNS records and that they have propagated",
        Some(ProblemType::IncorrectResponse | ProblemType::Unauthorized) => {
            "make sure that nothing else answers for the challenge at this name"
        }
        Some(ProblemType::Tls) => "check what answers TLS at the name's port 443",
        Some(ProblemType::ServerInternal) => "try again later: the failure is the CA's own",
        Some(ProblemType::Compound) => "see the reasons named for each identifier",
        _ => "mend what the CA names, then try again",
    }
}

fn for_status(status: u16) -> &'static str {
    match status {
        404 => "check that the URL is that of an ACME directory, and current",
        429 | 503 => "wait, then try again",
        500..=599 => "try again later",
        _ => "check that the URL belongs to an ACME server",
    }
}

impl PeerFault {
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Problem { problem, .. } => for_order(Some(problem.kind())),
            Self::ContentEncoding(_) => "have the CA, or the proxy before it, send it as it is",
            Self::Object { .. } | Self::Status(_) | Self::Redirect(_) => {
                "check that the URL is that of an ACME directory"
            }
            Self::NotHttps(_) => "use a CA that serves https only",
            Self::WrongCertificate(_) | Self::Chain(_) | Self::OtherLeaf => {
                "do not use it; report it to the CA"
            }
            Self::TooManyNames => "order fewer names, or do without the alternate",
            _ => "try again, and report it to the CA if it stays",
        }
    }
}
