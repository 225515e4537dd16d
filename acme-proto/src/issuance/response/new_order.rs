//! The response to newOrder (RFC 8555 Section 7.4; RFC 9773 Section 5; draft-ietf-acme-profiles Section 4).

use alloc::string::String;
use alloc::sync::Arc;

use super::super::Issuance;
use super::super::order::{Expected, Order};
use crate::error::{Error, ServerProblem};
use crate::notice::{NotReplacing, Notice, Progress};
use crate::op::OrderEntry;
use crate::resource::Resource;
use crate::session::Session;
use crate::wire::{self, OrderStatus, Problem, ProblemType};

impl Issuance {
    pub(super) fn order_created(
        &mut self,
        result: Result<OrderEntry, Error>,
        session: &mut Session,
    ) -> Result<(), Error> {
        if matches!(result, Err(Error::Problem(_))) {
            session.order_made(false);
        }
        let OrderEntry { url, order } = match result {
            Err(Error::Problem(p))
                if refuses_predecessor(&p) && self.names_predecessor(session) =>
            {
                self.order_without_predecessor(p);
                return Ok(());
            }
            result => result?,
        };
        session.order_made(*order.status() == OrderStatus::Pending);
        self.attempts.count_order();
        self.authorizations.clear();
        let expected = session.directory().map(|at| Expected::of(&self.settings.request, at));
        self.order = Order::new(url.clone(), expected);
        let generation = self.saving.change();
        self.finalization.wait_for(generation);
        self.report(Progress::OrderCreated(url.clone()));
        self.learn(&url, order).map(drop)
    }

    fn names_predecessor(&self, session: &Session) -> bool {
        session.directory().is_some_and(|d| self.settings.request.replaces_at(d).is_some())
    }

    /// Goes on without the certificate to be replaced: the new one matters more.
    fn order_without_predecessor(&mut self, problem: Arc<ServerProblem>) {
        if let Some(certificate_id) = self.settings.request.drop_replaces() {
            let reason = NotReplacing::Refused(problem);
            self.engine.exchanges.notice(Notice::NotReplacing { certificate_id, reason });
            self.saving.change();
        }
    }

    /// Notes where a new order, when it is first read, is not what was asked for.
    pub(super) fn compare(&mut self, order: &wire::Order) {
        let Some(Expected { replaces, profile }) = self.order.expected.take() else { return };
        if let Some(certificate_id) = replaces.filter(|id| order.replaces() != Some(id.as_str())) {
            let reason = NotReplacing::NotShown;
            self.engine.exchanges.notice(Notice::NotReplacing { certificate_id, reason });
        }
        if let Some(asked) = profile.filter(|name| order.profile() != Some(name.as_str())) {
            let applied = order.profile().map(String::from);
            self.engine.exchanges.notice(Notice::OtherProfile { asked, applied });
        }
    }
}

/// Whether a refusal of newOrder is, or may be, about the certificate to be replaced.
///
/// RFC 9773 Section 5 has `alreadyReplaced` only. CAs that do not know the certificate send 404, 401 or
/// `malformed`, in many words; the order without it then shows whether it was that.
fn refuses_predecessor(problem: &ServerProblem) -> bool {
    // The refusal of the order's URL, read because the body of newOrder was unreadable, leaves an order behind: another
    // one would be a second.
    if problem.resource() != Resource::NewOrder {
        return false;
    }
    let document = problem.problem();
    match document.map(Problem::kind) {
        Some(ProblemType::AlreadyReplaced | ProblemType::Malformed) => true,
        None => matches!(problem.status(), 400 | 401 | 404 | 409),
        Some(_) if document.is_some_and(Problem::is_generic) => {
            matches!(problem.status(), 400 | 401 | 404 | 409)
        }
        Some(ProblemType::Unauthorized) => {
            problem.status() == 401 || document.is_some_and(speaks_of_predecessor)
        }
        Some(_) => false,
    }
}

fn speaks_of_predecessor(problem: &Problem) -> bool {
    let text = problem.detail().unwrap_or_default().to_ascii_lowercase();
    text.contains("replac") || text.contains("predecessor") || text.contains("renewal")
}
