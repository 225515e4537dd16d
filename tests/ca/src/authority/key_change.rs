//! Account key rollover (RFC 8555 Section 7.3.5).

use super::ca::Ca;
use super::jws::Jws;
use super::key::PublicKey;
use super::problem::Problem;
use super::respond::Reply;

impl Ca {
    pub(super) fn key_change(&mut self, account: u64, outer: &Jws) -> Result<Reply, Problem> {
        if self.config.quirks.key_change_not_implemented {
            return Err(Problem::new(501, "serverInternal", "key rollover is not implemented"));
        }
        let inner = Jws::from_value(&outer.object()?)?;
        let new_key = verified_inner_key(&inner, outer)?;
        let change = inner.object()?;
        if change.get("account").and_then(|v| v.as_str()) != Some(&self.account_url(account)) {
            return Err(Problem::malformed(
                "the account in the inner payload is not the signer of the outer JWS",
            ));
        }
        let old_key = change
            .get("oldKey")
            .ok_or_else(|| Problem::malformed("the inner payload has no oldKey"))
            .and_then(PublicKey::from_jwk)?;
        let present = self.accounts.get(&account).map(|a| a.key.clone());
        // Two changes at once: the second was made for a key that is no longer the account's.
        if present.as_ref() != Some(&old_key) {
            return Err(Problem::malformed("oldKey is not the account's present key"));
        }
        // Section 7.3.5: 409, with the URL of the account that has the key.
        if let Some(&owner) = self.account_keys.get(&new_key.thumbprint()) {
            return Err(Problem::new(
                409,
                "malformed",
                "the new key belongs to an account already",
            )
            .with_header("Location", self.account_url(owner)));
        }
        self.account_keys.remove(&old_key.thumbprint());
        self.account_keys.insert(new_key.thumbprint(), account);
        if let Some(account) = self.accounts.get_mut(&account) {
            account.key = new_key;
        }
        let reply = Reply::json(200, self.account_object(account))
            .with_header("Location", self.account_url(account));
        Ok(if self.config.quirks.empty_key_change_body { reply.without_body() } else { reply })
    }
}

fn verified_inner_key(inner: &Jws, outer: &Jws) -> Result<PublicKey, Problem> {
    // The inner JWS proves possession of the new key, which has no account and so no `kid`.
    let (Some(jwk), None) = (&inner.header.jwk, &inner.header.kid) else {
        return Err(Problem::malformed("the inner JWS must have jwk and no kid"));
    };
    // The outer JWS prevents replays, and Section 7.3.5 forbids a second nonce.
    if inner.header.nonce.is_some() {
        return Err(Problem::malformed("the inner JWS must not have a nonce"));
    }
    if inner.header.url.is_none() || inner.header.url != outer.header.url {
        return Err(Problem::malformed("the url of the inner JWS is not that of the outer one"));
    }
    let key = PublicKey::from_jwk(jwk)?;
    inner.verify(&key)?;
    Ok(key)
}
