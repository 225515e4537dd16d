//! An error response of the CA.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::advice;
use crate::http::Method;
use crate::resource::Resource;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{Problem, ProblemType};

/// An error response, with or without a problem document (RFC 8555 section 6.7).
#[derive(Clone, Debug)]
pub struct ServerProblem {
    pub(crate) resource: Resource,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) problem: Option<Problem>,
    pub(crate) media_type: String,
    pub(crate) snippet: String,
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) help: Vec<Url>,
    pub(crate) index: Option<Url>,
    pub(crate) terms_of_service: Option<Url>,
    pub(crate) location: Option<Url>,
}

impl ServerProblem {
    /// Returns the resource that the request was for, such as `newOrder`.
    pub const fn resource(&self) -> Resource {
        self.resource
    }

    /// Returns the method of the request.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Returns the URL of the request.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the HTTP status, which decides over the advisory one in the document.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the problem document, if the body was one.
    pub const fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// Returns a short printable piece of a body that is no problem document.
    pub fn snippet(&self) -> &str {
        &self.snippet
    }

    /// Returns when to ask again, from `Retry-After`.
    pub const fn retry_at(&self) -> Option<Timestamp> {
        self.retry_at
    }

    /// Returns the targets of `Link: rel="help"`, such as the page on rate limits.
    pub fn help(&self) -> &[Url] {
        &self.help
    }

    /// Returns the target of `Link: rel="index"`, which is the directory (RFC 8555 section 7.1).
    pub const fn index(&self) -> Option<&Url> {
        self.index.as_ref()
    }

    /// Returns whether a request was refused for what the wrong key would be refused for.
    pub(crate) fn may_be_about_key(&self) -> bool {
        matches!(self.status, 400 | 401 | 403 | 404)
            && self.problem.as_ref().is_none_or(|document| {
                document.is_generic()
                    || matches!(
                        document.kind(),
                        ProblemType::Unauthorized | ProblemType::AccountDoesNotExist
                    )
            })
    }

    /// Returns the terms to be agreed to, for `userActionRequired`.
    pub const fn terms_of_service(&self) -> Option<&Url> {
        self.terms_of_service.as_ref()
    }

    /// Returns the `Location`: with a 409 to keyChange the account that has the new key already.
    pub const fn location(&self) -> Option<&Url> {
        self.location.as_ref()
    }

    /// Returns what to do about it.
    pub fn advice(&self) -> &'static str {
        advice::for_problem(self.resource, self.status, self.problem.as_ref().map(Problem::kind))
    }

    /// Returns the CA's own sentence.
    fn explanation(&self) -> &str {
        self.problem.as_ref().and_then(Problem::detail).unwrap_or_default()
    }

    /// Returns whether the CA's own sentence names this time, to the minute, as that of Boulder does: `retry after
    /// 2026-01-02 03:04:05 UTC`.
    fn explains_time(&self, at: Timestamp) -> bool {
        let minute = alloc::format!("{at:.0}");
        let (date, time) = minute.split_at_checked(10).unwrap_or_default();
        let time = time.get(1..6).unwrap_or_default();
        let said =
            |separator| self.explanation().contains(&alloc::format!("{date}{separator}{time}"));
        !date.is_empty() && (said(' ') || said('T'))
    }

    pub(crate) fn is(&self, kind: &ProblemType) -> bool {
        self.problem.as_ref().is_some_and(|p| p.kind() == kind)
    }
}

impl fmt::Display for ServerProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the CA refused {} ({} at {})", self.resource, self.status, self.url)?;
        match &self.problem {
            Some(problem) => write!(f, ": {problem}")?,
            None if self.snippet.is_empty() => f.write_str(": no explanation")?,
            None => write!(f, ": no problem document but {}: {}", self.media_type, self.snippet)?,
        }
        if let Some(at) = self.retry_at.filter(|at| !self.explains_time(*at)) {
            write!(f, "; it asks to wait until {at:.0}")?;
        }
        for help in self.help.iter().filter(|help| !self.explanation().contains(help.as_str())) {
            write!(f, "; see {help}")?;
        }
        if let Some(terms) = &self.terms_of_service {
            write!(f, "; terms of service: {terms}")?;
        }
        write!(f, "; {}", self.advice())
    }
}

impl core::error::Error for ServerProblem {}
