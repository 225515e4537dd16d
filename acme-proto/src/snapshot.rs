//! An order in flight, as data that outlives the process.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::challenge::Attempt;
use crate::challenge::Challenge;
use crate::identifier::Identifier;
use crate::jose::base64url;
use crate::op::NewOrder;
use crate::url::Url;
use crate::x509::Csr;

/// Everything needed to go on with an order, or to clean up after it; no secrets.
///
/// It is plain data for serde, such as JSON. Resuming reads the order from the server and plans again, so
/// that an old snapshot, or one written by an older version, is as good as a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    #[serde(deserialize_with = "known_version")]
    pub(crate) version: u32,
    pub(crate) directory: Url,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<Url>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<Url>,
    pub(crate) request: NewOrder,
    /// The CSR, base64url of its DER.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "readable_csr")]
    pub(crate) csr: Option<String>,
    #[serde(default)]
    pub(crate) tried: Vec<Tried>,
    #[serde(default)]
    pub(crate) challenges: Vec<Challenge>,
}

/// Refuses what a newer version of this crate wrote in another form.
fn known_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        version @ 0..=Snapshot::VERSION => Ok(version),
        _ => Err(de::Error::custom("the snapshot is of a newer version of acme-proto")),
    }
}

fn readable_csr<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let readable =
        |text: &String| base64url::decode(text).is_ok_and(|der| Csr::from_der(der).is_ok());
    if text.as_ref().is_none_or(readable) {
        return Ok(text);
    }
    Err(de::Error::custom("the snapshot's CSR cannot be read"))
}

/// One way of proving an identifier that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub(crate) identifier: Identifier,
    pub(crate) attempt: Attempt,
}

impl Snapshot {
    pub(crate) const VERSION: u32 = 1;

    /// Returns the directory that the order belongs to.
    pub const fn directory_url(&self) -> &Url {
        &self.directory
    }

    /// Returns the account that the order belongs to.
    pub const fn account_url(&self) -> Option<&Url> {
        self.account.as_ref()
    }

    /// Returns the order's URL, if there is an order yet.
    pub const fn order_url(&self) -> Option<&Url> {
        self.order.as_ref()
    }

    /// Returns the identifiers of the certificate.
    pub fn identifiers(&self) -> &[Identifier] {
        self.request.identifiers()
    }

    /// Returns the CSR, if there is one yet.
    pub fn csr(&self) -> Option<Csr> {
        Csr::from_der(base64url::decode(self.csr.as_deref()?).ok()?).ok()
    }

    /// Returns the challenges that may still be published somewhere.
    pub fn challenges(&self) -> &[Challenge] {
        &self.challenges
    }
}
