//! Authorizations: reading, pre-authorization, deactivation (RFC 8555 Sections 7.4.1, 7.5, 7.5.2).

use alloc::string::ToString;

use serde_json::json;

use super::{Answer, Hooks, OnLost, Operation, Payload, Read, Reading, Spec, Target, object};
use crate::error::InvalidInput;
use crate::identifier::Identifier;
use crate::resource::Resource;
use crate::url::Url;
use crate::wire::{Authorization, AuthorizationStatus, Directory};

/// An authorization with its URL.
#[derive(Clone, Debug)]
pub struct AuthorizationEntry {
    url: Url,
    authorization: Authorization,
}

impl AuthorizationEntry {
    /// Returns the authorization's URL.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the authorization.
    pub const fn authorization(&self) -> &Authorization {
        &self.authorization
    }
}

/// Reads an authorization by POST-as-GET.
#[derive(Clone, Debug)]
pub struct GetAuthorization(pub Url);

impl Operation for GetAuthorization {
    type Response = Authorization;
}

impl Hooks<Authorization> for GetAuthorization {
    fn spec(&self) -> Spec {
        Spec::read(Resource::Authorization, Target::Url(self.0.clone()))
    }

    fn read(&mut self, answer: &mut Answer<'_>) -> Reading<Authorization> {
        object!(answer, Authorization).map(Read::Response)
    }
}

/// Asks for an authorization before any order.
#[derive(Clone, Debug)]
pub struct NewAuthorization {
    identifier: Identifier,
}

impl NewAuthorization {
    /// Creates a request for one identifier.
    ///
    /// # Errors
    /// [`InvalidInput::WildcardPreAuthorization`] for a wildcard.
    pub fn new(identifier: Identifier) -> Result<Self, InvalidInput> {
        if identifier.is_wildcard() {
            return Err(InvalidInput::WildcardPreAuthorization(identifier.to_string()));
        }
        Ok(Self { identifier })
    }
}

impl Operation for NewAuthorization {
    type Response = AuthorizationEntry;
}

impl Hooks<AuthorizationEntry> for NewAuthorization {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&json!({ "identifier": self.identifier }));
        Spec::post(
            Resource::NewAuthz,
            Target::Resource(Resource::NewAuthz, Directory::new_authz),
            payload,
        )
    }

    fn read(&mut self, answer: &mut Answer<'_>) -> Reading<AuthorizationEntry> {
        let url = answer.location()?;
        let authorization = object!(answer, Authorization)?;
        Ok(Read::Response(AuthorizationEntry { url, authorization }))
    }
}

/// Deactivates an authorization; the caller reads the status in the answer, for not every server obeys.
#[derive(Clone, Debug)]
pub struct DeactivateAuthorization(pub Url);

impl Operation for DeactivateAuthorization {
    type Response = Authorization;
}

impl Hooks<Authorization> for DeactivateAuthorization {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&json!({ "status": "deactivated" }));
        Spec::post(Resource::Authorization, Target::Url(self.0.clone()), payload)
            .on_lost(OnLost::Reread(self.0.clone()))
    }

    fn read(&mut self, answer: &mut Answer<'_>) -> Reading<Authorization> {
        object!(answer, Authorization).map(Read::Response)
    }

    fn landed(&self, authorization: &Authorization) -> bool {
        !matches!(authorization.status(), AuthorizationStatus::Pending | AuthorizationStatus::Valid)
    }
}
