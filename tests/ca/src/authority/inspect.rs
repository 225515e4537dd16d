//! Views of the CA's state for tests, which no client can see as a whole.

use serde_json::Value;

use super::ca::Ca;

/// Records one revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revocation {
    /// The CRLReason (RFC 5280 Section 5.3.1), if the client named one.
    pub reason: Option<u64>,
    /// Whether the certificate's key signed the request. Otherwise an account did.
    pub by_certificate_key: bool,
}

impl Ca {
    /// Returns all account objects (RFC 8555 Section 7.1.2), oldest first.
    #[must_use]
    pub fn account_objects(&self) -> Vec<Value> {
        self.accounts.keys().map(|&id| self.account_object(id)).collect()
    }

    /// Returns all order objects (RFC 8555 Section 7.1.3), oldest first.
    #[must_use]
    pub fn order_objects(&self) -> Vec<Value> {
        self.orders.keys().map(|&id| self.order_object(id)).collect()
    }

    /// Returns all authorization objects (RFC 8555 Section 7.1.4), oldest first.
    #[must_use]
    pub fn authorization_objects(&mut self) -> Vec<Value> {
        let ids: Vec<u64> = self.authorizations.keys().copied().collect();
        ids.into_iter().map(|id| self.authorization_object(id)).collect()
    }

    /// Returns the identifiers by which renewal information is asked for (RFC 9773 Section 4.1),
    /// oldest certificate first.
    #[must_use]
    pub fn certificate_ids(&self) -> Vec<String> {
        let mut ids: Vec<(u64, &String)> =
            self.certificate_ids.iter().map(|(id, &number)| (number, id)).collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id.clone()).collect()
    }

    /// Returns the revocations of certificates, by the age of the certificate.
    #[must_use]
    pub fn revocations(&self) -> Vec<Revocation> {
        self.certificates.values().filter_map(|c| c.revocation.clone()).collect()
    }
}
