//! Responding to a challenge: it is ready to be validated (RFC 8555 Section 7.5.1).

use super::{Hooks, OnLost, Payload, Read, Reading, Received, Spec, Target, object};
use crate::challenge::ChallengeResponse;
use crate::resource::Resource;
use crate::url::Url;
use crate::wire::{Challenge, ChallengeStatus};

/// Tells the server that a challenge is ready to be validated.
#[derive(Clone, Debug)]
pub struct RespondChallenge {
    url: Url,
    response: ChallengeResponse,
}

impl RespondChallenge {
    /// Creates an empty response to the challenge at `url`: `{}`, which is what every kind that this crate knows takes.
    pub fn new(url: Url) -> Self {
        Self { url, response: ChallengeResponse::default() }
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
        Spec::post(
            Resource::Challenge,
            Target::Url(self.url.clone()),
            Payload::json(&self.response),
        )
        .on_lost(OnLost::Reread(self.url.clone()))
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Challenge> {
        object!(received, Challenge).map(Read::Response)
    }

    /// Some servers leave a challenge pending whose validation failed, with the error in it.
    fn landed(&self, challenge: &Challenge) -> bool {
        *challenge.status() != ChallengeStatus::Pending || challenge.error().is_some()
    }
}
