//! Authentication of requests: the checks of RFC 8555 Sections 6.2 to 6.5.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::account::AccountStatus;
use super::ca::Ca;
use super::jws::Jws;
use super::key::PublicKey;
use super::kind::Route;
use super::message::CaRequest;
use super::problem::Problem;

/// A request with a valid signature.
pub(crate) struct Signed {
    pub(crate) jws: Jws,
    pub(crate) signer: Signer,
}

/// The signer, as the protected header names it.
pub(crate) enum Signer {
    Account(u64),
    Key(PublicKey),
}

impl Signed {
    pub(crate) fn account(&self) -> Result<u64, Problem> {
        match self.signer {
            Signer::Account(id) => Ok(id),
            Signer::Key(_) => Err(Problem::malformed("this request must be signed with kid")),
        }
    }
}

impl Ca {
    pub(super) fn authenticate(
        &mut self,
        request: &CaRequest,
        route: &Route,
        now: u64,
    ) -> Result<Signed, Problem> {
        // Section 6.2 demands 415 for anything else. Parameters are refused too, as by Boulder.
        if request.header("content-type") != Some("application/jose+json") {
            return Err(Problem::new(
                415,
                "malformed",
                "the Content-Type of a POST must be exactly application/jose+json",
            ));
        }
        let jws = Jws::parse(&request.body)?;
        let algorithm = jws.require_known_algorithm()?;
        if self.config.quirks.rsa_accounts_only && algorithm != "RS256" {
            let problem =
                Problem::new(400, "badSignatureAlgorithm", "account keys must be RSA here");
            return Err(problem.with_member("algorithms", json!(["RS256"])));
        }
        self.check_url(&jws, &request.url)?;
        // The nonce is used up before the signature is checked, so that a captured request cannot
        // be sent twice, whatever else is wrong with it.
        let here = self.config.quirks.nonces_by_connection.then_some(request.connection);
        self.check_nonce(&jws, now, here)?;
        let signer = self.signer(&jws, route)?;
        let verified = match &signer {
            Signer::Key(key) => jws.verify(key),
            Signer::Account(id) => self.accounts.get(id).map_or_else(
                || Err(Problem::malformed("the account is gone")),
                |account| jws.verify(&account.key),
            ),
        };
        verified?;
        // After the signature: only the owner of the key may learn that the account is deactivated.
        if let Signer::Account(id) = &signer
            && self.accounts.get(id).is_none_or(|a| a.status != AccountStatus::Valid)
        {
            return Err(Problem::new(401, "unauthorized", "the account is not valid any more"));
        }
        Ok(Signed { jws, signer })
    }

    fn check_url(&self, jws: &Jws, url: &str) -> Result<(), Problem> {
        match jws.header.url.as_deref() {
            None => Err(Problem::malformed("the protected header has no url")),
            // Section 6.4: equal as strings, so that a client must send a URL as it received it.
            Some(signed) if signed == url => Ok(()),
            Some(signed) => Err(Problem::unauthorized(format!(
                "the protected header says url {signed:?}, but the request went to {url:?}"
            ))),
        }
    }

    fn check_nonce(&mut self, jws: &Jws, now: u64, here: Option<u64>) -> Result<(), Problem> {
        let nonce = jws
            .header
            .nonce
            .as_deref()
            .ok_or_else(|| Problem::malformed("the protected header has no nonce"))?;
        // Section 6.5.2: a nonce outside base64url is malformed. It is not a badNonce, which would
        // invite a client to retry a request that it builds wrongly.
        if nonce.is_empty() || URL_SAFE_NO_PAD.decode(nonce).is_err() {
            return Err(Problem::malformed("the nonce is not base64url"));
        }
        // The nonce is used up even where a good one is refused: nothing may be sent again with it.
        let known = self.nonces.take(nonce, now, self.config.nonce_lifetime, here);
        let refused = self.rng.percent(self.config.bad_nonce_percent);
        if known && !refused {
            return Ok(());
        }
        Err(Problem::new(
            400,
            "badNonce",
            "the nonce is not one that is good now; use the one in this answer",
        ))
    }

    fn signer(&self, jws: &Jws, route: &Route) -> Result<Signer, Problem> {
        // Section 6.2: newAccount has `jwk`, since there is no account yet; revokeCert may have it,
        // for the certificate's key; every other request has `kid`.
        let wants_jwk = matches!(route, Route::NewAccount);
        let either = matches!(route, Route::RevokeCert);
        match (&jws.header.jwk, jws.header.kid.as_deref()) {
            (Some(_), Some(_)) => {
                Err(Problem::malformed("the protected header has both jwk and kid"))
            }
            (None, None) => Err(Problem::malformed("the protected header has neither jwk nor kid")),
            (Some(_), None) if !wants_jwk && !either => {
                Err(Problem::malformed("this request must be signed with kid, not jwk"))
            }
            (None, Some(_)) if wants_jwk => {
                Err(Problem::malformed("newAccount must be signed with jwk, not kid"))
            }
            (Some(jwk), None) => PublicKey::from_jwk(jwk).map(Signer::Key),
            (None, Some(kid)) => {
                let prefix = self.url("/account/");
                let id = kid
                    .strip_prefix(&prefix)
                    .filter(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
                    .ok_or_else(|| {
                        Problem::malformed(format!("kid {kid:?} is not an account URL of this CA"))
                    })?;
                // Compared as a whole too, so that `/account/01` is not account 1.
                id.parse()
                    .ok()
                    .filter(|id| self.accounts.contains_key(id) && kid == self.account_url(*id))
                    .map(Signer::Account)
                    .ok_or_else(|| {
                        Problem::new(
                            400,
                            "accountDoesNotExist",
                            format!("there is no account {kid}"),
                        )
                    })
            }
        }
    }
}
