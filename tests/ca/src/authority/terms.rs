//! Agreement to the terms of service (RFC 8555 sections 7.3 and 7.3.3).

use super::ca::Ca;
use super::problem::Problem;
use super::respond::Reply;

impl Ca {
    /// Returns the URL of the terms that are in force, if there are any.
    pub(super) fn terms(&self) -> Option<String> {
        let config = &self.config;
        let own = || config.terms_required.then(|| self.url("/terms"));
        config.terms_of_service.clone().or_else(own)
    }

    /// Checks that an account agreed to the terms that are in force, and not only to earlier ones.
    pub(super) fn require_agreement(&self, account: u64) -> Result<(), Problem> {
        let agreed = self.accounts.get(&account).and_then(|a| a.agreed.as_ref());
        if !self.config.terms_required || agreed == self.terms().as_ref() {
            return Ok(());
        }
        let instance = self.url(&format!("/terms/agree/{account}"));
        Err(self.terms_problem("the terms of service have changed", &instance))
    }

    /// Refuses a new account whose owner did not agree.
    pub(super) fn terms_not_agreed(&self) -> Problem {
        let terms = self.terms().unwrap_or_default();
        self.terms_problem("the terms of service must be agreed to", &terms)
    }

    /// Takes the agreement of a human who visits the `instance` URL.
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
