//! What the daemon needs of an adapter of the ACME crates, and what it gives to it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use acme_adapter::dns_update::DnsUpdate;
use acme_adapter::hook::HookCommand;
use acme_adapter::keeper::{CertificateEvent, Health};
use acme_adapter::keys::KeyKind;
use acme_adapter::tls::Roots;
use acme_proto::challenge::Challenge;
use acme_proto::identifier::Identifier;
use acme_proto::policy::Policy;

use super::config::{Authority, Settings};
use super::{CLEAN_UP_LIMIT, Message};
use crate::failure::BoxError;

/// An adapter, as the daemon uses it.
pub trait Adapter {
    /// A solver; its clones share one listener.
    type Solver: Clone;

    /// Listens for http-01.
    ///
    /// # Errors
    /// If the address cannot be bound.
    fn listen_http(&self, address: SocketAddr) -> Result<(Self::Solver, SocketAddr), BoxError>;

    /// Listens for tls-alpn-01.
    ///
    /// # Errors
    /// If the address cannot be bound.
    fn listen_tls(&self, address: SocketAddr) -> Result<(Self::Solver, SocketAddr), BoxError>;

    /// Makes a solver of a folder that a web server serves.
    fn webroot(&self, webroot: Webroot) -> Self::Solver;

    /// Makes a solver of a command that publishes challenges.
    fn hook(&self, command: HookCommand) -> Self::Solver;

    /// Makes a solver of what sends dynamic updates to a DNS server.
    fn dns_update(&self, update: DnsUpdate) -> Self::Solver;

    /// Starts to keep certificates, at first none.
    ///
    /// # Errors
    /// Those of the adapter's builder.
    fn start(&self, plan: Plan, solvers: Vec<Self::Solver>) -> Result<Arc<dyn Keeper>, BoxError>;
}

/// Certificates that an adapter keeps.
pub trait Keeper: Send + Sync {
    /// Wants a certificate, in place of the one that has the same first name.
    ///
    /// # Errors
    /// For names that cannot be used.
    fn add(&self, names: Vec<Identifier>) -> Result<(), BoxError>;

    /// Stops keeping the certificate that has this first name.
    fn remove(&self, name: &str);

    /// Returns the state of each certificate.
    fn health(&self) -> Health;

    /// Ends the work in good order.
    fn shutdown(&self);
}

/// What the certificates of one builder have in common.
#[derive(Debug)]
pub struct Plan {
    pub(super) folder: PathBuf,
    pub(super) settings: Settings,
    pub(super) observer: std::sync::mpsc::Sender<Message>,
}

impl Plan {
    /// Returns the folder of the storage.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the CAs, the preferred one first.
    pub fn authorities(&self) -> &[Authority] {
        &self.settings.authorities
    }

    /// Returns the contacts of the accounts, as `mailto:` URLs.
    pub fn contacts(&self) -> &[String] {
        &self.settings.contacts
    }

    /// Returns whether the user agrees to terms of service.
    pub const fn agrees_to_terms(&self) -> bool {
        self.settings.agrees_to_terms
    }

    /// Returns the kind of the certificates' keys.
    pub const fn key_kind(&self) -> KeyKind {
        self.settings.key_kind
    }

    /// Returns the profile to ask for.
    pub fn profile(&self) -> Option<String> {
        self.settings.profile.clone()
    }

    /// Returns the roots to trust for the HTTPS endpoints of the CAs.
    pub fn roots(&self) -> Roots {
        self.settings.roots.clone()
    }

    /// Changes the policy of a CA so that the daemon can end soon.
    pub const fn shorten(policy: &mut Policy) {
        policy.clean_up_time_limit = CLEAN_UP_LIMIT;
    }

    /// Returns what sees every event.
    pub fn observer(&self) -> impl Fn(&CertificateEvent) + Send + Sync + 'static {
        let sender = self.observer.clone();
        move |event| {
            // The daemon has ended otherwise.
            let _ = sender.send(Message::Event(event.clone()));
        }
    }
}

/// Answers http-01 by files in a folder that a web server serves.
#[derive(Clone, Debug)]
pub struct Webroot(PathBuf);

impl Webroot {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Writes the file of a challenge.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn present(&self, challenge: &Challenge) -> io::Result<()> {
        let Some(wanted) = challenge.http_01() else { return Ok(()) };
        let path = self.file(&wanted.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        // In place at once, so that no half of it is served, and readable for the web server.
        let mut aside = path.clone();
        aside.as_mut_os_string().push(".new");
        fs::write(&aside, wanted.body)?;
        fs::rename(&aside, &path)
    }

    /// Removes the file of a challenge.
    ///
    /// # Errors
    /// If it is there and cannot be removed.
    pub fn clean_up(&self, challenge: &Challenge) -> io::Result<()> {
        let Some(wanted) = challenge.http_01() else { return Ok(()) };
        match fs::remove_file(self.file(&wanted.path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the file of a path; a token has only characters of base64url (RFC 8555 Section 8.3).
    fn file(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }
}
