//! The network: what becomes of a request and of its response.

use acme_proto::flow::{Input, Lost, RequestId, Transmit};
use acme_proto::http::Response;

use super::actor::Role;
use super::ca::{BASE, Effects};
use super::envelope::Envelope;
use super::faults::Kind;
use super::sim::{Due, Sim};
use super::{check, objects};

/// A request under way, and what came of it.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) actor: usize,
    pub(super) life: u32,
    pub(super) id: RequestId,
    /// Which request of its actor it is.
    pub(super) count: u64,
    pub(super) envelope: Envelope,
    /// Nobody waits for the response any more.
    pub(super) is_late: bool,
    /// How long its sender waits, in milliseconds.
    pub(super) limit: u64,
    pub(super) result: Option<Result<Response, Lost>>,
    /// The response arrives once more.
    pub(super) is_twice: bool,
    /// It created an order, of which its sender learns.
    pub(super) created_order: bool,
}

impl Sim<'_> {
    /// Sends a request.
    pub(super) fn send(&mut self, index: usize, transmit: Transmit) {
        let envelope = Envelope::open(&transmit.request, BASE, self.all);
        self.note(|| format!("{index} sends {} {}", transmit.request.method(), envelope.path));
        check::request(self, index, &envelope);
        let actor = &mut self.actors[index];
        actor.sent += 1;
        actor.in_flight += 1;
        let count = actor.sent;
        let mut parcel = Box::new(Parcel {
            actor: index,
            life: actor.life,
            id: transmit.id,
            count,
            envelope,
            is_late: false,
            limit: transmit.time_limit.as_millis() as u64,
            result: None,
            is_twice: false,
            created_order: false,
        });
        let way = self.way(index, count, 0);
        for (kind, lost) in [
            (Kind::NotSent, Lost::NotSent("refused".into())),
            (Kind::NotProcessed, Lost::NotProcessed("GOAWAY".into())),
        ] {
            if self.strikes(kind, index, count) {
                // It never left, so that its nonce may go out once more.
                self.sent_nonces.remove(parcel.envelope.nonce.as_deref().unwrap_or_default());
                parcel.result = Some(Err(lost));
                return self.after(way, Due::Deliver(parcel));
            }
        }
        if self.strikes(Kind::RequestLost, index, count) {
            return self.time_out(parcel);
        }
        if self.strikes(Kind::RequestLate, index, count) {
            let late = Parcel { is_late: true, envelope: parcel.envelope.clone(), ..*parcel };
            self.after(late.limit + 1 + way, Due::Arrive(Box::new(late)));
            parcel.result = None;
            return self.time_out(parcel);
        }
        self.after(way, Due::Arrive(parcel));
    }

    fn time_out(&mut self, mut parcel: Box<Parcel>) {
        parcel.result = Some(Err(Lost::TimedOut));
        self.after(parcel.limit.max(1), Due::Deliver(parcel));
    }

    /// Returns how long one way takes, in milliseconds.
    fn way(&self, index: usize, count: u64, back: u64) -> u64 {
        1 + self.faults.draw(200 + back, index, count, self.latency)
    }

    /// A request reaches the CA.
    pub(super) fn arrive(&mut self, mut parcel: Box<Parcel>) {
        let (index, count) = (parcel.actor, parcel.count);
        let is_awaited = !parcel.is_late && self.actors[index].life == parcel.life;
        if let Some(refusal) = self.refusal(&parcel) {
            let refusal = self.ca.with_nonce(refusal);
            return self.give_back(parcel, Ok(refusal));
        }
        let mut effects = Effects::default();
        let mut response = self.process(&parcel, &mut effects);
        if self.strikes(Kind::SentTwice, index, count) && parcel.envelope.is_signed {
            self.actors[index].ledger.lost_orders += usize::from(effects.created_order.is_some());
            effects.created_order = None;
            response = self.process(&parcel, &mut effects);
        }
        if let Some(what) = effects.violation.take() {
            self.violated(what);
        }
        let created = effects.created_order.is_some();
        let result = self.disturb(&mut parcel, response);
        let is_intact = result.as_ref().is_ok_and(|(_, is_intact)| *is_intact) && is_awaited;
        self.actors[index].ledger.lost_orders += usize::from(created && !is_intact);
        parcel.created_order = created && is_intact;
        if !parcel.is_late {
            self.give_back(parcel, result.map(|(response, _)| response));
        }
    }

    fn process(&mut self, parcel: &Parcel, effects: &mut Effects) -> Response {
        let (index, count) = (parcel.actor, parcel.count);
        let reads = parcel.envelope.is_signed && parcel.envelope.is_read();
        let lags = reads && self.strikes(Kind::Replica, index, count);
        let seen = if lags { self.now.saturating_sub(self.ca.temper.lag) } else { self.now };
        let response = self.ca.process(&parcel.envelope, self.all, self.now, seen, effects);
        if let Some((authorization, challenge)) = effects.validates.take() {
            let slow = [1, 1_000, 5_000][self.faults.draw(202, 0, 0, 3) as usize];
            let after = 1 + self.faults.draw(203, authorization, challenge as u64, slow);
            self.after(after, Due::Validate(authorization, challenge));
        }
        self.note(|| format!("CA: {} to {index}, {}", response.status(), parcel.envelope.path));
        response
    }

    /// Returns what a CA that does not look at the request sends.
    fn refusal(&mut self, parcel: &Parcel) -> Option<Response> {
        let (index, count) = (parcel.actor, parcel.count);
        let seconds = [1, 5, 30, 1_000][self.faults.draw(204, index, count, 4) as usize];
        let after = |response: Response| response.with_header("retry-after", &seconds.to_string());
        if self.now < self.limited.0 {
            let refusal = objects::problem(429, "rateLimited", "too many of you");
            let left = (self.limited.0 - self.now).div_ceil(1_000);
            return Some(match self.limited.1 {
                true => refusal.with_header("retry-after", &left.to_string()),
                false => refusal,
            });
        }
        let limited = || objects::problem(429, "rateLimited", "too many requests");
        if self.strikes(Kind::Busy, index, count) {
            return Some(Response::new(503).with_header("retry-after", "1"));
        }
        if self.strikes(Kind::BusyPage, index, count) {
            return Some(Response::new(503).with_body("<html>busy</html>"));
        }
        if self.strikes(Kind::Limited, index, count) {
            return Some(after(limited()));
        }
        if self.strikes(Kind::LimitedWithoutTime, index, count) {
            return Some(limited());
        }
        if self.strikes(Kind::ServerError, index, count) {
            return Some(objects::problem(500, "serverInternal", "out of order"));
        }
        if parcel.envelope.is_signed && self.strikes(Kind::BadNonce, index, count) {
            return Some(objects::problem(400, "badNonce", "another one, please"));
        }
        if parcel.envelope.path == "/newOrder" && self.strikes(Kind::OrderRefused, index, count) {
            return Some(objects::problem(403, "rejectedIdentifier", "not these names"));
        }
        None
    }

    /// Returns what becomes of a response, and whether it is still what the CA sent.
    fn disturb(
        &mut self,
        parcel: &mut Parcel,
        response: Response,
    ) -> Result<(Response, bool), Lost> {
        let (index, count) = (parcel.actor, parcel.count);
        if self.strikes(Kind::ResponseLost, index, count) {
            return Err(Lost::NoResponse("closed".into()));
        }
        if self.strikes(Kind::ResponseLate, index, count) {
            return Err(Lost::TimedOut);
        }
        if self.strikes(Kind::BusyAfter, index, count) {
            return Ok((Response::new(503).with_header("retry-after", "1"), false));
        }
        if self.strikes(Kind::ErrorAfter, index, count) {
            return Ok((objects::problem(500, "serverInternal", "after all"), false));
        }
        if self.strikes(Kind::Truncated, index, count) {
            let half = response.body()[..response.body().len() / 2].to_vec();
            return Ok((response.with_body(half).truncated(), false));
        }
        let is_good = response.status() < 300 && !response.body().is_empty();
        if is_good && self.strikes(Kind::Garbled, index, count) {
            self.actors[index].ledger.garbled += 1;
            return Ok((response.with_body("{"), false));
        }
        if is_good && parcel.envelope.path.starts_with("/cert/") {
            let names = self.names_of(index);
            for kind in [Kind::WrongKey, Kind::WrongNames] {
                if self.strikes(kind, index, count) {
                    self.actors[index].ledger.wrong_certificates += 1;
                    let wanted = self.all.wanted(index, names);
                    let is_key = kind == Kind::WrongKey;
                    let chain = if is_key { &wanted.wrong_key } else { &wanted.wrong_names };
                    return Ok((objects::pem(chain), false));
                }
            }
        }
        parcel.is_twice = self.strikes(Kind::ResponseTwice, index, count);
        Ok((response, true))
    }

    fn give_back(&mut self, mut parcel: Box<Parcel>, result: Result<Response, Lost>) {
        if parcel.is_late {
            return;
        }
        if result == Err(Lost::TimedOut) {
            return self.time_out(parcel);
        }
        parcel.result = Some(result);
        let way = self.way(parcel.actor, parcel.count, 1);
        self.after(way, Due::Deliver(parcel));
    }

    /// An exchange ends.
    pub(super) fn deliver(&mut self, parcel: Parcel) {
        let (index, count) = (parcel.actor, parcel.count);
        let actor = &mut self.actors[index];
        if actor.life != parcel.life || actor.task.is_none() {
            actor.ledger.lost_orders += usize::from(parcel.created_order);
            return;
        }
        actor.in_flight -= 1;
        let input = || match &parcel.result {
            Some(Ok(response)) => Input::Response(parcel.id, response.clone()),
            Some(Err(lost)) => Input::Lost(parcel.id, lost.clone()),
            None => Input::Lost(parcel.id, Lost::TimedOut),
        };
        if self.strikes(Kind::Dropped, index, count) && self.is_wish(index) {
            self.actors[index].ledger.lost_orders += usize::from(parcel.created_order);
            // Whoever changes the key meanwhile shares it with nobody but its own process.
            if self.actors.iter().all(|actor| actor.role != Role::Rollover) {
                self.new_process();
            }
            return self.kill(index);
        }
        if self.strikes(Kind::Cancelled, index, count) {
            self.cancel(index);
        }
        self.step(index, Some(input()));
        if parcel.is_twice {
            self.step(index, Some(input()));
        }
    }
}
