//! Challenges: reading one, and saying that it is ready (RFC 8555 section 7.5.1).

use super::{Answer, OnLost, Operation, Payload, Spec, Target, object, private::Plan};
use crate::challenge::ChallengeResponse;
use crate::error::Error;
use crate::url::Url;
use crate::wire::{Challenge, ChallengeStatus};

/// Reads a challenge by POST-as-GET, which does not start its validation.
#[derive(Clone, Debug)]
pub struct GetChallenge(pub Url);

impl Plan for GetChallenge {
    fn spec(&self) -> Spec {
        Spec::read("challenge", Target::Url(self.0.clone()))
    }
}

impl Operation for GetChallenge {
    type Response = Challenge;

    fn read(&self, answer: &mut Answer<'_>) -> Result<Challenge, Error> {
        object!(answer, Challenge)
    }
}

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

impl Plan for RespondChallenge {
    fn spec(&self) -> Spec {
        Spec::post("challenge", Target::Url(self.url.clone()), Payload::json(&self.response))
            .on_lost(OnLost::Reread(self.url.clone()))
    }
}

impl Operation for RespondChallenge {
    type Response = Challenge;

    fn read(&self, answer: &mut Answer<'_>) -> Result<Challenge, Error> {
        object!(answer, Challenge)
    }

    fn landed(&self, challenge: &Challenge) -> bool {
        *challenge.status() != ChallengeStatus::Pending
    }
}
