//! Deactivating an authorization (RFC 8555 Section 7.5.2).

use serde_json::json;

use super::{Hooks, OnLost, Payload, Read, Reading, Received, Spec, Target, object};
use crate::resource::Resource;
use crate::url::Url;
use crate::wire::{Authorization, AuthorizationStatus};

/// Deactivates an authorization; the caller reads the status in the response, for not every server obeys.
#[derive(Clone, Debug)]
pub struct DeactivateAuthorization(pub Url);

impl Hooks<Authorization> for DeactivateAuthorization {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&json!({ "status": "deactivated" }));
        Spec::post(Resource::Authorization, Target::Url(self.0.clone()), payload)
            .on_lost(OnLost::Reread(self.0.clone()))
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Authorization> {
        object!(received, Authorization).map(Read::Response)
    }

    fn landed(&self, authorization: &Authorization) -> bool {
        !matches!(authorization.status(), AuthorizationStatus::Pending | AuthorizationStatus::Valid)
    }
}
