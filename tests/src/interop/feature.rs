//! The rows of the matrix.

use std::fmt;

macro_rules! features {
    ($($(#[doc = $doc:literal])* $name:ident = $shown:literal,)*) => {
        /// A row of the matrix: something that a client wants of a server.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Feature {
            $($(#[doc = $doc])* $name,)*
        }

        impl Feature {
            /// Every row, in the order of the page.
            pub const ALL: [Self; [$($shown),*].len()] = [$(Self::$name),*];

            /// Returns the row's name on the page.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $shown,)*
                }
            }
        }
    };
}

features! {
    /// A new account, and finding it by its key.
    Register = "register, find the account by its key",
    /// A certificate by http-01.
    Http01 = "issue by http-01",
    /// A certificate by dns-01.
    Dns01 = "issue by dns-01",
    /// A certificate by dns-account-01.
    DnsAccount01 = "issue by dns-account-01",
    /// Two certificates by one record of dns-persist-01.
    DnsPersist01 = "issue by dns-persist-01",
    /// A certificate by tls-alpn-01.
    TlsAlpn01 = "issue by tls-alpn-01",
    /// A certificate for three names.
    ThreeNames = "three names in one certificate",
    /// A certificate for a wildcard and its base name.
    Wildcard = "wildcard and its base name",
    /// A certificate for a wildcard by a record of dns-persist-01 that allows it.
    WildcardDnsPersist01 = "wildcard by dns-persist-01 (`policy=wildcard`, `persistUntil`)",
    /// A certificate for an IP address by http-01.
    IpHttp01 = "IP address by http-01",
    /// A certificate for an IP address by tls-alpn-01.
    IpTlsAlpn01 = "IP address by tls-alpn-01",
    /// A second order for names that were authorized.
    SameNames = "the same names again",
    /// An account bound to an external one.
    ExternalAccount = "external account binding",
    /// New contacts of an account.
    UpdateAccount = "account update",
    /// A new account key, used afterwards.
    KeyChange = "key rollover",
    /// The end of an account.
    DeactivateAccount = "account deactivation",
    /// Revocation signed by the account key, twice.
    RevokeByAccount = "revoke by account key",
    /// Revocation signed by the certificate's key.
    RevokeByCertificate = "revoke by certificate key",
    /// A chain to another root.
    AlternateChain = "alternate chain",
    /// Renewal information.
    RenewalInfo = "renewal information (ARI)",
    /// An order that names the certificate it replaces.
    Replaces = "order with `replaces`",
    /// An order with a profile.
    Profile = "profile",
    /// An order with a date of expiry.
    NotAfter = "order with `notAfter`",
    /// The account's list of orders.
    Orders = "list of orders",
    /// The end of an authorization.
    DeactivateAuthorization = "authorization deactivation",
    /// An authorization without an order.
    PreAuthorization = "pre-authorization",
    /// An http-01 challenge with nobody at the port.
    FailingHttp01 = "a failing http-01 challenge",
    /// A dns-01 challenge without a record.
    FailingDns01 = "a failing dns-01 challenge",
    /// A tls-alpn-01 challenge with nobody at the port.
    FailingTlsAlpn01 = "a failing tls-alpn-01 challenge",
    /// A server that refuses half of all nonces.
    RefusedNonces = "half of all nonces refused",
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
