//! What is due, derived from what is known: a pure function.
//!
//! An issuance has no program counter. After every input it looks at the last known state of the order and
//! its authorizations, and at its own promises, and starts whatever is due and not running yet.

use alloc::vec::Vec;

/// The order, as far as planning is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderView {
    /// There is no order yet.
    None,
    /// There is one, but its state is not known in this run.
    Unread,
    Pending,
    /// Ready, and the CSR was not sent, or was not taken.
    Ready,
    /// The CSR was sent, but the order does not show it yet.
    Sent,
    Processing,
    /// Valid, and whether it names its certificate.
    Valid {
        certificate: bool,
    },
    /// Over without a certificate.
    Dead,
}

/// An authorization, as far as planning is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthorizationView {
    /// Not read yet, or to be read again.
    Unread,
    Valid,
    /// Pending, and the user has not been asked.
    Open,
    /// The user is choosing, or publishing.
    WithUser,
    /// Published; the server is to be told, at once or later.
    Published {
        due: bool,
    },
    /// The server was told.
    Answered,
    /// It cannot be proved any more.
    Lost,
}

/// Something to be started now; indexes name authorizations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    NewOrder,
    ReadOrder,
    ReadAuthorization(usize),
    Offer(usize),
    Respond(usize),
    AskForCsr,
    Finalize,
    Certificate,
    Fail,
}

/// Derives what is due.
pub(super) fn plan(
    order: OrderView,
    authorizations: impl IntoIterator<Item = AuthorizationView>,
    has_csr: bool,
) -> Vec<Due> {
    let single = match order {
        OrderView::Pending => return plan_pending(authorizations),
        OrderView::Dead => return explain(authorizations),
        OrderView::None => Due::NewOrder,
        OrderView::Ready if has_csr => Due::Finalize,
        OrderView::Ready => Due::AskForCsr,
        OrderView::Valid { certificate: true } => Due::Certificate,
        OrderView::Unread
        | OrderView::Sent
        | OrderView::Processing
        | OrderView::Valid { certificate: false } => Due::ReadOrder,
    };
    alloc::vec![single]
}

fn plan_pending(authorizations: impl IntoIterator<Item = AuthorizationView>) -> Vec<Due> {
    let views: Vec<_> = authorizations.into_iter().collect();
    if views.contains(&AuthorizationView::Lost) {
        return explain(views);
    }
    let mut due = Vec::new();
    let mut all_told = true;
    for (index, view) in views.iter().enumerate() {
        match view {
            AuthorizationView::Valid | AuthorizationView::Answered => continue,
            AuthorizationView::Unread => due.push(Due::ReadAuthorization(index)),
            AuthorizationView::Open => due.push(Due::Offer(index)),
            AuthorizationView::Published { due: true } => due.push(Due::Respond(index)),
            AuthorizationView::WithUser
            | AuthorizationView::Published { due: false }
            | AuthorizationView::Lost => {}
        }
        all_told = false;
    }
    if all_told {
        due.push(Due::ReadOrder);
    }
    due
}

/// Reads once more what the server may have decided, so that the error names every reason.
fn explain(authorizations: impl IntoIterator<Item = AuthorizationView>) -> Vec<Due> {
    let mut due: Vec<_> = authorizations
        .into_iter()
        .enumerate()
        .filter(|(_, view)| matches!(view, AuthorizationView::Answered | AuthorizationView::Unread))
        .map(|(index, _)| Due::ReadAuthorization(index))
        .collect();
    if due.is_empty() {
        due.push(Due::Fail);
    }
    due
}

#[cfg(test)]
mod tests {

    use super::AuthorizationView as A;
    use super::OrderView as O;
    use super::*;

    /// Every order status without its authorizations.
    #[test]
    fn the_order_alone_decides_once_it_is_past_pending() {
        let table = [
            (O::None, false, Due::NewOrder),
            (O::Unread, false, Due::ReadOrder),
            (O::Ready, false, Due::AskForCsr),
            (O::Ready, true, Due::Finalize),
            (O::Sent, true, Due::ReadOrder),
            (O::Processing, true, Due::ReadOrder),
            (O::Valid { certificate: true }, true, Due::Certificate),
            (O::Valid { certificate: true }, false, Due::Certificate),
            (O::Valid { certificate: false }, true, Due::ReadOrder),
        ];
        for (order, csr, due) in table {
            for authorization in [A::Unread, A::Open, A::Answered, A::Lost] {
                assert_eq!(plan(order, [authorization], csr), [due], "{order:?} {authorization:?}");
            }
        }
    }

    /// A pending order with one authorization in each state.
    #[test]
    fn a_pending_order_asks_for_what_its_authorizations_lack() {
        let table: [(A, &[Due]); 8] = [
            (A::Unread, &[Due::ReadAuthorization(0)]),
            (A::Valid, &[Due::ReadOrder]),
            (A::Open, &[Due::Offer(0)]),
            (A::WithUser, &[]),
            (A::Published { due: true }, &[Due::Respond(0)]),
            (A::Published { due: false }, &[]),
            (A::Answered, &[Due::ReadOrder]),
            (A::Lost, &[Due::Fail]),
        ];
        for (authorization, due) in table {
            assert_eq!(plan(O::Pending, [authorization], true), due, "{authorization:?}");
        }
    }

    #[test]
    fn an_order_without_authorizations_is_polled() {
        // covers 8555-7.1.3-6
        assert_eq!(plan(O::Pending, [], true), [Due::ReadOrder]);
    }

    #[test]
    fn authorizations_go_on_side_by_side_and_the_order_waits_for_all() {
        let views = [A::Open, A::Answered, A::Unread, A::Published { due: true }];
        assert_eq!(
            plan(O::Pending, views, true),
            [Due::Offer(0), Due::ReadAuthorization(2), Due::Respond(3)]
        );
    }

    #[test]
    fn a_lost_authorization_ends_the_order_after_the_others_were_read() {
        let views = [A::Lost, A::Answered, A::Open, A::Unread];
        let both = [Due::ReadAuthorization(1), Due::ReadAuthorization(3)];
        assert_eq!(plan(O::Pending, views, true), both);
        assert_eq!(plan(O::Pending, [A::Lost, A::Lost], true), [Due::Fail]);
        assert_eq!(plan(O::Dead, [A::Valid, A::Open], true), [Due::Fail]);
    }
}
