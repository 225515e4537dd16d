//! What an answer, or its absence, means for the request: done, again, elsewhere, or failed.

use alloc::boxed::Box;

use super::lane::Purpose;
use super::lanes::{Lanes, Reply};
use crate::error::{Error, PeerFault, ServerProblem, TransportError};
use crate::header;
use crate::http::{Method, Response};
use crate::jose::Jwk;
use crate::notice::{Notice, RetryReason};
use crate::op::{Auth, OnLost, Payload, Spec, Target, bound_lookup};
use crate::request::Lost;
use crate::session::Session;
use crate::text;
use crate::time::Timestamp;
use crate::token::Nonce;
use crate::url::Url;
use crate::wire::{self, Problem, ProblemType};

impl<K: Clone + Ord> Lanes<K> {
    /// Takes the answer to a lane's request.
    pub(super) fn answered(&mut self, index: usize, response: Response, session: &mut Session) {
        let nonce = header::replay_nonce(response.headers());
        let url = self.sent_url(index, session);
        let status = response.status();
        if !(200..400).contains(&status) {
            return self.refused(index, &url, &response, nonce, session);
        }
        let is_nonce = self.lanes[index].purpose == Purpose::Nonce;
        let result = match nonce {
            Some(nonce) if is_nonce => {
                self.keep_nonce(nonce);
                None
            }
            Some(nonce) => {
                session.put_nonce(nonce, self.now);
                None
            }
            None if is_nonce => Some(PeerFault::NoNonce(status)),
            None => None,
        };
        if let Some(fault) = result {
            return self.finish(index, Err(Error::peer(&url, fault)), session);
        }
        if status >= 300 {
            return self.redirected(index, &url, &response, session);
        }
        if response.is_truncated() && !is_nonce && !self.names_its_object(index, &response) {
            return self.finish(index, Err(Error::peer(&url, PeerFault::Truncated)), session);
        }
        let lane = &self.lanes[index];
        if let Some(key) = session.new_account_key().filter(|_| lane.tries_new_key) {
            let accepted = Some(key.thumbprint()) == lane.signed_by;
            let key = key.clone();
            if accepted {
                session.set_account_key(key);
            }
        }
        let lane = &self.lanes[index];
        let reply = Reply { url, response, reread: lane.rereading, tries: lane.tries };
        self.finish(index, Ok(reply), session);
    }

    /// Whether an answer tells by its `Location` where what it made can be read, if need be.
    fn names_its_object(&self, index: usize, response: &Response) -> bool {
        let makes = matches!(
            self.lanes[index].spec.target,
            Target::NewAccount | Target::NewOrder | Target::NewAuthz
        );
        makes && response.headers().first("location").is_some()
    }

    /// Follows a redirect of a GET; the directory's own URL stays what the user gave.
    fn redirected(&mut self, index: usize, url: &Url, response: &Response, session: &mut Session) {
        let target = header::location(response.headers(), url);
        let lane = &mut self.lanes[index];
        let may_follow = matches!(lane.spec.auth, Auth::None(Method::Get))
            && lane.redirects < session.policy().max_redirects;
        match target {
            Some(target) if may_follow && session.allows(&target) => {
                lane.redirects += 1;
                lane.redirect = Some(target);
                lane.idle_until(self.now);
            }
            _ => {
                let fault = PeerFault::Redirect(response.status());
                self.finish(index, Err(Error::peer(url, fault)), session);
            }
        }
    }

    /// Takes an error answer: retries what may pass, fails the rest.
    fn refused(
        &mut self,
        index: usize,
        url: &Url,
        response: &Response,
        nonce: Option<Nonce>,
        session: &mut Session,
    ) {
        let problem = self.problem(index, url, response, session);
        if problem.is(&ProblemType::BadNonce) && self.lanes[index].spec.is_signed() {
            return self.bad_nonce(index, nonce, problem, session);
        }
        if let Some(nonce) = nonce {
            session.put_nonce(nonce, self.now);
        }
        if let Some(reason) = self.amended(index, &problem, session) {
            let lane = &mut self.lanes[index];
            lane.nested = None;
            lane.idle_until(self.now);
            let tries = lane.tries;
            return self.retry_notice(problem.url, tries, reason, self.now);
        }
        if self.directory_is_stale(index, &problem) {
            session.forget_directory();
            let lane = &mut self.lanes[index];
            lane.refetched_directory = true;
            lane.redirect = None;
            lane.nested = None;
            lane.idle_until(self.now);
            return;
        }
        if problem.is(&ProblemType::AccountDoesNotExist) && self.asks_for_account(index) {
            session.forget_account();
            let directory = session.directory_url().clone();
            return self.finish(index, Err(Error::NoAccount { directory }), session);
        }
        if !may_pass(&problem) {
            return self.finish(index, Err(Error::Problem(Box::new(problem))), session);
        }
        self.try_later(index, problem, session);
    }

    /// Changes a refused request so that it is worth sending once more: by the other account key, after a
    /// key change, or with the external account.
    fn amended(
        &mut self,
        index: usize,
        problem: &ServerProblem,
        session: &Session,
    ) -> Option<RetryReason> {
        let lane = &mut self.lanes[index];
        if problem.is(&ProblemType::ExternalAccountRequired) {
            let bound = matches!(lane.spec.payload, Payload::Nested(_));
            let external = session.external_account().filter(|_| lane.spec.lookup && !bound)?;
            lane.spec.payload = bound_lookup(external);
            return Some(RetryReason::ExternalAccount);
        }
        let by_key = matches!(lane.spec.auth, Auth::Account) || lane.spec.lookup;
        let named = matches!(lane.spec.auth, Auth::NewKey(_));
        let is_change = matches!(lane.spec.target, Target::KeyChange);
        if lane.signed_anew || named || is_change || !by_key || !is_about_key(problem) {
            return None;
        }
        let other = |key: &&Jwk| Some(key.thumbprint()) != lane.signed_by;
        let current = session.account_key().is_some_and(|key| other(&key));
        if !current {
            session.new_account_key().filter(other)?;
        }
        lane.tries_new_key = !current;
        lane.signed_anew = true;
        Some(RetryReason::KeyChanged)
    }

    /// Sends again with the nonce of the badNonce answer itself (RFC 8555 section 6.5).
    fn bad_nonce(
        &mut self,
        index: usize,
        nonce: Option<Nonce>,
        problem: ServerProblem,
        session: &mut Session,
    ) {
        let now = self.now;
        let lane = &mut self.lanes[index];
        lane.nonce_tries += 1;
        session.drop_nonces_before(lane.nonce_since);
        if lane.nonce_tries >= session.policy().bad_nonce_tries {
            if let Some(nonce) = nonce {
                session.put_nonce(nonce, now);
            }
            return self.finish(index, Err(Error::Problem(Box::new(problem))), session);
        }
        lane.nonce = nonce;
        lane.idle_until(now);
        let tries = lane.nonce_tries;
        self.retry_notice(problem.url, tries, RetryReason::BadNonce, now);
    }

    /// Waits as long as the server asks, or else by the backoff, and sends again where that is safe.
    ///
    /// A wait within the cap holds the whole class of resources. A longer one ends this request alone:
    /// such limits are about one name or one account.
    fn try_later(&mut self, index: usize, problem: ServerProblem, session: &mut Session) {
        let policy = session.policy();
        let (tries, cap, backoff) = (policy.tries, policy.retry_after_cap, policy.backoff);
        let lane = &mut self.lanes[index];
        lane.tries += 1;
        let done = lane.tries;
        let class = lane.spec.class;
        let asked = problem.retry_at.filter(|at| *at > self.now);
        let at =
            asked.unwrap_or_else(|| self.now.saturating_add(session.jittered(backoff, done - 1)));
        let beyond_cap = at.saturating_duration_since(self.now) > cap;
        if asked.is_some() && !beyond_cap {
            session.hold_until(class, at);
        }
        let too_long = beyond_cap || at >= self.deadline;
        if done >= tries || too_long {
            return self.finish(index, Err(Error::Problem(Box::new(problem))), session);
        }
        let reason = RetryReason::Status(problem.status, problem.problem.clone().map(Box::new));
        self.retry_notice(problem.url.clone(), done, reason, at);
        self.last_failure = Some(Error::Problem(Box::new(problem.clone())));
        match self.lanes[index].spec.on_lost.clone() {
            // The server refused before doing anything.
            _ if matches!(problem.status, 429 | 503) => self.lanes[index].idle_until(at),
            OnLost::Resend => self.lanes[index].idle_until(at),
            OnLost::Reread(url) => self.reread(index, url, at),
            OnLost::Report => self.finish(index, Err(Error::Problem(Box::new(problem))), session),
        }
    }

    /// Takes the word of the driver that no answer came.
    pub(super) fn lost(&mut self, index: usize, lost: Lost, session: &mut Session) {
        let url = self.sent_url(index, session);
        let policy = session.policy();
        let (tries, backoff) = (policy.tries, policy.backoff);
        let lane = &mut self.lanes[index];
        lane.tries += 1;
        let done = lane.tries;
        let not_sent = matches!(lost, Lost::NotSent(_));
        let on_lost = if not_sent { OnLost::Resend } else { lane.spec.on_lost.clone() };
        let error = Error::Transport(Box::new(TransportError {
            url: url.clone(),
            lost: lost.clone(),
            tries: done,
        }));
        if done >= tries || matches!(on_lost, OnLost::Report) {
            return self.finish(index, Err(error), session);
        }
        self.last_failure = Some(error);
        let at = self.now.saturating_add(session.jittered(backoff, done - 1));
        self.retry_notice(url, done, RetryReason::Lost(alloc::format!("{lost}")), at);
        match on_lost {
            OnLost::Reread(target) => self.reread(index, target, at),
            _ => self.lanes[index].idle_until(at),
        }
    }

    /// Turns the lane into one that reads whether its request landed.
    fn reread(&mut self, index: usize, url: Url, at: Timestamp) {
        let lane = &mut self.lanes[index];
        let class = lane.spec.class;
        lane.spec = Spec::read(lane.spec.name, Target::Url(url)).class(class);
        lane.rereading = true;
        lane.idle_until(at);
    }

    fn retry_notice(&mut self, url: Url, tries: u32, reason: RetryReason, at: Timestamp) {
        self.notice(Notice::Retry { url, tries, reason, at });
    }

    fn sent_url(&self, index: usize, session: &Session) -> Url {
        self.lanes[index].url.clone().unwrap_or_else(|| session.directory_url().clone())
    }

    /// Nothing is there at a URL from a directory that an earlier flow fetched: it may have moved.
    fn directory_is_stale(&self, index: usize, problem: &ServerProblem) -> bool {
        let lane = &self.lanes[index];
        let known = problem.problem.as_ref().is_some_and(|p| !p.is_generic());
        matches!(problem.status, 404 | 405 | 410)
            && lane.spec.target.is_from_directory()
            && !lane.refetched_directory
            && !self.fetched_directory
            && !known
    }

    fn asks_for_account(&self, index: usize) -> bool {
        let lane = &self.lanes[index];
        lane.uses_account_url() || lane.purpose == Purpose::FindAccount
    }

    /// Reads an error answer, problem document or not (RFC 8555 section 6.7).
    fn problem(
        &self,
        index: usize,
        url: &Url,
        response: &Response,
        session: &Session,
    ) -> ServerProblem {
        let spec = &self.lanes[index].spec;
        let context = wire::Context { url, allow_http: session.allows_http() };
        let body = response.body();
        let problem = Problem::parse(body, context).ok().map(|parsed| parsed.value);
        let links = header::links(response.headers(), url);
        let targets = |rel: &'static str| {
            links.iter().filter(move |l| l.has_rel(rel)).map(|l| l.target().clone())
        };
        ServerProblem {
            operation: spec.name,
            method: match spec.auth {
                Auth::None(method) => method,
                _ => Method::Post,
            },
            url: url.clone(),
            status: response.status(),
            snippet: if problem.is_some() { Default::default() } else { text::snippet(body) },
            problem,
            media_type: header::media_type(response.headers())
                .map_or_else(|| "no media type".into(), |m| text::printable(&m, 80)),
            retry_at: header::retry_after(response.headers(), self.now),
            help: targets("help").collect(),
            index: targets("index").next(),
            terms_of_service: targets("terms-of-service").next(),
            location: header::location(response.headers(), url),
        }
    }
}

/// Whether a request was refused for what the wrong key would be refused for.
fn is_about_key(problem: &ServerProblem) -> bool {
    let document = problem.problem.as_ref();
    matches!(problem.status, 400 | 401 | 403 | 404)
        && document.is_none_or(|document| {
            document.is_generic()
                || matches!(
                    document.kind(),
                    ProblemType::Unauthorized | ProblemType::AccountDoesNotExist
                )
        })
}

/// Whether the same request may succeed later: server errors and request-rate limits.
///
/// A `rateLimited` without a time is no such case: those limits last for hours.
fn may_pass(problem: &ServerProblem) -> bool {
    if problem.is(&ProblemType::RateLimited) {
        return problem.retry_at.is_some();
    }
    match problem.status {
        429 => true,
        501 | 505 => false,
        status => (500..=599).contains(&status),
    }
}
