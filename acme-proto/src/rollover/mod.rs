//! Changing the account key, so that no lost response locks anybody out (RFC 8555 Section 7.3.5).

mod intent;

use alloc::string::String;
use core::time::Duration;

use crate::call::{Drive, Engine, Finished, Life};
use crate::error::{Error, InvalidInput, Misuse};
use crate::flow::{Flow, Output};
use crate::jose::Jwk;
use crate::op::{AccountEntry, FindAccount, KeyChange, LocateAccount, Located, operations};
use crate::resource::Resource;
use crate::session::Session;
use crate::url::Url;

pub use intent::RolloverIntent;

/// Changes the account key to one that the caller brings.
///
/// The intent is stored before anything is sent. If the response is lost, the server is asked which of the
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
    resumed: Option<RolloverIntent>,
    /// The account and the key that it had, once they are known.
    intent: Option<RolloverIntent>,
    engine: Engine<AnyOperation>,
    life: Life<Jwk>,
    storing: Storing,
    /// Whether the intent is stored since an earlier run.
    settles: bool,
    /// Whether a change may have landed of which nothing was heard.
    uncertain: bool,
    /// How many times the change was sent.
    sent: u32,
    /// The error of the last change whose outcome is not known.
    refusal: Option<Error>,
}

/// What a rollover asks of its user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RolloverEvent {
    /// Put both keys and this intent where they outlive a crash, then call [`Rollover::stored`], or
    /// [`Rollover::store_failed`] if that cannot be done.
    Store(RolloverIntent),
}

operations! {
    /// The requests of a rollover.
    enum AnyOperation {
        /// Which account the present key has.
        Account(FindAccount),
        Change(KeyChange),
        /// Which account the new key has.
        NewKey(LocateAccount),
    }
}

/// Whether the user is storing the intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storing {
    No,
    /// The user has not been asked yet.
    Due,
    Asked,
    Done,
}

impl Rollover {
    /// Creates a change to this key; the signer must hold both.
    pub fn new(new_key: Jwk) -> Self {
        Self {
            new_key,
            resumed: None,
            intent: None,
            engine: Engine::new(),
            life: Life::New,
            storing: Storing::No,
            settles: false,
            uncertain: false,
            sent: 0,
            refusal: None,
        }
    }

    /// Settles a change whose outcome is not known: sees it done, if it is not done yet.
    pub fn resume(intent: RolloverIntent) -> Self {
        let new_key = intent.new_account_key().clone();
        Self { resumed: Some(intent), ..Self::settle(new_key) }
    }

    /// Settles a change that the session knows of by
    /// [`Session::with_new_account_key`], where the intent itself is not at hand.
    pub fn settle(new_key: Jwk) -> Self {
        Self { settles: true, uncertain: true, ..Self::new(new_key) }
    }

    /// Sets a time limit other than the policy's.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.engine.exchanges.set_time_limit(limit);
        self
    }

    /// Says that both keys and the intent are stored.
    ///
    /// # Errors
    /// [`Misuse::StoreNotRequested`] if the flow did not ask, [`Misuse::Finished`] after its end.
    pub fn stored(&mut self) -> Result<(), Misuse> {
        self.check_storing()?;
        self.storing = Storing::Done;
        Ok(())
    }

    /// Says that they could not be stored, and why; the flow then ends in [`Error::Storage`], and nothing
    /// was changed.
    ///
    /// # Errors
    /// [`Misuse::StoreNotRequested`] if the flow did not ask, [`Misuse::Finished`] after its end.
    pub fn store_failed(&mut self, why: String) -> Result<(), Misuse> {
        self.check_storing()?;
        self.storing = Storing::No;
        self.life.end(Err(Error::Storage(why)));
        Ok(())
    }

    const fn check_storing(&self) -> Result<(), Misuse> {
        match self.storing {
            _ if self.life.is_over() => Err(Misuse::Finished),
            Storing::Asked => Ok(()),
            _ => Err(Misuse::StoreNotRequested),
        }
    }

    fn begin(&mut self, session: &mut Session) -> Result<(), Error> {
        if let Some(intent) = self.resumed.take() {
            return self.resume_intent(intent, session);
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
            // With the account comes the key by which it is found.
            None => {
                self.engine.start(AnyOperation::Account(FindAccount));
            }
        }
        Ok(())
    }

    /// Goes on with the intent of an earlier process.
    fn resume_intent(
        &mut self,
        intent: RolloverIntent,
        session: &mut Session,
    ) -> Result<(), Error> {
        let known = session
            .account_key()
            .is_some_and(|k| [intent.old_account_key(), intent.new_account_key()].contains(&k));
        let same = session.account_url().is_none_or(|account| account == intent.account_url());
        if !known || !same || session.directory_url() != intent.directory_url() {
            return Err(InvalidInput::ForeignRollover(intent.account_url().clone()).into());
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
            .map(|old| RolloverIntent::new(directory, account, old.clone(), new));
        if self.settles {
            return self.ask_new_key();
        }
        self.storing = Storing::Due;
    }

    fn change(&mut self, session: &mut Session) {
        if let Some(intent) = &self.intent {
            session.begin_key_change(intent.old_account_key().clone(), self.new_key.clone());
        }
        self.sent += 1;
        self.engine.start(AnyOperation::Change(KeyChange::new(self.new_key.clone())));
    }

    fn ask_new_key(&mut self) {
        let new_key = Some(self.new_key.clone());
        self.engine.start(AnyOperation::NewKey(LocateAccount { new_key }));
    }

    /// Takes a result; the key that the account has, or an error, is the end.
    fn take(
        &mut self,
        result: AnyResult,
        may_have_landed: bool,
        session: &mut Session,
    ) -> Result<Option<Jwk>, Error> {
        match result {
            AnyResult::Account(_, found) => self.located(found?, session),
            AnyResult::Change(_, Ok(_)) => self.landed(session).map(Some),
            AnyResult::Change(_, Err(error)) => self.change_failed(error, may_have_landed, session),
            AnyResult::NewKey(_, found) => self.new_key_asked(found?, session),
        }
    }

    /// Takes the account; it may have been found by the new key.
    fn located(
        &mut self,
        found: Option<AccountEntry>,
        session: &mut Session,
    ) -> Result<Option<Jwk>, Error> {
        let directory = session.directory_url().clone();
        let account = found.ok_or(Error::NoAccount { directory })?.url().clone();
        session.check_account()?;
        if session.account_key() == Some(&self.new_key) {
            return self.landed(session).map(Some);
        }
        self.intend(account, session);
        Ok(None)
    }

    /// Takes an error to the change: one that settles it, or one after which the server has to be asked.
    fn change_failed(
        &mut self,
        error: Error,
        may_have_landed: bool,
        session: &mut Session,
    ) -> Result<Option<Jwk>, Error> {
        if is_settled(&error) && !may_have_landed && !self.uncertain {
            return self.refused(error, session).map(Some);
        }
        self.uncertain = true;
        self.refusal = Some(error);
        self.ask_new_key();
        Ok(None)
    }

    /// Reads which account the server has for the new key.
    fn new_key_asked(
        &mut self,
        found: Option<Located>,
        session: &mut Session,
    ) -> Result<Option<Jwk>, Error> {
        let account = self.intent.as_ref().map(RolloverIntent::account_url);
        match (found, self.refusal.take()) {
            (Some(Located { url, .. }), _) if Some(&url) == account => {
                self.landed(session).map(Some)
            }
            (Some(Located { url, .. }), _) => {
                self.refused(Error::KeyInUse { account: url }, session).map(Some)
            }
            (None, Some(error)) if is_refusal(&error) => self.refused(error, session).map(Some),
            (None, Some(error)) if self.sent >= session.policy().tries => Err(error),
            (None, _) => {
                self.change(session);
                Ok(None)
            }
        }
    }

    fn landed(&self, session: &mut Session) -> Result<Jwk, Error> {
        session.set_account_key(self.new_key.clone());
        Ok(self.new_key.clone())
    }

    /// Ends with the old key. A conflict names the account that has the new one.
    fn refused(&self, error: Error, session: &mut Session) -> Result<Jwk, Error> {
        let taken = match &error {
            Error::Problem(problem) if problem.status() == 409 => problem.location().cloned(),
            _ => None,
        };
        let account = self.intent.as_ref().map(RolloverIntent::account_url);
        if taken.is_some() && taken.as_ref() == account {
            return self.landed(session);
        }
        session.forget_new_account_key();
        Err(taken.map_or(error, |account| Error::KeyInUse { account }))
    }
}

impl Drive<RolloverEvent, Jwk> for Rollover {
    type Operation = AnyOperation;

    fn engine(&mut self) -> &mut Engine<AnyOperation> {
        &mut self.engine
    }

    fn life(&mut self) -> &mut Life<Jwk> {
        &mut self.life
    }

    fn start(&mut self, session: &mut Session) {
        self.engine.exchanges.start_clock(session.policy().call_time_limit);
        if let Err(error) = self.begin(session) {
            self.life.end(Err(error));
        }
    }

    fn advance(&mut self, session: &mut Session) -> Option<Output<RolloverEvent, Jwk>> {
        match self.storing {
            Storing::No | Storing::Asked => None,
            Storing::Due => match self.engine.exchanges.next_notice() {
                Some(notice) => Some(Output::Notice(notice)),
                None => {
                    self.storing = Storing::Asked;
                    self.intent.clone().map(RolloverEvent::Store).map(Output::Event)
                }
            },
            Storing::Done => {
                self.storing = Storing::No;
                if self.uncertain {
                    self.ask_new_key()
                } else {
                    self.change(session)
                }
                None
            }
        }
    }

    fn finished(&mut self, finished: Finished<AnyOperation>, session: &mut Session) {
        let result = finished.operation.with(finished.result);
        if let Some(result) = self.take(result, finished.may_have_landed, session).transpose() {
            self.life.end(result);
        }
    }

    fn late(&mut self, _: &mut Session) {
        let late = self.engine.exchanges.deadline_passed(Resource::KeyChange);
        self.life.end(Err(Error::Deadline(late.into())));
    }
}

impl Flow for Rollover {
    type Event = RolloverEvent;
    type Success = Jwk;
}

/// Whether the server refused the change for good, if it turns out not to have made it.
fn is_refusal(error: &Error) -> bool {
    is_settled(error) || matches!(error, Error::Problem(problem) if problem.status() < 500)
}

/// Whether after this error the server has certainly not changed the key.
fn is_settled(error: &Error) -> bool {
    match error {
        // What the wrong key is refused for is what comes of a copy of the request, once the first one was processed.
        Error::Problem(problem) if problem.may_be_about_key() => false,
        Error::Problem(problem) => problem.status() < 500 || problem.status() == 501,
        Error::Transport(transport) => transport.lost().is_unprocessed(),
        Error::Peer(_) | Error::Deadline(_) => false,
        _ => true,
    }
}
