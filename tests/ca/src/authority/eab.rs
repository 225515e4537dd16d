//! External account binding (RFC 8555 Section 7.3.4).

use serde_json::Value;

use super::ca::Ca;
use super::jws::Jws;
use super::key::PublicKey;
use super::problem::Problem;

impl Ca {
    /// Checks the binding of a new account, and returns it for the account object.
    pub(super) fn check_binding(
        &self,
        wish: &Value,
        outer: &Jws,
        key: &PublicKey,
    ) -> Result<Option<Value>, Problem> {
        let Some(binding) = wish.get("externalAccountBinding").filter(|b| !b.is_null()) else {
            return if self.config.eab_required {
                Err(Problem::new(
                    403,
                    "externalAccountRequired",
                    "this CA wants an external account binding",
                ))
            } else {
                Ok(None)
            };
        };
        if self.config.eab_keys.is_empty() {
            // A server without support for bindings ignores the member. The account object lacks it
            // then, which shows the client that nothing was bound.
            return Ok(None);
        }
        let inner = Jws::from_value(binding)?;
        if inner.header.nonce.is_some() {
            return Err(Problem::malformed("an external account binding must not have a nonce"));
        }
        if inner.header.jwk.is_some() {
            return Err(Problem::malformed("an external account binding must not have a jwk"));
        }
        // A binding for another URL belongs to another CA or another request.
        if inner.header.url.is_none() || inner.header.url != outer.header.url {
            return Err(Problem::malformed(
                "the url of the external account binding is not that of the request",
            ));
        }
        let kid = inner
            .header
            .kid
            .as_deref()
            .ok_or_else(|| Problem::malformed("the external account binding has no kid"))?;
        let secret = self.config.eab_keys.get(kid).ok_or_else(|| {
            Problem::unauthorized(format!("there is no external account key {kid:?}"))
        })?;
        // The MAC comes first. Before it is verified, the payload is anybody's.
        inner.verify_mac(secret)?;
        let bound = inner.object().and_then(|jwk| PublicKey::from_jwk(&jwk))?;
        if bound != *key {
            return Err(Problem::malformed(
                "the external account binding is for another account key",
            ));
        }
        Ok(Some(binding.clone()))
    }
}
