//! Faults: single requests that fail by plan.

use super::kind::RequestKind;
use super::problem::Problem;

/// A plan of faults: rules that make single requests fail. The first rule that matches a request
/// applies.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Vec<FaultRule>,
}

impl Faults {
    /// Creates an empty plan.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a rule.
    #[must_use]
    pub fn with(mut self, rule: FaultRule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Counts a request against the rules and says what is to happen to it.
    pub(crate) fn next(&mut self, kind: RequestKind) -> Option<FaultAction> {
        let mut action = None;
        for rule in self.rules.iter_mut().filter(|r| r.kind.is_none_or(|k| k == kind)) {
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if action.is_none() && rule.times > 0 {
                rule.times -= 1;
                action = Some(rule.action.clone());
            }
        }
        action
    }
}

/// Selects requests, and says how they fail.
#[derive(Clone, Debug)]
pub struct FaultRule {
    kind: Option<RequestKind>,
    skip: usize,
    times: usize,
    action: FaultAction,
}

impl FaultRule {
    /// Creates a rule for the next request of any kind.
    #[must_use]
    pub fn next(action: FaultAction) -> Self {
        Self { kind: None, skip: 0, times: 1, action }
    }

    /// Limits the rule to requests of one kind.
    #[must_use]
    pub fn on(mut self, kind: RequestKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Lets that many matching requests pass before the first fault.
    #[must_use]
    pub fn after(mut self, skip: usize) -> Self {
        self.skip = skip;
        self
    }

    /// Makes that many requests fail instead of one.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }
}

/// The way in which a request fails.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FaultAction {
    /// Closes the connection without processing the request.
    DropBefore,
    /// Processes the request and closes the connection, so that the response is lost.
    DropAfter,
    /// Answers with these bytes, as a proxy in front of the CA would: the request is not looked at
    /// and no nonce is given.
    Respond {
        /// The status code.
        status: u16,
        /// Header fields, for example `Retry-After`.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// Checks the request's JWS, then answers with a problem of the CA: the nonce is used up and
    /// a new one given.
    Problem(Problem),
    /// Processes the request and delays the response by so many milliseconds.
    Delay(u64),
}

impl FaultAction {
    /// Returns a 503 from a proxy, with `Retry-After` if given.
    #[must_use]
    pub fn unavailable(retry_after: Option<&str>) -> Self {
        Self::Respond {
            status: 503,
            headers: [("Content-Type", Some("text/html")), ("Retry-After", retry_after)]
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
                .collect(),
            body: "<html><body><h1>503 Service Unavailable</h1></body></html>".to_owned(),
        }
    }

    /// Returns a 429 `rateLimited` problem with `Retry-After` if given.
    #[must_use]
    pub fn rate_limited(retry_after: Option<&str>) -> Self {
        let problem =
            Problem::new(429, "rateLimited", "too many requests of this kind; wait, then go on");
        Self::Problem(match retry_after {
            Some(value) => problem.with_header("Retry-After", value),
            None => problem,
        })
    }

    /// Returns a 403 `userActionRequired` with the page that the user is to visit (RFC 8555 Section
    /// 7.3.3).
    #[must_use]
    pub fn user_action_required(instance: &str, terms: &str) -> Self {
        Self::Problem(
            Problem::new(403, "userActionRequired", "the terms of service have changed")
                .with_member("instance", instance)
                .with_header("Link", format!("<{terms}>;rel=\"terms-of-service\"")),
        )
    }
}
