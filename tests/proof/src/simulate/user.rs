//! The user: publishes, cleans up, stores, agrees and cancels, sooner or later.

use acme_proto::error::{Error, Misuse};
use acme_proto::flow::Input;
use acme_proto::issuance::IssuanceEvent;
use acme_proto::register::RegisterEvent;
use acme_proto::rollover::RolloverEvent;

use super::actor::{Question, Role, Task};
use super::check;
use super::faults::Kind;
use super::sim::{Due, Sim, WORLD};

impl Sim<'_> {
    /// Takes a question; the user acts on it in a while.
    pub(super) fn ask(&mut self, index: usize, question: Question) {
        check::question(self, index, &question);
        let actor = &mut self.actors[index];
        actor.asked += 1;
        let (life, asked) = (actor.life, actor.asked);
        let slow = [1, 100, 3_000][self.faults.draw(301, index, 0, 3) as usize];
        let after = self.faults.draw(302, index, asked, slow);
        self.after(after, Due::Act(index, life, Box::new(question)));
    }

    /// The user does what is asked for.
    pub(super) fn act(&mut self, index: usize, question: Question) {
        let Some(mut task) = self.actors[index].task.take() else { return };
        let mut input = None;
        match (&mut task, question) {
            (Task::Issuance(flow), Question::Issuance(event)) => {
                if let Err(misuse) = self.oblige(index, flow, event) {
                    self.violated(format!("a command was refused: {misuse}"));
                }
            }
            (_, Question::Save(save)) => {
                self.actors[index].is_saving = false;
                let count = self.actors[index].asked;
                input = Some(if self.strikes(Kind::NotStored, index, count) {
                    Input::SaveFailed(save.id, "no room".into())
                } else {
                    self.actors[index].stored = Some(save.snapshot);
                    Input::Saved(save.id)
                });
            }
            (Task::Register(flow), Question::Register(RegisterEvent::AgreeToTerms(_))) => {
                let _ = flow.agree();
            }
            (Task::Rollover(flow), Question::Rollover(RolloverEvent::Store(intent))) => {
                let count = self.actors[index].asked;
                let done = if self.strikes(Kind::NotStored, index, count) {
                    flow.store_failed("no room".into())
                } else {
                    self.disk.intent = Some(intent);
                    flow.stored()
                };
                if let Err(misuse) = done.or_else(unless_over) {
                    self.violated(format!("a rollover refused what it asked for: {misuse}"));
                }
            }
            (task, question) => self.violated(format!("{task:?} asks {question:?}")),
        }
        self.actors[index].task = Some(task);
        self.step(index, input);
    }

    fn oblige(
        &mut self,
        index: usize,
        flow: &mut acme_proto::issuance::Issuance,
        event: IssuanceEvent,
    ) -> Result<(), Misuse> {
        let (session, count) = (self.actors[index].session, self.actors[index].asked);
        match event {
            IssuanceEvent::Authorize(offer) => {
                let chosen = match offer.kinds().first() {
                    Some(kind) => flow.select(&self.sessions[session], &offer.id(), kind),
                    None => flow.refuse(&offer.id(), "nothing is left".into()),
                };
                // Offers end with their order.
                chosen.or(Ok(()))
            }
            IssuanceEvent::Provision(challenge) => {
                let url = challenge.url().to_string();
                self.note(|| format!("{index} publishes {url}"));
                if self.strikes(Kind::NotPublished, index, count) {
                    self.actors[index].ledger.not_published += 1;
                    return flow.failed(&challenge.id(), "no".into());
                }
                let key = self.all.by_thumbprint(challenge.thumbprint());
                self.published.entry(url).or_default().insert(index, key);
                flow.ready(&challenge.id())
            }
            IssuanceEvent::CleanUp(challenge) => {
                let url = challenge.url().to_string();
                self.note(|| format!("{index} cleans {url}"));
                if self.strikes(Kind::NotCleaned, index, count) {
                    self.actors[index].ledger.left_behind.insert(url);
                    return flow.clean_failed(&challenge.id(), "no".into());
                }
                if let Some(users) = self.published.get_mut(&url) {
                    users.remove(&index);
                }
                flow.cleaned(&challenge.id())
            }
            IssuanceEvent::Finalize(_) => {
                let csr = self.all.wanted(index, self.names_of(index)).csr.clone();
                match flow.finalize(csr) {
                    Err(Error::Misuse(misuse)) => unless_over(misuse),
                    _ => Ok(()),
                }
            }
            other => {
                self.violated(format!("an unknown event: {other:?}"));
                Ok(())
            }
        }
    }

    pub(super) fn cancel(&mut self, index: usize) {
        let actor = &mut self.actors[index];
        if let Some(Task::Issuance(flow)) = &mut actor.task {
            flow.cancel(&mut self.sessions[actor.session]);
        }
    }

    /// The CA decides on a challenge, by what is published at this moment.
    pub(super) fn validate(&mut self, authorization: usize, n: usize) {
        let url = format!("{}/chall/{authorization}/{n}", super::ca::BASE);
        let published = self.published.get(&url).filter(|users| !users.is_empty());
        let key = self.ca.accounts.first().map(|account| account.key);
        let challenge = &self.ca.authorizations[authorization].challenges[n];
        let Some((_, then)) = challenge.responded else { return };
        let fits = published
            .is_some_and(|users| users.values().any(|own| *own == Some(then) || *own == key));
        let whose = published.and_then(|users| users.keys().next()).map_or(WORLD, |whose| *whose);
        let count = (authorization * 8 + n) as u64;
        let why = if self.faults.strikes(Kind::ValidationFails, whose, count) {
            Some("connection")
        } else if self.faults.strikes(Kind::ValidationBreaks, whose, count) {
            Some("serverInternal")
        } else {
            (!fits).then_some("unauthorized")
        };
        if let Some(actor) = self.actors.get_mut(whose).filter(|_| why.is_some()) {
            actor.ledger.faults.push(Kind::ValidationFails);
        }
        self.note(|| format!("CA decides {url}: {why:?}"));
        let now = self.now;
        self.ca.authorizations[authorization].challenges[n].decided = Some((now, why));
    }

    pub(super) fn is_wish(&self, index: usize) -> bool {
        matches!(self.actors[index].role, Role::Wish { .. })
    }

    /// Returns how many names a wish has.
    pub(super) fn names_of(&self, index: usize) -> usize {
        match self.actors[index].role {
            Role::Wish { names, .. } => names,
            _ => 1,
        }
    }
}

/// A flow may end before its user is done.
fn unless_over(misuse: Misuse) -> Result<(), Misuse> {
    if misuse == Misuse::Finished { Ok(()) } else { Err(misuse) }
}
