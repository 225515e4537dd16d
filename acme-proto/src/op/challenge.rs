//! Challenges: reading one, and saying that it is ready (RFC 8555 section 7.5.1).

use alloc::string::String;

use serde_json::{Map, Value};

use super::{Answer, OnLost, Operation, Payload, Spec, Target, object, private::Plan};
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
    object: Map<String, Value>,
}

impl RespondChallenge {
    /// Creates an answer to the challenge at `url`: `{}`, which is what every kind that this crate solves takes.
    pub fn new(url: Url) -> Self {
        Self { url, object: Map::new() }
    }

    /// Sends this object instead, for a type of challenge that defines members of its response
    /// (RFC 8555 section 7.5.1, erratum 5729).
    pub fn object(mut self, object: Map<String, Value>) -> Self {
        self.object = object;
        self
    }
}

impl Plan for RespondChallenge {
    fn spec(&self) -> Spec {
        Spec::post("challenge", Target::Url(self.url.clone()), Payload::json(&self.object))
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
