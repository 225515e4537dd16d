//! The account's list of orders (RFC 8555 section 7.1.2.1).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::{Answer, Next, Operation, Spec, Target, object, private::Plan};
use crate::error::{Error, Unsupported};
use crate::notice::Notice;
use crate::url::Url;
use crate::wire::{Account, OrdersList};

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

/// Reads the account, which tells where the list of orders is, and then every page of it.
///
/// The orders come in the list's sequence, each once. That an order is not among them proves nothing: servers leave out
/// what they like (RFC 8555 section 7.1.2.1). Pages are followed until one has no `next`, leads back to an earlier one,
/// or [`MOST_PAGES`](Self::MOST_PAGES) or [`MOST_ORDERS`](Self::MOST_ORDERS) were read; [`Page::next`] then tells where
/// the rest begins.
///
/// It fails with [`Unsupported::Operation`] if the account has no list, as with many servers.
#[derive(Clone, Debug, Default)]
pub struct ListAllOrders {
    /// The page that is read now; `None` while the account is.
    page: Option<Target>,
    pages: BTreeSet<Url>,
    seen: BTreeSet<Url>,
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

    fn add(&mut self, orders: Vec<Url>) {
        for order in orders {
            if self.seen.insert(order.clone()) {
                self.orders.push(order);
            }
        }
    }
}

impl Plan for ListAllOrders {
    fn spec(&self) -> Spec {
        match &self.page {
            None => Spec::read("account", Target::Account),
            Some(page) => Spec::read("orders", page.clone()),
        }
    }
}

impl Operation for ListAllOrders {
    type Response = Page;

    fn read(&self, answer: &mut Answer<'_>) -> Result<Page, Error> {
        if self.page.is_some() {
            return ListOrders::first().read(answer);
        }
        let account = object!(answer, Account)?;
        Ok(Page { orders: Vec::new(), next: account.orders().cloned() })
    }

    fn go_on(&mut self, result: Result<Page, Error>, _: &mut Vec<Notice>) -> Next<Page> {
        let page = match result {
            Ok(page) => page,
            // Not every server lets the account be read; the answer to newAccount may have told the list's URL.
            Err(Error::Problem(_) | Error::Peer(_)) if self.page.is_none() => {
                self.page = Some(Target::Orders);
                return Next::Request;
            }
            Err(error) => return Next::Done(Err(error)),
        };
        let is_list = self.page.is_some();
        self.add(page.orders);
        match page.next {
            Some(next) if !self.pages.contains(&next) && !self.is_full() => {
                self.pages.insert(next.clone());
                self.page = Some(Target::Url(next));
                Next::Request
            }
            None if !is_list => {
                Next::Done(Err(Error::Unsupported(Unsupported::Operation("orders"))))
            }
            next => {
                let next = next.filter(|next| !self.pages.contains(next));
                Next::Done(Ok(Page { orders: core::mem::take(&mut self.orders), next }))
            }
        }
    }
}
