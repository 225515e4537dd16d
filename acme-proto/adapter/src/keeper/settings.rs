//! What a user sets for the certificates of a server.

use core::fmt;
use std::sync::Arc;

use acme_proto::identifier::Identifier;
use acme_proto::renewal::RenewalPolicy;
use acme_proto::url::Url;
use rustls::crypto::CryptoProvider;

use super::event::CertificateEvent;
use crate::directories::Ca;
use crate::error::Error;
use crate::keys::KeyKind;

/// A CA that may issue the certificates.
#[derive(Clone)]
pub struct AuthoritySettings {
    /// The CA, as the user named it.
    pub ca: Ca,
    /// The external account that the account is bound to: its identifier and MAC key.
    pub external: Option<(String, String)>,
}

/// The settings of the certificates of a server.
///
/// An invalid setting is reported when they are started, so that a builder's methods can be
/// chained.
pub struct KeeperSettings {
    /// The CAs, the preferred one first.
    pub authorities: Vec<AuthoritySettings>,
    /// The contacts of the accounts.
    pub contacts: Vec<String>,
    /// Asks for consent to terms of service, by their URL.
    pub terms: Option<Terms>,
    /// The kind of the certificates' keys.
    pub key_kind: KeyKind,
    /// The limits and waits of renewal.
    pub renewal: RenewalPolicy,
    /// The wanted certificates.
    pub certificates: Vec<Result<Vec<Identifier>, Error>>,
    /// Who sees every event.
    pub observer: Option<Observer>,
    /// The crypto provider.
    pub provider: Option<Arc<CryptoProvider>>,
    /// How many names strangers may cause.
    pub max_on_demand: usize,
}

/// Asks for consent to terms of service, by their URL.
pub type Terms = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Sees every event.
pub type Observer = Box<dyn Fn(&CertificateEvent) + Send + Sync>;

impl KeeperSettings {
    /// Collects identifiers; they are checked when the certificates are started.
    pub fn identifiers<I>(names: I) -> Result<Vec<Identifier>, Error>
    where
        I: IntoIterator<Item: TryInto<Identifier, Error: Into<Error>>>,
    {
        names.into_iter().map(|name| name.try_into().map_err(Into::into)).collect()
    }

    /// Returns the directories of the CAs.
    ///
    /// # Errors
    /// The error of the first directory that is not an absolute URL, and [`Error::NoAuthority`] if there is no CA. An `http`
    /// URL is refused later, when a client is made.
    pub(super) fn directories(&self) -> Result<Vec<Url>, Error> {
        if self.authorities.is_empty() {
            return Err(Error::NoAuthority);
        }
        self.authorities.iter().map(|authority| Ok(Url::parse(authority.ca.directory())?)).collect()
    }
}

impl Default for KeeperSettings {
    fn default() -> Self {
        Self {
            authorities: Vec::new(),
            contacts: Vec::new(),
            terms: None,
            key_kind: KeyKind::Es256,
            renewal: RenewalPolicy::default(),
            certificates: Vec::new(),
            observer: None,
            provider: None,
            max_on_demand: MAX_ON_DEMAND,
        }
    }
}

impl fmt::Debug for KeeperSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directories: Vec<_> =
            self.authorities.iter().map(|authority| authority.ca.directory()).collect();
        f.debug_struct("KeeperSettings")
            .field("directories", &directories)
            .field("contacts", &self.contacts)
            .field("certificates", &self.certificates)
            .finish_non_exhaustive()
    }
}

const MAX_ON_DEMAND: usize = 100;
