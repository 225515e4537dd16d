//! Servers that share a storage answer each other's validations, and strangers cost them little.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use acme_adapter::storage::{Key, LockGuard, MemoryStorage, Storage, StorageError, Value};
use acme_adapter::tls::Roots;
use acme_testca::{ChallengeKind, TestCa};
use acme_tests::responders::TlsClient;
use acme_tests::scratch;

use super::on_tokio::OnTokio;

const NAMES: [&str; 3] = ["a.example", "b.example", "c.example"];

/// Passes each connection to the next of the servers.
fn balance(servers: [SocketAddr; 2]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for (client, server) in listener.incoming().zip(servers.into_iter().cycle()) {
            let client = client.expect("a connection");
            let server = TcpStream::connect(server).expect("a server");
            let (from, to) = (client.try_clone(), server.try_clone());
            let (mut from, mut to) = (from.expect("a clone"), to.expect("a clone"));
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
            thread::spawn(move || {
                let (mut server, mut client) = (server, client);
                let _ = io::copy(&mut server, &mut client);
                let _ = client.shutdown(Shutdown::Write);
            });
        }
    });
    address
}

/// A CA that validates by http-01 at a balancer.
fn balanced(servers: [SocketAddr; 2]) -> impl FnOnce(&TestCa) {
    move |ca| ca.set_http_port(balance(servers).port())
}

#[test]
fn a_validation_by_http01_succeeds_at_whichever_server_it_arrives() {
    let start = || TestCa::builder().challenges([ChallengeKind::Http01]).start().expect("a CA");
    let (ca, folder) = (start(), scratch("balanced"));
    let servers: Vec<_> = [&NAMES[..], &[]]
        .into_iter()
        .map(|names| {
            let roots = Roots::Pem(ca.root_pem().into());
            let mut builder = acme_blocking::Certificates::in_folder(folder.path());
            if !names.is_empty() {
                builder = builder.names(names.iter().copied());
            }
            builder.ca(ca.directory_url()).client(move |client| client.roots(roots.clone()))
        })
        .map(|builder| builder.prepare().expect("certificates"))
        .map(|prepared| (prepared.listen_http("127.0.0.1:0").expect("a listener"), prepared))
        .collect();
    balanced([servers[0].0.local_addr(), servers[1].0.local_addr()])(&ca);
    let orders = servers[0].1.clone();
    let running = thread::spawn(move || orders.run());
    assert!(servers[0].1.obtained(NAMES[2], Duration::from_secs(60)));
    // Nobody failed and was tried again.
    assert_eq!(ca.order_objects().len(), 1);
    servers[0].1.shutdown();
    running.join().expect("it ends");

    let (ca, folder) = (start(), scratch("balanced"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut servers = Vec::new();
        for names in [&NAMES[..], &[]] {
            let roots = Roots::Pem(ca.root_pem().into());
            let mut builder = acme_tokio::Certificates::in_folder(folder.path());
            if !names.is_empty() {
                builder = builder.names(names.iter().copied());
            }
            let builder = builder.ca(ca.directory_url());
            let builder = builder.client(move |client| client.roots(roots.clone()));
            let prepared = builder.prepare().await.expect("certificates");
            let listener = prepared.listen_http("127.0.0.1:0").await.expect("a listener");
            servers.push((listener, prepared));
        }
        balanced([servers[0].0.local_addr(), servers[1].0.local_addr()])(&ca);
        let orders = servers[0].1.clone();
        tokio::spawn(async move { orders.run().await });
        servers[0].1.obtained(NAMES[2]).await;
        assert_eq!(ca.order_objects().len(), 1);
        servers[0].1.shutdown().await;
    });
}

/// A storage that counts how often someone looks for challenges.
#[derive(Clone, Default)]
struct Counting {
    storage: MemoryStorage,
    searches: Arc<AtomicUsize>,
}

impl Counting {
    fn count(&self, key: &Key) {
        if key.as_str().starts_with("validations") {
            self.searches.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Storage for Counting {
    fn get(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        self.count(key);
        self.storage.get(key)
    }

    fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError> {
        self.storage.put(key, value)
    }

    fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.storage.delete(key)
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError> {
        self.count(prefix);
        self.storage.list(prefix)
    }

    fn try_lock(&self, key: &Key) -> Result<Option<LockGuard>, StorageError> {
        self.storage.try_lock(key)
    }
}

/// Lets strangers ask for validations of names that nobody orders, and counts the searches.
fn ask(tls: SocketAddr, http: SocketAddr, searches: &AtomicUsize) {
    let start = Instant::now();
    thread::scope(|scope| {
        for stranger in 0..100 {
            scope.spawn(move || {
                let client = TlsClient::offering(&["acme-tls/1"]);
                assert!(client.try_connect(tls, &format!("n{stranger}.example")).is_err());
                let path = format!("/.well-known/acme-challenge/{stranger}");
                let answer = request(http, &path).expect("an answer");
                assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
            });
        }
    });
    // Each stranger has asked twice.
    let most = start.elapsed().as_millis() / 250 + 2;
    let searches = searches.load(Ordering::SeqCst) as u128;
    assert!((1..=most).contains(&searches), "{searches} searches, at most {most}");
}

fn request(address: SocketAddr, path: &str) -> io::Result<String> {
    use std::io::{Read as _, Write as _};

    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn strangers_cause_four_searches_a_second_whatever_they_ask_for() {
    const CA: &str = "https://127.0.0.1:1/directory";
    let storage = Counting::default();
    let certificates = acme_blocking::Certificates::in_storage(storage.clone()).ca(CA).prepare();
    let certificates = certificates.expect("certificates");
    let tls = certificates.listen("127.0.0.1:0").expect("a listener");
    let http = certificates.listen_http("127.0.0.1:0").expect("a listener");
    ask(tls.local_addr(), http.local_addr(), &storage.searches);

    let storage = OnTokio::<Counting>::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (tls, http) = runtime.block_on(async {
        let certificates = acme_tokio::Certificates::in_storage(storage.clone()).ca(CA);
        let certificates = certificates.prepare().await.expect("certificates");
        let tls = certificates.listen("127.0.0.1:0").await.expect("a listener");
        (tls, certificates.listen_http("127.0.0.1:0").await.expect("a listener"))
    });
    ask(tls.local_addr(), http.local_addr(), &storage.0.searches);
}
