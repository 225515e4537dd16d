//! The exchanges of one flow: what each needs first, how many run at once, which nonce each takes.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use super::lane::{Lane, Purpose, State};
use crate::error::{Error, Misuse, PeerFault};
use crate::flow::{FlowId, Input, RequestId, SignId, SignRequest, Transmit};
use crate::http::{Method, Response};
use crate::jose::Signature;
use crate::notice::Notice;
use crate::op::private::Plan;
use crate::op::{
    Answer, Auth, GetDirectory, Operation, Payload, Spec, Target, located_account, lookup,
};
use crate::policy::ResourceClass;
use crate::session::{Binding, Session};
use crate::time::Timestamp;
use crate::token::Nonce;
use crate::url::Url;

/// Exchanges in progress, each named by a key of the flow's own.
#[derive(Debug)]
pub(crate) struct Lanes<K> {
    binding: Option<Binding>,
    pub(super) now: Timestamp,
    pub(super) deadline: Timestamp,
    next_id: u64,
    pub(super) lanes: Vec<Lane<K>>,
    /// Nonces from this flow's own newNonce answers, which no other flow may take.
    pub(super) nonces: Vec<(Timestamp, Nonce)>,
    /// How many nonces to fetch before anything waits for them.
    prefetch: usize,
    /// newNonce failed, so that nonces are to come with answers that are still out.
    awaits_nonces: bool,
    pub(super) notices: VecDeque<Notice>,
    finished: VecDeque<(K, Result<Reply, Error>)>,
    pub(super) last_failure: Option<Error>,
    pub(super) fetched_directory: bool,
}

/// What a flow's exchanges want next.
#[derive(Debug)]
pub(crate) enum Step<K> {
    Transmit(Transmit),
    Sign(SignRequest),
    Notice(Notice),
    Finished(K, Result<Reply, Error>),
    /// Nothing before this time, which lies ahead.
    Wait(Timestamp),
}

/// A successful answer, not yet read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(super) url: Url,
    pub(super) response: Response,
    pub(super) reread: bool,
    pub(super) tries: u32,
}

impl Reply {
    /// Returns whether this is the state after a lost answer, not the answer itself.
    pub(crate) const fn is_reread(&self) -> bool {
        self.reread
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) const fn response(&self) -> &Response {
        &self.response
    }
}

/// How long before the deadline the last poll goes out.
const LAST_LOOK: Duration = Duration::from_secs(3);

/// Whether a lane waits for what could not be had.
type Waits<K> = fn(&Lane<K>) -> bool;

/// What a pass over the lanes found missing.
#[derive(Default)]
pub(super) struct Missing {
    directory: bool,
    account: bool,
    pub(super) nonces: usize,
    wake: Option<Timestamp>,
}

impl<K: Clone + Ord> Lanes<K> {
    pub(crate) const fn new() -> Self {
        Self {
            binding: None,
            now: Timestamp::UNIX_EPOCH,
            deadline: Timestamp::UNIX_EPOCH,
            next_id: 0,
            lanes: Vec::new(),
            nonces: Vec::new(),
            prefetch: 0,
            awaits_nonces: false,
            notices: VecDeque::new(),
            finished: VecDeque::new(),
            last_failure: None,
            fetched_directory: false,
        }
    }

    pub(crate) const fn set_deadline(&mut self, deadline: Timestamp) {
        self.deadline = deadline;
    }

    /// Starts an exchange; it goes out at the next poll, or when what it needs is there.
    pub(crate) fn start(&mut self, key: K, spec: Spec) {
        self.lanes.push(Lane::new(Purpose::Key(key), spec));
    }

    /// Sends an operation again that turned out not to have landed.
    pub(crate) fn resend(&mut self, key: K, spec: Spec, reply: &Reply) {
        let mut lane = Lane::new(Purpose::Key(key), spec);
        lane.tries = reply.tries;
        self.lanes.push(lane);
    }

    /// Fetches so many nonces ahead of the requests that will need them.
    pub(crate) const fn prefetch_nonces(&mut self, count: usize) {
        self.prefetch = count;
    }

    /// Returns what is under way, or finished but not yet handed out.
    pub(crate) fn running(&self) -> BTreeSet<K> {
        let lanes = self.lanes.iter().filter_map(|lane| match &lane.purpose {
            Purpose::Key(key) => Some(key),
            _ => None,
        });
        lanes.chain(self.finished.iter().map(|(key, _)| key)).cloned().collect()
    }

    /// Gives up every exchange that is not wanted any more; answers to them are ignored.
    pub(crate) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.lanes.retain(|lane| match &lane.purpose {
            Purpose::Key(key) => keep(key),
            _ => true,
        });
        self.finished.retain(|(key, _)| keep(key));
    }

    pub(crate) fn has_notice(&self) -> bool {
        !self.notices.is_empty()
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.notices.push_back(notice);
    }

    /// Takes a notice, at the end of a flow that has its result.
    pub(crate) fn next_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Returns whether there are answers that the flow has not taken yet.
    pub(crate) fn has_finished(&self) -> bool {
        !self.finished.is_empty()
    }

    /// Returns whether the deadline has passed.
    pub(crate) fn is_late(&self) -> bool {
        self.now >= self.deadline
    }

    pub(crate) const fn deadline(&self) -> Timestamp {
        self.deadline
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Moves a time before the deadline, so that no wait sleeps past it without a last look.
    pub(crate) fn before_deadline(&self, at: Timestamp) -> Timestamp {
        let last = self.deadline.saturating_sub(LAST_LOOK);
        if at > last && last > self.now { last } else { at }
    }

    /// Returns the URL of an exchange that is under way.
    pub(crate) fn any_url(&self) -> Option<Url> {
        self.lanes.iter().find_map(|lane| lane.url.clone())
    }

    /// Returns the last failure that was tried again.
    pub(crate) const fn last_failure(&self) -> Option<&Error> {
        self.last_failure.as_ref()
    }

    pub(crate) const fn take_last_failure(&mut self) -> Option<Error> {
        self.last_failure.take()
    }

    /// Ends all exchanges and gives the nonces back.
    pub(crate) fn close(&mut self, session: &mut Session) {
        self.lanes.clear();
        self.finished.clear();
        self.prefetch = 0;
        for (since, nonce) in self.nonces.drain(..) {
            session.put_nonce(nonce, since);
        }
    }

    pub(crate) fn belongs_to(&self, session: &Session) -> bool {
        self.binding.is_none_or(|binding| session.is_bound(&binding))
    }

    /// Binds to the session, if that has not happened yet, and takes the time.
    pub(crate) fn enter(
        &mut self,
        session: &mut Session,
        now: Timestamp,
    ) -> Result<FlowId, Misuse> {
        let flow = session.bind(&mut self.binding)?;
        self.now = self.now.max(now);
        Ok(flow)
    }

    /// Reads a reply by its operation.
    pub(crate) fn read<T>(
        &mut self,
        reply: &Reply,
        session: &Session,
        read: impl FnOnce(&mut Answer<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut notices = Vec::new();
        let result = read(&mut Answer {
            url: &reply.url,
            response: &reply.response,
            allow_http: session.allows_http(),
            now: self.now,
            notices: &mut notices,
        });
        self.notices.extend(notices);
        result
    }

    pub(crate) fn poll(
        &mut self,
        session: &mut Session,
        now: Timestamp,
    ) -> Result<Step<K>, Misuse> {
        let flow = self.enter(session, now)?;
        loop {
            if let Some(notice) = self.notices.pop_front() {
                return Ok(Step::Notice(notice));
            }
            if let Some((key, result)) = self.finished.pop_front() {
                return Ok(Step::Finished(key, result));
            }
            if self.is_late() {
                return Ok(Step::Wait(self.deadline));
            }
            let mut missing = Missing::default();
            if let Some(step) = self.pass(session, flow, &mut missing) {
                return Ok(step);
            }
            let settled = self.finished.is_empty() && self.notices.is_empty();
            if settled && !self.supply(&missing, session) {
                let wake = missing.wake.unwrap_or(self.deadline).min(self.deadline);
                return Ok(Step::Wait(wake));
            }
        }
    }

    /// Walks over the lanes until one has something to hand out.
    fn pass(
        &mut self,
        session: &mut Session,
        flow: FlowId,
        missing: &mut Missing,
    ) -> Option<Step<K>> {
        let active = self.lanes.iter().filter(|lane| !lane.is_idle()).count();
        let has_room = active < session.policy().max_in_flight.max(1);
        let mut index = 0;
        while index < self.lanes.len() {
            if matches!(self.lanes[index].state, State::Signed(_)) {
                return Some(self.transmit(index, session, flow));
            }
            if has_room && self.lanes[index].is_idle() {
                match self.begin(index, session, flow, missing) {
                    Ok(Some(step)) => return Some(step),
                    Ok(None) => {}
                    Err(error) => {
                        self.finish(index, Err(error), session);
                        continue;
                    }
                }
            }
            index += 1;
        }
        None
    }

    /// Takes an idle lane one step on, or notes what it lacks.
    fn begin(
        &mut self,
        index: usize,
        session: &mut Session,
        flow: FlowId,
        missing: &mut Missing,
    ) -> Result<Option<Step<K>>, Error> {
        let lane = &mut self.lanes[index];
        let State::Idle { not_before, slot } = lane.state else { return Ok(None) };
        if not_before > self.now {
            missing.wake = Some(missing.wake.map_or(not_before, |wake| wake.min(not_before)));
            return Ok(None);
        }
        if session.needs_directory(self.now)
            && (lane.spec.is_signed() || lane.spec.target.is_from_directory())
        {
            missing.directory = true;
            return Ok(None);
        }
        if let (Payload::Order(order), None, Some(directory)) =
            (&lane.spec.payload, &lane.nested, session.directory())
        {
            let (payload, notices) = order.payload_at(directory).map_err(Error::Unsupported)?;
            lane.nested = Some(payload);
            self.notices.extend(notices);
        }
        let lane = &self.lanes[index];
        if lane.spec.is_signed()
            && !matches!(lane.spec.auth, Auth::Certificate(_))
            && session.account_key().is_none()
        {
            return Err(Error::Misuse(Misuse::NoAccountKey));
        }
        if lane.uses_account_url() && session.account_url().is_none() {
            missing.account = true;
            return Ok(None);
        }
        if lane.uses_account_url() {
            session.check_account()?;
        }
        let url = self.usable_url(index, session)?;
        let lane = &mut self.lanes[index];
        let held = session.held_until(lane.spec.class, self.now);
        if let Some(until) = held.filter(|until| *until >= self.deadline) {
            return Err(Error::RetryLater { url, until });
        }
        lane.url = Some(url);
        if !slot || held.is_some() {
            let at = session.reserve(lane.spec.class, self.now);
            lane.state = State::Idle { not_before: at, slot: true };
            if at > self.now {
                missing.wake = Some(missing.wake.map_or(at, |wake| wake.min(at)));
                return Ok(None);
            }
        }
        self.sign_or_send(index, session, flow, missing)
    }

    fn usable_url(&self, index: usize, session: &Session) -> Result<Url, Error> {
        let lane = &self.lanes[index];
        let url = match &lane.redirect {
            Some(url) => url.clone(),
            None => lane.spec.target.resolve(session)?,
        };
        if session.allows(&url) {
            return Ok(url);
        }
        Err(match lane.spec.target {
            Target::Directory => crate::error::InvalidInput::NotHttps(url).into(),
            _ => Error::peer(session.directory_url(), PeerFault::NotHttps(url)),
        })
    }

    /// Starts what the lanes lack; returns whether anything was started.
    fn supply(&mut self, missing: &Missing, session: &Session) -> bool {
        let mut started = false;
        if missing.directory {
            started |= self.spawn(Purpose::Directory, GetDirectory.spec());
        }
        if missing.account {
            started |= self.spawn(Purpose::FindAccount, lookup());
        }
        let awaited = self.awaits_nonces && self.expects_nonces();
        if session.directory().is_some() && !awaited {
            let running = self.lanes.iter().filter(|l| l.purpose == Purpose::Nonce).count();
            let wanted = missing.nonces.saturating_sub(running) + self.prefetch;
            self.prefetch = 0;
            for _ in 0..wanted.min(session.policy().max_in_flight.max(1)) {
                let spec = Spec::get("newNonce", Target::NewNonce)
                    .auth(Auth::None(Method::Head))
                    .class(ResourceClass::NewNonce);
                self.lanes.push(Lane::new(Purpose::Nonce, spec));
                started = true;
            }
        }
        started
    }

    fn spawn(&mut self, purpose: Purpose<K>, spec: Spec) -> bool {
        let absent = !self.lanes.iter().any(|lane| lane.purpose == purpose);
        if absent {
            self.lanes.push(Lane::new(purpose, spec));
        }
        absent
    }

    pub(crate) fn handle_input(
        &mut self,
        session: &mut Session,
        input: Input,
        now: Timestamp,
    ) -> Result<(), Misuse> {
        let Some(binding) = self.binding else { return Err(Misuse::UnknownId) };
        if !session.is_bound(&binding) {
            return Err(Misuse::WrongSession);
        }
        self.now = self.now.max(now);
        self.awaits_nonces = false;
        match input {
            Input::Response(id, response) => {
                self.check(binding, id.flow, id.seq)?;
                if let Some(index) = self.sent(id) {
                    self.answered(index, response, session);
                }
            }
            Input::Lost(id, lost) => {
                self.check(binding, id.flow, id.seq)?;
                if let Some(index) = self.sent(id) {
                    self.lost(index, lost, session);
                }
            }
            Input::Signature(id, signature) => {
                self.check(binding, id.flow, id.seq)?;
                self.signed(id, &signature);
            }
            Input::SignFailed(id, reason) => {
                self.check(binding, id.flow, id.seq)?;
                if let Some(index) = self.signing(id) {
                    self.finish(index, Err(Error::Signer(reason)), session);
                }
            }
            Input::Saved(id) | Input::SaveFailed(id, _) => self.check(binding, id.flow, id.seq)?,
        }
        Ok(())
    }

    fn check(&self, binding: Binding, flow: FlowId, seq: u64) -> Result<(), Misuse> {
        let known = flow == binding.flow && seq < self.next_id;
        if known { Ok(()) } else { Err(Misuse::UnknownId) }
    }

    fn sent(&self, id: RequestId) -> Option<usize> {
        self.lanes.iter().position(|lane| matches!(lane.state, State::Sent(sent) if sent == id))
    }

    fn signing(&self, id: SignId) -> Option<usize> {
        self.lanes.iter().position(|lane| {
            matches!(lane.state, State::Signing(s, _) | State::SigningInner(s, _) if s == id)
        })
    }

    fn signed(&mut self, id: SignId, signature: &Signature) {
        let Some(index) = self.signing(id) else { return };
        let now = self.now;
        let lane = &mut self.lanes[index];
        match &lane.state {
            State::Signing(_, input) => {
                lane.state = State::Signed(input.flattened(signature.as_bytes()));
            }
            State::SigningInner(_, input) => {
                if let Payload::Nested(inner) = &lane.spec.payload {
                    lane.nested = Some(inner.wrap(&input.flattened(signature.as_bytes())));
                }
                lane.state = State::Idle { not_before: now, slot: true };
            }
            _ => {}
        }
    }

    /// Ends a lane: hands its result to the flow, or to the lanes that waited for it.
    pub(super) fn finish(
        &mut self,
        index: usize,
        result: Result<Reply, Error>,
        session: &mut Session,
    ) {
        let lane = self.lanes.remove(index);
        let (result, waits): (Result<(), Error>, Waits<K>) = match (lane.purpose, result) {
            (Purpose::Key(key), result) => {
                if matches!(lane.spec.target, Target::Directory) {
                    session.directory_asked(self.now);
                }
                self.finished.push_back((key, result));
                return;
            }
            (Purpose::Directory, result) => {
                self.fetched_directory |= result.is_ok();
                session.directory_asked(self.now);
                let read = result.and_then(|reply| {
                    self.read(&reply, session, |answer| GetDirectory.read(answer))
                });
                match read {
                    // One that has grown old is better than none.
                    Err(_) if session.directory().is_some() => return,
                    read => (read.map(|directory| session.set_directory(directory)), |_| true),
                }
            }
            (Purpose::FindAccount, result) => {
                let found = result.and_then(|reply| self.read(&reply, session, located_account));
                (found.map(|located| located.adopt(session)), Lane::uses_account_url)
            }
            // Another answer may still bring the nonce that somebody waits for.
            (Purpose::Nonce, Err(_)) if self.expects_nonces() => {
                self.awaits_nonces = true;
                return;
            }
            (Purpose::Nonce, result) => (result.map(drop), |lane| lane.nonce.is_none()),
        };
        if let Err(error) = result {
            self.fail_waiting(&error, waits);
        }
    }

    fn expects_nonces(&self) -> bool {
        let answers = |lane: &Lane<K>| lane.purpose == Purpose::Nonce || lane.spec.is_signed();
        self.lanes.iter().any(|lane| !lane.is_idle() && answers(lane))
    }

    /// Fails every lane that waited for what could not be had.
    fn fail_waiting(&mut self, error: &Error, waits: Waits<K>) {
        let (failed, kept): (Vec<_>, Vec<_>) = core::mem::take(&mut self.lanes)
            .into_iter()
            .partition(|lane| lane.is_idle() && waits(lane));
        self.lanes = kept;
        for lane in failed {
            if let Purpose::Key(key) = lane.purpose {
                self.finished.push_back((key, Err(error.clone())));
            }
        }
    }

    pub(super) fn keep_nonce(&mut self, nonce: Nonce) {
        self.nonces.push((self.now, nonce));
    }

    pub(crate) fn id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    pub(super) fn limited(&self, limit: Duration) -> Duration {
        limit.min(self.deadline.saturating_duration_since(self.now))
    }
}
