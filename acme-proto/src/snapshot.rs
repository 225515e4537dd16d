//! An order in flight, as data that outlives the process.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::challenge::Challenge;
use crate::error::Attempt;
use crate::identifier::Identifier;
use crate::op::NewOrder;
use crate::url::Url;

/// Everything needed to go on with an order, or to clean up after it; no secrets.
///
/// It is plain data for serde, JSON for one. Resuming reads the order from the server and plans anew, so
/// that an old snapshot, or one written by an older version, is as good as a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    pub(crate) version: u32,
    pub(crate) directory: Url,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<Url>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<Url>,
    pub(crate) request: NewOrder,
    /// The CSR, base64url of its DER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) csr: Option<alloc::string::String>,
    #[serde(default)]
    pub(crate) tried: Vec<Tried>,
    #[serde(default)]
    pub(crate) challenges: Vec<Challenge>,
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
    pub const fn directory(&self) -> &Url {
        &self.directory
    }

    /// Returns the account that the order belongs to.
    pub const fn account(&self) -> Option<&Url> {
        self.account.as_ref()
    }

    /// Returns the order's URL, if there is an order yet.
    pub const fn order(&self) -> Option<&Url> {
        self.order.as_ref()
    }

    /// Returns the identifiers of the certificate.
    pub fn identifiers(&self) -> &[Identifier] {
        self.request.identifiers()
    }

    /// Returns the challenges that may still be published somewhere.
    pub fn challenges(&self) -> &[Challenge] {
        &self.challenges
    }
}
