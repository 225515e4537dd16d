//! Every page of the account's list of orders (RFC 8555 Section 7.1.2.1).

use alloc::vec::Vec;

use super::{Failure, Hooks, Page, Read, Reading, Received, Spec, Target, object};
use crate::error::{Error, Unsupported};
use crate::resource::Resource;
use crate::sorted::SortedSet;
use crate::url::Url;
use crate::wire::Account;

/// Reads the account, which tells where the list of orders is, and then every page of it.
///
/// The orders come in the list's sequence, each once. That an order is not among them proves nothing: servers leave out
/// what they like (RFC 8555 Section 7.1.2.1). Pages are followed until one has no `next`, leads back to an earlier one,
/// or [`MOST_PAGES`](Self::MOST_PAGES) or [`MOST_ORDERS`](Self::MOST_ORDERS) were read; [`Page::next`] then tells where
/// the rest begins.
///
/// It fails with [`Unsupported::Operation`] if the account has no list, as with many servers.
#[derive(Clone, Debug, Default)]
pub struct ListAllOrders {
    /// The page that is read now; `None` while the account is.
    page: Option<Target>,
    pages: SortedSet<Url>,
    seen: SortedSet<Url>,
    orders: Vec<Url>,
}

impl ListAllOrders {
    /// The most pages that are read.
    pub const MOST_PAGES: usize = 100;

    /// The number of orders after which no further page is read.
    pub const MOST_ORDERS: usize = 10_000;

    /// Reads the list from its first page on.
    pub fn new() -> Self {
        Self::default()
    }

    fn is_full(&self) -> bool {
        self.pages.len() >= Self::MOST_PAGES || self.orders.len() >= Self::MOST_ORDERS
    }

    fn follow(&mut self, page: Url) -> Read<Page> {
        self.pages.insert(page.clone());
        self.page = Some(Target::Url(page));
        Read::NextRequest
    }

    fn add(&mut self, orders: Vec<Url>) {
        for order in orders {
            if self.seen.insert(order.clone()) {
                self.orders.push(order);
            }
        }
    }
}

impl Hooks<Page> for ListAllOrders {
    fn spec(&self) -> Spec {
        match &self.page {
            None => Spec::read(Resource::Account, Target::Account),
            Some(page) => Spec::read(Resource::Orders, page.clone()),
        }
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Page> {
        if self.page.is_none() {
            let orders = object!(received, Account)?.orders().cloned();
            let unsupported = Error::Unsupported(Unsupported::Operation(Resource::Orders));
            return Ok(self.follow(orders.ok_or(unsupported)?));
        }
        // The first page may be one whose address the session has: a list that leads back there has ended.
        self.pages.insert(received.url.clone());
        let page = Page::read(received)?;
        self.add(page.orders);
        let next = page.next.filter(|next| !self.pages.contains(next));
        Ok(match next {
            Some(next) if !self.is_full() => self.follow(next),
            next => Read::Response(Page { orders: core::mem::take(&mut self.orders), next }),
        })
    }

    /// Not every server lets the account be read; the response to newAccount may have named the list's URL.
    fn read_error(&mut self, error: Error, context: &mut Failure<'_>) -> Reading<Page> {
        match error {
            Error::Problem(_) | Error::Peer(_) if self.page.is_none() && !context.unsupplied => {
                self.page = Some(Target::Orders);
                Ok(Read::NextRequest)
            }
            error => Err(error),
        }
    }
}
