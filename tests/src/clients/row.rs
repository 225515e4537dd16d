//! The features that are tried with each client.

/// One feature; each row has a CA of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// One name by http-01.
    Http01,
    /// Three names in one certificate.
    Names,
    /// A wildcard and its base name by dns-01.
    Dns01,
    /// One name by tls-alpn-01.
    TlsAlpn01,
    /// An IP address by http-01.
    Ip,
    /// An account that needs an external account binding.
    Eab,
    /// A nonce refused at newOrder and another one at finalize.
    Nonces,
    /// `Retry-After` everywhere, and an order that is `processing` for a while.
    Slow,
    /// A challenge that fails: the client must say why.
    Failure,
    /// The alternate chain.
    Chain,
    /// A certificate profile.
    Profile,
    /// A requested `notAfter`.
    NotAfter,
    /// An authorization before any order.
    PreAuthorization,
    /// The deactivation of an authorization.
    Authorization,
    /// The list of orders, in two pages.
    Orders,
    /// New contacts for an account.
    Update,
    /// A new key for an account, and a certificate with it.
    Rollover,
    /// The deactivation of an account.
    Deactivate,
    /// A revocation by the account.
    Revoke,
    /// A revocation by the certificate's key.
    RevokeKey,
    /// A renewal for which the CA's renewal information was asked for.
    Renewal,
    /// A renewal that names the certificate that it replaces.
    Replaces,
    /// A TLS server that obtains the certificate and shows it.
    Serves,
}

impl Row {
    /// All rows, in the order in which they are reported.
    pub const ALL: [Self; 23] = [
        Self::Http01,
        Self::Names,
        Self::Dns01,
        Self::TlsAlpn01,
        Self::Ip,
        Self::Eab,
        Self::Nonces,
        Self::Slow,
        Self::Failure,
        Self::Chain,
        Self::Profile,
        Self::NotAfter,
        Self::PreAuthorization,
        Self::Authorization,
        Self::Orders,
        Self::Update,
        Self::Rollover,
        Self::Deactivate,
        Self::Revoke,
        Self::RevokeKey,
        Self::Renewal,
        Self::Replaces,
        Self::Serves,
    ];

    /// Returns the word by which the drivers in `tests/peers` know the row.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Names => "names",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Ip => "ip",
            Self::Eab => "eab",
            Self::Nonces => "nonces",
            Self::Slow => "slow",
            Self::Failure => "failure",
            Self::Chain => "chain",
            Self::Profile => "profile",
            Self::NotAfter => "not-after",
            Self::PreAuthorization => "pre-authorization",
            Self::Authorization => "authorization",
            Self::Orders => "orders",
            Self::Update => "update",
            Self::Rollover => "rollover",
            Self::Deactivate => "deactivate",
            Self::Revoke => "revoke",
            Self::RevokeKey => "revoke-key",
            Self::Renewal => "renewal",
            Self::Replaces => "replaces",
            Self::Serves => "serves",
        }
    }

    /// Returns the row's title in the report.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Http01 => "one name by http-01",
            Self::Names => "three names in one certificate",
            Self::Dns01 => "wildcard and base name by dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Ip => "IP address",
            Self::Eab => "external account binding",
            Self::Nonces => "refused nonces",
            Self::Slow => "a slow CA",
            Self::Failure => "a challenge that fails",
            Self::Chain => "alternate chain",
            Self::Profile => "profile",
            Self::NotAfter => "notAfter",
            Self::PreAuthorization => "pre-authorization",
            Self::Authorization => "authorization deactivated",
            Self::Orders => "list of orders",
            Self::Update => "account updated",
            Self::Rollover => "key rollover",
            Self::Deactivate => "account deactivated",
            Self::Revoke => "revoked by the account",
            Self::RevokeKey => "revoked by the certificate's key",
            Self::Renewal => "renewal information asked for",
            Self::Replaces => "renewal with `replaces`",
            Self::Serves => "serves what it got",
        }
    }

    /// Returns what was verified where the row works.
    #[must_use]
    pub const fn verified(self) -> &'static str {
        match self {
            Self::Http01 => "chain verified for the name",
            Self::Names => "chain verified for each name",
            Self::Dns01 => "chain verified for both; validated by dns-01 only",
            Self::TlsAlpn01 => "chain verified; validated by tls-alpn-01 only",
            Self::Ip => "chain verified for the address",
            Self::Eab => "account has the binding; chain verified",
            Self::Nonces => "badNonce seen at newOrder and finalize; chain verified",
            Self::Slow => "order read as processing; chain verified",
            Self::Failure => "ends with the CA's own reason; nothing was issued",
            Self::Chain => "chain verified against the second root only",
            Self::Profile => "order has the profile; chain verified",
            Self::NotAfter => "order has the date; chain verified",
            Self::PreAuthorization => "newAuthz answered 201; the order used it; chain verified",
            Self::Authorization => "the CA has a deactivated authorization",
            Self::Orders => "both pages were read",
            Self::Update => "the CA has the new contact only",
            Self::Rollover => "keyChange answered 200; chain verified with the new key",
            Self::Deactivate => "the CA has a deactivated account",
            Self::Revoke => "the CA has a revocation by an account",
            Self::RevokeKey => "the CA has a revocation by the certificate's key",
            Self::Renewal => "renewalInfo answered 200; a second certificate came",
            Self::Replaces => "the second order names the first certificate",
            Self::Serves => "TLS handshake verified against the CA's root",
        }
    }

    /// Returns the identifiers of the certificate that the client is to get.
    #[must_use]
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Names => &["one.example.test", "two.example.test", "three.example.test"],
            Self::Dns01 => &["*.wild.example.test", "wild.example.test"],
            Self::Ip => &["127.0.0.1"],
            _ => &["one.example.test"],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Row;

    #[test]
    fn no_two_rows_have_the_same_name() {
        let ids: BTreeSet<_> = Row::ALL.map(Row::id).into();
        let titles: BTreeSet<_> = Row::ALL.map(Row::title).into();
        assert_eq!((ids.len(), titles.len()), (Row::ALL.len(), Row::ALL.len()));
    }
}
