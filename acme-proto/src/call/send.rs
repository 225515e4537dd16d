//! From a lane that has all it needs to the request that goes out: inner JWS, nonce, signature.

use alloc::vec::Vec;

use super::lane::{Lane, State};
use super::lanes::{Lanes, Missing, Step};
use crate::error::{Error, Misuse};
use crate::flow::{FlowId, KeyRole, RequestId, SignId, SignRequest, SignatureAlgorithm, Transmit};
use crate::http::{Method, Request};
use crate::jose::{Jwk, KeyId, Protected, SigningInput};
use crate::op::{Auth, InnerContext, Payload};
use crate::session::Session;
use crate::time::Timestamp;
use crate::token::Nonce;

impl<K: Clone + Ord> Lanes<K> {
    pub(super) fn sign_or_send(
        &mut self,
        index: usize,
        session: &mut Session,
        flow: FlowId,
        missing: &mut Missing,
    ) -> Result<Option<Step<K>>, Error> {
        if !self.lanes[index].spec.is_signed() {
            return Ok(Some(self.transmit(index, session, flow)));
        }
        if let Some(step) = self.sign_inner(index, session, flow)? {
            return Ok(Some(step));
        }
        let Some((since, nonce)) = self.take_nonce(index, session) else {
            missing.nonces += 1;
            return Ok(None);
        };
        let lane = &self.lanes[index];
        let url = lane.url.as_ref().ok_or(Error::Misuse(Misuse::WrongState("no URL")))?;
        let (jwk, role, by_jwk) = signing_key(lane, session)?;
        let signed_by = jwk.thumbprint();
        let key = match session.account_url() {
            Some(account) if !by_jwk => KeyId::Kid(account.as_str()),
            _ => KeyId::Jwk(jwk),
        };
        let alg = jwk.algorithm();
        let protected = Protected { alg: alg.as_str(), key, nonce: Some(&nonce), url };
        let payload: &[u8] = match (&lane.nested, &lane.spec.payload) {
            (Some(nested), _) => nested,
            (None, Payload::Json(json)) => json,
            (None, _) => b"",
        };
        let input = SigningInput::new(&protected, payload);
        let request = self.sign_request(flow, role, SignatureAlgorithm::Jws(alg), &input, session);
        let lane = &mut self.lanes[index];
        lane.nonce_since = since;
        lane.signed_by = Some(signed_by);
        lane.state = State::Signing(request.id, input);
        Ok(Some(Step::Sign(request)))
    }

    /// Asks for the signature of an inner JWS, if there is one that is not signed yet.
    fn sign_inner(
        &mut self,
        index: usize,
        session: &Session,
        flow: FlowId,
    ) -> Result<Option<Step<K>>, Error> {
        let lane = &self.lanes[index];
        let Payload::Nested(inner) = &lane.spec.payload else { return Ok(None) };
        let (Some(url), None) = (&lane.url, &lane.nested) else { return Ok(None) };
        let (account_key, ..) = signing_key(lane, session)?;
        let context = InnerContext { url, account_key, account: session.account_url() };
        let (input, role, algorithm) = (inner.input(&context)?, inner.key(), inner.algorithm());
        let request = self.sign_request(flow, role, algorithm, &input, session);
        self.lanes[index].state = State::SigningInner(request.id, input);
        Ok(Some(Step::Sign(request)))
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
            id: SignId { flow, seq: self.id() },
            key,
            algorithm,
            message: input.as_bytes().to_vec(),
            time_limit: self.limited(session.policy().sign_time_limit),
        }
    }

    fn take_nonce(&mut self, index: usize, session: &mut Session) -> Option<(Timestamp, Nonce)> {
        if let Some(nonce) = self.lanes[index].nonce.take() {
            return Some((self.now, nonce));
        }
        self.nonces.pop().or_else(|| session.take_nonce(self.now))
    }

    /// Hands out a request whose body is ready, or that needs none.
    pub(super) fn transmit(&mut self, index: usize, session: &Session, flow: FlowId) -> Step<K> {
        let id = RequestId { flow, seq: self.id() };
        let policy = session.policy();
        let time_limit = self.limited(policy.request_time_limit);
        let lane = &mut self.lanes[index];
        let url = lane.url.clone().unwrap_or_else(|| session.directory_url().clone());
        let state = core::mem::replace(&mut lane.state, State::Sent(id));
        let (method, body) = match (state, &lane.spec.auth) {
            (State::Signed(body), _) => (Method::Post, body),
            (_, Auth::None(method)) => (*method, Vec::new()),
            _ => (Method::Get, Vec::new()),
        };
        let mut request = Request::new(method, url)
            .with_header("user-agent", session.user_agent())
            .with_header("accept-language", session.accept_language());
        if !lane.spec.accept.is_empty() {
            request = request.with_header("accept", lane.spec.accept);
        }
        if method == Method::Post {
            request = request.with_header("content-type", "application/jose+json").with_body(body);
        }
        Step::Transmit(Transmit { id, request, time_limit, body_limit: policy.body_limit })
    }
}

/// Returns the key of a signed request, its role, and whether the request names it by `jwk`.
fn signing_key<'a, K>(
    lane: &'a Lane<K>,
    session: &'a Session,
) -> Result<(&'a Jwk, KeyRole, bool), Error> {
    let by_jwk = !matches!(lane.spec.auth, Auth::Account);
    match (&lane.spec.auth, session.new_account_key().filter(|_| lane.tries_new_key)) {
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
