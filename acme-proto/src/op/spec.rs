//! What an operation tells the engine, and what the engine gives it to read.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::NewOrder;
use crate::error::{Error, InvalidInput, PeerFault, Unsupported};
use crate::header;
use crate::http::{Method, Response};
use crate::jose::{Jwk, SigningInput};
use crate::notice::Notice;
use crate::policy::ResourceClass;
use crate::request::{KeyRole, SignatureAlgorithm};
use crate::session::Session;
use crate::text;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{self, Deviation, DeviationKind, InvalidObject, Parsed};

/// Everything about one request but its nonce and its signature.
#[derive(Clone, Debug)]
#[allow(unnameable_types)] // public in a sealed trait only
pub struct Spec {
    pub(crate) name: &'static str,
    pub(crate) target: Target,
    pub(crate) auth: Auth,
    pub(crate) payload: Payload,
    pub(crate) accept: &'static str,
    pub(crate) on_lost: OnLost,
    pub(crate) class: ResourceClass,
    /// It finds an account and creates none.
    pub(crate) lookup: bool,
}

impl Spec {
    /// POST-as-GET by the account (RFC 8555 section 6.3).
    pub(crate) fn read(name: &'static str, target: Target) -> Self {
        Self::post(name, target, Payload::Empty)
    }

    /// A POST by the account that may simply be sent again.
    pub(crate) const fn post(name: &'static str, target: Target, payload: Payload) -> Self {
        Self {
            name,
            target,
            auth: Auth::Account,
            payload,
            accept: "",
            on_lost: OnLost::Resend,
            class: ResourceClass::Other,
            lookup: false,
        }
    }

    /// A GET without signature.
    pub(crate) fn get(name: &'static str, target: Target) -> Self {
        Self::read(name, target).auth(Auth::None(Method::Get))
    }

    pub(crate) const fn class(mut self, class: ResourceClass) -> Self {
        self.class = class;
        self
    }

    pub(crate) fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    pub(crate) fn on_lost(mut self, on_lost: OnLost) -> Self {
        self.on_lost = on_lost;
        self
    }

    pub(crate) const fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    pub(crate) const fn is_signed(&self) -> bool {
        !matches!(self.auth, Auth::None(_))
    }
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Directory,
    NewNonce,
    NewAccount,
    NewOrder,
    NewAuthz,
    RevokeCert,
    KeyChange,
    /// renewalInfo, with the certificate's identifier appended (RFC 9773 section 4.1).
    RenewalInfo(String),
    Account,
    /// The account's list of orders.
    Orders,
    Url(Url),
}

impl Target {
    /// Resolves the target; the directory must be known where it is needed.
    pub(crate) fn resolve(&self, session: &Session) -> Result<Url, Error> {
        let directory = session.directory();
        let entry = |url: Option<&Url>, name| {
            url.cloned().ok_or(Error::Unsupported(Unsupported::Operation(name)))
        };
        match self {
            Self::Directory => Ok(session.directory_url().clone()),
            Self::NewNonce => entry(directory.map(wire::Directory::new_nonce), "newNonce"),
            Self::NewAccount => entry(directory.and_then(|d| d.new_account()), "newAccount"),
            Self::NewOrder => entry(directory.and_then(|d| d.new_order()), "newOrder"),
            Self::NewAuthz => entry(directory.and_then(|d| d.new_authz()), "newAuthz"),
            Self::RevokeCert => entry(directory.and_then(|d| d.revoke_cert()), "revokeCert"),
            Self::KeyChange => entry(directory.and_then(|d| d.key_change()), "keyChange"),
            Self::RenewalInfo(id) => {
                entry(directory.and_then(|d| d.renewal_info()), "renewalInfo")?
                    .join_segment(id)
                    .map_err(|e| Error::Input(InvalidInput::Url(e)))
            }
            Self::Account => entry(session.account_url(), "account"),
            Self::Orders => entry(session.orders_url(), "orders"),
            Self::Url(url) => Ok(url.clone()),
        }
    }

    /// Whether the URL comes from the directory, which may have gone stale.
    pub(crate) const fn is_from_directory(&self) -> bool {
        !matches!(self, Self::Directory | Self::Account | Self::Orders | Self::Url(_))
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
    /// A new order, whose members depend on what the directory offers.
    Order(Box<NewOrder>),
    /// A payload around an inner JWS, which is signed first.
    Nested(Box<dyn Inner>),
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
    fn boxed(&self) -> Box<dyn Inner>;
}

impl Clone for Box<dyn Inner> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

/// What an inner JWS is made from.
#[derive(Debug)]
pub(crate) struct InnerContext<'a> {
    pub(crate) url: &'a Url,
    pub(crate) account_key: &'a Jwk,
    pub(crate) account: Option<&'a Url>,
}

/// What a lost answer means.
#[derive(Clone, Debug)]
pub(crate) enum OnLost {
    /// The request may be sent again.
    Resend,
    /// It may have landed: read this URL before sending it again.
    Reread(Url),
    /// The caller finds out.
    Report,
}

/// A successful answer, about to be read by its operation.
#[derive(Debug)]
#[allow(unnameable_types)] // public in a sealed trait only
pub struct Answer<'a> {
    pub(crate) url: &'a Url,
    pub(crate) response: &'a Response,
    pub(crate) allow_http: bool,
    pub(crate) now: Timestamp,
    pub(crate) notices: &'a mut Vec<Notice>,
}

impl Answer<'_> {
    pub(crate) const fn context(&self) -> wire::Context<'_> {
        wire::Context { url: self.url, allow_http: self.allow_http }
    }

    /// Reports a breach that was survived.
    pub(crate) fn report(&mut self, field: &str, kind: DeviationKind) {
        let deviation = Deviation::new(field, kind);
        self.notices.push(Notice::Deviation { url: self.url.clone(), deviation });
    }

    /// Unwraps a parsed object, keeping its deviations as notices.
    pub(crate) fn accept<T>(
        &mut self,
        parsed: Result<Parsed<T>, InvalidObject>,
    ) -> Result<T, Error> {
        if self.response.is_truncated() {
            return Err(self.fault(PeerFault::Truncated));
        }
        match parsed {
            Ok(Parsed { value, deviations }) => {
                self.notices.extend(
                    deviations
                        .into_iter()
                        .map(|deviation| Notice::Deviation { url: self.url.clone(), deviation }),
                );
                Ok(value)
            }
            Err(fault) => {
                let media_type = header::media_type(self.response.headers())
                    .map_or(Cow::Borrowed("no media type"), |m| {
                        Cow::Owned(text::printable(&m, 80))
                    });
                Err(self.fault(PeerFault::Object {
                    status: self.response.status(),
                    media_type: media_type.into_owned(),
                    fault,
                }))
            }
        }
    }

    /// Returns the `Location`, resolved, which must be a URL that this session may use.
    pub(crate) fn location(&self) -> Result<Url, Error> {
        let url = header::location(self.response.headers(), self.url)
            .ok_or_else(|| self.fault(PeerFault::NoLocation))?;
        if url.is_https_or_allowed(self.allow_http) {
            Ok(url)
        } else {
            Err(self.fault(PeerFault::NotHttps(url)))
        }
    }

    /// Returns the usable targets of a relation type.
    pub(crate) fn links(&self, rel: &str) -> Vec<Url> {
        header::links(self.response.headers(), self.url)
            .into_iter()
            .filter(|link| link.has_rel(rel))
            .map(|link| link.target().clone())
            .filter(|url| url.is_https_or_allowed(self.allow_http))
            .collect()
    }

    pub(crate) fn retry_after(&self) -> Option<Timestamp> {
        header::retry_after(self.response.headers(), self.now)
    }

    pub(crate) fn fault(&self, fault: PeerFault) -> Error {
        Error::peer(self.url, fault)
    }
}

/// Reads a whole object from an answer by its `parse`.
macro_rules! object {
    ($answer:expr, $object:ty) => {{
        let parsed = <$object>::parse($answer.response.body(), $answer.context());
        $answer.accept(parsed)
    }};
}
pub(crate) use object;
