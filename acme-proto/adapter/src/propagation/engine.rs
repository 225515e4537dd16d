//! The search itself, without I/O: queries out, answers in.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;

use hickory_proto::rr::{Name, RecordType};

use super::PropagationCheck;
use super::answer::{self, ZoneAnswer, in_words};
use super::error::{Propagated, PropagationError, ServerAnswer, ServerState};
use super::message::{DnsQuery, QueryId, Question, Reply, is_no_way, refuses_query};
use super::target::{LAME_ROUNDS, Next, Target};
use crate::clock;

/// A search for one TXT record at every authoritative server of its zone.
///
/// Call [`poll`](Self::poll) until it returns [`Wait`](PropagationStep::Wait) or
/// [`Done`](PropagationStep::Done), and send every query that it returns, at the same time if
/// possible. Pass each answer or failure to [`answer`](Self::answer), and poll again. Time is
/// measured from the start.
///
/// The search runs through stages: the zone, its servers, their addresses, the record. Each stage
/// asks its questions in rounds: it sends all of them, waits for every answer, and then either
/// enters the next stage or pauses and asks again. An alias (CNAME) starts over with the zone of
/// its target, and a delegation goes on with the servers of the delegated zone.
#[derive(Debug)]
pub struct Propagation {
    check: PropagationCheck,
    value: String,
    /// The name whose record is looked for, last; before it, the names that are aliases for it.
    names: Vec<Name>,
    stage: Stage,
    /// Whether the questions of this round were asked.
    asked: bool,
    /// How many rounds this stage has begun.
    rounds: u32,
    /// Queries that [`poll`](Self::poll) has not returned yet.
    due: VecDeque<DnsQuery>,
    pending: BTreeMap<QueryId, Pending>,
    next_id: u64,
    pause: Duration,
    /// When the next round begins, if not at once.
    resume: Option<Duration>,
    /// A question of this round that no resolver answered, and why.
    trouble: Option<(String, String)>,
    /// The first look-up of a zone that no resolver answered, and why, while the parents are asked.
    zone_trouble: Option<(String, String)>,
    /// Who does not understand queries with EDNS (RFC 6891 section 7).
    without_edns: BTreeSet<SocketAddr>,
}

/// What [`Propagation::poll`] wants next.
#[derive(Debug)]
#[must_use]
pub enum PropagationStep {
    /// Send this query.
    Ask(DnsQuery),
    /// Wait for an answer, for this long at most.
    Wait(Duration),
    /// The end.
    Done(Result<Propagated, PropagationError>),
}

#[derive(Debug)]
enum Stage {
    /// Which zone is the name in? Asked for the name, then for its parents.
    Zone(Name),
    /// Which servers does the zone have?
    NameServers(Name),
    /// Which addresses do the servers have?
    Addresses(Name, Vec<Name>, Vec<Target>),
    /// Do they have the record?
    Record(Name, Vec<Target>),
    Failed(PropagationError),
}

#[derive(Debug)]
struct Pending {
    question: Question,
    message_id: u16,
    server: SocketAddr,
    to: To,
    tcp: bool,
}

#[derive(Clone, Copy, Debug)]
enum To {
    /// A resolver, by its index.
    Resolver(usize),
    /// A server that should have the record, by its index among the targets.
    Server(usize),
}

impl Propagation {
    pub(super) fn new(
        check: PropagationCheck,
        name: &str,
        value: &str,
    ) -> Result<Self, PropagationError> {
        if check.resolvers.is_empty() {
            return Err(PropagationError::NoResolver("none was given".into()));
        }
        // Bounded, because the caller's text ends up in a message.
        let invalid = || PropagationError::InvalidName(name.chars().take(300).collect());
        let parsed = Name::from_ascii(format!("{}.", name.trim_end_matches('.')));
        let name = parsed.ok().filter(|name| !name.is_root()).ok_or_else(invalid)?;
        // A resolver remembers for a while that there is no record, so that it is not asked too early.
        let resume = check.resolvers_only.then_some(check.first_pause);
        Ok(Self {
            pause: check.first_pause,
            stage: match check.resolvers_only {
                true => Stage::Record(Name::root(), resolvers(&check)?),
                false => Stage::Zone(name.clone()),
            },
            check,
            value: value.to_owned(),
            names: vec![name],
            asked: false,
            rounds: 0,
            due: VecDeque::new(),
            pending: BTreeMap::new(),
            next_id: 0,
            resume,
            trouble: None,
            zone_trouble: None,
            without_edns: BTreeSet::new(),
        })
    }

    /// Returns the next thing to do, `elapsed` after the start.
    pub fn poll(&mut self, elapsed: Duration) -> PropagationStep {
        let left = self.check.time_limit.saturating_sub(elapsed);
        loop {
            if let Stage::Failed(error) = &self.stage {
                return PropagationStep::Done(Err(error.clone()));
            }
            if left.is_zero() {
                return PropagationStep::Done(Err(self.timed_out()));
            }
            // All queries of a round go out before the first answer is waited for.
            if let Some(mut query) = self.due.pop_front() {
                query.time_limit = query.time_limit.min(left);
                return PropagationStep::Ask(query);
            }
            // A round is judged as a whole: one server that lacks the record decides it.
            if !self.pending.is_empty() {
                return PropagationStep::Wait(left);
            }
            if let Some(at) = self.resume.filter(|&at| at > elapsed) {
                return PropagationStep::Wait(at.saturating_sub(elapsed).min(left));
            }
            if !self.asked {
                self.ask();
            } else if let Some(done) = self.conclude(elapsed) {
                return PropagationStep::Done(Ok(done));
            }
        }
    }

    /// Handles the answer to a query: a message without the length of TCP, or the failure.
    ///
    /// A second answer to the same query is ignored.
    pub fn answer(&mut self, id: QueryId, answer: io::Result<Vec<u8>>) {
        let Some(pending) = self.pending.remove(&id) else { return };
        let Pending { question, message_id, server, to, tcp } = pending;
        if let Ok(octets) = &answer
            && refuses_query(octets, message_id)
            && self.without_edns.insert(server)
        {
            return self.send(server, question, to, tcp);
        }
        let answer = answer.map(|octets| Reply::decode(&octets, message_id, &question));
        match to {
            // A truncated answer is ignored and asked for by TCP (RFC 2181 section 9).
            _ if !tcp && matches!(&answer, Ok(Ok(reply)) if reply.truncated) => {
                self.send(server, question, to, true);
            }
            To::Resolver(place) => {
                let reply = match answer {
                    Err(error) => Err(error.to_string()),
                    // SERVFAIL and the like: another resolver may know more.
                    Ok(Ok(reply)) if !reply.is_definite() => Err(reply.code.to_string()),
                    Ok(reply) => reply,
                };
                match reply {
                    Ok(reply) => self.resolved(&question, &reply),
                    Err(why) => self.unresolved(question, place, why),
                }
            }
            To::Server(place) => match answer {
                Ok(Ok(reply)) => self.answered(place, &reply),
                Ok(Err(why)) => self.set_state(place, ServerState::Failed(why)),
                Err(error) if is_no_way(&error) => self.set_state(place, ServerState::Unreachable),
                Err(_) => self.set_state(place, ServerState::Silent),
            },
        }
    }

    /// Handles a resolver's answer to a question of the current stage.
    fn resolved(&mut self, question: &Question, reply: &Reply) {
        match &mut self.stage {
            Stage::Zone(name) => match answer::zone(reply, name) {
                ZoneAnswer::Zone(zone) => {
                    self.zone_trouble = None;
                    self.enter(Stage::NameServers(zone));
                }
                ZoneAnswer::AskParent => self.ask_parent(),
            },
            Stage::NameServers(zone) => {
                let servers = answer::name_servers(reply, zone);
                let next = if servers.is_empty() {
                    Stage::Failed(PropagationError::NoServers(in_words(zone)))
                } else {
                    Stage::Addresses(zone.clone(), servers, Vec::new())
                };
                self.enter(next);
            }
            Stage::Addresses(_, _, targets) => {
                // Servers of one zone may share an address, and a round repeats its questions.
                for address in answer::addresses(reply) {
                    let address = SocketAddr::new(address, self.check.port);
                    let known = targets.iter().any(|target| target.address == address);
                    if !known && targets.len() < MAX_TARGETS {
                        targets.push(Target::new(question.name.clone(), address));
                    }
                }
            }
            Stage::Record(..) | Stage::Failed(_) => {}
        }
    }

    /// Asks the next resolver, or records that none has an answer.
    fn unresolved(&mut self, question: Question, place: usize, why: String) {
        if place + 1 < self.check.resolvers.len() {
            self.ask_resolver(question, place + 1);
        } else {
            let what = format!("{} of {}", question.kind, in_words(&question.name));
            match &self.stage {
                // Servers made for challenges alone may fail at everything but TXT. Those of the parent say who they
                // are.
                Stage::Zone(_) => {
                    self.zone_trouble.get_or_insert((what, why));
                    self.ask_parent();
                }
                _ => self.trouble = Some((what, why)),
            }
        }
    }

    /// Looks for the zone of the parent's name, or ends the search for a zone at the top-level domain.
    fn ask_parent(&mut self) {
        let Stage::Zone(name) = &self.stage else { return };
        if name.num_labels() > 1 {
            self.stage = Stage::Zone(name.base_name());
            self.asked = false;
        } else if let Some(trouble) = self.zone_trouble.take() {
            // After a pause, from the beginning.
            self.trouble = Some(trouble);
            self.stage = Stage::Zone(self.name().clone());
        } else {
            self.enter(Stage::Failed(PropagationError::NoZone(in_words(self.name()))));
        }
    }

    /// Handles the answer of a server that should have the record.
    fn answered(&mut self, place: usize, reply: &Reply) {
        let Stage::Record(zone, _) = &self.stage else { return };
        let (state, next) = match self.check.resolvers_only {
            true => (answer::resolved_state(reply, self.name(), &self.value), None),
            false => answer::state(reply, zone, self.name(), &self.value),
        };
        self.set(place, state, next);
    }

    fn set_state(&mut self, place: usize, state: ServerState) {
        self.set(place, state, None);
    }

    fn set(&mut self, place: usize, state: ServerState, next: Option<Next>) {
        if let Stage::Record(_, targets) = &mut self.stage
            && let Some(target) = targets.get_mut(place)
        {
            target.set(state, next);
        }
    }

    /// Judges a round whose questions are all answered: enters the next stage, or sets the time of
    /// the next round.
    fn conclude(&mut self, elapsed: Duration) -> Option<Propagated> {
        match &mut self.stage {
            Stage::Addresses(zone, _, targets) => {
                // A failed look-up may hide a server. It is repeated a few times; then the servers
                // with known addresses must do. Without any, it is repeated until the time limit.
                let unsure = self.trouble.is_some();
                let enough = !unsure || self.rounds >= LAME_ROUNDS;
                if enough && !targets.is_empty() {
                    let next = Stage::Record(zone.clone(), core::mem::take(targets));
                    self.enter(next);
                    return None;
                }
                if !unsure {
                    let next = Stage::Failed(PropagationError::NoServers(in_words(zone)));
                    self.enter(next);
                    return None;
                }
            }
            Stage::Record(zone, targets) => {
                let mut counted = targets.iter().filter(|target| target.counts());
                // While the zone is being updated, some servers may have the alias and others the
                // record. Only when all agree does it matter what they say.
                if let Some(first) = counted.next()
                    && counted.all(|target| target.agrees(first))
                {
                    if first.is_found() {
                        let (zone, names, servers) = (in_words(zone), self.names(), self.servers());
                        let done = Propagated { zone, names, servers };
                        #[cfg(feature = "tracing")]
                        super::trace::propagated(&done);
                        return Some(done);
                    }
                    if let Some(next) = first.next().cloned() {
                        self.follow(next);
                        return None;
                    }
                }
            }
            // Their answers enter the next stage themselves, so no resolver has answered.
            Stage::Zone(_) | Stage::NameServers(_) | Stage::Failed(_) => {}
        }
        self.asked = false;
        self.resume = Some(elapsed.saturating_add(self.pause));
        self.pause = self.pause.saturating_mul(2).min(self.check.longest_pause);
        None
    }

    /// Continues with the servers of a delegated zone, or with the target of an alias, which may be in another zone.
    fn follow(&mut self, next: Next) {
        let target = match next {
            // Each delegation has a label more, so that this ends.
            Next::Zone(zone, servers) => {
                return self.enter(Stage::Addresses(zone, servers, Vec::new()));
            }
            Next::Alias(target) => target,
        };
        let next = if self.names.contains(&target) {
            Stage::Failed(PropagationError::AliasLoop(in_words(&target)))
        } else if self.names.len() > MAX_ALIASES {
            Stage::Failed(PropagationError::TooManyAliases(in_words(&target)))
        } else {
            self.names.push(target.clone());
            Stage::Zone(target)
        };
        self.enter(next);
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.asked = false;
        self.rounds = 0;
        self.resume = None;
        self.pause = self.check.first_pause;
    }

    /// Begins a round: asks the questions of the stage.
    fn ask(&mut self) {
        self.asked = true;
        self.rounds = self.rounds.saturating_add(1);
        self.trouble = None;
        match &self.stage {
            Stage::Zone(name) => self.ask_resolver(Question::new(name.clone(), RecordType::SOA), 0),
            Stage::NameServers(zone) => {
                self.ask_resolver(Question::new(zone.clone(), RecordType::NS), 0);
            }
            Stage::Addresses(_, servers, _) => {
                let kinds: &[RecordType] = match self.check.ipv6 {
                    true => &[RecordType::A, RecordType::AAAA],
                    false => &[RecordType::A],
                };
                for server in servers.clone() {
                    for &kind in kinds {
                        self.ask_resolver(Question::new(server.clone(), kind), 0);
                    }
                }
            }
            Stage::Record(_, targets) => {
                // A server that had the record once is not asked again.
                let lacking = targets.iter().enumerate();
                let lacking = lacking.filter(|(_, target)| !target.is_found());
                for place in lacking.map(|(place, _)| place).collect::<Vec<_>>() {
                    self.ask_server(place);
                }
            }
            Stage::Failed(_) => {}
        }
    }

    fn ask_resolver(&mut self, question: Question, place: usize) {
        if let Some(&resolver) = self.check.resolvers.get(place) {
            self.send(resolver, question, To::Resolver(place), false);
        }
    }

    fn ask_server(&mut self, place: usize) {
        let Stage::Record(_, targets) = &self.stage else { return };
        if let Some(address) = targets.get(place).map(|target| target.address) {
            let question = Question::new(self.name().clone(), RecordType::TXT);
            self.send(address, question, To::Server(place), false);
        }
    }

    fn send(&mut self, server: SocketAddr, question: Question, to: To, tcp: bool) {
        let id = QueryId(self.next_id);
        self.next_id += 1;
        // A random message ID keeps off-path attackers from forging an answer (RFC 5452 section 9).
        let message_id = clock::seed().to_be_bytes();
        let message_id = u16::from_be_bytes([message_id[0], message_id[1]]);
        // An authoritative server is not asked to recurse: it must answer from its own data.
        let recurse = matches!(to, To::Resolver(_)) || self.check.resolvers_only;
        match question.encode(message_id, recurse, !self.without_edns.contains(&server)) {
            Ok(message) => {
                let time_limit = self.check.query_limit;
                self.due.push_back(DnsQuery { id, server, tcp, message, time_limit });
                self.pending.insert(id, Pending { question, message_id, server, to, tcp });
            }
            Err(why) => match to {
                To::Resolver(place) => self.unresolved(question, place, why),
                To::Server(place) => self.set_state(place, ServerState::Failed(why)),
            },
        }
    }

    fn timed_out(&self) -> PropagationError {
        match (&self.stage, self.trouble.as_ref().or(self.zone_trouble.as_ref())) {
            (Stage::Record(..), _) => {}
            (_, Some((what, why))) => {
                return PropagationError::Resolver { what: what.clone(), why: why.clone() };
            }
            _ => {
                let what = format!("the servers of {}", in_words(self.name()));
                return PropagationError::Resolver { what, why: "no answer in time".into() };
            }
        }
        PropagationError::TimedOut {
            name: in_words(self.name()),
            value: self.value.clone(),
            limit: self.check.time_limit,
            servers: self.servers(),
        }
    }

    fn servers(&self) -> Vec<ServerAnswer> {
        let Stage::Record(_, targets) = &self.stage else { return Vec::new() };
        let answer = |target: &Target| ServerAnswer {
            server: in_words(&target.server),
            address: target.address,
            state: target.state().clone(),
        };
        targets.iter().map(answer).collect()
    }

    fn names(&self) -> Vec<String> {
        self.names.iter().map(in_words).collect()
    }

    fn name(&self) -> &Name {
        self.names.last().expect("there is the name asked for, and names are only added")
    }
}

/// Returns the resolvers as those that should have the record.
fn resolvers(check: &PropagationCheck) -> Result<Vec<Target>, PropagationError> {
    let name = Name::from_ascii("resolver.");
    let name = name.map_err(|error| PropagationError::InvalidName(error.to_string()))?;
    Ok(check.resolvers.iter().map(|address| Target::new(name.clone(), *address)).collect())
}

const MAX_ALIASES: usize = 8;
const MAX_TARGETS: usize = 32;
