//! Measures full TLS handshakes with a `CertificateResolver` of 1 and of 10,000 certificates beside a plain
//! `ServerConfig` with one, and what it costs to replace a certificate, as Markdown.
//!
//! `cargo run --release -p acme-tests --bin handshakes -- [ROUNDS] [HANDSHAKES]`
//!
//! In memory, only the server's own time counts; over loopback, the listener of acme-tokio is compared with an accept
//! loop of tokio-rustls, by the processor time of both sides where the system says it (Linux), so that other processes
//! do not count. The candidates take turns in short rounds, so that whatever else the machine does reaches all of them,
//! and of the times of a round the tenth of them that is fastest counts, which no other process has interrupted.

use std::hint::black_box;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use acme_tokio::{CertificateResolver, TlsListener};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

const MANY: usize = 10_000;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<usize>().expect("a number"));
    let rounds = arguments.next().unwrap_or(2000);
    let handshakes = arguments.next().unwrap_or(5);
    let (certified, client) = certificate();
    let [one, many] = [1, MANY].map(|count| resolver(&certified, count));
    let configs = [
        ("a plain `ServerConfig`", plain(&certified)),
        ("`CertificateResolver`, 1 certificate", one.server_config(NO_PROTOCOLS).expect("TLS")),
        ("`CertificateResolver`, 10,000", many.server_config(NO_PROTOCOLS).expect("TLS")),
    ];
    println!(
        "{rounds} rounds of {handshakes} handshakes each (TLS 1.3, ECDSA P-256, no resumption)\n"
    );
    println!("In memory, the server's side alone:\n");
    let candidates = configs.each_ref().map(|(name, config)| (*name, config));
    compare((rounds, handshakes), candidates, |config| {
        (0..handshakes).map(|_| in_memory(config, &client)).sum()
    });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let listener = |resolver| listen(&runtime, resolver);
    println!("\nOver loopback, one client after the other, processor time of both sides:\n");
    let candidates = [
        ("an accept loop of tokio-rustls", &accept_loop(&runtime, Arc::clone(&configs[0].1))),
        ("`TlsListener`, 1 certificate", &listener(&one)),
        ("`TlsListener`, 10,000", &listener(&many)),
    ];
    compare((rounds, handshakes), candidates, |address| {
        let (start, used) = (Instant::now(), processor_time());
        // Enough of them for the system's clock.
        (0..handshakes * 10).for_each(|_| over_loopback(*address, &client));
        let time = processor_time().zip(used).map(|(after, before)| after - before);
        time.unwrap_or_else(|| start.elapsed()) / 10
    });
    replace(&many, &certified);
}

const NO_PROTOCOLS: [&str; 0] = [];

/// Lets the candidates take turns, and prints the lower decile of each with its ratio to the first.
fn compare<T, const N: usize>(
    (rounds, handshakes): (usize, usize),
    candidates: [(&str, &T); N],
    run: impl Fn(&T) -> Duration,
) {
    let mut times = [const { Vec::new() }; N];
    for round in 0..rounds {
        for turn in 0..N {
            // Whoever comes first in a round may find another clock rate.
            let candidate = (round + turn) % N;
            times[candidate].push(run(candidates[candidate].1).as_secs_f64());
        }
    }
    let deciles = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 10]
    });
    println!("| server | handshakes a second | beside the first |");
    println!("| --- | --- | --- |");
    for ((name, _), decile) in candidates.iter().zip(deciles) {
        let rate = handshakes as f64 / decile;
        println!("| {name} | {rate:.0} | {:.3} |", deciles[0] / decile);
    }
}

fn in_memory(config: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Duration {
    let mut client = ClientConnection::new(Arc::clone(client), name()).expect("a configuration");
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    client.write_tls(&mut to_server).expect("memory");
    let start = Instant::now();
    let mut server = ServerConnection::new(Arc::clone(config)).expect("a configuration");
    server.read_tls(&mut to_server.as_slice()).expect("memory");
    server.process_new_packets().expect("a handshake");
    while server.wants_write() {
        server.write_tls(&mut to_client).expect("memory");
    }
    let first = start.elapsed();
    let mut rest = to_client.as_slice();
    while !rest.is_empty() {
        client.read_tls(&mut rest).expect("memory");
        client.process_new_packets().expect("a handshake");
    }
    to_server.clear();
    while client.wants_write() {
        client.write_tls(&mut to_server).expect("memory");
    }
    let start = Instant::now();
    let mut rest = to_server.as_slice();
    while !rest.is_empty() {
        server.read_tls(&mut rest).expect("memory");
        server.process_new_packets().expect("a handshake");
    }
    to_client.clear();
    while server.wants_write() {
        server.write_tls(&mut to_client).expect("memory");
    }
    assert!(!server.is_handshaking() && !client.is_handshaking());
    black_box(server);
    first + start.elapsed()
}

fn over_loopback(address: SocketAddr, client: &Arc<ClientConfig>) {
    let mut tls = ClientConnection::new(Arc::clone(client), name()).expect("a configuration");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("a socket option");
    while tls.is_handshaking() {
        tls.complete_io(&mut stream).expect("a handshake");
    }
    // The server closes when its own side is done.
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

/// Returns the processor time of all threads of this process so far, if the system says it.
fn processor_time() -> Option<Duration> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let times = threads.map(|thread| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    });
    times.sum()
}

fn accept_loop(runtime: &tokio::runtime::Runtime, config: Arc<ServerConfig>) -> SocketAddr {
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    let acceptor = tokio_rustls::TlsAcceptor::from(config);
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                stream.set_nodelay(true).expect("a socket option");
                drop(acceptor.accept(stream).await);
            });
        }
    });
    address
}

fn listen(runtime: &tokio::runtime::Runtime, resolver: &CertificateResolver) -> SocketAddr {
    let listener = TlsListener::builder(resolver).alpn(NO_PROTOCOLS).bind("127.0.0.1:0");
    let mut listener = runtime.block_on(listener).expect("a port");
    let address = listener.local_addr();
    runtime.spawn(async move {
        loop {
            drop(listener.accept().await);
        }
    });
    address
}

/// Prints what it takes to install, replace and remove certificates.
fn replace(resolver: &CertificateResolver, certified: &Arc<CertifiedKey>) {
    const TIMES: usize = 10_000;
    let time = |run: &dyn Fn(usize)| {
        let start = Instant::now();
        (0..TIMES).for_each(run);
        start.elapsed().as_secs_f64() * 1e6 / TIMES as f64
    };
    let replaced = time(&|n| {
        let name = names(n % MANY);
        resolver.install(&name, [&name], Arc::clone(certified));
    });
    assert_eq!(resolver.len(), MANY);
    println!("\nReplacing one of {MANY} certificates takes {replaced:.1} µs.");
}

fn certificate() -> (Arc<CertifiedKey>, Arc<ClientConfig>) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new([names(0)]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate").der().to_vec();
    let certificate = CertificateDer::from(certificate);
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider().key_provider.load_private_key(key).expect("a key");
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a root");
    let mut client = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.resumption = Resumption::disabled();
    (Arc::new(CertifiedKey::new(vec![certificate], key)), Arc::new(client))
}

fn plain(certified: &Arc<CertifiedKey>) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(certified))));
    Arc::new(config)
}

fn resolver(certified: &Arc<CertifiedKey>, count: usize) -> CertificateResolver {
    let resolver = CertificateResolver::new(&provider());
    for name in (0..count).map(names) {
        resolver.install(&name, [&name], Arc::clone(certified));
    }
    resolver
}

fn names(number: usize) -> String {
    format!("n{number}.example.test")
}

fn name() -> ServerName<'static> {
    ServerName::try_from(names(0)).expect("a name")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
