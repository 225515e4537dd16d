//! Why an order ended without a certificate.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Error, advice};
use crate::challenge::Attempt;
use crate::identifier::Identifier;
use crate::text::printable;
use crate::url::Url;
use crate::wire::{AuthorizationStatus, ChallengeKind, Problem};

/// An order that failed, with every identifier that could not be proved.
#[derive(Clone, Debug)]
pub struct OrderFailed {
    pub(crate) order_url: Option<Url>,
    pub(crate) expired: bool,
    pub(crate) problem: Option<Problem>,
    pub(crate) failures: Vec<IdentifierFailure>,
    pub(crate) then: Option<Error>,
}

impl OrderFailed {
    /// Returns the URL of the order.
    pub const fn order_url(&self) -> Option<&Url> {
        self.order_url.as_ref()
    }

    /// Returns the order's own `error`.
    pub const fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// Returns whether the order expired before it could be finalized.
    pub const fn is_expired(&self) -> bool {
        self.expired
    }

    /// Returns what became of the order that followed this one, if that came to no result of its own: its creation was
    /// refused, for example, because the CA limits failed validations.
    pub const fn next_error(&self) -> Option<&Error> {
        self.then.as_ref()
    }

    /// Returns whether the identifiers failed for the reasons that the order gives.
    fn repeats(&self, problem: &Problem) -> bool {
        let is_said = |problem: &Problem| {
            let mut said = self.failures.iter().filter_map(IdentifierFailure::problem);
            said.any(|one| one.kind() == problem.kind() && one.detail() == problem.detail())
        };
        let parts = problem.subproblems();
        is_said(problem) || (!parts.is_empty() && parts.iter().all(is_said))
    }

    /// Returns what to do if the CA has refused no challenge.
    fn advice_without_refusal(&self) -> &'static str {
        let is_local = |attempt: &Attempt| attempt.local.is_some();
        match &self.problem {
            Some(problem) => advice::for_order(Some(problem.kind())),
            None if self.failures.iter().any(|one| one.tried.iter().any(is_local)) => {
                advice::NOT_PUBLISHED
            }
            None if self.failures.iter().any(|one| one.refused.is_some()) => advice::NOT_CHOSEN,
            None => advice::for_order(None),
        }
    }

    /// Returns the identifiers that failed, each with what was tried.
    pub fn failures(&self) -> &[IdentifierFailure] {
        &self.failures
    }
}

impl fmt::Display for OrderFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the order failed")?;
        if let Some(url) = &self.order_url {
            write!(f, " ({url})")?;
        }
        if self.expired {
            f.write_str(": it expired")?;
        }
        if let Some(problem) = self.problem.as_ref().filter(|problem| !self.repeats(problem)) {
            write!(f, ": {problem}")?;
        }
        for failure in &self.failures {
            write!(f, "; {failure}")?;
        }
        let told = self.failures.iter().rev().find_map(IdentifierFailure::last_refusal);
        let advice = match told {
            Some((kind, problem)) => advice::for_challenge(kind, problem.kind()),
            None => self.advice_without_refusal(),
        };
        write!(f, "; {advice}")?;
        self.then.as_ref().map_or(Ok(()), |_| f.write_str("; the order after it failed too"))
    }
}

impl core::error::Error for OrderFailed {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.then.as_ref().map(|error| error as _)
    }
}

/// An identifier that could not be proved.
#[derive(Clone, Debug)]
pub struct IdentifierFailure {
    pub(crate) identifier: Identifier,
    pub(crate) authorization: Url,
    pub(crate) status: Option<AuthorizationStatus>,
    pub(crate) tried: Vec<Attempt>,
    pub(crate) offered: Vec<ChallengeKind>,
    pub(crate) refused: Option<String>,
}

impl IdentifierFailure {
    /// Returns the identifier, with its `*.` if it is a wildcard.
    pub const fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    /// Returns the URL of the authorization.
    pub const fn authorization_url(&self) -> &Url {
        &self.authorization
    }

    /// Returns the status of the authorization as last seen.
    pub const fn status(&self) -> Option<&AuthorizationStatus> {
        self.status.as_ref()
    }

    /// Returns what was tried, in order.
    pub fn tried(&self) -> &[Attempt] {
        &self.tried
    }

    /// Returns the kinds of challenge that the CA offered.
    pub fn offered(&self) -> &[ChallengeKind] {
        &self.offered
    }

    /// Returns why the user chose none of them.
    pub fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Returns the CA's last word on it.
    pub fn problem(&self) -> Option<&Problem> {
        self.last_refusal().map(|(_, problem)| problem)
    }

    fn last_refusal(&self) -> Option<(&ChallengeKind, &Problem)> {
        self.tried.iter().rev().find_map(|attempt| Some((&attempt.kind, attempt.problem.as_ref()?)))
    }
}

impl fmt::Display for IdentifierFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.identifier)?;
        if self.tried.is_empty() {
            match &self.status {
                Some(status) => write!(f, ": authorization {status}")?,
                None => f.write_str(": not authorized")?,
            }
            let open = matches!(self.status, None | Some(AuthorizationStatus::Pending));
            if open && !self.offered.is_empty() {
                f.write_str(", no usable challenge among")?;
                for kind in &self.offered {
                    write!(f, " {kind}")?;
                }
            }
        }
        if let Some(refused) = &self.refused {
            write!(f, ": {}", printable(refused, 200))?;
        }
        for (index, attempt) in self.tried.iter().enumerate() {
            write!(f, "{} {} ", if index == 0 { ":" } else { ", then" }, attempt.kind)?;
            match (&attempt.problem, &attempt.local) {
                (Some(problem), _) => write!(f, "failed: {problem}")?,
                (None, Some(local)) => {
                    let reason = printable(local, 200);
                    write!(f, "was not provisioned: {reason}")?;
                }
                (None, None) => f.write_str("failed without a reason")?,
            }
        }
        Ok(())
    }
}

impl core::error::Error for IdentifierFailure {}
