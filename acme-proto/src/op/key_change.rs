//! Changing the account key (RFC 8555 Section 7.3.5).

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Hooks, Inner, InnerContext, OnLost, Payload, Read, Reading, Received, Spec, octets};
use crate::error::InvalidInput;
use crate::jose::{Jwk, KeyId, Protected, SigningInput};
use crate::request::{KeyRole, SignatureAlgorithm};
use crate::resource::Resource;
use crate::session::Session;
use crate::wire::Directory;

/// Asks the server to replace the account key by one that the caller has stored already.
///
/// After success later requests use the new key. A lost response is reported, not sent again:
/// [`Rollover`](crate::rollover::Rollover) is the flow that settles it.
#[derive(Clone, Debug)]
pub struct KeyChange {
    new_key: Jwk,
}

impl KeyChange {
    /// Creates the request; the signer must hold both keys.
    pub const fn new(new_key: Jwk) -> Self {
        Self { new_key }
    }

    /// Returns the new key.
    pub const fn new_key(&self) -> &Jwk {
        &self.new_key
    }
}

impl Hooks<Jwk> for KeyChange {
    fn spec(&self) -> Spec {
        let payload = Payload::Nested(Arc::new(self.clone()));
        Spec::post_to(Resource::KeyChange, Directory::key_change, payload)
            .on_lost(OnLost::Report)
            .fixed_key()
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Jwk> {
        received.whole()?;
        Ok(Read::Response(self.new_key.clone()))
    }

    fn apply(&self, key: &Jwk, session: &mut Session) {
        session.set_account_key(key.clone());
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    account: &'a str,
    old_key: &'a RawValue,
}

impl Inner for KeyChange {
    fn key(&self) -> KeyRole {
        KeyRole::NewAccount(self.new_key.thumbprint())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Jws(self.new_key.algorithm())
    }

    fn input(&self, context: &InnerContext<'_>) -> Result<SigningInput, InvalidInput> {
        if *context.account_key == self.new_key {
            return Err(InvalidInput::SameKey);
        }
        let old_key = RawValue::from_string(context.account_key.to_json()).expect("a JWK is JSON");
        let account = context.account.map(ToString::to_string).unwrap_or_default();
        let payload = octets(&Members { account: &account, old_key: &old_key });
        let protected = Protected {
            alg: self.new_key.algorithm().as_str(),
            key: KeyId::Jwk(&self.new_key),
            nonce: None,
            url: context.url,
        };
        Ok(SigningInput::new(&protected, &payload))
    }

    fn wrap(&self, inner: &[u8]) -> Vec<u8> {
        inner.to_vec()
    }
}
