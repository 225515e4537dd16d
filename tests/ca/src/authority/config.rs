//! The configuration of a CA.

use std::collections::{BTreeMap, BTreeSet};

use super::quirks::Quirks;
use super::request_limits::RequestLimits;

/// Holds everything that configures the core of the CA.
///
/// Durations are in milliseconds. Start from [`CaConfig::default`] and assign.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CaConfig {
    /// The scheme and authority that the CA's URLs start with, without a slash at the end.
    pub base_url: String,
    /// The seed of nonces, tokens, serial numbers and every other choice. Keys and signatures do
    /// not depend on it.
    pub seed: u64,
    /// The URL of the terms of service in the directory.
    pub terms_of_service: Option<String>,
    /// Whether newAccount needs `termsOfServiceAgreed`.
    pub terms_required: bool,
    /// The `website` in the directory.
    pub website: Option<String>,
    /// The `caaIdentities` in the directory.
    pub caa_identities: Vec<String>,
    /// External account keys, by key identifier; the values are the decoded MAC keys.
    pub eab_keys: BTreeMap<String, Vec<u8>>,
    /// Whether newAccount needs an external account binding.
    pub eab_required: bool,
    /// Whether newAccount needs a contact.
    pub contact_required: bool,
    /// The certificate profiles, by name.
    pub profiles: BTreeMap<String, Profile>,
    /// The profile of an order that names none.
    pub default_profile: Option<String>,
    /// Whether an order that names no profile gets a random one of the listed profiles. A default
    /// profile takes precedence.
    pub random_profile: bool,
    /// Profiles that can be ordered although the directory does not list them.
    pub private_profiles: BTreeSet<String>,
    /// Profiles that can be ordered, but are no longer issued: finalize fails with
    /// `invalidProfile`.
    pub withdrawn_profiles: BTreeSet<String>,
    /// How many alternate chains each certificate has, each to a root of its own.
    pub alternate_chains: usize,
    /// `Retry-After` with authorizations and challenges that are not final.
    pub retry_after_authorization: Option<RetryAfter>,
    /// `Retry-After` with orders that are `processing` or not yet `ready`.
    pub retry_after_order: Option<RetryAfter>,
    /// `Retry-After` with a finalize that is answered `processing`.
    pub retry_after_finalize: Option<RetryAfter>,
    /// How often an order is read as `processing` after finalize; with 0 finalize answers `valid`.
    pub processing_polls: u32,
    /// How often an order is read as `pending` although all its authorizations are valid.
    pub ready_delay_polls: u32,
    /// The percentage of valid nonces that are refused.
    pub bad_nonce_percent: u8,
    /// Names for which no order is accepted (`rejectedIdentifier`); a base name covers its
    /// wildcard.
    pub blocked_names: BTreeSet<String>,
    /// How many validations, the first ones, fail at the CA itself, with `serverInternal`.
    pub validations_away: u32,
    /// The challenge types that are offered where the identifier allows them.
    pub challenges: BTreeSet<ChallengeKind>,
    /// The names that the CA goes by in records of dns-persist-01.
    pub issuer_domain_names: Vec<String>,
    /// Whether dns-persist-01 challenges name the account.
    pub persist_account_uri: bool,
    /// Whether a new order uses the account's valid authorizations.
    pub reuse_authorizations: bool,
    /// Whether newOrder answers with a pending or ready order of the account for the same names,
    /// if there is one.
    pub reuse_orders: bool,
    /// Whether there is a newAuthz resource.
    pub new_authz: bool,
    /// Whether there is a renewalInfo resource (RFC 9773).
    pub renewal_info: bool,
    /// The `Retry-After` of renewal information.
    pub renewal_info_retry_after: Option<RetryAfter>,
    /// The page that explains renewal windows, where no test set another one.
    pub renewal_explanation: Option<String>,
    /// How long certificates are valid, counted from now.
    pub certificate_lifetime: u64,
    /// How far before now certificates start; at most a hundredth of their lifetime.
    pub backdate: u64,
    /// How long orders can be finalized.
    pub order_lifetime: u64,
    /// How long authorizations are valid.
    pub authorization_lifetime: u64,
    /// How long a nonce is good.
    pub nonce_lifetime: u64,
    /// How many orders one page of an account's list shows.
    pub orders_page_size: usize,
    /// How many orders an account may create in an hour; beyond that newOrder is answered 429
    /// `rateLimited`.
    pub orders_per_hour: Option<usize>,
    /// How many requests the CA takes, by kind. Counted from the address of one client, where real CAs count each.
    pub request_limits: Option<RequestLimits>,
    /// How many identifiers an order may have.
    pub max_names: usize,
    /// How many accounts, orders, authorizations or certificates are kept; beyond that new ones are
    /// refused.
    pub max_objects: usize,
    /// The behaviours of real servers that are switched on.
    pub quirks: Quirks,
}

impl Default for CaConfig {
    fn default() -> Self {
        const HOUR: u64 = 60 * 60 * 1000;
        Self {
            base_url: "https://ca.test".to_owned(),
            seed: 0,
            terms_of_service: None,
            terms_required: false,
            website: None,
            caa_identities: Vec::new(),
            eab_keys: BTreeMap::new(),
            eab_required: false,
            contact_required: false,
            profiles: BTreeMap::new(),
            default_profile: None,
            random_profile: false,
            private_profiles: BTreeSet::new(),
            withdrawn_profiles: BTreeSet::new(),
            alternate_chains: 0,
            retry_after_authorization: None,
            retry_after_order: None,
            retry_after_finalize: None,
            processing_polls: 0,
            ready_delay_polls: 0,
            bad_nonce_percent: 0,
            blocked_names: BTreeSet::new(),
            validations_away: 0,
            challenges: BTreeSet::from([
                ChallengeKind::Http01,
                ChallengeKind::Dns01,
                ChallengeKind::TlsAlpn01,
            ]),
            issuer_domain_names: vec!["acme-testca.test".to_owned()],
            persist_account_uri: true,
            reuse_authorizations: false,
            reuse_orders: false,
            new_authz: false,
            renewal_info: true,
            renewal_info_retry_after: Some(RetryAfter::Seconds(21_600)),
            renewal_explanation: None,
            certificate_lifetime: 90 * 24 * HOUR,
            backdate: HOUR,
            order_lifetime: 7 * 24 * HOUR,
            authorization_lifetime: 30 * 24 * HOUR,
            nonce_lifetime: HOUR,
            orders_page_size: 10,
            orders_per_hour: None,
            request_limits: None,
            max_names: 100,
            max_objects: 1_000_000,
            quirks: Quirks::default(),
        }
    }
}

impl CaConfig {
    /// Divides the lifetimes of certificates, and the pause between questions about their renewal.
    pub(crate) fn shorten_certificates(&mut self, divisor: u32) {
        if divisor == 1 {
            return;
        }
        let profiles = self.profiles.values_mut().map(|profile| &mut profile.lifetime);
        for lifetime in profiles.chain([&mut self.certificate_lifetime]) {
            *lifetime = (*lifetime / u64::from(divisor)).max(1000);
        }
        if let Some(RetryAfter::Seconds(seconds) | RetryAfter::Date(seconds)) =
            &mut self.renewal_info_retry_after
        {
            *seconds = (*seconds / u64::from(divisor)).max(1);
        }
    }
}

/// Describes a certificate profile (draft-ietf-acme-profiles).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The text that the directory shows for it.
    pub description: String,
    /// How long its certificates are valid, in milliseconds.
    pub lifetime: u64,
}

/// Says what a `Retry-After` header field contains.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u64),
    /// An HTTP-date that many seconds from now.
    Date(u64),
    /// Any text, right or wrong.
    Text(String),
}

/// Names a challenge type that this CA can validate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ChallengeKind {
    /// RFC 8555 Section 8.3.
    Http01,
    /// RFC 8555 Section 8.4.
    Dns01,
    /// RFC 8737.
    TlsAlpn01,
    /// draft-ietf-acme-dns-account-label; not offered unless it is asked for.
    DnsAccount01,
    /// draft-ietf-acme-dns-persist; not offered unless it is asked for.
    DnsPersist01,
}

impl ChallengeKind {
    /// Returns the name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::DnsAccount01 => "dns-account-01",
            Self::DnsPersist01 => "dns-persist-01",
        }
    }

    /// Returns the type of that name on the wire.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all =
            [Self::Http01, Self::Dns01, Self::TlsAlpn01, Self::DnsAccount01, Self::DnsPersist01];
        all.into_iter().find(|kind| kind.as_str() == name)
    }
}
