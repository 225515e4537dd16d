//! Changing the account key, so that no lost answer locks anybody out (RFC 8555 section 7.3.5).

mod intent;

use alloc::string::String;
use core::time::Duration;

use crate::call::{Lanes, Reply, Step};
use crate::error::{DeadlinePassed, Error, InvalidInput, Misuse};
use crate::flow::{Flow, Input, Lost, Output, sealed};
use crate::jose::Jwk;
use crate::op::private::Plan;
use crate::op::{Auth, FindAccount, KeyChange, Operation, lookup};
use crate::session::Session;
use crate::time::Timestamp;
use crate::url::Url;

pub use intent::KeyChangeIntent;

/// Changes the account key to one that the caller brings.
///
/// The intent is stored before anything is sent. If the answer is lost, the server is asked which of the
/// keys it holds, and where it is still the old one, the change is sent again. A flow that ends without
/// knowing leaves [`Session::new_account_key`] set, and the intent valid: [`resume`](Self::resume) it, in this
/// process or another. Meanwhile every other flow finds the right key by itself, as long as the signer holds
/// both; another rollover, to whichever key, first finds out which one the account has.
///
/// It ends with the key that the account has from now on, which the session then uses.
#[derive(Debug)]
pub struct Rollover {
    new_key: Jwk,
    /// The intent of an earlier process.
    resumed: Option<KeyChangeIntent>,
    /// The account and the key that it had, once they are known.
    intent: Option<KeyChangeIntent>,
    /// The intent, until it is handed out.
    to_store: Option<KeyChangeIntent>,
    lanes: Lanes<Ask>,
    time_limit: Option<Duration>,
    state: State,
    /// Whether the intent is stored since an earlier run.
    settles: bool,
    /// Whether a change may have landed of which nothing was heard.
    uncertain: bool,
    /// How many times the change was sent.
    sent: u32,
    /// What the last change of unknown outcome was answered with.
    refusal: Option<Error>,
    /// The end, while notices are still to be handed out.
    result: Option<Result<Jwk, Error>>,
}

/// What a rollover asks of its user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RolloverEvent {
    /// Put both keys and this intent where they outlive a crash, then call [`Rollover::stored`], or
    /// [`Rollover::store_failed`] if that cannot be done.
    Store(KeyChangeIntent),
}

/// The requests of a rollover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ask {
    /// Which account the present key has.
    Account,
    /// To change the key.
    Change,
    /// Which account the new key has.
    NewKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Storing,
    Stored,
    Running,
    Done,
}

impl Rollover {
    /// Creates a change to this key; the signer must hold both.
    pub const fn new(new_key: Jwk) -> Self {
        Self {
            new_key,
            resumed: None,
            intent: None,
            to_store: None,
            lanes: Lanes::new(),
            time_limit: None,
            state: State::New,
            settles: false,
            uncertain: false,
            sent: 0,
            refusal: None,
            result: None,
        }
    }

    /// Settles a change whose outcome is not known: sees it done, if it is not done yet.
    pub fn resume(intent: KeyChangeIntent) -> Self {
        let new_key = intent.new_account_key().clone();
        Self { resumed: Some(intent), ..Self::settle(new_key) }
    }

    /// Settles a change of which the session was told by
    /// [`Session::with_new_account_key`], where the intent itself is not at hand.
    pub const fn settle(new_key: Jwk) -> Self {
        let mut this = Self::new(new_key);
        this.settles = true;
        this.uncertain = true;
        this
    }

    /// Sets a time limit other than the policy's.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Says that both keys and the intent are stored.
    ///
    /// # Errors
    /// [`Misuse::WrongState`] if the flow did not ask, [`Misuse::Finished`] after its end.
    pub fn stored(&mut self) -> Result<(), Misuse> {
        self.check_storing()?;
        self.state = State::Stored;
        Ok(())
    }

    /// Says that they could not be stored, and why; the flow then ends in [`Error::Storage`], and nothing
    /// was changed.
    ///
    /// # Errors
    /// [`Misuse::WrongState`] if the flow did not ask, [`Misuse::Finished`] after its end.
    pub fn store_failed(&mut self, why: String) -> Result<(), Misuse> {
        self.check_storing()?;
        self.state = State::Running;
        self.result = Some(Err(Error::Storage(why)));
        Ok(())
    }

    const fn check_storing(&self) -> Result<(), Misuse> {
        match self.state {
            State::Storing => Ok(()),
            State::Done => Err(Misuse::Finished),
            _ => Err(Misuse::WrongState("nothing is to be stored")),
        }
    }

    fn start(&mut self, session: &mut Session, now: Timestamp) -> Result<(), Error> {
        let limit = self.time_limit.unwrap_or_else(|| session.policy().call_time_limit);
        self.lanes.set_deadline(now.saturating_add(limit));
        self.state = State::Running;
        if let Some(intent) = self.resumed.take() {
            return self.take_up(intent, session);
        }
        let key = session.account_key().ok_or(Error::Misuse(Misuse::NoAccountKey))?;
        let open = session.new_account_key();
        self.uncertain |= open == Some(&self.new_key);
        if *key == self.new_key && !self.uncertain {
            return Err(InvalidInput::SameKey.into());
        }
        let other_is_open = open.is_some_and(|open| *open != self.new_key);
        match session.account_url().filter(|_| !other_is_open).cloned() {
            Some(account) => self.intend(account, session),
            // With the account comes the answer by which key it is found.
            None => self.lanes.start(Ask::Account, lookup()),
        }
        Ok(())
    }

    /// Goes on with the intent of an earlier process.
    fn take_up(&mut self, intent: KeyChangeIntent, session: &mut Session) -> Result<(), Error> {
        let known = session
            .account_key()
            .is_some_and(|k| [intent.old_account_key(), intent.new_account_key()].contains(&k));
        let same = session.account_url().is_none_or(|account| account == intent.account_url());
        if !known || !same || session.directory_url() != intent.directory_url() {
            return Err(InvalidInput::ForeignKeyChange(intent.account_url().clone()).into());
        }
        session.set_account_url(intent.account_url().clone());
        session
            .begin_key_change(intent.old_account_key().clone(), intent.new_account_key().clone());
        self.intent = Some(intent);
        self.ask_new_key();
        Ok(())
    }

    /// Has the intent stored, or goes on with one that is.
    fn intend(&mut self, account: Url, session: &Session) {
        let (directory, new) = (session.directory_url().clone(), self.new_key.clone());
        self.intent = session
            .account_key()
            .map(|old| KeyChangeIntent::new(directory, account, old.clone(), new));
        if self.settles {
            return self.ask_new_key();
        }
        self.to_store = self.intent.clone();
        self.state = State::Storing;
    }

    fn change(&mut self, session: &mut Session) {
        if let Some(intent) = &self.intent {
            session.begin_key_change(intent.old_account_key().clone(), self.new_key.clone());
        }
        self.state = State::Running;
        self.sent += 1;
        self.lanes.start(Ask::Change, KeyChange::new(self.new_key.clone()).spec());
    }

    fn ask_new_key(&mut self) {
        self.state = State::Running;
        self.lanes.start(Ask::NewKey, lookup().auth(Auth::NewKey(self.new_key.clone())));
    }

    fn finished(
        &mut self,
        ask: Ask,
        result: Result<Reply, Error>,
        session: &mut Session,
    ) -> Option<Result<Jwk, Error>> {
        match (ask, result) {
            (Ask::Account, result) => self.located(result, session).transpose(),
            (Ask::Change, Ok(_)) => Some(self.landed(session)),
            (Ask::Change, Err(error)) => self.not_told(error, session),
            (Ask::NewKey, result) => self.told(result, session),
        }
    }

    /// Takes the account; it may have been found by the new key.
    fn located(
        &mut self,
        result: Result<Reply, Error>,
        session: &mut Session,
    ) -> Result<Option<Jwk>, Error> {
        let found =
            result.and_then(|reply| self.lanes.read(&reply, session, |a| FindAccount.read(a)));
        let directory = session.directory_url().clone();
        let entry = found.or_else(|error| FindAccount.read_error(error, None))?;
        let entry = entry.ok_or(Error::NoAccount { directory })?;
        let account = entry.url().clone();
        entry.adopt(session);
        session.check_account()?;
        if session.account_key() == Some(&self.new_key) {
            return self.landed(session).map(Some);
        }
        self.intend(account, session);
        Ok(None)
    }

    /// Takes an error to the change: one that settles it, or one after which the server has to be asked.
    fn not_told(&mut self, error: Error, session: &mut Session) -> Option<Result<Jwk, Error>> {
        if is_settled(&error) && !self.uncertain {
            return Some(self.refused(error, session));
        }
        self.uncertain = true;
        self.refusal = Some(error);
        self.ask_new_key();
        None
    }

    /// Takes what the server says of the new key.
    fn told(
        &mut self,
        result: Result<Reply, Error>,
        session: &mut Session,
    ) -> Option<Result<Jwk, Error>> {
        let found =
            result.and_then(|reply| self.lanes.read(&reply, session, |a| a.location().map(Some)));
        let account = self.intent.as_ref().map(|intent| intent.account_url().clone());
        match found.or_else(|error| FindAccount.read_error(error, None).map(|_| None)) {
            Ok(Some(url)) if Some(&url) == account.as_ref() => Some(self.landed(session)),
            Ok(Some(other)) => Some(self.refused(Error::KeyInUse { account: other }, session)),
            Err(error) => Some(Err(error)),
            Ok(None) => match self.refusal.take() {
                Some(error) if is_settled(&error) => Some(self.refused(error, session)),
                Some(error) if self.sent >= session.policy().tries => Some(Err(error)),
                _ => {
                    self.change(session);
                    None
                }
            },
        }
    }

    fn landed(&self, session: &mut Session) -> Result<Jwk, Error> {
        session.set_account_key(self.new_key.clone());
        Ok(self.new_key.clone())
    }

    /// Ends with the old key; a conflict is told with the account that has the new one.
    fn refused(&self, error: Error, session: &mut Session) -> Result<Jwk, Error> {
        let taken = match &error {
            Error::Problem(problem) if problem.status() == 409 => problem.location().cloned(),
            _ => None,
        };
        let account = self.intent.as_ref().map(KeyChangeIntent::account_url);
        if taken.is_some() && taken.as_ref() == account {
            return self.landed(session);
        }
        session.forget_new_account_key();
        Err(taken.map_or(error, |account| Error::KeyInUse { account }))
    }

    fn end(
        &mut self,
        session: &mut Session,
        result: Result<Jwk, Error>,
    ) -> Output<RolloverEvent, Jwk> {
        self.state = State::Done;
        self.lanes.close(session);
        Output::Done(result)
    }
}

impl sealed::Sealed for Rollover {}

impl Flow for Rollover {
    type Event = RolloverEvent;
    type Success = Jwk;

    fn poll_output(
        &mut self,
        session: &mut Session,
        now: Timestamp,
    ) -> Output<Self::Event, Self::Success> {
        if let Err(misuse) = self.lanes.enter(session, now) {
            return Output::Done(Err(misuse.into()));
        }
        match self.state {
            State::New => {
                if let Err(error) = self.start(session, now) {
                    return self.end(session, Err(error));
                }
            }
            State::Done => return Output::Timeout(None),
            State::Stored if self.uncertain => self.ask_new_key(),
            State::Stored => self.change(session),
            State::Storing | State::Running => {}
        }
        loop {
            if (self.result.is_some() || self.state == State::Storing)
                && let Some(notice) = self.lanes.next_notice()
            {
                return Output::Notice(notice);
            }
            if let Some(result) = self.result.take() {
                return self.end(session, result);
            }
            if let (State::Storing, Some(intent)) = (self.state, self.to_store.take()) {
                return Output::Event(RolloverEvent::Store(intent));
            }
            match self.lanes.poll(session, now) {
                Err(misuse) => return Output::Done(Err(misuse.into())),
                Ok(Step::Transmit(transmit)) => return Output::Transmit(transmit),
                Ok(Step::Sign(request)) => return Output::Sign(request),
                Ok(Step::Notice(notice)) => return Output::Notice(notice),
                Ok(Step::Finished(ask, result)) => {
                    self.result = self.finished(ask, result, session);
                }
                Ok(Step::Wait(_)) if self.lanes.is_late() => {
                    let late = DeadlinePassed {
                        url: self.lanes.any_url(),
                        waiting_for: "the key change",
                        last: self.lanes.take_last_failure(),
                    };
                    return self.end(session, Err(Error::Deadline(late.into())));
                }
                Ok(Step::Wait(at)) => return Output::Timeout(Some(at)),
            }
        }
    }

    fn handle_input(
        &mut self,
        session: &mut Session,
        input: Input,
        now: Timestamp,
    ) -> Result<(), Misuse> {
        self.lanes.handle_input(session, input, now)
    }
}

/// Whether after this error the server has certainly not changed the key.
fn is_settled(error: &Error) -> bool {
    match error {
        Error::Problem(problem) => problem.status() < 500 || matches!(problem.status(), 501 | 503),
        Error::Transport(transport) => matches!(transport.lost(), Lost::NotSent(_)),
        Error::Peer(_) | Error::Deadline(_) => false,
        _ => true,
    }
}
