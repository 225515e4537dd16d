//! What a server sends for the response to a challenge (RFC 8555 Section 7.5.1).

use super::super::Issuance;
use super::super::authorization::Proof;
use crate::error::{Error, PeerFault, ServerProblem};
use crate::jose::Jwk;
use crate::notice::Progress;
use crate::resource::Resource;
use crate::session::{Awaited, Session};
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{AuthorizationStatus, Challenge, ChallengeStatus, Context, Problem, ProblemType};
use alloc::sync::Arc;

/// How many refusals of a response are put down to a change of the account key.
const MOST_KEY_DOUBTS: u32 = 3;

impl Issuance {
    pub(super) fn challenge_read(
        &mut self,
        url: &Url,
        result: Result<Challenge, Error>,
        retry_after: Option<Timestamp>,
        may_have_landed: bool,
        session: &mut Session,
    ) -> Result<(), Error> {
        // The user may have withdrawn the challenge while the response was in flight.
        let index = self.authorizations.by_challenge(url);
        if let Some(index) = index {
            let authorization = self.authorizations.edit(index);
            authorization.responding.take_if(|responding| responding == url);
        }
        // What may be validated stays published, for whichever key.
        let is_unsure = may_have_landed && index.is_some_and(|index| self.lacks_response(index));
        let challenge = match (result, index) {
            (Err(_), Some(index)) if is_unsure && self.is_outdated(url, session) => {
                self.response_unheard(index, url);
                return Ok(());
            }
            (Err(_), Some(index)) if self.is_outdated(url, session) => {
                self.authorizations.set_proof(index, Proof::None);
                return Ok(());
            }
            // The challenge was withdrawn because of that.
            (Err(Error::KeyChanged { .. }), None) => return Ok(()),
            (Err(Error::Problem(problem)), Some(index))
                if session.new_account_key().is_some()
                    && problem.may_be_about_key()
                    && self.authorizations.get(index).key_doubts < MOST_KEY_DOUBTS =>
            {
                // Reading the authorization shows which of the two keys the account has.
                let authorization = self.authorizations.edit(index);
                authorization.key_doubts += 1;
                authorization.stale = true;
                return Ok(());
            }
            // A server that limits requests, or gives no nonce, says nothing of the challenge.
            (Err(Error::Problem(problem)), Some(_))
                if matches!(problem.status(), 429 | 503)
                    || problem.resource() != Resource::Challenge =>
            {
                return Err(Error::Problem(problem));
            }
            (Err(Error::Problem(problem)), Some(index)) => {
                self.response_refused(index, url, Arc::unwrap_or_clone(problem));
                return Ok(());
            }
            (Err(Error::Problem(_)), None) => return Ok(()),
            // The server took the response, or it was lost and what was read is unreadable: the authorization shows what
            // came of it.
            (Err(error), Some(index)) if error.is_unreadable() && self.lacks_response(index) => {
                self.response_unheard(index, url);
                return Ok(());
            }
            (Err(error), None) if error.is_unreadable() => return Ok(()),
            (result, _) => result?,
        };
        self.attempts.note_response();
        if let Some(index) = index {
            let taken = self.take_challenge(index, &challenge, session);
            taken.map_err(|fault| Error::peer(url, fault))?;
            if !matches!(challenge.status(), ChallengeStatus::Valid | ChallengeStatus::Invalid) {
                match retry_after {
                    Some(_) => self.hold_poll(retry_after, session),
                    None => self.expect_end(Awaited::Validation, session),
                }
            }
        }
        Ok(())
    }

    /// Returns whether a challenge is published for another account key than the present one.
    fn is_outdated(&self, url: &Url, session: &Session) -> bool {
        let published = self.publications.get(url);
        let current = session.account_key().map(Jwk::thumbprint);
        published.zip(current).is_some_and(|(challenge, key)| challenge.is_outdated(&key))
    }

    fn lacks_response(&self, index: usize) -> bool {
        self.authorizations.get(index).responses == 0
    }

    /// Has the authorization read, which shows whether the server has the response.
    fn response_unheard(&mut self, index: usize, url: &Url) {
        self.attempts.note_response();
        self.authorizations.set_proof(index, Proof::Responded(url.clone()));
        let authorization = self.authorizations.edit(index);
        authorization.responses += 1;
        authorization.unheard = !authorization.repeated;
        authorization.stale = true;
    }

    /// Takes the challenge as the server showed it after the response.
    fn take_challenge(
        &mut self,
        index: usize,
        challenge: &Challenge,
        session: &mut Session,
    ) -> Result<(), PeerFault> {
        self.polling.begin(self.engine.exchanges.now());
        self.authorizations.set_proof(index, Proof::Responded(challenge.url().clone()));
        let is_news = self.authorizations.set_challenge(index, challenge)?;
        let authorization = self.authorizations.edit(index);
        authorization.responses += 1;
        let name = authorization.ordered_name();
        match challenge.status() {
            ChallengeStatus::Valid => {
                authorization.status = Some(AuthorizationStatus::Valid);
                if let Some(name) = name {
                    self.report(Progress::Authorized(name));
                }
            }
            ChallengeStatus::Invalid => authorization.stale = true,
            _ => {
                if let Some(name) = name {
                    self.report(Progress::Validating(name, challenge.kind().clone()));
                }
                if is_news {
                    self.left_pending(index, challenge, session);
                }
            }
        }
        Ok(())
    }

    /// The server refused the response: the authorization shows what that means.
    fn response_refused(&mut self, index: usize, url: &Url, problem: ServerProblem) {
        let authorization = self.authorizations.edit(index);
        let challenge = authorization.challenge(url).cloned();
        let not_pending = problem.is(&ProblemType::Malformed);
        authorization.stale = true;
        if not_pending && authorization.responses == 0 {
            // "Not pending" is what servers say to a second response: read what became of the first. If it is pending
            // after all, this was its failure.
            authorization.responses += 1;
            authorization.refusal = problem.into_problem();
            return self.authorizations.set_proof(index, Proof::Responded(url.clone()));
        }
        authorization.responses = 0;
        let name = authorization.ordered_name();
        self.authorizations.set_proof(index, Proof::None);
        if let (Some(name), Some(challenge)) = (name, challenge) {
            self.remember(&name, &challenge, problem.into_problem());
        }
    }
}

impl ServerProblem {
    /// Returns the problem document, or one made from the status where the server sent none.
    fn into_problem(self) -> Option<Problem> {
        let said = alloc::format!("{} answered {}", self.url(), self.status());
        let Self { problem, snippet, url, .. } = self;
        problem.or_else(|| {
            let detail =
                if snippet.is_empty() { said } else { alloc::format!("{said}: {snippet}") };
            let context = Context { url: &url, allow_http: false };
            let made = Problem::from_value(serde_json::json!({ "detail": detail }), context);
            made.ok().map(|parsed| parsed.value)
        })
    }
}
