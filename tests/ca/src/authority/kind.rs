//! The kinds of requests, and the paths of the resources.

use core::fmt;

/// The kind of a request, derived from its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RequestKind {
    /// The directory.
    Directory,
    /// A fresh nonce.
    NewNonce,
    /// Account creation or look-up.
    NewAccount,
    /// An account URL: reading, update, deactivation.
    Account,
    /// The list of an account's orders.
    Orders,
    /// Order creation.
    NewOrder,
    /// An order URL.
    Order,
    /// An order's finalize URL.
    Finalize,
    /// Pre-authorization.
    NewAuthz,
    /// An authorization URL.
    Authorization,
    /// A challenge URL.
    Challenge,
    /// A certificate or one of its alternate chains.
    Certificate,
    /// Revocation.
    RevokeCert,
    /// Account key rollover.
    KeyChange,
    /// Renewal information.
    RenewalInfo,
    /// The text of the terms of service, or the page on which a human agrees to them.
    Terms,
    /// The page about rate limits.
    Help,
    /// The management endpoint of the server, which is not part of ACME.
    Management,
    /// Any other path.
    Unknown,
}

impl RequestKind {
    /// Returns the name, as the directory spells it where it lists the resource.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::NewNonce => "newNonce",
            Self::NewAccount => "newAccount",
            Self::Account => "account",
            Self::Orders => "orders",
            Self::NewOrder => "newOrder",
            Self::Order => "order",
            Self::Finalize => "finalize",
            Self::NewAuthz => "newAuthz",
            Self::Authorization => "authorization",
            Self::Challenge => "challenge",
            Self::Certificate => "certificate",
            Self::RevokeCert => "revokeCert",
            Self::KeyChange => "keyChange",
            Self::RenewalInfo => "renewalInfo",
            Self::Terms => "terms",
            Self::Help => "help",
            Self::Management => "management",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A parsed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Directory,
    NewNonce,
    NewAccount,
    NewOrder,
    NewAuthz,
    RevokeCert,
    KeyChange,
    Account(u64),
    Orders { account: u64, cursor: u64 },
    Order(u64),
    Finalize(u64),
    Authorization(u64),
    Challenge(u64),
    Certificate { id: u64, chain: usize },
    RenewalInfo(String),
    Terms,
    AgreeToTerms(u64),
    Help,
    Unknown,
}

impl Route {
    pub(crate) fn parse(path_and_query: &str) -> Self {
        let (path, query) = path_and_query
            .split_once('?')
            .map_or((path_and_query, None), |(path, query)| (path, Some(query)));
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let route = match (segments.as_slice(), query) {
            (["account", id, "orders"], _) => number(id).and_then(|account| {
                let cursor =
                    query.map_or(Some(0), |q| q.strip_prefix("cursor=").and_then(number))?;
                Some(Self::Orders { account, cursor })
            }),
            (_, Some(_)) => None,
            (["directory"], _) => Some(Self::Directory),
            (["new-nonce"], _) => Some(Self::NewNonce),
            (["new-account"], _) => Some(Self::NewAccount),
            (["new-order"], _) => Some(Self::NewOrder),
            (["new-authz"], _) => Some(Self::NewAuthz),
            (["revoke-cert"], _) => Some(Self::RevokeCert),
            (["key-change"], _) => Some(Self::KeyChange),
            (["account", id], _) => number(id).map(Self::Account),
            (["order", id], _) => number(id).map(Self::Order),
            (["order", id, "finalize"], _) => number(id).map(Self::Finalize),
            (["authz", id], _) => number(id).map(Self::Authorization),
            (["challenge", id], _) => number(id).map(Self::Challenge),
            (["cert", id], _) => number(id).map(|id| Self::Certificate { id, chain: 0 }),
            (["cert", id, chain], _) => number(id).zip(number(chain)).map(|(id, chain)| {
                Self::Certificate { id, chain: usize::try_from(chain).unwrap_or(usize::MAX) }
            }),
            (["renewal-info", id], _) => Some(Self::RenewalInfo((*id).to_owned())),
            (["terms"], _) => Some(Self::Terms),
            (["terms", "agree", account], _) => number(account).map(Self::AgreeToTerms),
            (["help"], _) => Some(Self::Help),
            _ => None,
        };
        route.unwrap_or(Self::Unknown)
    }

    pub(crate) fn kind(&self) -> RequestKind {
        match self {
            Self::Directory => RequestKind::Directory,
            Self::NewNonce => RequestKind::NewNonce,
            Self::NewAccount => RequestKind::NewAccount,
            Self::NewOrder => RequestKind::NewOrder,
            Self::NewAuthz => RequestKind::NewAuthz,
            Self::RevokeCert => RequestKind::RevokeCert,
            Self::KeyChange => RequestKind::KeyChange,
            Self::Account(_) => RequestKind::Account,
            Self::Orders { .. } => RequestKind::Orders,
            Self::Order(_) => RequestKind::Order,
            Self::Finalize(_) => RequestKind::Finalize,
            Self::Authorization(_) => RequestKind::Authorization,
            Self::Challenge(_) => RequestKind::Challenge,
            Self::Certificate { .. } => RequestKind::Certificate,
            Self::RenewalInfo(_) => RequestKind::RenewalInfo,
            Self::Terms | Self::AgreeToTerms(_) => RequestKind::Terms,
            Self::Help => RequestKind::Help,
            Self::Unknown => RequestKind::Unknown,
        }
    }
}

fn number(text: &str) -> Option<u64> {
    let plain = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
        && !(text.len() > 1 && text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}
