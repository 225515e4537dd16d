//! Renewal information (RFC 9773).

use alloc::string::String;

use super::{Hooks, Read, Reading, Received, Spec, Target, object};
use crate::resource::Resource;
use crate::time::Timestamp;
use crate::wire::{Directory, RenewalInfo};
use crate::x509::Certificate;

/// Renewal information, and when to ask again.
#[derive(Clone, Debug)]
pub struct RenewalInfoEntry {
    info: RenewalInfo,
    retry_after: Option<Timestamp>,
}

impl RenewalInfoEntry {
    /// Creates one that came by another way than [`GetRenewalInfo`], such as a cache.
    pub const fn new(info: RenewalInfo, retry_after: Option<Timestamp>) -> Self {
        Self { info, retry_after }
    }

    /// Returns the suggested window and its explanation.
    pub const fn info(&self) -> &RenewalInfo {
        &self.info
    }

    /// Returns when the server wants to be asked again.
    pub const fn retry_after(&self) -> Option<Timestamp> {
        self.retry_after
    }
}

/// Asks when a certificate should be renewed: a plain GET that needs no account.
#[derive(Clone, Debug)]
pub struct GetRenewalInfo {
    certificate_id: String,
}

impl GetRenewalInfo {
    /// Creates the request; `None` if the certificate has no authority key identifier, so that ARI cannot
    /// name it.
    pub fn of(certificate: &Certificate) -> Option<Self> {
        certificate.renewal_id().map(Self::by_id)
    }

    /// Creates the request from a [certificate's identifier](Certificate::renewal_id).
    pub const fn by_id(certificate_id: String) -> Self {
        Self { certificate_id }
    }

    /// Returns the certificate's identifier, as `replaces` of an order takes it (RFC 9773 Section 4.1).
    pub fn certificate_id(&self) -> &str {
        &self.certificate_id
    }
}

impl Hooks<RenewalInfoEntry> for GetRenewalInfo {
    fn spec(&self) -> Spec {
        let id = self.certificate_id.clone();
        let target = Target::Below(Directory::renewal_info, id);
        Spec::get(Resource::RenewalInfo, target).accept("application/json")
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<RenewalInfoEntry> {
        let retry_after = received.retry_after();
        let info = object!(received, RenewalInfo)?;
        Ok(Read::Response(RenewalInfoEntry { info, retry_after }))
    }
}
