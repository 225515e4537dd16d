//! Searches for the challenges of other servers, in a storage that is slow or fails.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use acme_adapter::clock;
use acme_adapter::http01::HttpAnswer;
use acme_adapter::storage::layout::{StoredValidation, save_json, validation};
use acme_adapter::storage::{Key, LockGuard, MemoryStorage, Storage, StorageError, Value, run};
use acme_adapter::tls::Roots;
use acme_proto::challenge::Challenge;
use acme_testca::{ChallengeKind, TestCa};
use acme_tests::responders::published;
use acme_tests::scratch;

use super::on_tokio::OnTokio;

const CA: &str = "https://127.0.0.1:1/directory";
const LISTING: Duration = Duration::from_millis(600);
const INTERVAL: Duration = Duration::from_millis(250);

/// A storage whose lists take a while, or fail.
#[derive(Clone, Default)]
struct Slow {
    storage: MemoryStorage,
    lists: Arc<AtomicUsize>,
    fails: Arc<AtomicBool>,
}

impl Slow {
    /// Stores a challenge, as another server does that has published it.
    fn publish(&self) -> (Challenge, String) {
        let challenge = published("a.example", "http-01");
        let stored = StoredValidation::new(challenge.clone(), clock::wall());
        let access = save_json(&validation(&challenge), &stored).expect("JSON");
        run(&self.storage, access).expect("a storage in memory");
        let path = challenge.http_01().expect("http-01").path;
        (challenge, path)
    }
}

impl Storage for Slow {
    fn get(&self, key: &Key) -> Result<Option<Value>, StorageError> {
        self.storage.get(key)
    }

    fn put(&self, key: &Key, value: &[u8]) -> Result<(), StorageError> {
        self.storage.put(key, value)
    }

    fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.storage.delete(key)
    }

    fn list(&self, prefix: &Key) -> Result<Vec<Key>, StorageError> {
        thread::sleep(LISTING);
        self.lists.fetch_add(1, Ordering::SeqCst);
        match self.fails.load(Ordering::SeqCst) {
            true => Err(StorageError::other(prefix, std::io::Error::other("it is gone"))),
            false => self.storage.list(prefix),
        }
    }

    fn try_lock(&self, key: &Key) -> Result<Option<LockGuard>, StorageError> {
        self.storage.try_lock(key)
    }
}

/// Asks for validations: an answer's status, if there is one.
type Ask = Box<dyn Fn(&str) -> u16 + Send + Sync>;

fn blocking(slow: &Slow) -> Ask {
    let certificates = acme_blocking::Certificates::in_storage(slow.clone()).ca(CA).prepare();
    let certificates = certificates.expect("certificates");
    Box::new(move |path| {
        certificates.answer_http01("GET", Some("a.example"), path).expect("an answer").status()
    })
}

fn tokio(slow: &Slow) -> Ask {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let storage = OnTokio(slow.clone());
    let certificates =
        runtime.block_on(acme_tokio::Certificates::in_storage(storage).ca(CA).prepare());
    let certificates = certificates.expect("certificates");
    Box::new(move |path| {
        let answer = certificates.answer_http01("GET", Some("a.example"), path);
        runtime.block_on(answer).expect("an answer").status()
    })
}

const EACH: [fn(&Slow) -> Ask; 2] = [blocking, tokio];

#[test]
fn a_validation_waits_for_the_search_under_way_the_interval_and_its_own_search() {
    for start in EACH {
        let slow = Slow::default();
        let ask = start(&slow);
        thread::scope(|scope| {
            let stranger = scope.spawn(|| ask("/.well-known/acme-challenge/nobodys"));
            while slow.lists.load(Ordering::SeqCst) == 0 {
                thread::sleep(Duration::from_millis(5));
            }
            // The next search is under way, and may have missed what is published now.
            let another = scope.spawn(|| ask("/.well-known/acme-challenge/nobodys-either"));
            let (_, path) = slow.publish();
            let asked = Instant::now();
            assert_eq!(ask(&path), 200);
            let most = 2 * LISTING + INTERVAL + Duration::from_secs(2);
            assert!(asked.elapsed() < most, "{:?}", asked.elapsed());
            assert_eq!([stranger, another].map(|one| one.join().expect("an answer")), [404; 2]);
        });
    }
}

#[test]
fn a_storage_that_cannot_be_listed_withdraws_nothing() {
    for start in EACH {
        let slow = Slow::default();
        let ask = start(&slow);
        let (challenge, path) = slow.publish();
        assert_eq!(ask(&path), 200);
        slow.fails.store(true, Ordering::SeqCst);
        assert_eq!(ask("/.well-known/acme-challenge/nobodys"), 404);
        assert_eq!(ask(&path), 200);
        slow.fails.store(false, Ordering::SeqCst);
        slow.storage.delete(&validation(&challenge)).expect("a storage in memory");
        assert_eq!(ask("/.well-known/acme-challenge/nobodys"), 404);
        assert_eq!(ask(&path), 404, "the other server has withdrawn it");
    }
}

/// Waits until nobody else has the storage.
fn wait_until_alone(slow: &Slow, adapter: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while Arc::strong_count(&slow.lists) > 1 {
        assert!(Instant::now() < end, "{adapter}: the certificates are still kept");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_listener_that_keeps_certificates_by_itself_ends_with_them() {
    let slow = Slow::default();
    let certificates = acme_blocking::Certificates::in_storage(slow.clone()).ca(CA);
    let listener = certificates.names(["a.example"]).listen("127.0.0.1:0").expect("a listener");
    assert!(Arc::strong_count(&slow.lists) > 1);
    drop(listener);
    wait_until_alone(&slow, "acme-blocking");

    let slow = Slow::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let storage = OnTokio(slow.clone());
    let listener = runtime.block_on(
        acme_tokio::Certificates::in_storage(storage)
            .ca(CA)
            .names(["a.example"])
            .listen("127.0.0.1:0"),
    );
    let listener = listener.expect("a listener");
    assert!(Arc::strong_count(&slow.lists) > 1);
    drop(listener);
    wait_until_alone(&slow, "acme-tokio");
}

/// With acme-tokio only: a thread of acme-blocking does not leave before its search ends.
#[test]
fn strangers_who_leave_cause_no_more_searches() {
    let slow = OnTokio::<Slow>::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let certificates = acme_tokio::Certificates::in_storage(slow.clone()).ca(CA);
        let certificates = certificates.prepare().await.expect("certificates");
        let start = Instant::now();
        for _ in 0..100 {
            let path = "/.well-known/acme-challenge/nobodys";
            let asked = certificates.answer_http01("GET", Some("a.example"), path);
            let _ = tokio::time::timeout(Duration::from_millis(20), asked).await;
        }
        // One under way is finished, and the next begins no sooner than its interval.
        let (path, elapsed) = (slow.0.publish().1, start.elapsed());
        let lists = slow.0.lists.load(Ordering::SeqCst) as u128;
        assert!(lists <= elapsed.as_millis() / LISTING.as_millis() + 1, "{lists} in {elapsed:?}");
        let answer = certificates.answer_http01("GET", Some("a.example"), &path).await;
        assert_eq!(answer.expect("an answer").status(), 200);
    });
}

/// Answers each request over plain HTTP by this.
fn plain_http(answer: impl Fn(&str, &str) -> Option<HttpAnswer> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            let (mut first, mut line) = (String::new(), String::new());
            stream.read_line(&mut first).expect("a request line");
            while stream.read_line(&mut line).is_ok_and(|length| length > 2) {
                line.clear();
            }
            let path = first.split(' ').nth(1).expect("a path");
            let (status, body) = match answer("a.example", path) {
                Some(answer) => (answer.status(), answer.body().to_owned()),
                None => (404, String::new()),
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n");
            stream.get_mut().write_all((head + &body).as_bytes()).expect("an answer is sent");
        }
    });
    port
}

#[test]
fn a_server_of_ones_own_answers_for_another_that_orders() {
    let start = || TestCa::builder().challenges([ChallengeKind::Http01]).start().expect("a CA");
    let (ca, folder) = (start(), scratch("own-server"));
    let builder = || {
        let roots = Roots::Pem(ca.root_pem().into());
        acme_blocking::Certificates::in_folder(folder.path())
            .ca(ca.directory_url())
            .client(move |client| client.roots(roots.clone()))
    };
    let answers = builder().prepare().expect("certificates");
    ca.set_http_port(plain_http(move |host, path| answers.answer_http01("GET", Some(host), path)));
    let orders = builder().names(["a.example"]).start().expect("certificates");
    let _ = orders.http01();
    assert!(orders.obtained("a.example", Duration::from_secs(60)));
    assert_eq!(ca.order_objects().len(), 1, "no validation failed");
    orders.shutdown();

    let (ca, folder) = (start(), scratch("own-server"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let builder = || {
            let roots = Roots::Pem(ca.root_pem().into());
            acme_tokio::Certificates::in_folder(folder.path())
                .ca(ca.directory_url())
                .client(move |client| client.roots(roots.clone()))
        };
        let answers = builder().prepare().await.expect("certificates");
        let app = axum::Router::new().fallback(move |uri: axum::http::Uri| async move {
            let answer = answers.answer_http01("GET", Some("a.example"), uri.path()).await;
            answer.map_or((axum::http::StatusCode::NOT_FOUND, String::new()), |answer| {
                let status = axum::http::StatusCode::from_u16(answer.status()).expect("a status");
                (status, answer.body().to_owned())
            })
        });
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        ca.set_http_port(socket.local_addr().expect("an address").port());
        tokio::spawn(async move { axum::serve(socket, app).await });
        let orders = builder().names(["a.example"]).start().await.expect("certificates");
        let _ = orders.http01();
        orders.obtained("a.example").await;
        assert_eq!(ca.order_objects().len(), 1, "no validation failed");
        orders.shutdown().await;
    });
}
