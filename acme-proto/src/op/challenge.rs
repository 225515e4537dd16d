//! Challenges: reading one, and saying that it is ready (RFC 8555 Section 7.5.1).

use super::{Answer, Hooks, OnLost, Operation, Payload, Read, Reading, Spec, Target, object};
use crate::challenge::ChallengeResponse;
use crate::resource::Resource;
use crate::url::Url;
use crate::wire::{Challenge, ChallengeStatus};

/// Reads a challenge by POST-as-GET, which does not start its validation.
#[derive(Clone, Debug)]
pub struct GetChallenge(pub Url);

impl Operation for GetChallenge {
    type Response = Challenge;
}

impl Hooks<Challenge> for GetChallenge {
    fn spec(&self) -> Spec {
        Spec::read(Resource::Challenge, Target::Url(self.0.clone()))
    }

    fn read(&mut self, answer: &mut Answer<'_>) -> Reading<Challenge> {
        object!(answer, Challenge).map(Read::Response)
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

impl Operation for RespondChallenge {
    type Response = Challenge;
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

    fn read(&mut self, answer: &mut Answer<'_>) -> Reading<Challenge> {
        object!(answer, Challenge).map(Read::Response)
    }

    /// Some servers leave a challenge pending whose validation failed, with the error in it.
    fn landed(&self, challenge: &Challenge) -> bool {
        *challenge.status() != ChallengeStatus::Pending || challenge.error().is_some()
    }
}
