//! A server with the listener of either adapter, and certificates for it.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use acme_adapter::resolver::CertificateResolver;
use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A server that reads something from each client and says [`HELLO`], until it is dropped.
pub(super) struct Server {
    /// The adapter, for messages.
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    pub(super) resolver: CertificateResolver,
    running: Running,
}

enum Running {
    Tokio(tokio::runtime::Runtime),
    Blocking(Arc<acme_blocking::TlsListener>),
}

pub(super) const HELLO: &[u8] = b"hello";

/// The algorithms of a client that knows RSA and nothing else.
pub(super) const RSA_ONLY: &[SignatureScheme] =
    &[SignatureScheme::RSA_PSS_SHA256, SignatureScheme::RSA_PKCS1_SHA256];

/// Starts a server with each adapter, whose listener is set up by these functions.
pub(super) fn servers(
    tokio: impl FnOnce(acme_tokio::TlsListenerBuilder) -> acme_tokio::TlsListenerBuilder,
    blocking: impl FnOnce(acme_blocking::TlsListenerBuilder) -> acme_blocking::TlsListenerBuilder,
) -> [Server; 2] {
    let resolver = CertificateResolver::new(&provider());
    let builder = tokio(acme_tokio::TlsListener::builder(&resolver));
    let tokio = on_tokio(&resolver, builder);
    let resolver = CertificateResolver::new(&provider());
    let builder = blocking(acme_blocking::TlsListener::builder(&resolver));
    [tokio, on_blocking(&resolver, builder)]
}

/// Starts a server with each adapter as it comes.
pub(super) fn plain_servers() -> [Server; 2] {
    servers(|builder| builder, |builder| builder)
}

fn on_tokio(resolver: &CertificateResolver, builder: acme_tokio::TlsListenerBuilder) -> Server {
    let runtime = runtime();
    let mut listener = runtime.block_on(builder.bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr();
    runtime.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await;
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(HELLO).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    let running = Running::Tokio(runtime);
    Server { name: "acme-tokio", address, resolver: resolver.clone(), running }
}

fn on_blocking(
    resolver: &CertificateResolver,
    builder: acme_blocking::TlsListenerBuilder,
) -> Server {
    let listener = Arc::new(builder.bind("127.0.0.1:0").expect("a port"));
    let (address, accepting) = (listener.local_addr(), Arc::clone(&listener));
    thread::spawn(move || {
        for (mut stream, _) in accepting.incoming() {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(HELLO);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            });
        }
    });
    let running = Running::Blocking(listener);
    Server { name: "acme-blocking", address, resolver: resolver.clone(), running }
}

impl Drop for Server {
    fn drop(&mut self) {
        match &self.running {
            // Dropping the runtime ends its tasks.
            Running::Tokio(_runtime) => {}
            Running::Blocking(listener) => listener.close(),
        }
    }
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Returns a certificate for these names with a new ECDSA key.
pub(super) fn ecdsa(names: &[&str]) -> Arc<CertifiedKey> {
    certified(names, &rcgen::KeyPair::generate().expect("a key"))
}

/// Returns a certificate for these names with an RSA key.
pub(super) fn rsa(names: &[&str]) -> Arc<CertifiedKey> {
    // ring signs with RSA keys, and generates none.
    let key = include_str!("../../../../acme-proto/adapter/src/keys/testdata/rsa2048.pem");
    certified(names, &rcgen::KeyPair::from_pem(key).expect("a key"))
}

fn certified(names: &[&str], key: &rcgen::KeyPair) -> Arc<CertifiedKey> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let params = rcgen::CertificateParams::new(names).expect("names");
    let certificate = params.self_signed(key).expect("a certificate").der().to_vec();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let key = provider().key_provider.load_private_key(key).expect("a key");
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(certificate)], key))
}
