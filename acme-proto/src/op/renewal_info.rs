//! Renewal information (RFC 9773).

use alloc::format;
use alloc::string::String;

use super::{Answer, Operation, Spec, Target, object, private::Plan};
use crate::error::Error;
use crate::jose::base64url;
use crate::policy::ResourceClass;
use crate::time::Timestamp;
use crate::wire::RenewalInfo;
use crate::x509::Certificate;

/// Renewal information, and when to ask again.
#[derive(Clone, Debug)]
pub struct RenewalInfoEntry {
    info: RenewalInfo,
    retry_after: Option<Timestamp>,
}

impl RenewalInfoEntry {
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
        let authority = certificate.authority_key_id()?;
        let certificate_id =
            format!("{}.{}", base64url::encode(authority), base64url::encode(certificate.serial()));
        Some(Self { certificate_id })
    }

    /// Returns the certificate's identifier, as `replaces` of an order takes it (RFC 9773 section 4.1).
    pub fn certificate_id(&self) -> &str {
        &self.certificate_id
    }
}

impl Plan for GetRenewalInfo {
    fn spec(&self) -> Spec {
        Spec::get("renewalInfo", Target::RenewalInfo(self.certificate_id.clone()))
            .class(ResourceClass::RenewalInfo)
    }
}

impl Operation for GetRenewalInfo {
    type Response = RenewalInfoEntry;

    fn read(&self, answer: &mut Answer<'_>) -> Result<RenewalInfoEntry, Error> {
        let retry_after = answer.retry_after();
        Ok(RenewalInfoEntry { info: object!(answer, RenewalInfo)?, retry_after })
    }
}
