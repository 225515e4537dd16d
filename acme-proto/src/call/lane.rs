//! One exchange on its way: from what it needs, through its signature, to its answer.

use alloc::vec::Vec;

use crate::flow::{RequestId, SignId};
use crate::jose::{SigningInput, Thumbprint};
use crate::op::{Auth, Spec};
use crate::time::Timestamp;
use crate::token::Nonce;
use crate::url::Url;

/// An exchange and how often it was tried.
#[derive(Debug)]
pub(super) struct Lane<K> {
    pub(super) purpose: Purpose<K>,
    pub(super) spec: Spec,
    pub(super) state: State,
    /// Where a redirect led to.
    pub(super) redirect: Option<Url>,
    /// The URL that was last sent to.
    pub(super) url: Option<Url>,
    /// The outer payload around a finished inner JWS, or the one that suits the directory.
    pub(super) nested: Option<Vec<u8>>,
    /// The nonce of a badNonce answer, for this lane alone.
    pub(super) nonce: Option<Nonce>,
    /// When the nonce in use was received.
    pub(super) nonce_since: Timestamp,
    pub(super) tries: u32,
    pub(super) nonce_tries: u32,
    pub(super) redirects: u32,
    /// The lane reads whether the request landed, instead of sending it.
    pub(super) rereading: bool,
    pub(super) refetched_directory: bool,
    /// The account key that signed last.
    pub(super) signed_by: Option<Thumbprint>,
    /// The account key changed, and the request was signed again.
    pub(super) signed_anew: bool,
    /// The key that the account is changing to signs, to see whether the server holds it already.
    pub(super) tries_new_key: bool,
}

impl<K> Lane<K> {
    pub(super) const fn new(purpose: Purpose<K>, spec: Spec) -> Self {
        Self {
            purpose,
            spec,
            state: State::Idle { not_before: Timestamp::UNIX_EPOCH, slot: false },
            redirect: None,
            url: None,
            nested: None,
            nonce: None,
            nonce_since: Timestamp::UNIX_EPOCH,
            tries: 0,
            nonce_tries: 0,
            redirects: 0,
            rereading: false,
            refetched_directory: false,
            signed_by: None,
            signed_anew: false,
            tries_new_key: false,
        }
    }

    /// Goes back to the start, to be sent (again) at `not_before`.
    pub(super) fn idle_until(&mut self, not_before: Timestamp) {
        self.state = State::Idle { not_before, slot: false };
    }

    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle { .. })
    }

    pub(super) const fn uses_account_url(&self) -> bool {
        matches!(self.spec.auth, Auth::Account)
    }
}

/// What a lane is for: the flow's own request, or one that others wait for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Purpose<K> {
    Directory,
    FindAccount,
    Nonce,
    Key(K),
}

/// How far a lane is.
#[derive(Debug)]
pub(super) enum State {
    /// Waits for a time, for a slot in the rate limit, or for something it needs.
    Idle { not_before: Timestamp, slot: bool },
    /// The inner JWS is being signed.
    SigningInner(SignId, SigningInput),
    /// The request is being signed.
    Signing(SignId, SigningInput),
    /// The signed body waits to be handed out.
    Signed(Vec<u8>),
    /// The request is out.
    Sent(RequestId),
}
