//! The account's list of orders (RFC 8555 section 7.1.2.1).

use alloc::vec::Vec;

use super::{Answer, Operation, Spec, Target, object, private::Plan};
use crate::error::Error;
use crate::url::Url;
use crate::wire::OrdersList;

/// One page of the list; that an order is not on it proves nothing.
#[derive(Clone, Debug)]
pub struct Page {
    orders: Vec<Url>,
    next: Option<Url>,
}

impl Page {
    /// Returns the orders on this page.
    pub fn orders(&self) -> &[Url] {
        &self.orders
    }

    /// Returns the next page, if there is one.
    pub const fn next(&self) -> Option<&Url> {
        self.next.as_ref()
    }
}

/// Reads one page of the list of orders.
#[derive(Clone, Debug, Default)]
pub struct ListOrders(Option<Url>);

impl ListOrders {
    /// Reads the first page, whose URL the account object gave.
    ///
    /// Read the account first: many servers give no such URL, and then the operation is not supported.
    pub const fn first() -> Self {
        Self(None)
    }

    /// Reads a page by its URL: that of the account object, or the one after a page.
    pub const fn page(url: Url) -> Self {
        Self(Some(url))
    }
}

impl Plan for ListOrders {
    fn spec(&self) -> Spec {
        Spec::read("orders", self.0.clone().map_or(Target::Orders, Target::Url))
    }
}

impl Operation for ListOrders {
    type Response = Page;

    fn read(&self, answer: &mut Answer<'_>) -> Result<Page, Error> {
        let list = object!(answer, OrdersList)?;
        let next = answer.links("next").into_iter().find(|next| next != answer.url);
        Ok(Page { orders: list.orders().to_vec(), next })
    }
}
