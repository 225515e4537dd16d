use acme_proto::wire::Order;

use crate::{check, problem};

/// Parses an order of any content.
///
/// # Panics
///
/// If a parsed URL must not be requested, or a list is longer than its limit.
pub fn order(data: &[u8]) {
    check::object(data, Order::parse, |order, allow_http| {
        let one = [order.finalize(), order.certificate(), order.star_certificate()];
        let all = one.into_iter().flatten().chain(order.authorizations());
        all.for_each(|url| check::is_usable(url, allow_http));
        assert!(order.authorizations().len() <= Order::MAX_AUTHORIZATIONS);
        assert!(order.identifiers().len() <= Order::MAX_IDENTIFIERS);
        order.identifiers().iter().for_each(check::is_plain);
        check::is_plain(order.status());
        order.error().into_iter().for_each(problem::bounded);
    });
}
