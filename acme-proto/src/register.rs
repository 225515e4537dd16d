//! Registering an account, with the user's consent (RFC 8555 Section 7.3).

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::call::{Drive, Engine, Finished, Life};
use crate::error::{Error, InvalidInput, Misuse};
use crate::flow::{Flow, Output};
use crate::op::{AccountEntry, GetDirectory, LocateAccount, Located, NewAccount, operations};
use crate::resource::Resource;
use crate::session::{ExternalAccount, Session};
use crate::wire::{AccountStatus, ProblemType};

/// Creates the account of the session's key, or finds it if there is one; no other flow creates accounts.
///
/// Store the key before the first poll: it must outlive a crash between request and response.
#[derive(Debug)]
pub struct Register {
    request: NewAccount,
    consent: Consent,
    /// Whether it is known that the account has not changed to its new key yet.
    looked: bool,
    engine: Engine<AnyOperation>,
    life: Life<AccountEntry>,
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

operations! {
    /// The requests of a registration.
    enum AnyOperation {
        Directory(GetDirectory),
        /// Whether the account has its new key already, where an earlier key change is not settled.
        NewKey(LocateAccount),
        NewAccount(NewAccount),
    }
}

impl Register {
    /// Creates a registration without contacts.
    pub fn new() -> Self {
        Self {
            request: NewAccount::new(),
            consent: Consent::NotAsked,
            looked: false,
            engine: Engine::new(),
            life: Life::New,
        }
    }

    /// Sets the contact URLs, such as `mailto:me@example.org`.
    ///
    /// # Errors
    /// [`InvalidInput::Contact`] for what RFC 8555 Section 7.3 forbids.
    pub fn with_contacts(mut self, contacts: Vec<String>) -> Result<Self, InvalidInput> {
        self.request = self.request.with_contacts(contacts)?;
        Ok(self)
    }

    /// Binds the account to one that the user has with the CA; the signer holds the MAC key.
    pub fn with_external_account(mut self, external: Option<ExternalAccount>) -> Self {
        self.request = self.request.with_external_account(external);
        self
    }

    /// Says that the user agrees to the terms of this CA, whatever they are, so that the flow does not ask.
    ///
    /// `termsOfServiceAgreed` is then sent even if the directory names no terms, as some CAs demand that.
    pub const fn with_terms_of_service_agreed(mut self) -> Self {
        self.consent = Consent::Agreed;
        self
    }

    /// Sets a time limit other than the policy's; it counts from the first poll.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.engine.exchanges.set_time_limit(limit);
        self
    }

    /// Says that the user agrees to the terms that were shown.
    ///
    /// # Errors
    /// [`Misuse::ConsentNotRequested`] if the flow did not ask, [`Misuse::Finished`] after its end.
    pub const fn agree(&mut self) -> Result<(), Misuse> {
        self.settle(Consent::Agreed)
    }

    /// Says that the user does not agree; the flow then ends in [`InvalidInput::TermsNotAgreed`].
    ///
    /// # Errors
    /// [`Misuse::ConsentNotRequested`] if the flow did not ask, [`Misuse::Finished`] after its end.
    pub const fn decline(&mut self) -> Result<(), Misuse> {
        self.settle(Consent::Declined)
    }

    const fn settle(&mut self, consent: Consent) -> Result<(), Misuse> {
        if self.life.is_over() {
            return Err(Misuse::Finished);
        }
        if !matches!(self.consent, Consent::Asked) {
            return Err(Misuse::ConsentNotRequested);
        }
        self.consent = consent;
        Ok(())
    }

    /// Starts the next request, or asks for consent first; nothing is under way.
    fn proceed(&mut self, session: &mut Session) -> Result<Option<RegisterEvent>, Error> {
        if let Some(external) = self.request.bound_to() {
            session.set_external_account(external.clone());
        }
        let Some(meta) = session.directory().map(|directory| directory.meta()) else {
            // Another flow found that it had moved.
            self.engine.start(AnyOperation::Directory(GetDirectory));
            return Ok(None);
        };
        // The account may have its new key, which would then make a second account with the old one.
        if let Some(key) = session.new_account_key().filter(|_| !self.looked) {
            self.looked = true;
            self.engine.start(AnyOperation::NewKey(LocateAccount { new_key: Some(key.clone()) }));
            return Ok(None);
        }
        if meta.external_account_required() && self.request.bound_to().is_none() {
            return Err(InvalidInput::ExternalAccountRequired.into());
        }
        // A CA without terms needs no consent.
        match (meta.terms_of_service().map(String::from), self.consent) {
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
            // The time that the user took over the terms does not count.
            self.engine.exchanges.start_clock(session.policy().call_time_limit);
        }
        let request = self.request.clone().with_terms_of_service_agreed(agreed);
        self.engine.start(AnyOperation::NewAccount(request));
        Ok(None)
    }

    /// Takes a result; the account, or an error, is the end.
    fn take(
        &mut self,
        result: AnyResult,
        session: &mut Session,
    ) -> Result<Option<AccountEntry>, Error> {
        match result {
            // An old directory is better than none.
            AnyResult::Directory(_, Err(_)) if session.directory().is_some() => Ok(None),
            AnyResult::Directory(_, read) => read.map(|_| None),
            AnyResult::NewKey(_, located) => match located? {
                None => Ok(None),
                Some(Located { entry, .. }) => {
                    let entry = entry?;
                    if let Some(key) = session.new_account_key().cloned() {
                        session.set_account_key(key);
                    }
                    let entry = usable(entry)?;
                    entry.adopt(session);
                    Ok(Some(entry))
                }
            },
            AnyResult::NewAccount(_, entry) => {
                let entry = usable(entry?)?;
                session.account_given(self.engine.exchanges.now());
                Ok(Some(entry))
            }
        }
    }

    fn fail(&mut self, error: Error) {
        let error = match error {
            // A CA may demand an external account without saying so in its directory.
            Error::Problem(p)
                if p.is(&ProblemType::ExternalAccountRequired)
                    && self.request.bound_to().is_none() =>
            {
                InvalidInput::ExternalAccountRequired.into()
            }
            other => other,
        };
        self.life.end(Err(error));
    }
}

impl Default for Register {
    fn default() -> Self {
        Self::new()
    }
}

impl Drive<RegisterEvent, AccountEntry> for Register {
    type Operation = AnyOperation;

    fn engine(&mut self) -> &mut Engine<AnyOperation> {
        &mut self.engine
    }

    fn life(&mut self) -> &mut Life<AccountEntry> {
        &mut self.life
    }

    fn start(&mut self, session: &mut Session) {
        self.engine.exchanges.start_clock(session.policy().call_time_limit);
        let now = self.engine.exchanges.now();
        // The terms, and whether an external account is demanded, are those of today.
        if session.needs_directory(now) || session.doubts_directory(now) {
            self.engine.start(AnyOperation::Directory(GetDirectory));
        }
    }

    fn advance(&mut self, session: &mut Session) -> Option<Output<RegisterEvent, AccountEntry>> {
        if !self.engine.exchanges.is_idle() {
            return None;
        }
        self.proceed(session)
            .unwrap_or_else(|error| {
                self.fail(error);
                None
            })
            .map(Output::Event)
    }

    fn finished(&mut self, finished: Finished<AnyOperation>, session: &mut Session) {
        let result = finished.operation.with(finished.result);
        match self.take(result, session) {
            Ok(None) => {}
            Ok(Some(entry)) => self.life.end(Ok(entry)),
            Err(error) => self.fail(error),
        }
    }

    fn late(&mut self, _: &mut Session) {
        let late = self.engine.exchanges.deadline_passed(Resource::NewAccount);
        self.fail(Error::Deadline(late.into()));
    }
}

impl Flow for Register {
    type Event = RegisterEvent;
    type Success = AccountEntry;
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
