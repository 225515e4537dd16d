//! Reading an order (RFC 8555 Section 7.4).

use super::{Hooks, Read, Reading, Received, Spec, Target, object};
use crate::resource::Resource;
use crate::url::Url;
use crate::wire::Order;

/// Reads an order by POST-as-GET.
#[derive(Clone, Debug)]
pub struct GetOrder(pub Url);

impl Hooks<Order> for GetOrder {
    fn spec(&self) -> Spec {
        Spec::read(Resource::Order, Target::Url(self.0.clone()))
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Order> {
        object!(received, Order).map(Read::Response)
    }
}
