//! The resources of an ACME server.

use core::fmt;

/// A resource of an ACME server (RFC 8555 Section 7.1, RFC 9773), as errors name what a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Resource {
    /// `account`: reading, updating or deactivating an account.
    Account,
    /// `authorization`: reading or deactivating an authorization.
    Authorization,
    /// `certificate`: downloading a chain.
    Certificate,
    /// `challenge`: reading a challenge, or responding to it.
    Challenge,
    /// `directory`.
    Directory,
    /// `finalize`: sending the CSR of an order.
    Finalize,
    /// `keyChange`.
    KeyChange,
    /// `newAccount`.
    NewAccount,
    /// `newAuthz`: pre-authorization.
    NewAuthz,
    /// `newNonce`.
    NewNonce,
    /// `newOrder`.
    NewOrder,
    /// `order`: reading an order.
    Order,
    /// `orders`: the list of an account's orders.
    Orders,
    /// `renewalInfo`.
    RenewalInfo,
    /// `revokeCert`.
    RevokeCert,
}

impl Resource {
    /// Returns the name that the RFC gives it, which is also its name in the directory if it is there.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Authorization => "authorization",
            Self::Certificate => "certificate",
            Self::Challenge => "challenge",
            Self::Directory => "directory",
            Self::Finalize => "finalize",
            Self::KeyChange => "keyChange",
            Self::NewAccount => "newAccount",
            Self::NewAuthz => "newAuthz",
            Self::NewNonce => "newNonce",
            Self::NewOrder => "newOrder",
            Self::Order => "order",
            Self::Orders => "orders",
            Self::RenewalInfo => "renewalInfo",
            Self::RevokeCert => "revokeCert",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
