//! newAuthz: authorization before any order (RFC 8555 Section 7.4.1).

use alloc::string::ToString;

use serde_json::json;

use super::{Hooks, Payload, Read, Reading, Received, Spec, object};
use crate::error::InvalidInput;
use crate::identifier::Identifier;
use crate::resource::Resource;
use crate::url::Url;
use crate::wire::{Authorization, Directory};

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

impl Hooks<AuthorizationEntry> for NewAuthorization {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&json!({ "identifier": self.identifier }));
        Spec::post_to(Resource::NewAuthz, Directory::new_authz, payload)
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<AuthorizationEntry> {
        let url = received.created_at()?;
        let authorization = object!(received, Authorization)?;
        Ok(Read::Response(AuthorizationEntry { url, authorization }))
    }

    fn creates(&self) -> Option<Resource> {
        Some(Resource::Authorization)
    }
}
