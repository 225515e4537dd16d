//! Reading a challenge (RFC 8555 Section 7.5.1).

use super::{Hooks, Read, Reading, Received, Spec, Target, object};
use crate::resource::Resource;
use crate::url::Url;
use crate::wire::Challenge;

/// Reads a challenge by POST-as-GET, which does not start its validation.
#[derive(Clone, Debug)]
pub struct GetChallenge(pub Url);

impl Hooks<Challenge> for GetChallenge {
    fn spec(&self) -> Spec {
        Spec::read(Resource::Challenge, Target::Url(self.0.clone()))
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Challenge> {
        object!(received, Challenge).map(Read::Response)
    }
}
