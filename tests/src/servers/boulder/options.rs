//! How Boulder is to behave.

use serde_json::{Map, Value, json};

/// How a [`Boulder`](super::Boulder) behaves: the mode it runs in, and how much it allows.
#[derive(Clone, Debug, Default)]
pub struct BoulderOptions {
    pub(super) next: bool,
    published: bool,
    own: Vec<(&'static str, u32, &'static str)>,
}

/// Let's Encrypt's limits, <https://letsencrypt.org/docs/rate-limits/>: how many, and in which time.
const PUBLISHED: [(&str, u32, &str); 6] = [
    ("NewRegistrationsPerIPAddress", 10, "3h"),
    ("NewRegistrationsPerIPv6Range", 500, "3h"),
    ("NewOrdersPerAccount", 300, "3h"),
    ("CertificatesPerDomain", 50, "168h"),
    ("CertificatesPerFQDNSet", 5, "168h"),
    ("FailedAuthorizationsPerDomainPerAccount", 5, "1h"),
];

impl BoulderOptions {
    /// Runs what Boulder's developers try next: authorizations and challenges are `processing` while they are
    /// validated, orders while a certificate is made, and a revoked certificate takes its authorizations with it.
    #[must_use]
    pub const fn next(mut self) -> Self {
        self.next = true;
        self
    }

    /// Applies the limits that Let's Encrypt publishes; without this there are a hundred thousand times as many.
    #[must_use]
    pub const fn published_limits(mut self) -> Self {
        self.published = true;
        self
    }

    /// Sets one limit, by its name in Boulder: how many at once, and in which time as many are allowed again.
    #[must_use]
    pub fn limit(mut self, name: &'static str, count: u32, period: &'static str) -> Self {
        self.own.push((name, count, period));
        self
    }

    /// Returns the limits as Boulder reads them.
    pub(super) fn limits(&self) -> Value {
        let many = if self.published { 1 } else { 100_000 };
        let published = PUBLISHED.map(|(name, count, period)| (name, count * many, period));
        let all = published.into_iter().chain(self.own.iter().copied());
        let limits = all.map(|(name, count, period)| {
            (name.to_owned(), json!({"count": count, "burst": count, "period": period}))
        });
        Value::Object(limits.collect::<Map<_, _>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_a_test_replaces_the_published_one() {
        let options = BoulderOptions::default().published_limits();
        let limits = options.limit("NewOrdersPerAccount", 2, "4s").limits();
        assert_eq!(limits["NewOrdersPerAccount"], json!({"count": 2, "burst": 2, "period": "4s"}));
        assert_eq!(limits["CertificatesPerFQDNSet"]["count"], 5);
    }
}
