//! Responding to a challenge: it is ready to be validated (RFC 8555 Section 7.5.1).

use super::{Hooks, OnLost, Payload, Read, Reading, Received, Spec, Target, object};
use crate::challenge::ChallengeResponse;
use crate::error::Error;
use crate::jose::{Jwk, Thumbprint};
use crate::resource::Resource;
use crate::session::Session;
use crate::url::Url;
use crate::wire::{Challenge, ChallengeStatus};

/// Tells the server that a challenge is ready to be validated.
#[derive(Clone, Debug)]
pub struct RespondChallenge {
    url: Url,
    response: ChallengeResponse,
    /// The account key that what is published was made for.
    key: Option<Thumbprint>,
}

impl RespondChallenge {
    /// Creates an empty response to the challenge at `url`: `{}`, which is what every kind that this crate knows takes.
    pub fn new(url: Url) -> Self {
        Self { url, response: ChallengeResponse::default(), key: None }
    }

    /// Sends the response only as long as the account has this key.
    pub(crate) const fn bound_to(mut self, key: Option<Thumbprint>) -> Self {
        self.key = key;
        self
    }

    /// Sends this response instead, for a kind of challenge that defines members (erratum 5729).
    pub fn with_response(mut self, response: ChallengeResponse) -> Self {
        self.response = response;
        self
    }

    /// Returns the URL of the challenge.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the response.
    pub const fn response(&self) -> &ChallengeResponse {
        &self.response
    }
}

impl Hooks<Challenge> for RespondChallenge {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&self.response);
        let spec = Spec::post(Resource::Challenge, Target::Url(self.url.clone()), payload)
            .on_lost(OnLost::Reread(self.url.clone()));
        if self.key.is_some() { spec.fixed_key() } else { spec }
    }

    /// What is published for one account key proves nothing once the account has another (RFC 8555 Section 8.1).
    fn check(&self, session: &Session) -> Result<(), Error> {
        let current = session.account_key().map(Jwk::thumbprint);
        match self.key {
            Some(own) if current.is_some_and(|current| current != own) => {
                Err(Error::KeyChanged { challenge: self.url.clone() })
            }
            _ => Ok(()),
        }
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Challenge> {
        object!(received, Challenge).map(Read::Response)
    }

    /// Some servers leave a challenge pending whose validation failed, with the error in it.
    fn landed(&self, challenge: &Challenge) -> bool {
        *challenge.status() != ChallengeStatus::Pending || challenge.error().is_some()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_response_for_another_account_key_is_not_sent() {
        let url = Url::parse("https://ca.example/challenge/1").unwrap();
        let [own, other] = [1, 2].map(|x| Jwk::ec_p256(&[x; 32], &[3; 32]));
        let session = Session::new(url.clone(), 0).with_account_key(own.clone());
        let check = |key: &Jwk| {
            let response = RespondChallenge::new(url.clone()).bound_to(Some(key.thumbprint()));
            response.check(&session)
        };
        assert!(check(&own).is_ok());
        let refused = check(&other).unwrap_err();
        assert!(matches!(&refused, Error::KeyChanged { .. }) && refused.url() == Some(&url));
    }
}
