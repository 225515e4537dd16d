//! The CA: accounts, orders and nonces, with the times at which each came to be what it is, so that a replica can show an
//! earlier state.

use std::collections::{BTreeMap, BTreeSet};

use acme_proto::http::Response;
use serde_json::Value;

use super::envelope::Envelope;
use super::materials::Materials;
use super::objects;

/// Where the CA is.
pub(super) const BASE: &str = "https://ca.test";

/// How a CA behaves throughout a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Temper {
    /// New orders use valid authorizations again.
    pub(super) reuses: bool,
    /// How long it takes to issue, in milliseconds.
    pub(super) issues_in: u64,
    /// How far replicas are behind.
    pub(super) lag: u64,
    /// Orders that are not finished come with this `Retry-After`.
    pub(super) retry_after: Option<u64>,
    /// What a wrong signature is refused with.
    pub(super) bad_signature: (u16, &'static str),
}

#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) key: u8,
    pub(super) created: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) wish: usize,
    pub(super) names: Vec<String>,
    pub(super) created: u64,
    pub(super) authorizations: Vec<usize>,
    /// When it was finalized, and when the certificate is there.
    pub(super) finalized: Option<(u64, u64)>,
}

#[derive(Clone, Debug)]
pub(super) struct Authorization {
    pub(super) name: String,
    pub(super) wildcard: bool,
    pub(super) created: u64,
    pub(super) challenges: Vec<Challenge>,
    /// When it was last read.
    pub(super) read: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Challenge {
    pub(super) kind: &'static str,
    /// When it was responded to, and the key of the account then.
    pub(super) responded: Option<(u64, u8)>,
    /// When it was decided, and why not.
    pub(super) decided: Option<(u64, Option<&'static str>)>,
}

/// The status of something as a replica shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Ready,
    Processing,
    Valid,
    Invalid,
}

impl Challenge {
    pub(super) fn status(&self, at: u64) -> Status {
        match (self.decided, self.responded) {
            (Some((since, None)), _) if since <= at => Status::Valid,
            (Some((since, Some(_))), _) if since <= at => Status::Invalid,
            (_, Some((since, _))) if since <= at => Status::Processing,
            _ => Status::Pending,
        }
    }
}

impl Authorization {
    pub(super) fn status(&self, at: u64) -> Status {
        let any = |status| self.challenges.iter().any(|c| c.status(at) == status);
        match (any(Status::Invalid), any(Status::Valid)) {
            (true, _) => Status::Invalid,
            (_, true) => Status::Valid,
            _ => Status::Pending,
        }
    }
}

/// What came of a request, beyond its response.
#[derive(Clone, Debug, Default)]
pub(super) struct Effects {
    /// The wish for which an order was created.
    pub(super) created_order: Option<usize>,
    /// A challenge that is validated: its authorization, and its place there.
    pub(super) validates: Option<(usize, usize)>,
    /// An invariant that the request broke.
    pub(super) violation: Option<String>,
}

/// The CA.
#[derive(Debug)]
pub(super) struct Ca {
    pub(super) temper: Temper,
    pub(super) accounts: Vec<Account>,
    pub(super) orders: Vec<Option<Order>>,
    pub(super) authorizations: Vec<Authorization>,
    good_nonces: BTreeSet<String>,
    nonces: u64,
    /// Certificates for each wish.
    pub(super) certificates: BTreeMap<usize, usize>,
    /// Orders for each wish, forgotten ones too.
    pub(super) ordered: BTreeMap<usize, usize>,
    /// Those that were forgotten.
    pub(super) forgotten: BTreeMap<usize, usize>,
}

impl Ca {
    pub(super) const fn new(temper: Temper) -> Self {
        Self {
            temper,
            accounts: Vec::new(),
            orders: Vec::new(),
            authorizations: Vec::new(),
            good_nonces: BTreeSet::new(),
            nonces: 0,
            certificates: BTreeMap::new(),
            ordered: BTreeMap::new(),
            forgotten: BTreeMap::new(),
        }
    }

    pub(super) fn forget_nonces(&mut self) {
        self.good_nonces.clear();
    }

    pub(super) fn forget_orders(&mut self) {
        for order in self.orders.iter_mut().filter_map(Option::take) {
            *self.forgotten.entry(order.wish).or_default() += 1;
        }
    }

    pub(super) fn forget_accounts(&mut self) {
        self.forget_orders();
        self.accounts.clear();
    }

    /// Adds a fresh nonce.
    pub(super) fn with_nonce(&mut self, response: Response) -> Response {
        self.nonces += 1;
        let nonce = format!("nonce{}", self.nonces);
        self.good_nonces.insert(nonce.clone());
        response.with_header("replay-nonce", &nonce)
    }

    /// Processes a request as of `now`; what it reads is as of `seen`, which is earlier at a replica.
    pub(super) fn process(
        &mut self,
        request: &Envelope,
        all: &Materials,
        now: u64,
        seen: u64,
        effects: &mut Effects,
    ) -> Response {
        let response = match self.admit(request, now, seen) {
            Err(refusal) => refusal,
            Ok(account) => self.route(request, account, all, now, seen, effects),
        };
        if request.path == "/directory" { response } else { self.with_nonce(response) }
    }

    /// Checks nonce, account and signature; returns the account.
    fn admit(&mut self, request: &Envelope, _now: u64, seen: u64) -> Result<usize, Response> {
        if !request.is_signed {
            return Ok(0);
        }
        let is_good = request.nonce.as_ref().is_some_and(|nonce| self.good_nonces.remove(nonce));
        if !is_good {
            return Err(objects::problem(400, "badNonce", "not a nonce of mine"));
        }
        let (status, kind) = self.temper.bad_signature;
        let refused = || objects::problem(status, kind, "the signature does not fit the key");
        if let Some(key) = request.jwk {
            return if key == request.signer { Ok(0) } else { Err(refused()) };
        }
        let id =
            request.kid.as_ref().and_then(|kid| kid.strip_prefix(BASE)?.strip_prefix("/acct/"));
        let id: Option<usize> = id.and_then(|id| id.parse().ok());
        let account = id.and_then(|id| Some((id, self.accounts.get(id)?)));
        match account.filter(|(_, account)| account.created <= seen) {
            None => Err(objects::problem(400, "accountDoesNotExist", "no such account")),
            Some((_, account)) if account.key != request.signer => Err(refused()),
            Some((id, _)) => Ok(id),
        }
    }

    fn route(
        &mut self,
        request: &Envelope,
        account: usize,
        all: &Materials,
        now: u64,
        seen: u64,
        effects: &mut Effects,
    ) -> Response {
        let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        let number = |n: usize| parts.get(n).and_then(|part| part.parse::<usize>().ok());
        let unknown = || objects::problem(404, "malformed", "there is no such thing");
        match (parts[0], number(1)) {
            ("directory", _) => objects::directory(),
            ("newNonce", _) => Response::new(200),
            ("newAccount", _) => self.new_account(request, now, seen),
            ("acct", Some(_)) => objects::account(200, account),
            ("keyChange", _) => self.key_change(request, account, all),
            ("newOrder", _) => self.new_order(request, now, effects),
            (part @ ("order" | "finalize" | "cert"), Some(order)) => {
                let is_seen = |order: &Order| order.created <= seen;
                if !self.orders.get(order).and_then(Option::as_ref).is_some_and(is_seen) {
                    return unknown();
                }
                match part {
                    "order" => objects::order(self, order, seen, 200),
                    "finalize" => self.finalize(request, order, all, now, seen, effects),
                    _ => self.certificate(order, all, seen).unwrap_or_else(unknown),
                }
            }
            ("authz", Some(index)) => match self.authorizations.get_mut(index) {
                Some(one) if one.created <= seen => {
                    one.read = now;
                    objects::authorization(self, index, seen)
                }
                _ => unknown(),
            },
            ("chall", Some(index)) => match (self.authorizations.get(index), number(2)) {
                (Some(one), Some(n)) if one.created <= seen && n < one.challenges.len() => {
                    self.challenge(request, (index, n), now, seen, effects)
                }
                _ => unknown(),
            },
            _ => unknown(),
        }
    }

    fn new_account(&mut self, request: &Envelope, now: u64, seen: u64) -> Response {
        let Some(key) = request.jwk else {
            return objects::problem(400, "malformed", "a key is needed");
        };
        let found = self.accounts.iter().position(|account| account.key == key);
        let only = request.payload.get("onlyReturnExisting").and_then(Value::as_bool);
        match found {
            Some(id) if self.accounts[id].created <= seen => objects::account(200, id),
            None if only != Some(true) => {
                self.accounts.push(Account { key, created: now });
                objects::account(201, self.accounts.len() - 1)
            }
            _ => objects::problem(400, "accountDoesNotExist", "no account with this key"),
        }
    }

    fn key_change(&mut self, request: &Envelope, account: usize, all: &Materials) -> Response {
        let inner = Envelope::read(request.path.clone(), true, &request.payload, all);
        let old = inner.payload.get("oldKey").and_then(|key| key.get("x")?.as_str());
        let Some(new) = inner.jwk.filter(|key| *key == inner.signer) else {
            return objects::problem(400, "malformed", "the inner signature does not fit");
        };
        if old.and_then(|x| all.by_x(x)) != Some(self.accounts[account].key) {
            return objects::problem(400, "malformed", "not the old key");
        }
        if let Some(other) = self.accounts.iter().position(|one| one.key == new) {
            let location = format!("{BASE}/acct/{other}");
            return objects::problem(409, "malformed", "the key is in use")
                .with_header("location", &location);
        }
        self.accounts[account].key = new;
        objects::account(200, account)
    }

    fn new_order(&mut self, request: &Envelope, now: u64, effects: &mut Effects) -> Response {
        let listed = request.payload.get("identifiers").and_then(Value::as_array);
        let value = |one: &Value| one.get("value").and_then(Value::as_str).map(str::to_owned);
        let names: Vec<String> = listed.into_iter().flatten().filter_map(value).collect();
        let wish = names.iter().find_map(|name| name.strip_prefix('w')?.strip_suffix(".example"));
        let wish = wish.and_then(|wish| wish.parse().ok()).expect("each order has its own name");
        let authorizations = names.iter().map(|name| self.authorize(name, now)).collect();
        let order = Order { wish, names, created: now, authorizations, finalized: None };
        self.orders.push(Some(order));
        *self.ordered.entry(wish).or_default() += 1;
        effects.created_order = Some(wish);
        let index = self.orders.len() - 1;
        objects::order(self, index, now, 201)
            .with_header("location", &format!("{BASE}/order/{index}"))
    }

    fn authorize(&mut self, name: &str, now: u64) -> usize {
        let (base, wildcard) = name.strip_prefix("*.").map_or((name, false), |base| (base, true));
        let is_same = |one: &Authorization| {
            one.name == base && one.wildcard == wildcard && one.status(now) == Status::Valid
        };
        if self.temper.reuses
            && let Some(index) = self.authorizations.iter().position(is_same)
        {
            return index;
        }
        let kinds: &[&'static str] = if wildcard { &["dns-01"] } else { &["http-01", "dns-01"] };
        let challenge = |kind: &&'static str| Challenge { kind, responded: None, decided: None };
        let challenges = kinds.iter().map(challenge).collect();
        self.authorizations.push(Authorization {
            name: base.to_owned(),
            wildcard,
            created: now,
            challenges,
            read: 0,
        });
        self.authorizations.len() - 1
    }

    fn challenge(
        &mut self,
        request: &Envelope,
        (index, n): (usize, usize),
        now: u64,
        seen: u64,
        effects: &mut Effects,
    ) -> Response {
        let is_open = self.authorizations[index].status(now) == Status::Pending;
        let key = request.signer;
        let challenge = &mut self.authorizations[index].challenges[n];
        let responds = !request.is_read();
        if responds && is_open && challenge.responded.is_none() {
            challenge.responded = Some((now, key));
            effects.validates = Some((index, n));
        }
        objects::challenge(self, index, n, if responds { now } else { seen })
    }

    fn finalize(
        &mut self,
        request: &Envelope,
        index: usize,
        all: &Materials,
        now: u64,
        seen: u64,
        effects: &mut Effects,
    ) -> Response {
        if self.status(index, seen.min(now)) != Status::Ready
            || self.status(index, now) != Status::Ready
        {
            return objects::problem(403, "orderNotReady", "the order is not ready");
        }
        let issued = now + self.temper.issues_in;
        let Some(order) = self.orders[index].as_mut() else {
            return objects::problem(404, "malformed", "there is no such order");
        };
        let csr = request.payload.get("csr").and_then(Value::as_str);
        if csr != Some(&all.wanted(order.wish, order.names.len()).csr_text) {
            effects.violation = Some("a CSR for other names".into());
        }
        order.finalized = Some((now, issued));
        let wish = order.wish;
        *self.certificates.entry(wish).or_default() += 1;
        objects::order(self, index, now, 200)
            .with_header("location", &format!("{BASE}/order/{index}"))
    }

    fn certificate(&self, index: usize, all: &Materials, seen: u64) -> Option<Response> {
        let order = self.orders[index].as_ref()?;
        let is_there = order.finalized.is_some_and(|(_, issued)| issued <= seen);
        is_there.then(|| objects::pem(&all.wanted(order.wish, order.names.len()).chain))
    }

    /// Returns the status of an order.
    pub(super) fn status(&self, index: usize, at: u64) -> Status {
        let Some(order) = &self.orders[index] else { return Status::Invalid };
        match order.finalized {
            Some((_, issued)) if issued <= at => return Status::Valid,
            Some((since, _)) if since <= at => return Status::Processing,
            _ => {}
        }
        let statuses = order.authorizations.iter().map(|one| self.authorizations[*one].status(at));
        let statuses: Vec<Status> = statuses.collect();
        if statuses.contains(&Status::Invalid) {
            Status::Invalid
        } else if statuses.iter().all(|status| *status == Status::Valid) {
            Status::Ready
        } else {
            Status::Pending
        }
    }

    /// Returns how many orders of a wish failed.
    pub(super) fn failed_orders(&self, wish: usize, now: u64) -> usize {
        let own = |index: &usize| self.orders[*index].as_ref().is_some_and(|o| o.wish == wish);
        let own = (0..self.orders.len()).filter(own);
        own.filter(|index| self.status(*index, now) == Status::Invalid).count()
    }
}
