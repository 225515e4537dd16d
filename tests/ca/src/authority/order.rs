//! Orders (RFC 8555 Sections 7.1.3, 7.1.6, 7.4).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::authorization::AuthorizationStatus;
use super::ca::Ca;
use super::clock::parse_rfc3339;
use super::identifier::Identifier;
use super::jws::Jws;
use super::problem::Problem;
use super::respond::Reply;

/// An order.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) account: u64,
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) authorizations: Vec<u64>,
    pub(crate) status: OrderStatus,
    pub(crate) created: u64,
    pub(crate) expires: u64,
    pub(crate) not_before: Option<u64>,
    pub(crate) not_after: Option<u64>,
    pub(crate) profile: Option<String>,
    pub(crate) replaces: Option<String>,
    pub(crate) error: Option<Problem>,
    pub(crate) certificate: Option<u64>,
    /// How often the order was read as pending (see `settle`), or how many more times it is read as
    /// processing.
    pub(crate) polls: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderStatus {
    Pending,
    Ready,
    Processing,
    Valid,
    Invalid,
}

impl OrderStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Processing => "processing",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }
}

impl Ca {
    pub(super) fn order_url(&self, id: u64) -> String {
        self.url(&format!("/order/{id}"))
    }

    pub(super) fn new_order(
        &mut self,
        account: u64,
        jws: &Jws,
        now: u64,
    ) -> Result<Reply, Problem> {
        self.require_agreement(account)?;
        let wish = jws.object()?;
        const OURS: [&str; 6] =
            ["status", "expires", "authorizations", "finalize", "certificate", "error"];
        if let Some(name) = OURS.iter().find(|name| wish.get(**name).is_some())
            && self.config.quirks.refuse_server_members
        {
            return Err(Problem::malformed(format!("newOrder must not contain {name}")));
        }
        // Every check comes before the first change, so that a refused order leaves nothing behind.
        let identifiers = self.identifiers(&wish)?;
        let (not_before, not_after) = self.requested_validity(&wish, now)?;
        let profile = self.profile(&wish)?;
        let replaces = self.replaces(account, &wish, &identifiers, now)?;
        if let Some(id) = self.order_to_reuse(account, &identifiers, now) {
            return Ok(
                Reply::json(200, self.order_object(id)).with_header("Location", self.order_url(id))
            );
        }
        self.require_pace(account, now)?;
        self.require_room(self.orders.len())?;
        let id = self.orders.len() as u64 + 1;
        let authorizations = identifiers
            .iter()
            .map(|identifier| self.authorization_for(account, identifier, now))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(replaced) = replaces.as_ref().and_then(|id| self.certificate_by_id(id)) {
            // From now on another order for the same predecessor is refused (RFC 9773 Section 5).
            replaced.replaced_by = Some(id);
        }
        let order = Order {
            account,
            identifiers,
            authorizations,
            status: OrderStatus::Pending,
            created: now,
            expires: now + self.config.order_lifetime,
            not_before,
            not_after,
            profile,
            replaces,
            error: None,
            certificate: None,
            polls: 0,
        };
        self.orders.insert(id, order);
        if let Some(account) = self.accounts.get_mut(&account) {
            account.orders.push(id);
        }
        // All authorizations may be valid already, and then the order starts as `ready`.
        self.refresh_order(id, now, false);
        Ok(Reply::json(self.created(), self.order_object(id))
            .with_header("Location", self.order_url(id)))
    }

    pub(super) fn read_order(
        &mut self,
        account: u64,
        id: u64,
        jws: &Jws,
        now: u64,
    ) -> Result<Reply, Problem> {
        self.require_order(account, id)?;
        jws.require_post_as_get()?;
        self.refresh_order(id, now, true);
        let reply = Reply::json(200, self.order_object(id));
        let reply = if self.config.quirks.no_location_on_order {
            reply
        } else {
            reply.with_header("Location", self.order_url(id))
        };
        let waiting = self.orders.get(&id).and_then(|o| match o.status {
            OrderStatus::Processing => Some(true),
            OrderStatus::Pending => (o.polls > 0).then_some(true),
            _ => Some(false),
        });
        let configured = self.config.retry_after_order.as_ref();
        let retry_after = waiting.and_then(|waiting| self.retry_after(configured, waiting));
        Ok(self.with_retry_after(reply, retry_after.as_ref(), now))
    }

    /// Lists the orders of an account, a page at a time, without the invalid ones (Section
    /// 7.1.2.1).
    pub(super) fn list_orders(
        &mut self,
        account: u64,
        owner: u64,
        cursor: u64,
        jws: &Jws,
        now: u64,
    ) -> Result<Reply, Problem> {
        if account != owner {
            return Err(Problem::unauthorized("the account is another one than the signer"));
        }
        jws.require_post_as_get()?;
        let all = self.accounts.get(&account).map(|a| a.orders.clone()).unwrap_or_default();
        let size = self.config.orders_page_size.max(1);
        let from = usize::try_from(cursor).unwrap_or(usize::MAX);
        let mut page = Vec::new();
        let mut next = None;
        for (position, id) in all.into_iter().enumerate().skip(from) {
            self.refresh_order(id, now, false);
            if self.orders.get(&id).is_none_or(|o| o.status == OrderStatus::Invalid) {
                continue;
            }
            if page.len() == size {
                next = Some(position);
                break;
            }
            page.push(self.order_url(id));
        }
        let list = if self.config.quirks.bare_orders_array {
            json!(page)
        } else {
            json!({ "orders": page })
        };
        let reply = Reply::json(200, list);
        Ok(match next {
            Some(position) => reply.with_link(
                &format!("{}/orders?cursor={position}", self.account_url(account)),
                "next",
            ),
            None => reply,
        })
    }

    /// Checks that the order exists and belongs to the account.
    pub(super) fn require_order(&self, account: u64, id: u64) -> Result<(), Problem> {
        match self.orders.get(&id) {
            None => Err(Problem::new(404, "malformed", format!("there is no order {id}"))),
            Some(order) if order.account != account => {
                Err(Problem::unauthorized("the order belongs to another account"))
            }
            Some(_) => Ok(()),
        }
    }

    /// Updates the status from the time and the authorizations (Section 7.1.6).
    ///
    /// `read` is true if a client reads the order. Only that counts as a poll.
    pub(super) fn refresh_order(&mut self, id: u64, now: u64, read: bool) {
        let Some(order) = self.orders.get(&id) else {
            return;
        };
        let (status, expired) = (order.status, now > order.expires);
        match status {
            OrderStatus::Pending | OrderStatus::Ready => {
                let authorizations = order.authorizations.clone();
                for &authorization in &authorizations {
                    self.refresh_authorization(authorization, now);
                }
                let broken: Vec<u64> =
                    authorizations.iter().copied().filter(|&a| self.is_broken(a)).collect();
                let error = if !broken.is_empty() {
                    Some(self.order_error(&broken))
                } else if expired {
                    Some(Problem::malformed("the order has expired"))
                } else {
                    None
                };
                let all_valid = authorizations
                    .iter()
                    .all(|&a| self.authorization_is(a, AuthorizationStatus::Valid));
                self.settle(id, status, error, all_valid, read);
            }
            OrderStatus::Processing if read => {
                if let Some(order) = self.orders.get_mut(&id) {
                    if order.polls == 0 {
                        order.status = OrderStatus::Valid;
                    }
                    order.polls = order.polls.saturating_sub(1);
                }
            }
            _ => {}
        }
    }

    fn settle(
        &mut self,
        id: u64,
        status: OrderStatus,
        error: Option<Problem>,
        all_valid: bool,
        read: bool,
    ) {
        let delay = self.config.ready_delay_polls;
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        if error.is_some() {
            order.status = OrderStatus::Invalid;
            order.error = error;
        } else if status == OrderStatus::Pending && all_valid {
            // Some CAs report `pending` for a while after the last authorization is valid
            // (https://github.com/certbot/certbot/issues/9766). `polls` counts up here.
            if order.polls >= delay {
                order.status = OrderStatus::Ready;
                order.polls = 0;
            } else if read {
                order.polls += 1;
            }
        }
    }

    /// Makes the account's unfinished orders invalid.
    pub(super) fn cancel_orders(&mut self, account: u64) {
        for id in self.accounts.get(&account).map(|a| a.orders.clone()).unwrap_or_default() {
            if let Some(order) = self.orders.get_mut(&id)
                && matches!(order.status, OrderStatus::Pending | OrderStatus::Ready)
            {
                order.status = OrderStatus::Invalid;
                order.error = Some(Problem::unauthorized("the account was deactivated"));
            }
        }
    }

    pub(super) fn order_object(&self, id: u64) -> Value {
        let Some(order) = self.orders.get(&id) else {
            return json!({});
        };
        let quirks = &self.config.quirks;
        let mut object = Map::new();
        let (identifiers, authorizations) = self.order_lists(order);
        let deactivated = quirks.order_deactivated
            && order.status == OrderStatus::Invalid
            && order
                .authorizations
                .iter()
                .any(|&a| self.authorization_is(a, AuthorizationStatus::Deactivated));
        let status = if deactivated { "deactivated" } else { order.status.as_str() };
        object.insert("status".to_owned(), json!(status));
        object.insert("identifiers".to_owned(), Value::Array(identifiers));
        if !quirks.no_authorizations_when_ready || order.status == OrderStatus::Pending {
            object.insert("authorizations".to_owned(), json!(authorizations));
        }
        object.insert("finalize".to_owned(), json!(format!("{}/finalize", self.order_url(id))));
        self.set(&mut object, "expires", (!quirks.no_expires).then(|| self.date(order.expires)));
        self.set(&mut object, "notBefore", order.not_before.map(|d| self.date(d)));
        self.set(&mut object, "notAfter", order.not_after.map(|d| self.date(d)));
        self.set(&mut object, "profile", order.profile.as_ref().map(|p| json!(p)));
        let replaces = order.replaces.as_ref().filter(|_| !quirks.hide_replaces);
        self.set(&mut object, "replaces", replaces.map(|r| json!(r)));
        self.set(&mut object, "error", order.error.as_ref().map(|e| self.problem_json(e)));
        let certificate = order.certificate.filter(|_| order.status == OrderStatus::Valid);
        self.set(&mut object, "certificate", certificate.map(|c| json!(self.certificate_url(c))));
        Value::Object(object)
    }

    fn order_lists(&self, order: &Order) -> (Vec<Value>, Vec<String>) {
        let mut identifiers: Vec<Value> =
            order.identifiers.iter().map(|i| self.shown_identifier(i)).collect();
        let mut authorizations: Vec<String> =
            order.authorizations.iter().map(|&a| self.authorization_url(a)).collect();
        if self.config.quirks.reverse_identifiers {
            identifiers.reverse();
            authorizations.reverse();
        }
        (identifiers, authorizations)
    }

    /// Returns an identifier as this CA spells it.
    pub(super) fn shown_identifier(&self, identifier: &Identifier) -> Value {
        let quirks = &self.config.quirks;
        let mut shown = identifier.to_json();
        if let Identifier::Dns(name) = identifier {
            let bare = name.strip_prefix("*.").filter(|_| quirks.strip_wildcards);
            let name = bare.unwrap_or(name);
            shown["value"] = match quirks.capital_identifiers {
                true => json!(format!("{}.", name.to_ascii_uppercase())),
                false => json!(name),
            };
        }
        shown
    }

    fn identifiers(&self, wish: &Value) -> Result<Vec<Identifier>, Problem> {
        let malformed = || {
            Problem::malformed(
                "identifiers must be a non-empty array of objects with type and value",
            )
        };
        let list = wish.get("identifiers").and_then(Value::as_array).ok_or_else(malformed)?;
        if list.is_empty() {
            return Err(malformed());
        }
        if list.len() > self.config.max_names {
            return Err(Problem::new(
                400,
                "rejectedIdentifier",
                format!("an order has at most {} identifiers", self.config.max_names),
            ));
        }
        let mut seen = BTreeSet::new();
        let mut identifiers = Vec::new();
        for item in list {
            let text = |name: &str| item.get(name).and_then(Value::as_str).ok_or_else(malformed);
            let identifier = Identifier::parse(text("type")?, text("value")?)?;
            // Repeated identifiers are merged, as real CAs do. A certificate is for a set of names.
            if seen.insert(identifier.clone()) {
                identifiers.push(identifier);
            }
        }
        self.check_blocked(&identifiers)?;
        Ok(identifiers)
    }

    /// Checks that no identifier is blocked. The problem names each blocked one in a subproblem
    /// (Section 6.7.1).
    pub(super) fn check_blocked(&self, identifiers: &[Identifier]) -> Result<(), Problem> {
        let blocked: Vec<&Identifier> = identifiers
            .iter()
            .filter(|i| self.config.blocked_names.contains(&i.base().0.value()))
            .collect();
        if blocked.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = blocked.iter().map(|i| i.value()).collect();
        let problem = Problem::new(
            403,
            "rejectedIdentifier",
            format!("the CA will not issue for {}", names.join(", ")),
        );
        Err(blocked.into_iter().fold(problem, |problem, identifier| {
            let detail = format!("{identifier} is blocked by policy");
            problem.with_subproblem(
                Problem::new(403, "rejectedIdentifier", detail).with_identifier(identifier.clone()),
            )
        }))
    }

    fn requested_validity(
        &self,
        wish: &Value,
        now: u64,
    ) -> Result<(Option<u64>, Option<u64>), Problem> {
        let whole = self.config.quirks.refuse_fractions;
        let date = |name: &str| match wish.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if whole && text.contains('.') => {
                Err(Problem::malformed(format!("{name} has a fraction of a second")))
            }
            Some(value) => value
                .as_str()
                .and_then(parse_rfc3339)
                .map(Some)
                .ok_or_else(|| Problem::malformed(format!("{name} is not an RFC 3339 date"))),
        };
        let (not_before, not_after) = (date("notBefore")?, date("notAfter")?);
        if (not_before.is_some() || not_after.is_some()) && self.config.quirks.refuse_validity {
            return Err(Problem::malformed("notBefore and notAfter are not supported"));
        }
        let first = not_before.unwrap_or(now);
        if not_after.is_some_and(|last| last <= first || last <= now) {
            return Err(Problem::malformed("notAfter is not after notBefore and now"));
        }
        if not_after.is_some_and(|last| last - first > self.config.certificate_lifetime) {
            return Err(Problem::malformed(
                "the requested validity is longer than this CA certifies",
            ));
        }
        Ok((not_before, not_after))
    }

    fn order_to_reuse(
        &mut self,
        account: u64,
        identifiers: &[Identifier],
        now: u64,
    ) -> Option<u64> {
        if !self.config.reuse_orders {
            return None;
        }
        // The newest first, in the way of Let's Encrypt.
        let orders = self.accounts.get(&account)?.orders.clone();
        let wanted: BTreeSet<&Identifier> = identifiers.iter().collect();
        orders.into_iter().rev().find(|&id| {
            self.refresh_order(id, now, false);
            self.orders.get(&id).is_some_and(|o| {
                matches!(o.status, OrderStatus::Pending | OrderStatus::Ready)
                    && o.identifiers.iter().collect::<BTreeSet<_>>() == wanted
            })
        })
    }
}
