use acme_proto::wire::{Account, OrdersList};

use crate::check;

/// Parses an account of any content, and the same bytes as a list of orders.
///
/// # Panics
///
/// If a parsed URL must not be requested, or a list is longer than its limit.
pub fn account(data: &[u8]) {
    check::object(data, Account::parse, |account, allow_http| {
        account.orders().into_iter().for_each(|url| check::is_usable(url, allow_http));
        assert!(account.contact().len() <= 1000);
        check::is_plain(account.status());
    });
    check::object(data, OrdersList::parse, |list, allow_http| {
        assert!(list.orders().len() <= OrdersList::MAX_ORDERS);
        list.orders().iter().for_each(|url| check::is_usable(url, allow_http));
    });
}
