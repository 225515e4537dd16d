//! The renewal state of a certificate.

use acme_proto::renewal::Lifecycle;
use acme_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The life of a certificate, with what its user wants of the next order.
///
/// Its JSON is that of the [`Lifecycle`] with one member more, so either reads the other's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredLife {
    #[serde(flatten)]
    life: Lifecycle,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    new_key_wanted: Option<Timestamp>,
}

impl StoredLife {
    /// Joins a life and when its user wanted a new key, unless the wish is fulfilled.
    pub const fn new(life: Lifecycle, new_key_wanted: Option<Timestamp>) -> Self {
        Self { life, new_key_wanted }
    }

    /// Returns when the user wanted a new key that no certificate has yet.
    pub const fn new_key_wanted(&self) -> Option<Timestamp> {
        self.new_key_wanted
    }

    /// Returns the life.
    pub fn into_life(self) -> Lifecycle {
        self.life
    }
}
