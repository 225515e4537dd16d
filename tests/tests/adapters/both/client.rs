//! Connecting and registering, and what a user can replace: signer, transport, clock.

use super::ca::{self, builder, certificate_key};
use acme_proto::error::{Error as Acme, InvalidInput};
use acme_proto::flow::{Lost, SignFailed, SignRequest, Transmit};
use acme_proto::http::Response;
use acme_proto::jose::{Jwk, Signature};
use acme_proto::session::SessionMemory;
use acme_testca::{FaultAction, FaultRule, Faults, Profile, Quirks, RequestKind, TestCa};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use super::adapter::{
    self, AccountKey, Client, Error, ExchangeRecord, KeyKind, ProviderKey, Roots, Signer, Transport,
};

pub(crate) fn account_key() -> AccountKey {
    AccountKey::generate(KeyKind::Es256).expect("a key")
}

pub(crate) async fn connecting_fails(directory: &str) -> String {
    let result = Client::connect(directory, account_key()).await;
    result.expect_err("a bad directory").to_string()
}

#[tokio::test]
async fn a_directory_that_is_no_url_is_refused() {
    let error = connecting_fails("acme.example.org").await;
    assert!(error.contains("acme.example.org"), "{error}");
}

#[tokio::test]
async fn a_directory_without_tls_is_refused_even_on_loopback() {
    let error = connecting_fails("http://127.0.0.1:1/directory").await;
    assert!(error.contains("not https"), "{error}");
    let builder = Client::builder("http://acme.example.org/").key(account_key());
    let error = builder.allow_http_on_loopback().connect().await.expect_err("not loopback");
    assert!(error.to_string().contains("not https"), "{error}");
}

#[tokio::test]
async fn a_ca_with_another_root_is_not_trusted_and_not_asked_again() {
    let (ca, other) = (TestCa::start(), TestCa::start());
    let retries = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&retries);
    let result = Client::builder(ca.directory_url())
        .key(account_key())
        .roots(Roots::Pem(other.root_pem().into()))
        .notices(move |notice| seen.lock().expect("no panic").push(notice.to_string()))
        .connect()
        .await;
    let error = result.expect_err("an untrusted CA").to_string();
    assert!(error.contains(" is not trusted: ") && error.contains("`--ca-file`"), "{error}");
    let port = ca.directory_url().split([':', '/']).nth(4).expect("a port").to_owned();
    assert!(error.contains(&format!("(127.0.0.1:{port})")), "{error}");
    assert!(retries.lock().expect("no panic").is_empty(), "{retries:?}");
    assert!(ca.requests().is_empty());
}

#[tokio::test]
async fn a_refused_nonce_is_asked_for_once_and_ends_in_the_error_of_new_nonce() {
    let ca = TestCa::start();
    let headers = vec![("Content-Type".to_owned(), "application/problem+json".to_owned())];
    let body = r#"{"type": "urn:ietf:params:acme:error:malformed"}"#.to_owned();
    let refusal = FaultAction::Respond { status: 400, headers, body };
    ca.set_faults(Faults::none().with(FaultRule::next(refusal).on(RequestKind::NewNonce).times(9)));
    let client = builder(&ca).connect().await.expect("a client");
    let error = client.register().run().await.expect_err("no nonce");
    let error = error.to_string();
    assert!(error.contains("newNonce") && error.contains("400"), "{error}");
    let kinds: Vec<_> = ca.requests().into_iter().map(|request| request.kind).collect();
    assert_eq!(kinds, [RequestKind::Directory, RequestKind::NewNonce], "{error}");
}

#[tokio::test]
async fn a_page_instead_of_a_directory_is_described() {
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
    let error = builder.connect().await.expect_err("no directory").to_string();
    assert!(error.contains(&url) && error.contains("text/html"), "{error}");
}

#[tokio::test]
async fn a_client_without_key_says_so() {
    let ca = TestCa::start();
    let result = Client::builder(ca.directory_url()).connect().await;
    assert!(matches!(result, Err(Error::NoAccountKey)));
}

#[tokio::test]
async fn connecting_takes_one_request_and_registers_nobody() {
    let ca = TestCa::start();
    let client = builder(&ca).connect().await.expect("a client");
    assert_eq!(ca.requests().len(), 1);
    assert!(client.find_account().await.expect("an answer").is_none());
    assert!(client.account_url().is_none());
}

#[tokio::test]
async fn consent_given_beforehand_counts_where_the_directory_names_no_terms() {
    let ca = TestCa::builder().require_terms(true).start().expect("a CA");
    let client = builder(&ca).connect().await.expect("a client");
    let error = client.register().run().await.expect_err("nobody agreed").to_string();
    assert!(error.contains("userActionRequired") || error.contains("terms"), "{error}");
    client.register().terms_of_service_agreed().run().await.expect("an account");
}

#[tokio::test]
async fn terms_are_shown_and_agreed_to_or_not() {
    const TERMS: &str = "https://ca.test/terms";
    let ca = TestCa::builder().terms_of_service(TERMS).require_terms(true).start().expect("a CA");
    let client = builder(&ca).connect().await.expect("a client");
    for declined in [client.register(), client.register().agree_to_terms(|_| false)] {
        let error = declined.run().await.expect_err("not agreed");
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
    registration.run().await.expect("an account");
    assert_eq!(shown.expect("terms"), TERMS);
}

#[tokio::test]
async fn an_external_account_is_bound_by_its_key_identifier_and_mac_key() {
    let mac_key = b"0123456789abcdef0123456789abcdef";
    let ca = TestCa::builder()
        .external_account("kid-1", mac_key)
        .require_external_account(true)
        .start()
        .expect("a CA");
    let client = builder(&ca).connect().await.expect("a client");
    let error = client.register().run().await.expect_err("no external account").to_string();
    assert!(error.contains("external account binding"), "{error}");
    let garbled = client.register().external_account("kid-1", "not base64!").run().await;
    assert!(matches!(garbled, Err(Error::MacKey(_))), "{garbled:?}");
    let text = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
    let account =
        client.register().external_account("kid-1", text).run().await.expect("an account");
    assert!(account.is_new());
}

#[tokio::test]
async fn every_exchange_is_observed() {
    let ca = TestCa::start();
    let seen: Arc<Mutex<Vec<ExchangeRecord>>> = Arc::default();
    let observed = seen.clone();
    let client = builder(&ca)
        .observe(move |record| observed.lock().expect("no panic").push(record.clone()))
        .connect()
        .await
        .expect("a client");
    client.register().run().await.expect("an account");
    let seen = seen.lock().expect("no panic");
    assert_eq!(seen.len(), ca.requests().len());
    assert_eq!(seen[0].url.as_str(), ca.directory_url());
    assert_eq!((seen[0].status, seen[0].sent), (Some(200), 0));
    assert!(seen.last().is_some_and(|last| last.status == Some(201) && last.sent > 0));
}

#[tokio::test]
async fn notices_are_shown() {
    let ca = TestCa::builder().bad_nonce_percent(100).start().expect("a CA");
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let mut policy = adapter::Policy::default();
    policy.bad_nonce_tries = 3;
    let client = builder(&ca)
        .policy(policy)
        .notices(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .connect()
        .await
        .expect("a client");
    client.register().run().await.expect_err("no nonce is ever good");
    assert!(count.load(Ordering::SeqCst) >= 2);
}

/// A key management service: slow, and holding the only copy of the key.
pub(crate) struct Service {
    key: ProviderKey,
    delay: Duration,
    signatures: AtomicUsize,
}

impl Service {
    pub(crate) fn new(delay: Duration) -> Arc<Self> {
        Arc::new(Self { key: certificate_key(), delay, signatures: AtomicUsize::new(0) })
    }
}

impl Signer for Service {
    fn account_key(&self) -> Jwk {
        self.key.public_key().clone()
    }

    async fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        adapter::sleep(self.delay).await;
        self.signatures.fetch_add(1, Ordering::SeqCst);
        self.key.sign(self.key.public_key().algorithm(), &request.message)
    }
}

#[tokio::test]
async fn a_signer_of_the_users_own_signs_for_the_account() {
    let ca = TestCa::start();
    let service = Service::new(Duration::from_millis(20));
    let client = Client::builder(ca.directory_url())
        .signer(service.clone() as Arc<dyn adapter::ObjectSigner>)
        .roots(Roots::Pem(ca.root_pem().into()))
        .connect()
        .await
        .expect("a client");
    client.register().run().await.expect("an account");
    assert_eq!(service.signatures.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_signer_that_is_too_slow_is_given_up() {
    let ca = TestCa::start();
    let mut policy = adapter::Policy::default();
    policy.sign_time_limit = Duration::from_millis(50);
    let client = Client::builder(ca.directory_url())
        .signer(Service::new(Duration::from_secs(60)))
        .roots(Roots::Pem(ca.root_pem().into()))
        .policy(policy)
        .connect()
        .await
        .expect("a client");
    let error = client.register().run().await.expect_err("no signature");
    assert!(matches!(error, Error::Acme(Acme::Signer(_))), "{error}");
}

/// A network that is down, and notes the `User-Agent` of every request.
#[derive(Default)]
pub(crate) struct Down(Mutex<Vec<String>>);

impl Down {
    pub(crate) fn seen(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }
}

impl Transport for Down {
    async fn exchange(&self, transmit: Transmit) -> Result<Response, Lost> {
        let user_agent = transmit.request.headers().first("user-agent").expect("always there");
        self.0.lock().expect("no panic").push(user_agent.to_owned());
        Err(Lost::NotSent("the network is down".into()))
    }

    fn product(&self) -> &str {
        "down/0"
    }
}

#[tokio::test]
async fn what_holds_secrets_shows_none() {
    let key = account_key();
    let pem = key.to_pem();
    let secret = pem.lines().nth(1).expect("a line of base64").to_owned();
    assert!(!format!("{key:?}").contains(&secret));
    let builder = Client::builder("https://acme.example.org/").key(key);
    assert!(!format!("{builder:?}").contains(&secret));
    let ca = TestCa::start();
    let client = ca::client(&ca).await;
    let registration = client.register().external_account("kid", "c2VjcmV0LXNlY3JldA");
    assert!(!format!("{client:?} {registration:?}").contains("c2VjcmV0"));
}

/// Issues with a client, and returns the kinds of its requests.
async fn kinds_of_an_issuance(ca: &TestCa, client: &Client, name: &str) -> Vec<RequestKind> {
    let before = ca.requests().len();
    let http = super::issue::http01(ca).await;
    let issued = client.issue([name]).key(&certificate_key()).solver(&http).run().await;
    issued.expect("a certificate");
    ca.requests()[before..].iter().map(|exchange| exchange.kind).collect()
}

#[tokio::test]
async fn what_a_client_knew_spares_the_next_one_directory_account_and_nonce() {
    let ca = TestCa::start();
    let key = account_key();
    let client = || builder(&ca).key(key.clone());
    let first = client().connect().await.expect("a client");
    first.register().run().await.expect("an account");
    kinds_of_an_issuance(&ca, &first, "a.example").await;
    let known = serde_json::to_string(&first.memory()).expect("JSON");
    drop(first);
    let known: SessionMemory = serde_json::from_str(&known).expect("a memory");

    let before = ca.requests().len();
    let next = client().memory(known.clone()).connect().await.expect("a client");
    assert_eq!(ca.requests().len(), before, "connecting takes no request");
    assert!(next.account_url().is_some(), "{next:?}");
    let kinds = kinds_of_an_issuance(&ca, &next, "b.example").await;
    let spared = [RequestKind::Directory, RequestKind::NewNonce, RequestKind::NewAccount];
    assert!(!kinds.iter().any(|kind| spared.contains(kind)), "{kinds:?}");

    // Its nonces are used up by now: one repeated exchange.
    let late = client().memory(known).connect().await.expect("a client");
    let kinds = kinds_of_an_issuance(&ca, &late, "c.example").await;
    let orders = kinds.iter().filter(|kind| **kind == RequestKind::NewOrder).count();
    assert!(!kinds.iter().any(|kind| spared.contains(kind)) && orders == 2, "{kinds:?}");
}

#[tokio::test]
async fn what_a_remembered_directory_lacks_is_looked_for_in_a_new_one() {
    let ca = TestCa::start();
    let key = account_key();
    ca.set_quirks(Quirks { no_new_order: true, ..Quirks::default() });
    let first = builder(&ca).key(key.clone()).connect().await.expect("a client");
    first.register().run().await.expect("an account");
    let known = first.memory();

    // The CA's work is done, and it has a new profile.
    ca.set_quirks(Quirks::default());
    let profile = Profile { description: "a new one".to_owned(), lifetime: 518_400_000 };
    ca.configure(|config| drop(config.profiles.insert("new".to_owned(), profile)));
    let next = builder(&ca).key(key).memory(known).connect().await.expect("a client");
    let before = ca.requests().len();
    let http = super::issue::http01(&ca).await;
    let issue = next.issue(["a.example"]).key(&certificate_key()).profile("new");
    let issued = issue.solver(&http).run().await.expect("a certificate");
    assert_eq!(issued.profile(), Some("new"));
    let kinds: Vec<_> = ca.requests()[before..].iter().map(|exchange| exchange.kind).collect();
    assert_eq!(kinds[..2], [RequestKind::Directory, RequestKind::NewOrder], "{kinds:?}");
    assert!(!kinds.contains(&RequestKind::NewNonce), "{kinds:?}");
}
