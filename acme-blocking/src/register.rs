//! Registering an account.

use core::fmt;
use core::time::Duration;

use acme_adapter::error::Error;
use acme_adapter::external::ExternalBinding;
use acme_proto::jose::MacAlgorithm;
use acme_proto::op::AccountEntry;
use acme_proto::register::{self as proto, RegisterEvent};

use crate::client::{Client, locked};
use crate::drive::{self, Helper};
use crate::in_flight::InFlight;

/// A registration to be [run](Self::run); made by [`Client::register`].
#[must_use = "it does nothing until it is run"]
pub struct Register<'a> {
    client: Client,
    contacts: Vec<String>,
    external: Option<ExternalBinding>,
    mac: MacAlgorithm,
    consent: Option<Consent<'a>>,
    time_limit: Option<Duration>,
}

type Consent<'a> = Box<dyn FnOnce(&str) -> bool + Send + 'a>;

impl<'a> Register<'a> {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            contacts: Vec::new(),
            external: None,
            mac: MacAlgorithm::Hs256,
            consent: None,
            time_limit: None,
        }
    }

    /// Adds a contact, such as `mailto:me@example.org`.
    pub fn contact(mut self, contact: impl Into<String>) -> Self {
        self.contacts.push(contact.into());
        self
    }

    /// Binds the account to one that the user has with the CA (RFC 8555 section 7.3.4).
    ///
    /// The CA gives out both: a key identifier, and a MAC key as base64 text.
    pub fn external_account(mut self, kid: impl Into<String>, mac_key: impl Into<String>) -> Self {
        self.external = Some(ExternalBinding::new(kid, mac_key));
        self
    }

    /// Binds the account to an external one whose MAC key the client's [`Signer`](crate::Signer) holds.
    ///
    /// The signer is asked for [`KeyRole::ExternalAccount`](acme_proto::flow::KeyRole).
    pub fn external_account_signer(mut self, kid: impl Into<String>) -> Self {
        self.external = Some(ExternalBinding::by_signer(kid));
        self
    }

    /// Sets the algorithm of the external account's MAC; the default, HS256, suits every known CA.
    pub const fn mac_algorithm(mut self, algorithm: MacAlgorithm) -> Self {
        self.mac = algorithm;
        self
    }

    /// Asks for consent to the CA's terms of service, if it has any, by their URL.
    ///
    /// Without this, registering at a CA that has terms fails with their URL in the error.
    pub fn agree_to_terms(mut self, ask: impl FnOnce(&str) -> bool + Send + 'a) -> Self {
        self.consent = Some(Box::new(ask));
        self
    }

    /// Sets a time limit other than the policy's.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Registers.
    ///
    /// # Errors
    /// Those of the core: terms not agreed to, external account demanded, CA refused, and so on.
    pub fn run(self) -> Result<AccountEntry, Error> {
        let inner = self.client.inner();
        let mut flow = proto::Register::new().with_contacts(self.contacts)?;
        if let Some(external) = self.external {
            let external = external.take_up(self.mac, &mut inner.keyring())?;
            flow = flow.with_external_account(Some(external));
        }
        if let Some(limit) = self.time_limit {
            flow = flow.with_time_limit(limit);
        }
        let _alone = locked(&inner.registering);
        drive::drive(inner, flow, Asking { consent: self.consent }, None)
    }
}

impl fmt::Debug for Register<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register").field("contacts", &self.contacts).finish_non_exhaustive()
    }
}

struct Asking<'a> {
    consent: Option<Consent<'a>>,
}

impl Helper<'_, proto::Register> for Asking<'_> {
    fn event(
        &mut self,
        flow: &mut proto::Register,
        event: RegisterEvent,
        _: &mut InFlight<'_, '_>,
    ) -> Result<(), Error> {
        match event {
            RegisterEvent::AgreeToTerms(terms) => {
                let agreed = self.consent.take().is_some_and(|ask| ask(&terms));
                if agreed {
                    flow.agree()?
                } else {
                    flow.decline()?
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
