//! The orders list (RFC 8555 Section 7.1.2.1).

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::json::{Members, Node};
use super::object::{Object, Reader};
use super::{Context, DeviationKind, InvalidObject, Parsed};
use crate::text::snippet;
use crate::url::Url;

/// A page of an account's orders (RFC 8555 Section 7.1.2.1). A `Link` header names the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrdersList {
    orders: Vec<Url>,
    extra: Map<String, Value>,
}

impl OrdersList {
    /// The maximum number of orders that are kept of a page.
    pub const MAX_ORDERS: usize = 10_000;

    /// Parses a page.
    ///
    /// A bare array, as sent by step-ca, is reported and accepted. Entries that are not a usable
    /// URL are reported and omitted.
    ///
    /// # Errors
    ///
    /// [`InvalidObject`] if the body is neither a JSON object with an array `orders` nor an array.
    /// The server is at fault.
    pub fn parse(body: &[u8], context: Context<'_>) -> Result<Parsed<Self>, InvalidObject> {
        let mut reader = Reader::new(Some(context));
        let mut object = match reader.decode(body)? {
            Node::Object(members) => Object::root(members),
            bare @ Node::Array(_) => {
                reader.report("body", DeviationKind::Malformed);
                Object::root(Members::from([("orders".into(), bare)]))
            }
            _ => return Err(InvalidObject::NotAnObject { snippet: snippet(body) }),
        };
        // A longer page is truncated, not rejected: unlike an order, a list is useful in part.
        let entries = object.required_array("orders", usize::MAX, &reader)?;
        if entries.len() > Self::MAX_ORDERS {
            reader.report("orders", DeviationKind::TooMany { limit: Self::MAX_ORDERS });
        }
        let mut orders = Vec::new();
        for (path, entry) in entries.take(Self::MAX_ORDERS) {
            match reader.url(&entry) {
                Ok(url) => orders.push(url),
                Err(_) => reader.report(path, DeviationKind::BadSibling),
            }
        }
        let extra = object.into_extra(&mut reader);
        Ok(reader.finish(Self { orders, extra }))
    }

    /// Returns the URLs of the orders. The server may omit any of them.
    pub fn orders(&self) -> &[Url] {
        &self.orders
    }

    /// Returns all other members.
    pub const fn extra(&self) -> &Map<String, Value> {
        &self.extra
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::wire::testing::{fault, malformed, missing, odd, read, read_odd, url};

    // RFC 8555 Section 7.1.2.1
    #[test]
    fn the_example_of_the_rfc_is_read() {
        let list = read(
            OrdersList::parse,
            r#"{"orders": ["https://example.com/acme/order/TOlocE8rfgo", "https://example.com/acme/order/4E16bbL5iSw"]}"#,
        );
        assert_eq!(
            list.orders(),
            [
                url("https://example.com/acme/order/TOlocE8rfgo"),
                url("https://example.com/acme/order/4E16bbL5iSw"),
            ]
        );
    }

    // step-ca
    #[test]
    fn a_bare_array_is_accepted() {
        let (list, odds) = read_odd(OrdersList::parse, r#"["https://a.example/o/1"]"#);
        assert_eq!(list.orders(), [url("https://a.example/o/1")]);
        assert_eq!(odds, [odd("body", DeviationKind::Malformed)]);
    }

    #[test]
    fn a_bad_entry_does_not_fail_the_list() {
        let (list, odds) =
            read_odd(OrdersList::parse, r#"{"orders":[1,"/o","https://a.example/o/1"],"next":2}"#);
        assert_eq!(list.orders(), [url("https://a.example/o/1")]);
        assert_eq!(list.extra()["next"], 2);
        assert_eq!(
            odds,
            [
                odd("orders[0]", DeviationKind::BadSibling),
                odd("orders[1]", DeviationKind::BadSibling),
            ]
        );
    }

    #[test]
    fn a_page_without_list_is_refused() {
        // covers fld-acct-7
        assert_eq!(fault(OrdersList::parse, "{}"), missing("orders"));
        assert_eq!(fault(OrdersList::parse, r#"{"orders":"x"}"#), malformed("orders"));
        assert!(matches!(fault(OrdersList::parse, "1"), InvalidObject::NotAnObject { .. }));
    }

    #[test]
    fn a_page_is_cut_at_the_limit() {
        let entry = "\"https://a.example/o\",";
        let body = format!("{{\"orders\":[{}1]}}", entry.repeat(OrdersList::MAX_ORDERS));
        let (list, odds) = read_odd(OrdersList::parse, body);
        // covers fld-gen-6
        assert_eq!(list.orders().len(), OrdersList::MAX_ORDERS);
        assert_eq!(odds, [odd("orders", DeviationKind::TooMany { limit: OrdersList::MAX_ORDERS })]);
    }
}
