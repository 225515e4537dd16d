//! From an exchange that waits to the request that goes out: what it lacks, slot, nonce, signatures.

use alloc::vec::Vec;

use super::exchange::{Exchange, ExchangeId, Phase, Stage, Work};
use super::exchanges::{Due, Exchanges, Operations};
use super::queue::Outstanding;
use super::supply::Supply;
use crate::error::{Error, InvalidInput, Misuse, PeerFault};
use crate::http::{Method, Request};
use crate::jose::{Jwk, KeyId, Protected, SigningInput};
use crate::op::{Auth, InnerContext, Payload, Spec};
use crate::request::{
    FlowId, KeyRole, RequestId, SignId, SignRequest, SignatureAlgorithm, Transmit,
};
use crate::session::{Fresh, Session};
use crate::url::Url;

/// How many times the time limit of a request is doubled, after as many were lost.
const MOST_DOUBLINGS: u32 = 2;

/// What came of beginning an exchange.
enum Begun {
    Due(Due),
    Lacks(Supply),
    /// The rate limits have a slot, or room, for it later.
    Later,
}

impl Exchanges {
    /// Takes exchanges in turn, until one has something to hand out.
    pub(super) fn pass(
        &mut self,
        has_place: bool,
        operations: &dyn Operations,
        session: &mut Session,
        flow: FlowId,
    ) -> Option<Due> {
        self.queue.wake(self.now);
        // Another flow of the session may have found these meanwhile.
        if !session.needs_directory(self.now) {
            self.queue.supply(Supply::Directory);
        }
        if session.account_url().is_some() {
            self.queue.supply(Supply::Account);
        }
        let mut no_nonce = false;
        while let Some(id) = self.queue.take_next(has_place, no_nonce) {
            let Some(mut exchange) = self.all.remove(&id) else { continue };
            if exchange.stage() == Stage::Signed {
                let due = self.transmit(id, &mut exchange, session, flow);
                self.all.insert(id, exchange);
                return Some(due);
            }
            match self.begin(id, &mut exchange, operations, session, flow) {
                Ok(Begun::Due(due)) => {
                    self.all.insert(id, exchange);
                    return Some(due);
                }
                Ok(Begun::Lacks(lack)) => {
                    // The others that lack a nonce need not look for one in this pass.
                    no_nonce |= lack == Supply::Nonce;
                    self.queue.lacking[lack as usize].insert(id);
                    self.all.insert(id, exchange);
                }
                Ok(Begun::Later) => self.put_back(id, exchange),
                Err(error) => {
                    // It was not sent, so that another exchange may use its nonce.
                    exchange.nonce.take().into_iter().for_each(|fresh| session.put_nonce(fresh));
                    self.end_request(id, exchange, Err(error), session);
                }
            }
        }
        None
    }

    /// Takes a waiting exchange one step on, or says what it lacks.
    fn begin(
        &mut self,
        id: ExchangeId,
        exchange: &mut Exchange,
        operations: &dyn Operations,
        session: &mut Session,
        flow: FlowId,
    ) -> Result<Begun, Error> {
        if matches!((exchange.work, exchange.phase), (Work::Operation, Phase::Request)) {
            operations.check(id, session)?;
        }
        if let Some(lack) = self.lacks(id, exchange, operations, session)? {
            return Ok(Begun::Lacks(lack));
        }
        // Resolved at each try: the directory may have been fetched again since the last one.
        let url = usable_url(exchange, session)?;
        let class = exchange.spec.class();
        let held = session.held_until(class, self.now);
        if let Some(until) = held.filter(|until| *until >= self.deadline) {
            return Err(Error::RetryLater { url, until });
        }
        exchange.url = Some(url.clone());
        // Where slots are few, none is given to an exchange that would only wait for a nonce.
        if session.is_paced(class) && exchange.needs_nonce_next() && exchange.nonce.is_none() {
            exchange.nonce = self.take_nonce(session);
            if exchange.nonce.is_none() {
                return Ok(Begun::Lacks(Supply::Nonce));
            }
        }
        // A slot that was reserved before the server asked to leave the class alone has lapsed.
        if !exchange.has_slot() || held.is_some() {
            let slot = session.reserve(class, self.now, self.deadline);
            // A wait for a slot after the deadline would be for nothing.
            let not_before = slot.map_err(|until| Error::RetryLater { url, until })?;
            exchange.take_slot(not_before);
            if not_before > self.now {
                return Ok(Begun::Later);
            }
        }
        if exchange.spec.is_signed() {
            return self.sign(id, exchange, session, flow);
        }
        if !self.has_room(exchange, session) {
            return Ok(Begun::Later);
        }
        session.sent(class, self.now);
        Ok(Begun::Due(self.transmit(id, exchange, session, flow)))
    }

    /// Returns whether the server has room for the request; if not, the exchange waits.
    fn has_room(&self, exchange: &mut Exchange, session: &mut Session) -> bool {
        let room = session.room(exchange.spec.class(), self.now);
        if let Err(not_before) = room {
            exchange.take_slot(not_before);
        }
        room.is_ok()
    }

    /// Returns what an exchange lacks, apart from a slot and a nonce, and fails it if that cannot be supplied.
    fn lacks(
        &mut self,
        id: ExchangeId,
        exchange: &mut Exchange,
        operations: &dyn Operations,
        session: &mut Session,
    ) -> Result<Option<Supply>, Error> {
        let spec = &exchange.spec;
        // A signed request needs the directory whatever its URL: that is where nonces come from.
        if session.needs_directory(self.now)
            && (spec.is_signed() || spec.target.is_from_directory())
        {
            return Ok(Some(Supply::Directory));
        }
        let mut notices = Vec::new();
        let made = match (&spec.payload, &exchange.payload, session.directory()) {
            (Payload::FromDirectory, None, Some(directory)) => {
                Some(operations.payload(id, directory, &mut notices))
            }
            _ => None,
        };
        // A notice, too, says what the directory lacks.
        let is_lacking =
            || matches!(made, Some(Err(_))) || !notices.is_empty() || is_not_offered(spec, session);
        if session.doubts_directory(self.now) && is_lacking() {
            session.refetch_directory();
            return Ok(Some(Supply::Directory));
        }
        if let Some(payload) = made {
            exchange.payload = Some(payload.map_err(Error::Unsupported)?);
            self.notices.extend(notices);
        }
        // Asked here and not when signing, so that a missing key costs no look-up, slot or nonce.
        let by_account_key = spec.is_signed() && !matches!(spec.auth, Auth::Certificate(_));
        if by_account_key && session.account_key().is_none() {
            return Err(Error::Misuse(Misuse::NoAccountKey));
        }
        if exchange.uses_account_url() {
            if session.account_url().is_none() {
                return Ok(Some(Supply::Account));
            }
            session.check_account()?;
        }
        Ok(None)
    }

    /// Asks for a signature: of the inner JWS, where there is one that is not signed yet, or of the request.
    fn sign(
        &mut self,
        id: ExchangeId,
        exchange: &mut Exchange,
        session: &mut Session,
        flow: FlowId,
    ) -> Result<Begun, Error> {
        let url = exchange
            .url
            .as_ref()
            .ok_or(Error::Internal("a request is signed before its URL is known"))?;
        let (jwk, role, by_jwk) = signing_key(exchange, session)?;
        if let (Payload::Nested(inner), None) = (&exchange.spec.payload, &exchange.payload) {
            let context = InnerContext { url, account_key: jwk, account: session.account_url() };
            let (input, role, algorithm) = (inner.input(&context)?, inner.key(), inner.algorithm());
            let request = self.sign_request(flow, role, algorithm, &input, session);
            let outstanding = Outstanding { id, counts_as: None };
            self.queue.outstanding.insert(request.id.seq, outstanding);
            exchange.sign_inner(input);
            return Ok(Begun::Due(Due::Sign(request)));
        }
        let (jwk, signed_by, url) = (jwk.clone(), jwk.thumbprint(), url.clone());
        // Asked first: a nonce that waited here could be used by another flow meanwhile.
        if !self.has_room(exchange, session) {
            return Ok(Begun::Later);
        }
        // From here on nothing fails, so that no nonce is lost.
        let Some(fresh) = exchange.nonce.take().or_else(|| self.take_nonce(session)) else {
            return Ok(Begun::Lacks(Supply::Nonce));
        };
        session.sent(exchange.spec.class(), self.now);
        let key = match session.account_url() {
            Some(account) if !by_jwk => KeyId::Kid(account.as_str()),
            _ => KeyId::Jwk(&jwk),
        };
        let alg = jwk.algorithm();
        let protected = Protected { alg: alg.as_str(), key, nonce: Some(&fresh.nonce), url: &url };
        let payload: &[u8] = match (&exchange.payload, &exchange.spec.payload) {
            (Some(payload), _) => payload,
            (None, Payload::Json(json)) => json,
            (None, _) => b"",
        };
        let input = SigningInput::new(&protected, payload);
        let request = self.sign_request(flow, role, SignatureAlgorithm::Jws(alg), &input, session);
        let outstanding = Outstanding { id, counts_as: Some(exchange.spec.class()) };
        self.queue.outstanding.insert(request.id.seq, outstanding);
        exchange.sign(input, fresh, signed_by);
        Ok(Begun::Due(Due::Sign(request)))
    }

    fn sign_request(
        &mut self,
        flow: FlowId,
        key: KeyRole,
        algorithm: SignatureAlgorithm,
        input: &SigningInput,
        session: &Session,
    ) -> SignRequest {
        SignRequest {
            id: SignId { flow, seq: self.number() },
            key,
            algorithm,
            message: input.as_bytes().to_vec(),
            time_limit: self.limited(session.policy().sign_time_limit),
        }
    }

    fn take_nonce(&mut self, session: &mut Session) -> Option<Fresh> {
        // The flow's own first: nobody else can use them.
        self.supplies.nonces.pop().or_else(|| session.take_nonce(self.now))
    }

    /// Hands out a request whose body is ready, or that needs none.
    fn transmit(
        &mut self,
        id: ExchangeId,
        exchange: &mut Exchange,
        session: &Session,
        flow: FlowId,
    ) -> Due {
        let request_id = RequestId { flow, seq: self.number() };
        let outstanding = Outstanding { id, counts_as: Some(exchange.spec.class()) };
        self.queue.outstanding.insert(request_id.seq, outstanding);
        let policy = session.policy();
        exchange.counts.arrivals += 1;
        // A server that is busy takes as long the next time.
        let longer = 1 << exchange.counts.losses.min(MOST_DOUBLINGS);
        let time_limit = self.limited(policy.request_time_limit.saturating_mul(longer));
        let url = exchange.sent_url(session);
        let method = exchange.spec.method();
        let (body, nonce_from) = exchange.send(request_id, self.now);
        // RFC 8555 Sections 6.1 and 6.2.
        let mut request = Request::new(method, url)
            .with_header("user-agent", session.user_agent())
            .with_header("accept-language", session.accept_language());
        if !exchange.spec.accept.is_empty() {
            request = request.with_header("accept", exchange.spec.accept);
        }
        if method == Method::Post {
            request = request.with_header("content-type", "application/jose+json").with_body(body);
        }
        let body_limit = policy.body_limit_of(exchange.spec.resource);
        Due::Transmit(Transmit { id: request_id, request, time_limit, body_limit, nonce_from })
    }
}

/// Returns whether the directory has no URL for a request.
fn is_not_offered(spec: &Spec, session: &Session) -> bool {
    spec.target.is_from_directory() && matches!(spec.url(session), Err(Error::Unsupported(_)))
}

fn usable_url(exchange: &Exchange, session: &Session) -> Result<Url, Error> {
    let url = match &exchange.redirect {
        Some(url) => url.clone(),
        None => exchange.spec.url(session)?,
    };
    if session.allows(&url) {
        Ok(url)
    } else if exchange.fetches_directory() {
        Err(InvalidInput::NotHttps(url).into())
    } else {
        Err(Error::peer(session.directory_url(), PeerFault::NotHttps(url)))
    }
}

/// Returns the key of a signed request, its role, and whether the request names it by `jwk`.
fn signing_key<'a>(
    exchange: &'a Exchange,
    session: &'a Session,
) -> Result<(&'a Jwk, KeyRole, bool), Error> {
    let by_jwk = !matches!(exchange.spec.auth, Auth::Account);
    match (&exchange.spec.auth, session.new_account_key().filter(|_| exchange.tries_new_key())) {
        (Auth::Certificate(key), _) => Ok((key, KeyRole::Certificate(key.thumbprint()), by_jwk)),
        (Auth::NewKey(key), _) | (_, Some(key)) => {
            Ok((key, KeyRole::NewAccount(key.thumbprint()), by_jwk))
        }
        _ => {
            let key = session.account_key().ok_or(Error::Misuse(Misuse::NoAccountKey))?;
            Ok((key, KeyRole::Account(key.thumbprint()), by_jwk))
        }
    }
}
