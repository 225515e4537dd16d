//! The settings of a registration.

use core::time::Duration;

use acme_proto::jose::MacAlgorithm;
use acme_proto::register::Register;

use crate::client_state::ClientState;
use crate::error::Error;
use crate::external::ExternalBinding;

/// The account to register.
#[derive(Clone, Debug, Default)]
pub struct RegisterSettings {
    /// The contacts, such as `mailto:me@example.org`.
    pub contacts: Vec<String>,
    /// The external account that the account is bound to.
    pub external: Option<ExternalBinding>,
    /// The algorithm of the external account's MAC; `None` for HS256.
    pub mac: Option<MacAlgorithm>,
    /// The user agrees to the terms of service, whatever they are.
    pub terms_agreed: bool,
    /// A time limit other than the policy's.
    pub time_limit: Option<Duration>,
}

impl RegisterSettings {
    /// Creates the flow, and adds the external account's MAC key to the client's keyring.
    ///
    /// # Errors
    /// For a contact or an external account that is malformed, and [`Error::AccountLacks`] without what a public CA
    /// demands.
    pub fn into_flow(self, client: &ClientState) -> Result<Register, Error> {
        let (external, contact) = (self.external.is_some(), !self.contacts.is_empty());
        if let Some(lack) = client.public.and_then(|ca| ca.lacks(external, contact)) {
            return Err(Error::AccountLacks(lack));
        }
        let mut flow = Register::new().with_contacts(self.contacts)?;
        if let Some(external) = self.external {
            let mac = self.mac.unwrap_or(MacAlgorithm::Hs256);
            let external = external.install(mac, &mut client.keyring())?;
            flow = flow.with_external_account(Some(external));
        }
        if self.terms_agreed {
            flow = flow.with_terms_of_service_agreed();
        }
        Ok(self.time_limit.into_iter().fold(flow, Register::with_time_limit))
    }
}
