//! A server of either adapter that keeps its own certificates.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use acme_adapter::keeper::{CertificateEvent, CertificateEventKind, Health};
use acme_adapter::tls::Roots;
use acme_proto::policy::Policy;
use acme_proto::renewal::LifecycleEvent;
use acme_testca::TestCa;
use acme_tests::responders::{Seen, TlsClient};
use rustls::crypto::CryptoProvider;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What a test wants of a site.
pub(crate) struct Wanted<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) cas: Vec<&'a TestCa>,
    pub(crate) names: Vec<Vec<String>>,
    /// The names that handshakes may cause.
    pub(crate) on_demand: Vec<String>,
    pub(crate) provider: Option<Arc<CryptoProvider>>,
    /// How long an issuance may take.
    pub(crate) time_limit: Option<Duration>,
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(folder: &'a Path, ca: &'a TestCa, names: &[&[&str]]) -> Self {
        let names = names.iter().map(|names| names.iter().map(ToString::to_string).collect());
        let names = names.collect();
        let (on_demand, provider, time_limit) = Default::default();
        Self { folder, cas: vec![ca], names, on_demand, provider, time_limit }
    }

    /// Binds a port, which the CAs validate at from now on.
    fn bind(&self) -> TcpListener {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = socket.local_addr().expect("an address").port();
        self.cas.iter().for_each(|ca| ca.set_tls_port(port));
        socket
    }
}

/// A server that says hello to its clients, until it is dropped.
pub(crate) struct Site {
    pub(crate) adapter: &'static str,
    pub(crate) address: SocketAddr,
    events: Events,
    running: Running,
}

type Events = Arc<Mutex<Vec<CertificateEvent>>>;

enum Running {
    Tokio(tokio::runtime::Runtime, acme_tokio::Certificates),
    Blocking(acme_blocking::Certificates, Arc<acme_blocking::TlsListener>),
}

/// Sets up certificates with the types of either adapter.
macro_rules! builder {
    ($adapter:ident, $wanted:expr, $events:expr) => {{
        let (wanted, events): (&Wanted<'_>, &Events) = ($wanted, $events);
        let mut builder = $adapter::Certificates::in_folder(wanted.folder);
        let mut roots = String::new();
        for ca in &wanted.cas {
            builder = builder.ca(ca.directory_url());
            roots.push_str(ca.root_pem());
        }
        for names in &wanted.names {
            builder = builder.names(names.iter().map(String::as_str));
        }
        let (events, allowed) = (Arc::clone(events), wanted.on_demand.clone());
        if !allowed.is_empty() {
            builder = builder.on_demand(move |name| allowed.iter().any(|one| one == name));
        }
        if let Some(provider) = &wanted.provider {
            builder = builder.provider(Arc::clone(provider));
        }
        if let Some(limit) = wanted.time_limit {
            builder = builder.issue(move |issue| issue.time_limit(limit));
        }
        // A CA that has lost the account is believed soon.
        let mut policy = Policy::default();
        policy.replica_lag = Duration::from_secs(1);
        builder
            .contact("mailto:me@example.org")
            .agree_to_terms(|_url| true)
            .client(move |client| {
                client.roots(Roots::Pem(roots.clone().into_bytes())).policy(policy.clone())
            })
            .on_event(move |event| {
                println!("{}: {event}", stringify!($adapter));
                events.lock().expect("no panic").push(event.clone());
            })
    }};
}

impl Site {
    /// Starts a server with acme-tokio.
    pub(crate) fn tokio(wanted: &Wanted<'_>) -> Self {
        let (events, runtime, socket) = (Events::default(), runtime(), wanted.bind());
        socket.set_nonblocking(true).expect("a socket option");
        let (certificates, mut listener) = runtime.block_on(async {
            let builder = builder!(acme_tokio, wanted, &events);
            let certificates = builder.start().await.expect("certificates");
            let socket = tokio::net::TcpListener::from_std(socket).expect("a socket");
            let listener = certificates.listener().listen_on(socket).expect("a listener");
            (certificates, listener)
        });
        let address = listener.local_addr();
        runtime.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await;
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 1024]).await;
                    let _ = stream.write_all(b"hello").await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        let running = Running::Tokio(runtime, certificates);
        Self { adapter: "acme-tokio", address, events, running }
    }

    /// Starts a server with acme-blocking.
    pub(crate) fn blocking(wanted: &Wanted<'_>) -> Self {
        let (events, socket) = (Events::default(), wanted.bind());
        let certificates = builder!(acme_blocking, wanted, &events).start().expect("certificates");
        let listener = Arc::new(certificates.listener().listen_on(socket).expect("a listener"));
        let (address, accepting) = (listener.local_addr(), Arc::clone(&listener));
        thread::spawn(move || {
            for (mut stream, _) in accepting.incoming() {
                thread::spawn(move || {
                    let _ = stream.read(&mut [0; 1024]);
                    let _ = stream.write_all(b"hello");
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                });
            }
        });
        let running = Running::Blocking(certificates, listener);
        Self { adapter: "acme-blocking", address, events, running }
    }

    /// Starts a server with either adapter.
    pub(crate) const EACH: [fn(&Wanted<'_>) -> Self; 2] = [Self::tokio, Self::blocking];

    /// Makes a handshake.
    pub(crate) fn get(&self, name: &str) -> Result<Seen, String> {
        TlsClient::offering(&["http/1.1"]).connect(self.address, name)
    }

    /// Waits until this many certificates were obtained or adopted by this process.
    pub(crate) fn wait_for_renewals(&self, number: usize, limit: Duration) {
        self.wait_for(number, limit, is_renewal);
    }

    /// Waits until this many events of a kind have come.
    pub(crate) fn wait_for(
        &self,
        number: usize,
        limit: Duration,
        is_it: impl Fn(&CertificateEventKind) -> bool,
    ) {
        let end = Instant::now() + limit;
        while self.count(&is_it) < number {
            assert!(Instant::now() < end, "{}: {:#?}", self.adapter, self.health());
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn count(&self, is_it: impl Fn(&CertificateEventKind) -> bool) -> usize {
        self.events.lock().expect("no panic").iter().filter(|event| is_it(&event.kind)).count()
    }

    /// Returns whether an event has come whose text has these words.
    pub(crate) fn has_said(&self, words: &str) -> bool {
        let events = self.events.lock().expect("no panic");
        events.iter().any(|event| event.to_string().contains(words))
    }

    pub(crate) fn health(&self) -> Health {
        match &self.running {
            Running::Tokio(_, certificates) => certificates.health(),
            Running::Blocking(certificates, _) => certificates.health(),
        }
    }

    pub(crate) fn add(&self, names: &[&str]) {
        match &self.running {
            Running::Tokio(runtime, certificates) => {
                runtime.block_on(certificates.add(names.iter().copied())).expect("names");
            }
            Running::Blocking(certificates, _) => {
                certificates.add(names.iter().copied()).expect("names");
            }
        }
    }

    pub(crate) fn remove(&self, name: &str) -> bool {
        match &self.running {
            Running::Tokio(_, certificates) => certificates.remove(name),
            Running::Blocking(certificates, _) => certificates.remove(name),
        }
    }

    pub(crate) fn order_now(&self, name: &str) -> bool {
        match &self.running {
            Running::Tokio(_, certificates) => certificates.order_now(name),
            Running::Blocking(certificates, _) => certificates.order_now(name),
        }
    }

    pub(crate) fn shutdown(&self) {
        match &self.running {
            Running::Tokio(runtime, certificates) => runtime.block_on(certificates.shutdown()),
            Running::Blocking(certificates, _) => certificates.shutdown(),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shutdown();
        if let Running::Blocking(_, listener) = &self.running {
            listener.close();
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn is_renewal(kind: &CertificateEventKind) -> bool {
    matches!(kind, CertificateEventKind::Lifecycle(LifecycleEvent::Renewed { .. }))
}
