//! What a response, or its absence, means for a request: it is read, sent again, or failed.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::exchange::{Event, Exchange, Lag, Phase, SecondKey, Sent, Verdict};
use super::exchanges::Exchanges;
use crate::error::{Error, PeerFault, ServerProblem, TransportError};
use crate::header;
use crate::http::{Method, Response};
use crate::jose::Jwk;
use crate::notice::{Notice, RetryReason};
use crate::op::{Auth, OnLost, Resource, Spec, Target};
use crate::request::Lost;
use crate::session::{Fresh, Session};
use crate::text::snippet;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{self, Problem, ProblemType};

impl Exchanges {
    /// Handles `Input::Response`.
    pub(super) fn responded(
        &mut self,
        exchange: &mut Exchange,
        sent: Sent,
        response: Response,
        session: &mut Session,
    ) -> Verdict {
        let url = exchange.sent_url(session);
        let (since, from) = (self.now, Some(sent.id));
        let nonce = header::replay_nonce(response.headers());
        let nonce = nonce.map(|nonce| Fresh { nonce, since, from });
        let mut response = response;
        if !(200..400).contains(&response.status()) {
            let problem = self.problem(exchange, &url, &response, session);
            match existing_account(&problem) {
                Some(account) => response = account,
                None => return self.refused(exchange, sent, problem, &response, nonce, session),
            }
        }
        // A nonce that was asked for belongs to this flow; its operation takes it from the response.
        if let Some(nonce) = nonce.filter(|_| !exchange.is_nonce()) {
            session.put_nonce(nonce);
        }
        if response.status() >= 300 {
            return self.redirected(exchange, &url, &response, session);
        }
        // A replica knows what it did not know: what was named with that has its whole time from now on.
        match exchange.lag.take() {
            Some(lag) if lag.of_account => session.account_given(self.now),
            Some(_) => self.resources_given(),
            None => {}
        }
        session.accepted(exchange.spec.class(), sent.at, self.now);
        // What the server signs off by the new key, it holds by the new key: the change has landed.
        if let Some(key) = session.new_account_key().filter(|_| exchange.tries_new_key())
            && sent.is_signed_by(key)
        {
            session.set_account_key(key.clone());
        }
        if let Some(at) = self.cut_off(exchange, &response, session) {
            let reason = RetryReason::Lost("the response was cut off".into());
            self.retry_notice(url, exchange.counts.tries, reason, at);
            return exchange.send_again(Event::Retry, at);
        }
        Verdict::Settle(Ok((url, response)))
    }

    /// Returns when to read again what the network cut off: below the limit of the body, no server is to blame.
    ///
    /// After the last try, and where the request did more than read, its operation decides.
    fn cut_off(
        &self,
        exchange: &mut Exchange,
        response: &Response,
        session: &mut Session,
    ) -> Option<Timestamp> {
        let may_read = exchange.spec.only_reads() && is_cut_by_network(exchange, response, session);
        if !may_read || exchange.counts.tries + 1 >= session.policy().tries {
            return None;
        }
        let at = session.backoff(self.now, exchange.counts.tries);
        exchange.counts.tries += 1;
        exchange.counts.losses += 1;
        (at < self.deadline).then_some(at)
    }

    /// Follows a redirect of a GET; the directory's own URL stays what the user gave.
    fn redirected(
        &self,
        exchange: &mut Exchange,
        url: &Url,
        response: &Response,
        session: &mut Session,
    ) -> Verdict {
        let target = header::location(response.headers(), url);
        // A signed request names its URL, so that it is worth nothing at another one.
        let may_follow = matches!(exchange.spec.auth, Auth::None(Method::Get))
            && exchange.counts.redirects < session.policy().max_redirects;
        match target {
            Some(target) if may_follow && session.allows(&target) => {
                exchange.counts.redirects += 1;
                exchange.redirect = Some(target);
                exchange.send_again(Event::Redirect, self.now)
            }
            _ if self.may_have_moved(exchange) => self.with_new_directory(exchange, session),
            _ => fail(Error::peer(url, PeerFault::Redirect(response.status()))),
        }
    }

    /// Handles an error response: retries what may pass, fails the rest.
    fn refused(
        &mut self,
        exchange: &mut Exchange,
        sent: Sent,
        problem: ServerProblem,
        response: &Response,
        nonce: Option<Fresh>,
        session: &mut Session,
    ) -> Verdict {
        if problem.is(&ProblemType::BadNonce) && exchange.spec.is_signed() {
            return self.bad_nonce(exchange, sent, nonce, problem, session);
        }
        let brings_nonce = nonce.is_some();
        if let Some(nonce) = nonce {
            session.put_nonce(nonce);
        }
        // Before another key is tried: what a replica does not know, it knows by neither key.
        if let Some(at) = self.replica_lags(exchange, &problem, session) {
            let times = exchange.lag.as_ref().map_or(0, |lag| lag.times);
            self.refused_for_now(&problem, times, at);
            return exchange.send_again(Event::Retry, at);
        }
        // What the server refused, and why, is unknown if its words were cut off: the next try brings them.
        let is_cut = problem.problem.is_none() && is_cut_by_network(exchange, response, session);
        if let Some(reason) =
            (!is_cut).then(|| amended(exchange, sent, &problem, session)).flatten()
        {
            exchange.payload = None;
            self.retry_notice(problem.url, exchange.counts.tries, reason, self.now);
            return exchange.send_again(Event::Amend, self.now);
        }
        if refuses_head(exchange, &problem) {
            session.ask_nonces_by_get();
            exchange.spec.auth = Auth::None(Method::Get);
            return exchange.send_again(Event::Amend, self.now);
        }
        if is_nothing_there(&problem) && self.may_have_moved(exchange) {
            return self.with_new_directory(exchange, session);
        }
        if problem.is(&ProblemType::AccountDoesNotExist) && exchange.asks_for_account() {
            let may_have_another_url = session.account_is_remembered();
            session.forget_account();
            if may_have_another_url && exchange.uses_account_url() {
                exchange.payload = None;
                return exchange.send_again(Event::Amend, self.now);
            }
            return fail(Error::NoAccount { directory: session.directory_url().clone() });
        }
        if is_about_pace(&problem) {
            if !brings_nonce {
                // What is in front of the CA refused the request, so that its nonce is as good as before. If it is
                // not, the server says so by badNonce.
                exchange.keep_nonce();
            }
            return self.slow_down(exchange, sent, problem, session);
        }
        if !is_cut && !may_pass(&problem) {
            return fail(Error::Problem(Arc::new(problem)));
        }
        self.try_later(exchange, problem, session)
    }

    /// Sends again with the nonce of the badNonce response itself (RFC 8555 Section 6.5).
    fn bad_nonce(
        &mut self,
        exchange: &mut Exchange,
        sent: Sent,
        nonce: Option<Fresh>,
        problem: ServerProblem,
        session: &mut Session,
    ) -> Verdict {
        exchange.counts.bad_nonces += 1;
        // A server that lost its nonces, by a restart for one, lost all older ones too.
        if let Some((_, since)) = sent.signed {
            session.drop_nonces_before(since);
        }
        if exchange.counts.bad_nonces >= session.policy().bad_nonce_tries {
            if let Some(nonce) = nonce {
                session.put_nonce(nonce);
            }
            return fail(Error::Problem(Arc::new(problem)));
        }
        exchange.nonce = nonce;
        self.retry_notice(problem.url, exchange.counts.bad_nonces, RetryReason::BadNonce, self.now);
        exchange.send_again(Event::Amend, self.now)
    }

    /// Sends again when the pace of the class allows: the server limits requests, and names no time.
    ///
    /// What counts is whether anything of the class got through. A request that is always refused, while others are not,
    /// has four times as many tries.
    fn slow_down(
        &mut self,
        exchange: &mut Exchange,
        sent: Sent,
        problem: ServerProblem,
        session: &mut Session,
    ) -> Verdict {
        exchange.counts.tries += 1;
        let (done, tries) = (exchange.counts.tries, session.policy().tries);
        let (at, in_a_row) = session.slow_down(exchange.spec.class(), sent.at, self.now);
        let is_last = done >= tries && (in_a_row >= tries || done >= tries.saturating_mul(4));
        if is_last || at >= self.deadline {
            return fail(Error::Problem(Arc::new(problem)));
        }
        self.refused_for_now(&problem, done, at);
        exchange.send_again(Event::Retry, at)
    }

    /// Waits as long as the server asks, or else by the backoff, and sends again where that is safe.
    ///
    /// A wait within the cap holds the whole class of resources. A longer one ends this request alone:
    /// such limits are about one name or one account.
    fn try_later(
        &mut self,
        exchange: &mut Exchange,
        problem: ServerProblem,
        session: &mut Session,
    ) -> Verdict {
        let policy = session.policy();
        let (tries, cap) = (policy.tries, policy.retry_after_cap);
        exchange.counts.tries += 1;
        let done = exchange.counts.tries;
        let asked = problem.retry_at.filter(|at| *at > self.now);
        let at = asked.unwrap_or_else(|| session.backoff(self.now, done - 1));
        let beyond_cap = at.saturating_duration_since(self.now) > cap;
        if asked.is_some() && !beyond_cap {
            session.hold_until(exchange.spec.class(), at);
        }
        let too_long = beyond_cap || at >= self.deadline;
        if done >= tries || too_long {
            return fail(Error::Problem(Arc::new(problem)));
        }
        self.refused_for_now(&problem, done, at);
        match exchange.spec.on_lost.clone() {
            // The server refused before doing anything.
            _ if matches!(problem.status, 429 | 503) => exchange.send_again(Event::Retry, at),
            OnLost::Resend => exchange.send_again(Event::Retry, at),
            OnLost::Reread(url) => reread(exchange, url, at),
            OnLost::Report => fail(Error::Problem(Arc::new(problem))),
        }
    }

    /// Handles `Input::Lost`.
    pub(super) fn lost(
        &mut self,
        exchange: &mut Exchange,
        lost: Lost,
        session: &mut Session,
    ) -> Verdict {
        let url = exchange.sent_url(session);
        exchange.counts.tries += 1;
        exchange.counts.losses += u32::from(matches!(lost, Lost::NoResponse(_) | Lost::TimedOut));
        let done = exchange.counts.tries;
        // What never left may be sent again, whatever it would have done.
        let not_sent = lost.is_unprocessed();
        let at_once = matches!(lost, Lost::NotProcessed(_)) && done == 1;
        if not_sent {
            exchange.counts.arrivals = exchange.counts.arrivals.saturating_sub(1);
            exchange.keep_nonce();
        }
        let is_lasting = lost.is_lasting();
        let on_lost = if not_sent { OnLost::Resend } else { exchange.spec.on_lost.clone() };
        let (reason, url_of) = (RetryReason::Lost(alloc::format!("{lost}")), url.clone());
        let error = Error::Transport(Arc::new(TransportError { url, lost, tries: done }));
        if done >= session.policy().tries || is_lasting || matches!(on_lost, OnLost::Report) {
            // The directory may name another host by now, unless it is at the same one.
            let is_elsewhere = url_of.authority() != session.directory_url().authority();
            let may_resend = is_elsewhere && matches!(on_lost, OnLost::Resend);
            if !may_resend || !self.may_have_moved(exchange) {
                return fail(error);
            }
            exchange.counts.tries = 0;
            self.last_failure = Some(Box::new(error));
            return self.with_new_directory(exchange, session);
        }
        self.last_failure = Some(Box::new(error));
        let at = if at_once { self.now } else { session.backoff(self.now, done - 1) };
        self.retry_notice(url_of, done, reason, at);
        match on_lost {
            OnLost::Reread(target) => reread(exchange, target, at),
            _ => exchange.send_again(Event::Retry, at),
        }
    }

    /// Reports a refusal after which the request is sent again, and keeps it for the error of the deadline.
    fn refused_for_now(&mut self, problem: &ServerProblem, tries: u32, at: Timestamp) {
        let reason = RetryReason::Status(problem.status, problem.problem.clone());
        self.retry_notice(problem.url.clone(), tries, reason, at);
        self.last_failure = Some(Box::new(Error::Problem(Arc::new(problem.clone()))));
    }

    fn retry_notice(&mut self, url: Url, tries: u32, reason: RetryReason, at: Timestamp) {
        self.notice(Notice::Retry { url, tries, reason, at });
    }

    /// Returns when to ask again for what a response of this run named a moment ago, and the server does not know: the
    /// request came to a replica that has not heard of it yet.
    ///
    /// Each URL has the whole time from its first refusal. Were it counted from the response that named it, the time in
    /// which another URL lagged would be lost to it.
    fn replica_lags(
        &self,
        exchange: &mut Exchange,
        problem: &ServerProblem,
        session: &mut Session,
    ) -> Option<Timestamp> {
        let of_account = problem.is(&ProblemType::AccountDoesNotExist);
        let given = match of_account {
            true if exchange.uses_account_url() => session.account_given_at()?,
            false if problem.status == 404 && !exchange.spec.target.is_from_directory() => {
                let account = session.account_given_at().filter(|_| exchange.asks_for_account());
                self.given.max(account)?
            }
            _ => return None,
        };
        let time_limit = session.policy().replica_lag;
        if exchange.lag.is_none() && self.now >= given.saturating_add(time_limit) {
            return None;
        }
        let first = || Box::new(Lag { since: self.now, times: 0, of_account });
        let lag = exchange.lag.get_or_insert_with(first);
        let until = lag.since.saturating_add(time_limit);
        if self.now >= until {
            return None;
        }
        let at = session.backoff(self.now, lag.times).min(until);
        if at >= self.deadline {
            return None;
        }
        lag.times += 1;
        Some(at)
    }

    /// Returns whether a URL is from a directory that an earlier flow fetched, so that the resource may have moved since.
    fn may_have_moved(&self, exchange: &Exchange) -> bool {
        exchange.spec.target.is_from_directory()
            && !exchange.refetched_directory
            && !self.supplies.fetched_directory
    }

    /// Sends a request again, to where the directory says by now.
    fn with_new_directory(&self, exchange: &mut Exchange, session: &mut Session) -> Verdict {
        session.forget_directory();
        exchange.refetched_directory = true;
        exchange.redirect = None;
        exchange.payload = None;
        exchange.send_again(Event::Amend, self.now)
    }

    /// Reads an error response, problem document or not (RFC 8555 Section 6.7).
    fn problem(
        &self,
        exchange: &Exchange,
        url: &Url,
        response: &Response,
        session: &Session,
    ) -> ServerProblem {
        let spec = &exchange.spec;
        let context = wire::Context { url, allow_http: session.allows_http() };
        let body = response.body();
        let problem = Problem::parse(body, context).ok().map(|parsed| parsed.value);
        let links = header::links(response.headers(), url);
        let targets = |rel: &'static str| {
            links.iter().filter(move |l| l.has_rel(rel)).map(|l| l.target().clone())
        };
        ServerProblem {
            resource: spec.resource,
            method: spec.method(),
            url: url.clone(),
            status: response.status(),
            snippet: if problem.is_none() { snippet(body) } else { Default::default() },
            problem,
            media_type: header::media_type_in_words(response.headers()),
            retry_at: header::retry_after(response.headers(), self.now),
            help: targets("help").collect(),
            index: targets("index").next(),
            terms_of_service: targets("terms-of-service").next(),
            location: header::location(response.headers(), url),
        }
    }
}

/// Returns the account that a 409 to newAccount names by its `Location`.
///
/// Servers answered so for the key of an account that exists before RFC 8555 Section 7.3.1 said 200, and some still do.
/// A problem that is about something else is one.
fn existing_account(problem: &ServerProblem) -> Option<Response> {
    let is_one = problem.status == 409 && problem.resource == Resource::NewAccount;
    let account = problem.location.as_ref().filter(|_| is_one)?;
    // Boulder said so by `malformed`, first of the drafts' namespace.
    let is_about_that = problem.problem.as_ref().is_none_or(|problem| {
        *problem.kind() == ProblemType::Malformed
            || ["about:blank", "urn:acme:error:malformed"].contains(&problem.kind().as_str())
    });
    is_about_that.then(|| Response::new(200).with_header("Location", account.as_str()))
}

/// Whether nothing is at a URL, as far as the server, or one before it, can say.
fn is_nothing_there(problem: &ServerProblem) -> bool {
    let is_known = problem.problem.as_ref().is_some_and(|p| !p.is_generic());
    matches!(problem.status, 404 | 405 | 410) && !is_known
}

/// Whether the network cut a response off: it ends before the limit of its body.
fn is_cut_by_network(exchange: &Exchange, response: &Response, session: &Session) -> bool {
    let limit = session.policy().body_limit_of(exchange.spec.resource);
    response.is_truncated() && response.body().len() < limit
}

/// Whether a server, or what is before it, refuses HEAD for newNonce: RFC 8555 Section 7.2 has GET too.
fn refuses_head(exchange: &Exchange, problem: &ServerProblem) -> bool {
    exchange.is_nonce()
        && matches!(exchange.spec.auth, Auth::None(Method::Head))
        && matches!(problem.status, 403 | 404 | 405 | 501)
}

/// Turns the exchange into one that reads whether its request was processed.
fn reread(exchange: &mut Exchange, url: Url, at: Timestamp) -> Verdict {
    exchange.spec = Spec::read(exchange.spec.resource, Target::Url(url));
    exchange.phase = Phase::Reread;
    exchange.send_again(Event::Reread, at)
}

fn fail(error: Error) -> Verdict {
    Verdict::Settle(Err(error))
}

/// Changes a refused request so that it is worth sending once more: as the operation knows, or by the other
/// account key of a key change.
fn amended(
    exchange: &mut Exchange,
    sent: Sent,
    problem: &ServerProblem,
    session: &Session,
) -> Option<RetryReason> {
    let spec = &mut exchange.spec;
    if let Some(payload) = spec.amend.and_then(|amend| amend(problem, session)) {
        spec.payload = payload;
        spec.amend = None;
        return Some(RetryReason::ExternalAccount);
    }
    let by_account_key = matches!(spec.auth, Auth::Account | Auth::AccountKey);
    if exchange.second_key.is_some()
        || spec.fixed_key
        || !by_account_key
        || !problem.may_be_about_key()
    {
        return None;
    }
    // Either the change landed, or it landed meanwhile and this was signed before.
    let other = |key: &&Jwk| !sent.is_signed_by(key);
    exchange.second_key = Some(if session.account_key().is_some_and(|key| other(&key)) {
        SecondKey::Current
    } else {
        session.new_account_key().filter(other)?;
        SecondKey::New
    });
    Some(RetryReason::KeyChanged)
}

/// Whether a request was refused because there are too many, by a server that names no time: the CA itself, or one in
/// front of it, which sends 503 without a problem document.
fn is_about_pace(problem: &ServerProblem) -> bool {
    let in_front = problem.problem.is_none() || problem.is(&ProblemType::RateLimited);
    problem.retry_at.is_none() && (problem.status == 429 || problem.status == 503 && in_front)
}

/// Whether the same request may succeed later: server errors and request-rate limits.
///
/// A `rateLimited` without a time is no such case, unless its status says that requests are counted
/// ([`is_about_pace`]): such limits last for hours.
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
