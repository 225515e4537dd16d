//! A request as an operation describes it: target, payload, signing key, and what a lost response means.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Serialize;

use crate::error::{Error, InvalidInput, ServerProblem, Unsupported};
use crate::http::Method;
use crate::jose::{Jwk, SigningInput};
use crate::policy::ResourceClass;
use crate::request::{KeyRole, SignatureAlgorithm};
use crate::resource::Resource;
use crate::session::Session;
use crate::url::Url;
use crate::wire::Directory;

/// Everything about one request but its nonce and its signature.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) resource: Resource,
    pub(crate) target: Target,
    pub(crate) auth: Auth,
    pub(crate) payload: Payload,
    pub(crate) accept: &'static str,
    pub(crate) on_lost: OnLost,
    /// Whether the request is right by one key only; any other is signed again by the other account key if
    /// it was refused because of its key during a key change.
    pub(crate) fixed_key: bool,
    /// Returns the payload that the server's problem asks for, to be sent instead, once.
    pub(crate) amend: Option<Amend>,
}

/// See [`Spec::amend`].
pub(crate) type Amend = fn(&ServerProblem, &Session) -> Option<Payload>;

impl Spec {
    /// POST-as-GET by the account (RFC 8555 Section 6.3).
    pub(crate) fn read(resource: Resource, target: Target) -> Self {
        Self::post(resource, target, Payload::Empty)
    }

    /// A POST by the account that may simply be sent again.
    pub(crate) const fn post(resource: Resource, target: Target, payload: Payload) -> Self {
        Self {
            resource,
            target,
            auth: Auth::Account,
            payload,
            accept: "",
            on_lost: OnLost::Resend,
            fixed_key: false,
            amend: None,
        }
    }

    /// A POST by the account to a resource that the directory names.
    pub(crate) const fn post_to(resource: Resource, entry: Entry, payload: Payload) -> Self {
        Self::post(resource, Target::Entry(entry), payload)
    }

    /// A GET without signature.
    pub(crate) fn get(resource: Resource, target: Target) -> Self {
        Self::read(resource, target).auth(Auth::None(Method::Get))
    }

    pub(crate) fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    pub(crate) fn on_lost(mut self, on_lost: OnLost) -> Self {
        self.on_lost = on_lost;
        self
    }

    pub(crate) const fn fixed_key(mut self) -> Self {
        self.fixed_key = true;
        self
    }

    pub(crate) const fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    /// Returns whether the request changes nothing at the server: a GET, or a POST-as-GET.
    pub(crate) const fn only_reads(&self) -> bool {
        matches!(self.auth, Auth::None(Method::Get)) || matches!(self.payload, Payload::Empty)
    }

    /// Returns the URL; the directory must be known where it is needed.
    pub(crate) fn url(&self, session: &Session) -> Result<Url, Error> {
        let entry = |entry: Entry| session.directory().and_then(entry);
        let known = match &self.target {
            Target::Directory => Some(session.directory_url()),
            Target::Entry(name) => entry(*name),
            Target::Below(name, segment) => {
                let below = entry(*name).map(|url| url.join_segment(segment)).transpose();
                let below = below.map_err(|e| Error::Input(InvalidInput::Url(e)))?;
                return below.ok_or(Error::Unsupported(Unsupported::Operation(self.resource)));
            }
            Target::Account => session.account_url(),
            Target::Orders => session.orders_url(),
            Target::Url(url) => Some(url),
        };
        known.cloned().ok_or(Error::Unsupported(Unsupported::Operation(self.resource)))
    }

    pub(crate) const fn class(&self) -> ResourceClass {
        ResourceClass::of(self.resource)
    }

    pub(crate) const fn method(&self) -> Method {
        match self.auth {
            Auth::None(method) => method,
            _ => Method::Post,
        }
    }

    pub(crate) const fn is_signed(&self) -> bool {
        !matches!(self.auth, Auth::None(_))
    }
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// The directory itself.
    Directory,
    /// A resource that the directory names.
    Entry(Entry),
    /// The resource below such a one that a path segment names.
    Below(Entry, String),
    Account,
    /// The account's list of orders.
    Orders,
    Url(Url),
}

/// Looks a URL up in the directory.
pub(crate) type Entry = fn(&Directory) -> Option<&Url>;

impl Target {
    /// Whether the URL comes from the directory, which may have gone stale.
    pub(crate) const fn is_from_directory(&self) -> bool {
        matches!(self, Self::Entry(_) | Self::Below(..))
    }
}

/// Who signs a request, and how the key is named in it.
#[derive(Clone, Debug)]
pub(crate) enum Auth {
    /// Nobody: a plain GET or HEAD.
    None(Method),
    /// The account key, as `kid`.
    Account,
    /// The account key, as `jwk`.
    AccountKey,
    /// The key that the account is to change to, as `jwk`.
    NewKey(Jwk),
    /// The certificate's key, as `jwk`.
    Certificate(Jwk),
}

/// What a signed request carries.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    /// The empty octet string: POST-as-GET.
    Empty,
    /// These octets, JSON.
    Json(Vec<u8>),
    /// What [`Hooks::payload`](super::Hooks::payload) returns once the directory is known.
    FromDirectory,
    /// A payload around an inner JWS, which is signed first.
    Nested(Arc<dyn Inner>),
}

impl Payload {
    /// Serializes an object.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::Json(octets(value))
    }
}

/// Serializes an object; our own shapes have string keys only, so that it cannot fail.
pub(crate) fn octets(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("own payloads serialize")
}

/// An inner JWS: the binding of an external account, or the new key's word in a key change.
pub(crate) trait Inner: core::fmt::Debug + Send + Sync {
    fn key(&self) -> KeyRole;
    fn algorithm(&self) -> SignatureAlgorithm;
    fn input(&self, context: &InnerContext<'_>) -> Result<SigningInput, InvalidInput>;
    /// Builds the outer payload around the finished inner JWS, which is JSON.
    fn wrap(&self, inner: &[u8]) -> Vec<u8>;
}

/// What an inner JWS is made from.
#[derive(Debug)]
pub(crate) struct InnerContext<'a> {
    pub(crate) url: &'a Url,
    pub(crate) account_key: &'a Jwk,
    pub(crate) account: Option<&'a Url>,
}

/// What a lost response means.
#[derive(Clone, Debug)]
pub(crate) enum OnLost {
    /// The request may be sent again.
    Resend,
    /// It may have landed: read this URL before sending it again.
    Reread(Url),
    /// The caller finds out.
    Report,
}
