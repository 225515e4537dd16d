//! Agreement to the terms of service (RFC 8555 Sections 7.3 and 7.3.3).

use super::ca::Ca;
use super::problem::Problem;
use super::respond::Reply;

impl Ca {
    /// Returns the URL of the current terms, if there are any.
    pub(super) fn terms(&self) -> Option<String> {
        let config = &self.config;
        let own = || config.terms_required.then(|| self.url("/terms"));
        config.terms_of_service.clone().or_else(own)
    }

    /// Checks that an account agreed to the current terms, and not only to earlier ones (Section
    /// 7.3.3).
    pub(super) fn require_agreement(&self, account: u64) -> Result<(), Problem> {
        let agreed = self.accounts.get(&account).and_then(|a| a.agreed.as_ref());
        if !self.config.terms_required || agreed == self.terms().as_ref() {
            return Ok(());
        }
        let instance = self.url(&format!("/terms/agree/{account}"));
        Err(self.terms_problem("the terms of service have changed", &instance))
    }

    /// Returns the problem of a new account without the agreement to the terms.
    pub(super) fn terms_not_agreed(&self) -> Problem {
        let terms = self.terms().unwrap_or_default();
        self.terms_problem("the terms of service must be agreed to", &terms)
    }

    /// Records the agreement of a human who visits the `instance` URL.
    pub(super) fn agree(&mut self, account: u64) -> Result<Reply, Problem> {
        let terms = self.terms();
        let missing = || Problem::new(404, "malformed", "there is no such account");
        self.accounts.get_mut(&account).ok_or_else(missing)?.agreed = terms;
        Ok(Reply::text(200, "text/plain", "You agree to the terms of service as they are now.\n"))
    }

    fn terms_problem(&self, detail: &str, instance: &str) -> Problem {
        let terms = self.terms().unwrap_or_default();
        Problem::new(403, "userActionRequired", detail)
            .with_member("instance", instance)
            .with_header("Link", format!("<{terms}>;rel=\"terms-of-service\""))
    }
}
