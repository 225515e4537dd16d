//! Challenges: reading one, and saying that it is ready (RFC 8555 section 7.5.1).

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

/// Tells the server that a challenge is ready to be validated: the payload is `{}`.
#[derive(Clone, Debug)]
pub struct RespondChallenge(pub Url);

impl Plan for RespondChallenge {
    fn spec(&self) -> Spec {
        Spec::post("challenge", Target::Url(self.0.clone()), Payload::Json(b"{}".to_vec()))
            .on_lost(OnLost::Reread(self.0.clone()))
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
