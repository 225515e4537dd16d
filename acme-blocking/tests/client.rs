//! Connecting and registering, and what a user can replace: signer, transport, clock.

mod ca;

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use acme_blocking::{
    AccountKey, Cancel, Client, Error, ExchangeRecord, KeyKind, ProviderKey, Roots, Signer,
    Transport, UreqTransport,
};
use acme_proto::error::{Error as Acme, InvalidInput};
use acme_proto::flow::{Lost, SignFailed, SignRequest, Transmit};
use acme_proto::http::Response;
use acme_proto::jose::{Jwk, Signature};
use acme_proto::policy::Schedule;
use acme_testca::TestCa;
use ca::{builder, certificate_key};

fn account_key() -> AccountKey {
    AccountKey::generate(KeyKind::Es256).expect("a key")
}

fn connecting_fails(directory: &str) -> String {
    let result = Client::connect(directory, account_key());
    result.expect_err("a bad directory").to_string()
}

#[test]
fn a_directory_that_is_no_url_is_refused() {
    let error = connecting_fails("acme.example.org");
    assert!(error.contains("acme.example.org"), "{error}");
}

#[test]
fn a_directory_without_tls_is_refused_even_on_loopback() {
    let error = connecting_fails("http://127.0.0.1:1/directory");
    assert!(error.contains("not https"), "{error}");
    let builder = Client::builder("http://acme.example.org/").key(account_key());
    let error = builder.allow_http_on_loopback().connect().expect_err("not loopback");
    assert!(error.to_string().contains("not https"), "{error}");
}

#[test]
fn a_ca_that_cannot_be_reached_is_named_with_cause_and_remedy() {
    let error = connecting_fails("https://127.0.0.1:1/directory");
    for words in ["https://127.0.0.1:1/directory", "connection refused", "check the URL"] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn a_ca_with_another_root_is_not_trusted() {
    let (ca, other) = (TestCa::start(), TestCa::start());
    let mut policy = acme_blocking::Policy::default();
    policy.tries = 1;
    let result = Client::builder(ca.directory_url())
        .key(account_key())
        .roots(Roots::Pem(other.root_pem().into()))
        .policy(policy)
        .connect();
    let error = result.expect_err("an untrusted CA").to_string();
    assert!(error.contains("invalid peer certificate: "), "{error}");
    assert!(ca.requests().is_empty());
}

#[test]
fn a_page_instead_of_a_directory_is_described() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let page = "<html>Welcome</html>";
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.read(&mut [0; 2048]);
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}",
            page.len()
        );
        stream.write_all(answer.as_bytes()).expect("a connection");
    });
    let builder = Client::builder(&url).key(account_key()).allow_http_on_loopback();
    let error = builder.connect().expect_err("no directory").to_string();
    assert!(error.contains(&url) && error.contains("text/html"), "{error}");
}

#[test]
fn a_client_without_key_says_so() {
    let ca = TestCa::start();
    let result = Client::builder(ca.directory_url()).connect();
    assert!(matches!(result, Err(Error::NoAccountKey)));
}

#[test]
fn connecting_takes_one_request_and_registers_nobody() {
    let ca = TestCa::start();
    let client = builder(&ca).connect().expect("a client");
    assert_eq!(ca.requests().len(), 1);
    assert!(client.find_account().expect("an answer").is_none());
    assert!(client.account_url().is_none());
}

#[test]
fn registering_twice_finds_the_account() {
    let ca = TestCa::start();
    let client = builder(&ca).connect().expect("a client");
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| client.register().run());
        let second = scope.spawn(|| client.register().run());
        (first.join().expect("no panic"), second.join().expect("no panic"))
    });
    let (first, second) = (first.expect("an account"), second.expect("an account"));
    assert!(first.is_new() != second.is_new());
    assert_eq!(first.url(), second.url());
    assert_eq!(client.account_url().as_ref(), Some(first.url()));
}

#[test]
fn terms_are_shown_and_agreed_to_or_not() {
    const TERMS: &str = "https://ca.test/terms";
    let ca = TestCa::builder().terms_of_service(TERMS).require_terms(true).start().expect("a CA");
    let client = builder(&ca).connect().expect("a client");
    for declined in [client.register(), client.register().agree_to_terms(|_| false)] {
        let error = declined.run().expect_err("not agreed");
        let Error::Acme(Acme::Input(InvalidInput::TermsNotAgreed(url))) = error else {
            panic!("{error}")
        };
        assert_eq!(url.as_str(), TERMS);
    }
    let mut shown = None;
    let registration = client.register().agree_to_terms(|url| {
        shown = Some(url.to_owned());
        true
    });
    registration.run().expect("an account");
    assert_eq!(shown.expect("terms"), TERMS);
}

#[test]
fn an_external_account_is_bound_by_its_key_identifier_and_mac_key() {
    let mac_key = b"0123456789abcdef0123456789abcdef";
    let ca = TestCa::builder()
        .external_account("kid-1", mac_key)
        .require_external_account(true)
        .start()
        .expect("a CA");
    let client = builder(&ca).connect().expect("a client");
    let error = client.register().run().expect_err("no external account").to_string();
    assert!(error.contains("external account binding"), "{error}");
    let garbled = client.register().external_account("kid-1", "not base64!").run();
    assert!(matches!(garbled, Err(Error::MacKey(_))), "{garbled:?}");
    let text = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
    let account = client.register().external_account("kid-1", text).run().expect("an account");
    assert!(account.is_new());
}

#[test]
fn every_exchange_is_observed() {
    let ca = TestCa::start();
    let seen: Arc<Mutex<Vec<ExchangeRecord>>> = Arc::default();
    let observed = seen.clone();
    let client = builder(&ca)
        .observe(move |record| observed.lock().expect("no panic").push(record.clone()))
        .connect()
        .expect("a client");
    client.register().run().expect("an account");
    let seen = seen.lock().expect("no panic");
    assert_eq!(seen.len(), ca.requests().len());
    assert_eq!(seen[0].url.as_str(), ca.directory_url());
    assert_eq!((seen[0].status, seen[0].sent), (Some(200), 0));
    assert!(seen.last().is_some_and(|last| last.status == Some(201) && last.sent > 0));
}

#[test]
fn notices_are_shown() {
    let ca = TestCa::builder().bad_nonce_percent(100).start().expect("a CA");
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let mut policy = acme_blocking::Policy::default();
    policy.bad_nonce_tries = 3;
    let client = builder(&ca)
        .policy(policy)
        .notices(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .connect()
        .expect("a client");
    client.register().run().expect_err("no nonce is ever good");
    assert!(count.load(Ordering::SeqCst) >= 2);
}

/// A key management service: slow, and holding the only copy of the key.
struct Service {
    key: ProviderKey,
    delay: Duration,
    signatures: AtomicUsize,
}

impl Service {
    fn new(delay: Duration) -> Arc<Self> {
        Arc::new(Self { key: certificate_key(), delay, signatures: AtomicUsize::new(0) })
    }
}

impl Signer for Service {
    fn account_key(&self) -> Jwk {
        self.key.public_key().clone()
    }

    fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        std::thread::sleep(self.delay);
        self.signatures.fetch_add(1, Ordering::SeqCst);
        self.key.sign(self.key.public_key().algorithm(), &request.message)
    }
}

#[test]
fn a_signer_of_the_users_own_signs_for_the_account() {
    let ca = TestCa::start();
    let service = Service::new(Duration::from_millis(20));
    let client = Client::builder(ca.directory_url())
        .signer(service.clone() as Arc<dyn Signer>)
        .roots(Roots::Pem(ca.root_pem().into()))
        .connect()
        .expect("a client");
    client.register().run().expect("an account");
    assert_eq!(service.signatures.load(Ordering::SeqCst), 1);
}

#[test]
fn a_signer_that_is_too_slow_is_given_up() {
    let ca = TestCa::start();
    let mut policy = acme_blocking::Policy::default();
    policy.sign_time_limit = Duration::from_millis(50);
    let client = Client::builder(ca.directory_url())
        .signer(Service::new(Duration::from_secs(60)))
        .roots(Roots::Pem(ca.root_pem().into()))
        .policy(policy)
        .connect()
        .expect("a client");
    let error = client.register().run().expect_err("no signature");
    assert!(matches!(error, Error::Acme(Acme::Signer(_))), "{error}");
}

/// A network that is down, and notes the `User-Agent` of every request.
#[derive(Default)]
struct Down(Mutex<Vec<String>>);

impl Down {
    fn seen(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }
}

impl Transport for Down {
    fn exchange(&self, transmit: Transmit) -> Result<Response, Lost> {
        let user_agent = transmit.request.headers().first("user-agent").expect("always there");
        self.0.lock().expect("no panic").push(user_agent.to_owned());
        Err(Lost::NotSent("the network is down".into()))
    }

    fn product(&self) -> &str {
        "down/0"
    }
}

#[test]
fn a_network_that_is_down_is_tried_as_often_as_the_policy_says() {
    let down = Arc::new(Down::default());
    let mut policy = acme_blocking::Policy::default();
    policy.backoff = Schedule::new(Duration::from_millis(10), 1.0, Duration::from_millis(10));
    let error = Client::builder("https://acme.example.org/directory")
        .key(account_key())
        .transport(down.clone() as Arc<dyn Transport>)
        .policy(policy)
        .connect()
        .expect_err("the network is down")
        .to_string();
    assert!(error.contains("the network is down"), "{error}");
    assert_eq!(down.seen().len(), acme_blocking::Policy::default().tries as usize);
}

#[test]
fn the_user_agent_names_application_adapter_transport_and_core() {
    let down = Arc::new(Down::default());
    let builder = Client::builder("https://acme.example.org/directory").key(account_key());
    let builder = builder.transport(down.clone()).user_agent("shop/1.2");
    builder.connect().expect_err("the network is down");
    let seen = down.seen();
    assert!(seen[0].starts_with("shop/1.2 acme-blocking/0.1.0 down/0 acme-proto/"), "{}", seen[0]);
}

#[test]
fn what_holds_secrets_shows_none() {
    let key = account_key();
    let pem = key.to_pem();
    let secret = pem.lines().nth(1).expect("a line of base64").to_owned();
    assert!(!format!("{key:?}").contains(&secret));
    let builder = Client::builder("https://acme.example.org/").key(key);
    assert!(!format!("{builder:?}").contains(&secret));
    let ca = TestCa::start();
    let client = ca::client(&ca);
    let registration = client.register().external_account("kid", "c2VjcmV0LXNlY3JldA");
    assert!(!format!("{client:?} {registration:?}").contains("c2VjcmV0"));
}

/// A network in which every order hangs, which is when somebody wants to cancel.
struct Hangs {
    transport: UreqTransport,
    cancel: Cancel,
}

impl Transport for Hangs {
    fn exchange(&self, transmit: Transmit) -> Result<Response, Lost> {
        if transmit.request.url().as_str().contains("order") {
            self.cancel.cancel();
            std::thread::sleep(Duration::from_secs(20));
        }
        self.transport.exchange(transmit)
    }

    fn product(&self) -> &str {
        "hangs/0"
    }
}

#[test]
fn cancelling_does_not_wait_for_an_exchange_that_hangs() {
    let ca = TestCa::start();
    let provider = rustls::crypto::ring::default_provider().into();
    let roots = Roots::Pem(ca.root_pem().into());
    let transport = UreqTransport::new(&provider, &roots).expect("a transport");
    let cancel = Cancel::new();
    let hangs = Hangs { transport, cancel: cancel.clone() };
    let client = builder(&ca).transport(hangs).connect().expect("a client");
    client.register().run().expect("an account");
    let start = Instant::now();
    let key = certificate_key();
    let result = client.issue(["example.test"]).key(&key).cancel_on(&cancel).run();
    assert!(matches!(result, Err(Error::Acme(Acme::Cancelled))), "{result:?}");
    assert!(start.elapsed() < Duration::from_secs(10));
}
