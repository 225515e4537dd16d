//! Which certificate a server shows to which client.

mod table;

use core::fmt;
use std::sync::{Arc, Mutex};

use acme_proto::x509::{CertificateChain, ChainMismatch};
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use self::table::Table;
use crate::keys::ProviderKey;
use crate::locked;
use crate::tls::TlsError;
use crate::tls_alpn01::{ACME_TLS_ALPN, TlsAlpn01Resolver, is_validation};

/// The certificates of a server, which can be exchanged while it runs; clones share them.
///
/// Each certificate has an id of the caller's choice, and the names that it is shown for. A client
/// that asks for a name gets, in this order:
///
/// 1. a certificate for exactly this name,
/// 2. one for the wildcard above it, `*.example.org` for `www.example.org` and not for
///    `a.b.example.org`,
/// 3. the [default](Self::set_default), if there is one. So does a client that sends no name, as
///    for a URL with an IP address.
///
/// Everyone else is refused. Several certificates may have the same name: the client gets one whose
/// key it can verify, ECDSA before Ed25519 before RSA, and among equals the one that was installed
/// last.
///
/// A handshake takes no lock and never waits: it reads a table that [`install`](Self::install)
/// replaces as a whole. Replacing one certificate among 10,000 takes microseconds.
///
/// Validations by tls-alpn-01 are answered on the same port: give the resolver's
/// [`challenges`](Self::challenges) to the issuance as its solver.
///
/// ```
/// # use {rustls::{crypto::CryptoProvider, sign::CertifiedKey}, std::sync::Arc};
/// # fn example(provider: &Arc<CryptoProvider>, certified_key: Arc<CertifiedKey>) {
/// let resolver = acme_adapter::resolver::CertificateResolver::new(provider);
/// resolver.install("example.org", ["example.org", "*.example.org"], certified_key);
/// resolver.set_default("example.org");
/// # }
/// ```
#[derive(Clone)]
pub struct CertificateResolver {
    shared: Arc<Shared>,
}

struct Shared {
    provider: Arc<CryptoProvider>,
    challenges: TlsAlpn01Resolver,
    /// What handshakes read.
    table: ArcSwap<Table>,
    /// Makes changes follow each other; no handshake takes it.
    changes: Mutex<()>,
}

impl CertificateResolver {
    /// Creates a resolver without certificates.
    pub fn new(provider: &Arc<CryptoProvider>) -> Self {
        let shared = Shared {
            provider: Arc::clone(provider),
            challenges: TlsAlpn01Resolver::new(provider),
            table: ArcSwap::from_pointee(Table::default()),
            changes: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Shows a certificate for these names from the next handshake on, in place of the one that has
    /// this id.
    ///
    /// The names may be in any case and end with a dot, and `*.example.org` is a wildcard. IP
    /// addresses are left out, as no client asks for them by SNI (RFC 6066 section 3): they take
    /// the [default](Self::set_default).
    pub fn install<N: AsRef<str>>(
        &self,
        id: &str,
        names: impl IntoIterator<Item = N>,
        key: Arc<CertifiedKey>,
    ) {
        let names: Vec<N> = names.into_iter().collect();
        self.change(|table| table.install(id, names.iter().map(AsRef::as_ref), key));
    }

    /// Shows a chain for the names in its leaf, as [`install`](Self::install) does.
    ///
    /// # Errors
    ///
    /// [`ChainMismatch::Key`] if the chain is for another key; nothing has changed then.
    pub fn install_chain(
        &self,
        id: &str,
        chain: &CertificateChain,
        key: &ProviderKey,
    ) -> Result<(), ChainMismatch> {
        let leaf = chain.leaf();
        chain.matches(&key.public_key().to_spki_der(), leaf.identifiers())?;
        let certificates = chain.certificates().iter();
        let certificates = certificates.map(|one| CertificateDer::from(one.as_der().to_vec()));
        let certified = CertifiedKey::new(certificates.collect(), key.signing_key());
        self.install(id, leaf.dns_names(), Arc::new(certified));
        Ok(())
    }

    /// Removes a certificate; returns whether there was one.
    pub fn remove(&self, id: &str) -> bool {
        self.change(|table| table.remove(id))
    }

    /// Names the certificate for clients that no other certificate is for, now or when it is
    /// installed.
    ///
    /// A client that cannot verify its key gets another one of the same first name.
    pub fn set_default(&self, id: &str) {
        self.change(|table| table.set_default(Some(id)));
    }

    /// Refuses clients that no certificate is for, as in the beginning.
    pub fn clear_default(&self) {
        self.change(|table| table.set_default(None));
    }

    /// Returns whether a certificate is for this name, by itself or by a wildcard. The default does
    /// not count.
    pub fn covers(&self, name: &str) -> bool {
        self.shared.table.load().covers(name)
    }

    /// Returns the name that a client asks for if no certificate is for it, in lower case and
    /// without a final dot.
    ///
    /// It is what an accept loop looks at before the handshake goes on, such as to obtain a
    /// certificate first.
    pub fn missing(&self, hello: &ClientHello<'_>) -> Option<String> {
        let name = hello.server_name().filter(|name| !self.covers(name))?;
        Some(table::canonical(name).into_owned())
    }

    /// Returns the certificate that has this id.
    pub fn certificate(&self, id: &str) -> Option<Arc<CertifiedKey>> {
        self.shared.table.load().certificate(id).cloned()
    }

    /// Returns how many certificates there are.
    pub fn len(&self) -> usize {
        self.shared.table.load().len()
    }

    /// Returns whether there is no certificate.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the tls-alpn-01 challenges that are answered beside the certificates.
    ///
    /// It is a solver of the adapters.
    pub fn challenges(&self) -> &TlsAlpn01Resolver {
        &self.shared.challenges
    }

    /// Makes the configuration of a server with these certificates, and with these protocols by
    /// ALPN, preferred ones first, such as `["h2", "http/1.1"]`.
    ///
    /// [`ACME_TLS_ALPN`] comes in addition, for validations; a server with an accept loop of its
    /// own closes the connections that agreed on it after the handshake. The listeners of the
    /// adapters do so.
    ///
    /// # Errors
    ///
    /// [`TlsError::Provider`] if the crypto provider does not suit TLS.
    pub fn server_config<P: AsRef<[u8]>>(
        &self,
        protocols: impl IntoIterator<Item = P>,
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.shared.provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| TlsError::Provider(e.into()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        let protocols = protocols.into_iter().map(|protocol| protocol.as_ref().to_vec());
        config.alpn_protocols = protocols.filter(|protocol| protocol != ACME_TLS_ALPN).collect();
        config.alpn_protocols.push(ACME_TLS_ALPN.to_vec());
        Ok(Arc::new(config))
    }

    /// Replaces the table by a changed copy, which shares with it whatever stays the same.
    fn change<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        let changes = locked(&self.shared.changes);
        let mut table = Table::clone(&self.shared.table.load());
        let result = change(&mut table);
        self.shared.table.store(Arc::new(table));
        drop(changes);
        result
    }
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if is_validation(&hello) {
            return self.shared.challenges.resolve(hello);
        }
        let table = self.shared.table.load();
        table.choose(hello.server_name(), hello.signature_schemes()).cloned()
    }
}

impl fmt::Debug for CertificateResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateResolver")
            .field("certificates", &self.len())
            .field("challenges", &self.shared.challenges)
            .finish_non_exhaustive()
    }
}
