//! Reading an authorization (RFC 8555 Section 7.5).

use super::{Hooks, Read, Reading, Received, Spec, Target, object};
use crate::resource::Resource;
use crate::url::Url;
use crate::wire::Authorization;

/// Reads an authorization by POST-as-GET.
#[derive(Clone, Debug)]
pub struct GetAuthorization(pub Url);

impl Hooks<Authorization> for GetAuthorization {
    fn spec(&self) -> Spec {
        Spec::read(Resource::Authorization, Target::Url(self.0.clone()))
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Authorization> {
        object!(received, Authorization).map(Read::Response)
    }
}
