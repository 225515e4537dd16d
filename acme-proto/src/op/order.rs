//! Reading an order (RFC 8555 section 7.4).

use super::{Answer, Operation, Spec, Target, object, private::Plan};
use crate::error::Error;
use crate::url::Url;
use crate::wire::Order;

/// Reads an order by POST-as-GET.
#[derive(Clone, Debug)]
pub struct GetOrder(pub Url);

impl Plan for GetOrder {
    fn spec(&self) -> Spec {
        Spec::read("order", Target::Url(self.0.clone()))
    }
}

impl Operation for GetOrder {
    type Response = Order;

    fn read(&self, answer: &mut Answer<'_>) -> Result<Order, Error> {
        object!(answer, Order)
    }
}
