//! Registering an account, with the user's consent (RFC 8555 section 7.3).

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::call::{Lanes, Reply, Step};
use crate::error::{DeadlinePassed, Error, InvalidInput, Misuse};
use crate::flow::{Flow, Input, Output, sealed};
use crate::op::private::Plan;
use crate::op::{AccountEntry, Auth, FindAccount, GetDirectory, NewAccount, Operation, lookup};
use crate::session::{ExternalAccount, Session};
use crate::time::Timestamp;
use crate::wire::{AccountStatus, Meta, ProblemType};

/// Creates the account of the session's key, or finds it if there is one; no other flow creates accounts.
///
/// Store the key before the first poll: it must outlive a crash between request and answer.
#[derive(Debug)]
pub struct Register {
    request: NewAccount,
    consent: Consent,
    /// Whether it is known that the account has not changed to its new key yet.
    looked: bool,
    /// The status of an answer that could not be read, so that the account is read itself.
    first_status: Option<u16>,
    lanes: Lanes<()>,
    time_limit: Option<Duration>,
    state: State,
    /// The end, while notices are still to be handed out.
    result: Option<Result<AccountEntry, Error>>,
}

/// What a registration asks of the user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RegisterEvent {
    /// The CA's terms of service are at this URL, which may be a `data:` URL: show it, then
    /// [`Register::agree`] or [`Register::decline`].
    AgreeToTerms(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consent {
    NotAsked,
    Asked,
    Agreed,
    Declined,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Directory,
    Consent,
    /// An unfinished key change is settled first: nobody knows any more the key that the account had.
    LookedUp,
    Sent,
    Done,
}

impl Register {
    /// Creates a registration without contacts.
    pub fn new() -> Self {
        Self {
            request: NewAccount::new(),
            consent: Consent::NotAsked,
            looked: false,
            first_status: None,
            lanes: Lanes::new(),
            time_limit: None,
            state: State::New,
            result: None,
        }
    }

    /// Sets the contact URLs, such as `mailto:me@example.org`.
    ///
    /// # Errors
    /// [`InvalidInput::Contact`] for what RFC 8555 section 7.3 forbids.
    pub fn with_contacts(mut self, contacts: Vec<String>) -> Result<Self, InvalidInput> {
        self.request = self.request.with_contacts(contacts)?;
        Ok(self)
    }

    /// Binds the account to one that the user has with the CA; the signer holds the MAC key.
    pub fn with_external_account(mut self, external: Option<ExternalAccount>) -> Self {
        self.request = self.request.with_external_account(external);
        self
    }

    /// Sets a time limit other than the policy's; it counts from the first poll.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Says that the user agrees to the terms that were shown.
    ///
    /// # Errors
    /// [`Misuse::WrongState`] if the flow did not ask, [`Misuse::Finished`] after its end.
    pub const fn agree(&mut self) -> Result<(), Misuse> {
        self.answer(Consent::Agreed)
    }

    /// Says that the user does not agree; the flow then ends in [`InvalidInput::TermsNotAgreed`].
    ///
    /// # Errors
    /// [`Misuse::WrongState`] if the flow did not ask, [`Misuse::Finished`] after its end.
    pub const fn decline(&mut self) -> Result<(), Misuse> {
        self.answer(Consent::Declined)
    }

    const fn answer(&mut self, consent: Consent) -> Result<(), Misuse> {
        if matches!(self.state, State::Done) {
            return Err(Misuse::Finished);
        }
        if !matches!(self.consent, Consent::Asked) {
            return Err(Misuse::WrongState("no consent was asked for"));
        }
        self.consent = consent;
        Ok(())
    }

    /// Goes on once the directory is known: asks for consent, checks, and sends newAccount.
    fn proceed(
        &mut self,
        session: &mut Session,
        now: Timestamp,
    ) -> Result<Option<RegisterEvent>, Error> {
        if let Some(external) = self.request.bound_to() {
            session.set_external_account(external.clone());
        }
        let Some(meta) = session.directory().map(|directory| directory.meta()) else {
            // Another flow found that it had moved.
            self.lanes.start((), GetDirectory.spec());
            self.state = State::Directory;
            return Ok(None);
        };
        if let Some(key) = session.new_account_key().filter(|_| !self.looked) {
            self.looked = true;
            self.lanes.start((), lookup().auth(Auth::NewKey(key.clone())));
            self.state = State::LookedUp;
            return Ok(None);
        }
        if meta.external_account_required() && self.request.bound_to().is_none() {
            return Err(InvalidInput::ExternalAccountRequired.into());
        }
        match (terms(meta), self.consent) {
            (Some(terms), Consent::NotAsked) => {
                self.consent = Consent::Asked;
                return Ok(Some(RegisterEvent::AgreeToTerms(terms)));
            }
            (Some(_), Consent::Asked) => return Ok(None),
            (Some(terms), Consent::Declined) => {
                return Err(InvalidInput::TermsNotAgreed(terms).into());
            }
            (Some(_), Consent::Agreed) | (None, _) => {}
        }
        let agreed = self.consent == Consent::Agreed;
        if agreed {
            self.restart_clock(session, now);
        }
        self.request = self.request.clone().with_terms_of_service_agreed(agreed);
        self.lanes.start((), self.request.spec());
        self.state = State::Sent;
        Ok(None)
    }

    /// The time that the user took over the terms does not count.
    fn restart_clock(&mut self, session: &Session, now: Timestamp) {
        let limit = self.time_limit.unwrap_or_else(|| session.policy().call_time_limit);
        // The lanes may not have been polled yet, and know no time then.
        self.lanes.set_deadline(now.max(self.lanes.now()).saturating_add(limit));
    }

    fn end(
        &mut self,
        session: &mut Session,
        result: Result<AccountEntry, Error>,
    ) -> Output<RegisterEvent, AccountEntry> {
        self.state = State::Done;
        self.lanes.close(session);
        if let Ok(entry) = &result {
            self.request.apply(entry, session);
        }
        Output::Done(result.map_err(|error| explain(error, self.request.bound_to().is_some())))
    }

    fn start(&mut self, session: &Session, now: Timestamp) {
        let limit = self.time_limit.unwrap_or_else(|| session.policy().call_time_limit);
        self.lanes.set_deadline(now.saturating_add(limit));
        if !session.needs_directory(now) {
            self.state = State::Consent;
        } else {
            self.lanes.start((), GetDirectory.spec());
            self.state = State::Directory;
        }
    }

    /// Takes the directory, or the account, which is the end.
    fn finished(
        &mut self,
        result: Result<Reply, Error>,
        session: &mut Session,
    ) -> Option<Result<AccountEntry, Error>> {
        match self.state {
            State::Sent => self.answered(result, session),
            State::LookedUp => self.looked_up(result, session),
            _ => self.directory_read(result, session).err().map(Err),
        }
    }

    fn directory_read(
        &mut self,
        result: Result<Reply, Error>,
        session: &mut Session,
    ) -> Result<(), Error> {
        let read = result
            .and_then(|reply| self.lanes.read(&reply, session, |answer| GetDirectory.read(answer)));
        match read {
            Ok(directory) => GetDirectory.apply(&directory, session),
            // One that has grown old is better than none.
            Err(_) if session.directory().is_some() => {}
            Err(error) => return Err(error),
        }
        self.state = State::Consent;
        Ok(())
    }

    /// Takes the account; an answer that cannot be read tells at least where to read it.
    fn answered(
        &mut self,
        result: Result<Reply, Error>,
        session: &mut Session,
    ) -> Option<Result<AccountEntry, Error>> {
        let reply = match result {
            Ok(reply) => reply,
            Err(error) => return Some(Err(error)),
        };
        let (request, first_status) = (&self.request, self.first_status);
        let located = self.lanes.read(&reply, session, |answer| answer.location()).ok();
        let read = self.lanes.read(&reply, session, |answer| match first_status {
            None => request.read(answer),
            status => request.read_elsewhere(answer, status),
        });
        if let (Err(error), None) = (&read, first_status)
            && let Some(spec) = request.elsewhere(error, located.as_ref(), session)
        {
            self.first_status = Some(reply.response().status());
            self.lanes.start((), spec);
            return None;
        }
        Some(read.and_then(usable))
    }

    /// Takes the account that the new key has, if the key change has landed.
    fn looked_up(
        &mut self,
        result: Result<Reply, Error>,
        session: &mut Session,
    ) -> Option<Result<AccountEntry, Error>> {
        let read =
            result.and_then(|reply| self.lanes.read(&reply, session, |a| FindAccount.read(a)));
        match read.or_else(|error| FindAccount.read_error(error, None)) {
            Ok(None) => {
                self.state = State::Consent;
                None
            }
            Ok(Some(entry)) => {
                if let Some(key) = session.new_account_key().cloned() {
                    session.set_account_key(key);
                }
                Some(usable(entry))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl Default for Register {
    fn default() -> Self {
        Self::new()
    }
}

impl sealed::Sealed for Register {}

impl Flow for Register {
    type Event = RegisterEvent;
    type Success = AccountEntry;

    fn poll_output(
        &mut self,
        session: &mut Session,
        now: Timestamp,
    ) -> Output<Self::Event, Self::Success> {
        if let Err(misuse) = self.lanes.enter(session, now) {
            return Output::Done(Err(misuse.into()));
        }
        match self.state {
            State::New => self.start(session, now),
            State::Done => return Output::Timeout(None),
            State::Directory | State::Consent | State::LookedUp | State::Sent => {}
        }
        loop {
            if self.result.is_some()
                && let Some(notice) = self.lanes.next_notice()
            {
                return Output::Notice(notice);
            }
            if let Some(result) = self.result.take() {
                return self.end(session, result);
            }
            if self.state == State::Consent {
                match self.proceed(session, now) {
                    Ok(Some(event)) => return Output::Event(event),
                    Ok(None) => {}
                    Err(error) => return self.end(session, Err(error)),
                }
            }
            match self.lanes.poll(session, now) {
                Err(misuse) => return Output::Done(Err(misuse.into())),
                Ok(Step::Transmit(transmit)) => return Output::Transmit(transmit),
                Ok(Step::Sign(request)) => return Output::Sign(request),
                Ok(Step::Notice(notice)) => return Output::Notice(notice),
                Ok(Step::Finished((), result)) => {
                    self.result = self.finished(result, session);
                }
                Ok(Step::Wait(_)) if self.lanes.is_late() => {
                    let late = DeadlinePassed {
                        url: self.lanes.any_url(),
                        waiting_for: "the account",
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

/// Refuses an account that exists but was deactivated or revoked.
fn usable(entry: AccountEntry) -> Result<AccountEntry, Error> {
    match entry.account().status() {
        AccountStatus::Valid => Ok(entry),
        status => {
            Err(Error::AccountClosed { account: entry.url().clone(), status: status.clone() })
        }
    }
}

/// The terms as a URL that can be shown; a CA without terms needs no consent.
fn terms(meta: &Meta) -> Option<String> {
    meta.terms_of_service().map(String::from)
}

/// A CA may demand an external account without saying so in its directory.
fn explain(error: Error, external: bool) -> Error {
    match error {
        Error::Problem(p) if p.is(&ProblemType::ExternalAccountRequired) && !external => {
            InvalidInput::ExternalAccountRequired.into()
        }
        other => other,
    }
}
