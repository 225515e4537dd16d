//! One page of the account's list of orders (RFC 8555 Section 7.1.2.1).

use alloc::vec::Vec;

use super::{Hooks, Read, Reading, Received, Spec, Target, object};
use crate::error::Error;
use crate::resource::Resource;
use crate::url::Url;
use crate::wire::OrdersList;

/// One page of the list; that an order is not on it proves nothing.
#[derive(Clone, Debug)]
pub struct Page {
    pub(super) orders: Vec<Url>,
    pub(super) next: Option<Url>,
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

    pub(super) fn read(received: &mut Received<'_>) -> Result<Self, Error> {
        let list = object!(received, OrdersList)?;
        let next = received.links("next").into_iter().find(|next| next != received.url);
        Ok(Self { orders: list.orders().to_vec(), next })
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

impl Hooks<Page> for ListOrders {
    fn spec(&self) -> Spec {
        Spec::read(Resource::Orders, self.0.clone().map_or(Target::Orders, Target::Url))
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Page> {
        Page::read(received).map(Read::Response)
    }
}
