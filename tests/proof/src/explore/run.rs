//! One run: a flow of the real code, the model of a CA, and what is between them.

use std::collections::BTreeSet;
use std::time::Duration;

use acme_proto::error::Error;
use acme_proto::flow::Transmit;
use acme_proto::flow::{Flow, Input, Lost, Output, SaveRequest, SignRequest, SignatureAlgorithm};
use acme_proto::http::{Method, Response};
use acme_proto::issuance::{Issuance, IssuanceEvent, Issued};
use acme_proto::jose::Signature;
use acme_proto::notice::Notice;
use acme_proto::policy::{Policy, Rates};
use acme_proto::session::Session;
use acme_proto::snapshot::Snapshot;
use acme_proto::time::Timestamp;
use acme_proto::wire::ChallengeKind;

use super::action::Action;
use super::ca::{BASE, KINDS, Materials, ModelCa, Work, pem, problem};
use super::{Plan, check};
use crate::jws::nonce;

const BEGINNING: i64 = 1_790_000_000_000;

/// A request between the flow and the CA.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pub(super) transmit: Transmit,
    /// The response, once the CA has processed the request.
    pub(super) response: Option<Response>,
    /// Whether it created an order.
    pub(super) created_order: bool,
}

/// What went wrong so far, as far as it excuses the outcome.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Ledger {
    /// Orders that the flow, or its snapshot, could not know.
    pub(super) lost_orders: usize,
    /// Validations that failed, and challenges that the user could not publish.
    pub(super) failures: usize,
    /// Responses that break the protocol, but for certificates.
    pub(super) garbled: usize,
    /// Downloads of certificates that cannot be read, or do not fit the order.
    pub(super) wrong_certificates: usize,
    /// Times that the flow woke up before what it waited for.
    pub(super) waits: usize,
    pub(super) crashes: usize,
    pub(super) cancelled: bool,
    pub(super) store_failed: bool,
}

impl Ledger {
    /// Returns how many certificates were given up: each was downloaded twice in vain.
    pub(super) const fn useless_certificates(&self) -> usize {
        self.wrong_certificates / 2
    }
}

/// A run.
pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    pub(super) all: &'a Materials,
    pub(super) session: Session,
    pub(super) flow: Issuance,
    pub(super) ca: ModelCa,
    pub(super) now: Timestamp,
    /// When this process began.
    pub(super) began: Timestamp,
    pub(super) wake: Option<Timestamp>,
    pub(super) in_flight: Vec<InFlight>,
    pub(super) events: Vec<IssuanceEvent>,
    pub(super) save: Option<SaveRequest>,
    pub(super) stored: Option<Snapshot>,
    /// The URLs of the challenges that are published.
    pub(super) published: BTreeSet<String>,
    /// The URLs of those that the flow, or the user, named as not cleaned up.
    pub(super) left_behind: BTreeSet<String>,
    pub(super) sent_nonces: BTreeSet<String>,
    pub(super) faults: u32,
    pub(super) ledger: Ledger,
    pub(super) result: Option<Result<Issued, Error>>,
    pub(super) violation: Option<String>,
}

impl<'a> Run<'a> {
    /// Begins a run.
    pub(super) fn new(plan: &'a Plan, all: &'a Materials) -> Self {
        let now = Timestamp::from_unix_millis(BEGINNING);
        let mut run = Self {
            plan,
            all,
            session: session(plan, all),
            flow: first_flow(plan, all),
            ca: ModelCa::new(),
            now,
            began: now,
            wake: None,
            in_flight: Vec::new(),
            events: Vec::new(),
            save: None,
            stored: None,
            published: BTreeSet::new(),
            left_behind: BTreeSet::new(),
            sent_nonces: BTreeSet::new(),
            faults: 0,
            ledger: Ledger::default(),
            result: None,
            violation: None,
        };
        run.drain();
        run
    }

    /// Returns whether the flow has ended, or an invariant is broken.
    pub(super) const fn is_over(&self) -> bool {
        self.result.is_some() || self.violation.is_some()
    }

    /// Returns what can happen now.
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for (n, request) in self.in_flight.iter().enumerate() {
            self.actions_of(n, request, &mut actions);
        }
        actions.extend((0..self.events.len()).map(Action::Oblige));
        if self.save.is_some() {
            actions.extend([Action::Store, Action::StoreFails]);
        }
        actions.extend(self.ca.work().into_iter().map(Action::Work));
        let may_happen = |action: &Action| !action.is_fault();
        if self.wake.is_some() && (!self.can_go_on() || self.faults < self.plan.faults) {
            actions.push(Action::Wait);
        }
        let fails = |event: &IssuanceEvent| {
            matches!(event, IssuanceEvent::Provision(_) | IssuanceEvent::CleanUp(_))
        };
        let events = self.events.iter().enumerate().filter(|(_, event)| fails(event));
        actions.extend(events.map(|(n, _)| Action::Fail(n)));
        if !self.ledger.cancelled {
            actions.push(Action::Cancel);
        }
        if self.plan.durable {
            actions.push(Action::Crash);
        }
        if self.faults >= self.plan.faults {
            actions.retain(may_happen);
        }
        if !self.plan.interleaved {
            let mut tried = false;
            let early = self.can_go_on();
            actions.retain(|action| {
                let costs = action.is_fault() || early && *action == Action::Wait;
                costs || !core::mem::replace(&mut tried, true)
            });
        }
        actions
    }

    /// Returns whether anything but the clock can go on.
    fn can_go_on(&self) -> bool {
        let asks = !self.in_flight.is_empty() || !self.events.is_empty() || self.save.is_some();
        asks || !self.ca.work().is_empty()
    }

    fn actions_of(&self, n: usize, request: &InFlight, actions: &mut Vec<Action>) {
        let transmit = &request.transmit.request;
        let path = transmit.url().as_str().strip_prefix(BASE).unwrap_or_default();
        if request.response.is_some() {
            actions.extend([Action::Deliver(n), Action::LoseResponse(n), Action::Truncate(n)]);
            actions.extend([Action::DeliverTwice(n), Action::Garble(n)]);
            if path.starts_with("/cert") {
                actions.extend([Action::WrongKey(n), Action::WrongNames(n)]);
            }
            return;
        }
        actions.push(Action::Arrive(n));
        if path.starts_with("/f/") {
            actions.push(Action::ArriveIssueLater(n));
        }
        actions.extend([Action::Refuse(n), Action::LoseRequest(n), Action::Busy(n)]);
        actions.push(Action::BusyAfter(n));
        if transmit.method() == Method::Post {
            actions.extend([Action::Limit(n), Action::BadNonce(n)]);
        }
    }

    /// Lets one thing happen, and the flow react to it.
    pub(super) fn act(&mut self, action: Action) {
        let is_early =
            action == Action::Wait && self.actions().iter().any(|a| !a.is_fault() && *a != action);
        if action.is_fault() || is_early {
            self.faults += 1;
            self.ledger.waits += usize::from(is_early);
        }
        match action {
            Action::Oblige(n) => self.oblige(n),
            Action::Fail(n) => self.fail(n),
            Action::Store | Action::StoreFails => self.store(action == Action::Store),
            Action::Work(work) => {
                let fails = matches!(work, Work::Validate { passes: false, .. });
                self.ledger.failures += usize::from(fails);
                self.ca.perform(work);
                return;
            }
            Action::Wait => self.now = self.wake.expect("only where there is a wake-up"),
            Action::Cancel => {
                self.ledger.cancelled = true;
                self.flow.cancel(&mut self.session);
            }
            Action::Crash => self.crash(),
            Action::Arrive(n) | Action::ArriveIssueLater(n) => {
                return self.arrive(n, action != Action::Arrive(n));
            }
            Action::Busy(n) => return self.answer(n, busy()),
            Action::Limit(n) | Action::BadNonce(n) => {
                let response = if action == Action::Limit(n) {
                    problem(429, "rateLimited").with_header("retry-after", "1")
                } else {
                    problem(400, "badNonce")
                };
                let response = self.ca.with_nonce(response, "/refused");
                return self.answer(n, response);
            }
            Action::BusyAfter(n) => {
                self.arrive(n, false);
                self.ledger.lost_orders += usize::from(self.in_flight[n].created_order);
                return self.answer(n, busy());
            }
            _ => self.deliver(action),
        }
        self.drain();
    }

    fn arrive(&mut self, n: usize, later: bool) {
        let processed = self.ca.process(&self.in_flight[n].transmit, self.all, later);
        self.in_flight[n].response = Some(processed.response);
        self.in_flight[n].created_order = processed.created_order;
    }

    fn answer(&mut self, n: usize, response: Response) {
        self.in_flight[n].response = Some(response);
        self.in_flight[n].created_order = false;
    }

    /// Ends an exchange.
    fn deliver(&mut self, action: Action) {
        let (Action::Deliver(n)
        | Action::DeliverTwice(n)
        | Action::LoseRequest(n)
        | Action::LoseResponse(n)
        | Action::Refuse(n)
        | Action::Truncate(n)
        | Action::Garble(n)
        | Action::WrongKey(n)
        | Action::WrongNames(n)) = action
        else {
            panic!("{action:?} ends no exchange")
        };
        let InFlight { transmit, response, created_order } = self.in_flight.remove(n);
        let id = transmit.id;
        let is_lost = !matches!(action, Action::Deliver(_) | Action::DeliverTwice(_));
        self.ledger.lost_orders += usize::from(created_order && is_lost);
        let response = response.unwrap_or_else(|| Response::new(500));
        let is_chain =
            transmit.request.url().as_str().contains("/cert/") && response.status() == 200;
        let response = match action {
            Action::LoseRequest(_) | Action::LoseResponse(_) => {
                return self.input(Input::Lost(id, Lost::NoResponse("closed".into())));
            }
            Action::Refuse(_) => {
                // It never left, so that it may go out once more as it is.
                self.sent_nonces.remove(&nonce(&transmit.request).unwrap_or_default());
                return self.input(Input::Lost(id, Lost::NotSent("refused".into())));
            }
            Action::Truncate(_) => {
                let half = response.body()[..response.body().len() / 2].to_vec();
                response.with_body(half).truncated()
            }
            Action::Garble(_) => {
                self.ledger.garbled += usize::from(!is_chain);
                response.with_body("{")
            }
            Action::WrongKey(_) => pem(&self.all.wrong_key),
            Action::WrongNames(_) => pem(&self.all.wrong_names),
            _ => response,
        };
        let is_wrong = matches!(action, Action::WrongKey(_) | Action::WrongNames(_));
        let is_garbled_chain = is_chain && matches!(action, Action::Garble(_));
        self.ledger.wrong_certificates += usize::from(is_wrong || is_garbled_chain);
        if matches!(action, Action::DeliverTwice(_)) {
            self.input(Input::Response(id, response.clone()));
        }
        self.input(Input::Response(id, response));
    }

    fn input(&mut self, input: Input) {
        if let Err(misuse) = self.flow.handle_input(&mut self.session, input, self.now) {
            self.violated(format!("an input was refused: {misuse}"));
        }
    }

    fn store(&mut self, works: bool) {
        let save = self.save.take().expect("only where a snapshot is handed out");
        if works {
            self.stored = Some(save.snapshot);
            self.input(Input::Saved(save.id));
        } else {
            self.ledger.store_failed = true;
            self.input(Input::SaveFailed(save.id, "no room".into()));
        }
    }

    fn oblige(&mut self, n: usize) {
        let event = self.events.remove(n);
        let done = match &event {
            IssuanceEvent::Authorize(offer) => match offer.kinds().first() {
                Some(kind) => self.flow.select(&self.session, &offer.id(), kind),
                None => self.flow.refuse(&offer.id(), "nothing is left".into()),
            },
            IssuanceEvent::Provision(challenge) => {
                self.published.insert(challenge.url().to_string());
                self.flow.ready(&challenge.id())
            }
            IssuanceEvent::CleanUp(challenge) => {
                self.published.remove(challenge.url().as_str());
                self.flow.cleaned(&challenge.id())
            }
            IssuanceEvent::Finalize(_) => {
                // An order may end before its user has made the CSR.
                let _ = self.flow.finalize(self.all.csr.clone());
                Ok(())
            }
            other => return self.violated(format!("an unknown event: {other:?}")),
        };
        // Offers end with their order.
        let may_be_late = matches!(event, IssuanceEvent::Authorize(_));
        if let Err(misuse) = done
            && !may_be_late
        {
            self.violated(format!("a command was refused: {misuse}"));
        }
    }

    fn fail(&mut self, n: usize) {
        let done = match self.events.remove(n) {
            IssuanceEvent::Provision(challenge) => {
                self.ledger.failures += 1;
                self.flow.failed(&challenge.id(), "no".into())
            }
            IssuanceEvent::CleanUp(challenge) => {
                self.left_behind.insert(challenge.url().to_string());
                self.flow.clean_failed(&challenge.id(), "no".into())
            }
            _ => Ok(()),
        };
        if let Err(misuse) = done {
            self.violated(format!("a command was refused: {misuse}"));
        }
    }

    /// The process dies; another one has what was stored, and no nonce.
    fn crash(&mut self) {
        let known = self.flow.order_url();
        let stored = self.stored.as_ref().and_then(Snapshot::order_url);
        let unknown = self.in_flight.iter().filter(|request| request.created_order).count();
        self.ledger.lost_orders += unknown + usize::from(known.is_some() && known != stored);
        self.ledger.crashes += 1;
        self.in_flight.clear();
        self.events.clear();
        self.save = None;
        self.session = session(self.plan, self.all);
        self.flow = match &self.stored {
            Some(snapshot) => equipped(Issuance::resume(read_back(snapshot)), self.plan),
            None => first_flow(self.plan, self.all),
        };
        self.began = self.now;
    }

    /// Polls until the flow waits, and takes its outputs.
    fn drain(&mut self) {
        for _ in 0..1000 {
            if self.violation.is_some() {
                return;
            }
            match self.flow.poll_output(&mut self.session, self.now) {
                Output::Transmit(transmit) => self.send(transmit),
                Output::Sign(request) => {
                    self.input(Input::Signature(request.id, sign(&request)));
                }
                Output::Save(save) => {
                    if self.save.replace(save).is_some() {
                        self.violated("two snapshots are stored at once".into());
                    }
                }
                Output::Event(event) => {
                    check::event(self, &event);
                    self.events.push(event);
                }
                Output::Notice(Notice::NotCleaned { challenge, .. }) => {
                    self.left_behind.insert(challenge.url().to_string());
                }
                Output::Notice(_) => {}
                Output::Timeout(at) => {
                    self.wake = Some(at);
                    return check::rest(self);
                }
                Output::Done(result) => {
                    self.result = Some(result);
                    return check::end(self);
                }
            }
        }
        self.violated("a thousand outputs without a pause".into());
    }

    fn send(&mut self, transmit: Transmit) {
        check::request(self, &transmit);
        if let Some(nonce) = nonce(&transmit.request)
            && !self.sent_nonces.insert(nonce)
        {
            self.violated("a nonce was sent twice".into());
        }
        self.in_flight.push(InFlight { transmit, response: None, created_order: false });
        if self.in_flight.len() > self.session.policy().max_in_flight {
            self.violated(format!("{} requests in flight", self.in_flight.len()));
        }
    }

    pub(super) fn violated(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }
}

/// Returns the challenges of both kinds as the user prefers them.
fn kinds() -> [ChallengeKind; KINDS.len()] {
    [ChallengeKind::Http01, ChallengeKind::Dns01]
}

fn equipped(flow: Issuance, plan: &Plan) -> Issuance {
    let flow = flow.with_solver_kinds(kinds());
    if plan.durable { flow.durable() } else { flow }
}

fn first_flow(plan: &Plan, all: &Materials) -> Issuance {
    let identifiers = all.names.iter().map(|name| name.parse().expect("a name"));
    equipped(Issuance::new(identifiers).expect("names"), plan)
}

fn session(plan: &Plan, all: &Materials) -> Session {
    let mut policy = Policy::default();
    policy.rates = Rates::unlimited();
    policy.max_in_flight = plan.max_in_flight;
    let url = |path: &str| format!("{BASE}{path}").parse().expect("a URL");
    Session::new(url("/directory"), 7)
        .with_account_key(all.account_key.clone())
        .with_account_url(url("/account"))
        .with_policy(policy)
}

/// Stores a snapshot as text and reads it, as another process does.
fn read_back(snapshot: &Snapshot) -> Snapshot {
    let text = serde_json::to_string(snapshot).expect("JSON");
    serde_json::from_str(&text).expect("a snapshot")
}

fn busy() -> Response {
    Response::new(503).with_header("retry-after", "1")
}

/// Signs nothing: the model of a CA does not look.
fn sign(request: &SignRequest) -> Signature {
    match request.algorithm {
        SignatureAlgorithm::Jws(algorithm) => {
            Signature::from_bytes(algorithm, &[7; 64]).expect("64 octets")
        }
        _ => Signature::from_mac(vec![7; 32]),
    }
}

/// How long a flow may take after its process began: its time limit, and that of the clean-up.
pub(super) fn longest(session: &Session) -> Duration {
    session.policy().issuance_time_limit + session.policy().clean_up_time_limit
}
