//! The error type of every adapter, for failures in the adapter and in the core.

use core::convert::Infallible;
use core::fmt;
use std::io;
use std::net::SocketAddr;

use crate::account_file::AccountFileError;
use crate::directories::{AccountLack, UnknownCa};
use crate::key_file::KeyFileError;
use crate::keys::KeyError;
use crate::lock::LockError;
use crate::storage::StorageError;
use crate::storage::layout::Damage;
use crate::store::OrderFileError;
use crate::tls::TlsError;
use acme_proto::error::{InvalidInput, Misuse, Report};
use acme_proto::identifier::InvalidIdentifier;
use acme_proto::jose::InvalidMacKey;
use acme_proto::time::Timestamp;
use acme_proto::url::{InvalidUrl, Url};

/// Why an operation failed; `Display` is one line that names the cause and the remedy, and `Debug` adds the causes.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A failure that the core reports: of the CA, the network, the signer, or the user's input.
    #[error(transparent)]
    Acme(#[from] acme_proto::error::Error),
    /// The issuance ran out of time while a call of a solver did not return.
    #[error("{call}: check what it waits for, or set a longer time limit")]
    SolverStuck {
        /// The kind of challenge, the method and the identifier, in words.
        call: String,
        /// The core's error.
        source: Box<acme_proto::error::Error>,
    },
    /// A key cannot be made, read or used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The MAC key of an external account cannot be read.
    #[error("the MAC key of the external account cannot be used; copy it again from the CA's page")]
    MacKey(#[from] InvalidMacKey),
    /// The key in a file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The account file cannot be read or written.
    #[error(transparent)]
    AccountFile(#[from] AccountFileError),
    /// The file of an order cannot be read or written.
    #[error(transparent)]
    OrderFile(#[from] OrderFileError),
    /// Another process has the lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The client has no account key.
    #[error("no account key was given: give one with key(..) or signer(..)")]
    NoAccountKey,
    /// The account lacks what the CA demands of it; newAccount was not sent.
    #[error("{lack} {setter}", lack = .0, setter = setter(.0))]
    AccountLacks(AccountLack),
    /// The CA is none any more.
    #[error(transparent)]
    UnknownCa(#[from] UnknownCa),
    /// The account file cannot hold the new key, because only a signer has it.
    #[error(
        "an account file holds private keys, but a signer has the new one: store the intent by store(..)"
    )]
    NewKeyWithSigner,
    /// The issuance has neither a CSR nor a key to create one.
    #[error("neither a CSR nor a key was given: give one with csr(..) or key(..)")]
    NoCsr,
    /// The certificate has no identifier for renewal information (RFC 9773 section 4.1).
    #[error("the certificate names no issuer key, so the CA cannot be asked about its renewal")]
    NoCertificateId,
    /// No CA was named.
    #[error("no CA was named: name one with ca(..), by the URL of its directory")]
    NoAuthority,
    /// A certificate without names was wanted.
    #[error("a certificate needs at least one name")]
    NoNames,
    /// The certificate that the CA issued cannot be stored.
    #[error("the new certificate cannot be used: {0}")]
    Damaged(Damage),
    /// The address of a listener cannot be used.
    #[error("{}", cannot_listen(*address, source))]
    Listen {
        /// The address; `None` if it could not be parsed or resolved.
        address: Option<SocketAddr>,
        /// The operating system's error.
        source: io::Error,
    },
}

/// Returns the method that sets what an account lacks.
const fn setter(lack: &AccountLack) -> &'static str {
    match lack {
        AccountLack::ExternalAccount(_) => "external_account(kid, mac_key)",
        AccountLack::Contact(_) => "contact(\"mailto:me@example.org\")",
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Report::new(self), f)
    }
}

impl Error {
    /// Returns the core's error, if it is one.
    pub const fn acme(&self) -> Option<&acme_proto::error::Error> {
        match self {
            Self::Acme(error) => Some(error),
            Self::SolverStuck { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Returns when to try again, if the CA gave a time.
    pub fn retry_at(&self) -> Option<Timestamp> {
        self.acme()?.retry_at()
    }

    /// Returns the URL of the request that failed, if a request did.
    pub fn url(&self) -> Option<&Url> {
        self.acme()?.url()
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::Acme(misuse.into())
    }
}

impl From<InvalidInput> for Error {
    fn from(input: InvalidInput) -> Self {
        Self::Acme(input.into())
    }
}

impl From<InvalidIdentifier> for Error {
    fn from(invalid: InvalidIdentifier) -> Self {
        InvalidInput::Identifier(invalid).into()
    }
}

impl From<InvalidUrl> for Error {
    fn from(invalid: InvalidUrl) -> Self {
        InvalidInput::Url(invalid).into()
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Any error, as users' solvers and stores return it.
pub type BoxError = Box<dyn core::error::Error + Send + Sync>;

/// Describes why an address cannot be listened on, and what to do.
fn cannot_listen(address: Option<SocketAddr>, error: &io::Error) -> String {
    let Some(address) = address else {
        return "not an address to listen on; give one such as [::]:80".into();
    };
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} is in use (at {address}): stop what listens there, or choose another port"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "port {port} may not be used (at {address}): get the privilege for ports below 1024, or choose a higher one"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("{address} is no address of this machine: listen on one that is")
        }
        _ => format!("cannot listen on {address}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named_with_the_remedy() {
        let address = "127.0.0.1:80".parse().ok();
        let words = cannot_listen(address, &io::ErrorKind::AddrInUse.into());
        assert!(words.contains("port 80 is in use") && words.contains("choose another port"));
    }
}
