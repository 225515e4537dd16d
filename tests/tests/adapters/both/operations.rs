//! Every single operation, against the test CA.

use super::ca::{self, certificate_key, client};
use acme_proto::flow::{KeyRole, SignFailed, SignRequest};
use acme_proto::jose::{Jwk, Signature};
use acme_proto::op;
use acme_proto::wire::{AccountStatus, AuthorizationStatus, OrderStatus};
use acme_proto::x509::Certificate;
use acme_testca::{RequestKind, TestCa};
use core::time::Duration;
use std::sync::{Arc, Mutex, OnceLock};

use super::adapter::{
    self, AccountKey, BoxError, CertificateChain, ChainChoice, Challenge, ChallengeKind,
    ChallengeResponse, Client, Deactivation, Dns01Solver, Error, Http01Listener, Identifier,
    Issued, KeyKind, ProviderKey, RenewalStep, Roots, Signer, Solver,
};

fn identifier(name: &str) -> Identifier {
    name.try_into().expect("a name")
}

async fn issue(ca: &TestCa, client: &Client, key: &ProviderKey) -> Issued {
    let http = Http01Listener::bind("127.0.0.1:0").await.expect("a free port");
    ca.set_http_port(http.local_addr().port());
    client.issue(["example.test"]).key(key).solver(&http).run().await.expect("a certificate")
}

#[tokio::test]
async fn an_order_can_be_seen_through_by_hand() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let request = op::NewOrder::new([identifier("example.test")]).expect("a name");
    let entry = client.new_order(request).await.expect("an order");
    assert_eq!(*entry.order().status(), OrderStatus::Pending);

    let url = &entry.order().authorizations()[0];
    let authorization = client.authorization(url).await.expect("an authorization");
    let found = authorization.challenges().iter().find(|c| *c.kind() == ChallengeKind::Dns01);
    let challenge = client.challenge(found.expect("dns-01").url()).await.expect("a challenge");
    let thumbprint = client.account_key().thumbprint();
    let token = challenge.token().expect("a token");
    let value = acme_proto::jose::KeyAuthorization::new(token, &thumbprint).txt_value();
    ca.set_txt("_acme-challenge.example.test", &value);
    client.respond(challenge.url()).await.expect("a challenge");
    while *client.authorization(url).await.expect("an authorization").status()
        != AuthorizationStatus::Valid
    {
        adapter::sleep(Duration::from_millis(10)).await;
    }

    let order = client.order(entry.url()).await.expect("an order");
    let key = certificate_key();
    let csr = acme_adapter::keys::make_csr(&key, &[identifier("example.test")]);
    let finalize = order.finalize().expect("a URL");
    let order = client.finalize(entry.url(), finalize, csr.expect("a CSR")).await;
    let order = order.expect("an order");
    assert_eq!(*order.status(), OrderStatus::Valid);
    let download = client.certificate(order.certificate().expect("a URL")).await;
    assert_eq!(download.expect("a chain").chain().leaf().dns_names(), ["example.test"]);
}

#[tokio::test]
async fn the_account_is_read_updated_and_deactivated() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    assert_eq!(client.account().await.expect("an account").contact().len(), 1);
    let contacts = ["mailto:a@example.org", "mailto:b@example.org"];
    let account = client.update_account(contacts).await.expect("an account");
    assert_eq!(account.contact(), contacts);
    let found = client.find_account().await.expect("an answer").expect("an account");
    assert_eq!(Some(found.url()), client.account_url().as_ref());
    let account = client.deactivate_account().await.expect("an account");
    assert_eq!(*account.status(), AccountStatus::Deactivated);
    client.account().await.expect_err("the account is no more");
}

#[tokio::test]
async fn a_contact_that_is_none_is_refused_before_anything_is_sent() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let before = ca.requests().len();
    client.update_account(["mailto:"]).await.expect_err("no address");
    assert_eq!(ca.requests().len(), before);
}

#[tokio::test]
async fn the_directory_and_the_orders_are_read() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    client.directory().await.expect("a directory");
    issue(&ca, &client, &certificate_key()).await;
    client.account().await.expect("an account"); // tells where the orders are
    let page = client.orders(op::ListOrders::first()).await.expect("a page");
    assert!(!page.orders().is_empty());
}

#[tokio::test]
async fn all_orders_are_listed_over_several_pages() {
    let ca = TestCa::builder().configure(|c| c.orders_page_size = 2).start().expect("a CA");
    let client = client(&ca).await;
    for name in ["a.test", "b.test", "c.test", "d.test", "e.test"] {
        let order = op::NewOrder::new([identifier(name)]).expect("a name");
        client.new_order(order).await.expect("an order");
    }
    let all = client.list_orders().await.expect("a list");
    assert_eq!(all.orders().len(), 5, "{all:?}");
    assert_eq!(all.next(), None);
}

#[tokio::test]
async fn an_authorization_is_made_without_an_order_and_given_up() {
    let ca = TestCa::builder().new_authz(true).start().expect("a CA");
    let client = client(&ca).await;
    let entry = client.new_authorization(identifier("example.test")).await;
    let entry = entry.expect("an authorization");
    assert_eq!(*entry.authorization().status(), AuthorizationStatus::Pending);
    let given_up = client.deactivate_authorization(entry.url()).await.expect("an answer");
    assert_eq!(*given_up.status(), AuthorizationStatus::Deactivated);
}

#[tokio::test]
async fn a_certificate_is_revoked_by_the_account_key_and_again_is_no_error() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let issued = issue(&ca, &client, &certificate_key()).await;
    let leaf = issued.chain().leaf();
    let revocation = op::Revoke::new(leaf).with_reason_code(4).expect("a reason");
    assert!(!client.revoke(revocation.clone()).await.expect("revoked").was_already_revoked());
    assert!(client.revoke(revocation).await.expect("revoked").was_already_revoked());
    assert_eq!(ca.certificates_revoked(), 1);
}

#[tokio::test]
async fn a_certificate_is_revoked_by_its_own_key_through_another_account() {
    let ca = TestCa::start();
    let key = certificate_key();
    let issued = issue(&ca, &client(&ca).await, &key).await;
    let other = ca::builder(&ca).connect().await.expect("a client");
    let revocation =
        op::Revoke::new(issued.chain().leaf()).with_certificate_key(key.public_key().clone());
    let error = other.revoke(revocation.clone()).await.expect_err("the key is not at hand");
    assert!(error.to_string().contains("does not hold this key"), "{error}");
    other.hold_certificate_key(key);
    other.revoke(revocation).await.expect("revoked");
    assert_eq!(ca.certificates_revoked(), 1);
}

#[tokio::test]
async fn renewal_information_is_read() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let issued = issue(&ca, &client, &certificate_key()).await;
    let entry = client.renewal_info(issued.chain().leaf()).await.expect("an answer");
    assert!(entry.info().start() < entry.info().end());
}

#[tokio::test]
async fn a_schedule_asks_the_ca_and_then_waits_until_renewal_is_due() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let issued = issue(&ca, &client, &certificate_key()).await;
    let leaf = issued.chain().leaf();
    let mut schedule = client.renewal_schedule(leaf);
    let step = client.check_renewal(&mut schedule).await.expect("an answer");
    let window = schedule.window().expect("a window");
    assert!(matches!(step, RenewalStep::Wait(at) if at < window.start()), "{step:?}");
    assert_eq!(schedule.renew_at(), window.chosen());
    let id = leaf.renewal_id().expect("an identifier");
    ca.set_renewal_window(&id, 0, 1000, None);
    let mut schedule = client.renewal_schedule(leaf);
    let step = client.check_renewal(&mut schedule).await.expect("an answer");
    assert!(matches!(step, RenewalStep::Renew), "{step:?}");
    client.renewal_failed(&mut schedule, &Error::NoCsr);
    let step = client.check_renewal(&mut schedule).await.expect("an answer");
    assert!(matches!(step, RenewalStep::Wait(_)), "{step:?}");
    assert_eq!(schedule.failures(), 1);
}

#[tokio::test]
async fn a_ca_that_does_not_answer_a_schedule_is_a_notice_and_no_error() {
    let ca = TestCa::builder().configure(|c| c.quirks.renewal_info_unauthorized = true);
    let ca = ca.start().expect("a CA");
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let lines = Arc::clone(&told);
    let client = ca::builder(&ca)
        .notices(move |notice| lines.lock().expect("no panic").push(notice.to_string()))
        .connect()
        .await
        .expect("a client");
    client.register().run().await.expect("an account");
    let issued = issue(&ca, &client, &certificate_key()).await;
    let mut schedule = client.renewal_schedule(issued.chain().leaf());
    let step = client.check_renewal(&mut schedule).await.expect("no error");
    assert!(matches!(step, RenewalStep::Wait(_)), "{step:?}");
    let told = told.lock().expect("no panic");
    assert!(told.iter().any(|line| line.contains("no renewal information")), "{told:?}");
}

#[tokio::test]
async fn a_certificate_that_names_no_issuer_key_cannot_be_asked_about() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["example.test".to_owned()]).expect("a name");
    let der = params.self_signed(&key).expect("a certificate").der().to_vec();
    let certificate = Certificate::parse(der).expect("a certificate");
    let result = client.renewal_info(&certificate).await;
    assert!(matches!(result, Err(Error::NoCertificateId)), "{result:?}");
}

#[tokio::test]
async fn after_a_change_of_key_the_client_goes_on_with_the_new_one() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca).await;
    let url = client.account_url();
    let new_key = AccountKey::generate(KeyKind::Es384).expect("a key");
    let pem = new_key.to_pem();
    client.change_key(new_key).run().await.expect("the key is changed");
    issue(&ca, &client, &certificate_key()).await;
    let later = ca::builder(&ca).key(AccountKey::from_pem(&pem).expect("a key"));
    let later = later.connect().await.expect("a client");
    let found = later.find_account().await.expect("an answer").expect("an account");
    assert_eq!(Some(found.url()), url.as_ref());
}

fn root_of(ca: &TestCa, chain: usize) -> Certificate {
    let pem = ca.alternate_root_pem(chain).expect("a root").replace("\r\n", "\n");
    let chain = CertificateChain::parse_pem(pem.as_bytes()).expect("a certificate");
    chain.leaf().clone()
}

#[tokio::test]
async fn the_chain_is_chosen_while_issuing_and_afterwards() {
    let ca = TestCa::builder().alternate_chains(2).start().expect("a CA");
    let client = client(&ca).await;
    let http = Http01Listener::bind("127.0.0.1:0").await.expect("a free port");
    ca.set_http_port(http.local_addr().port());
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&http);
    let issued =
        issue.chain(ChainChoice::root(root_of(&ca, 2))).run().await.expect("a certificate");
    let top = |chain: &CertificateChain| {
        chain.certificates().last().expect("a chain is not empty").issuer_der().to_vec()
    };
    assert!(issued.matches_chain_choice());
    assert_eq!(top(issued.chain()), root_of(&ca, 2).subject_der());
    assert_eq!(issued.order().certificate(), Some(issued.certificate_url()));

    let wish = ChainChoice::root(root_of(&ca, 1));
    let chosen = client.certificate_chain(issued.certificate_url(), wish).await.expect("a chain");
    assert_eq!(top(chosen.chain()), root_of(&ca, 1).subject_der());
    assert_eq!(chosen.chain().leaf(), issued.chain().leaf());
}

#[tokio::test]
async fn functions_of_the_user_may_use_the_client() {
    let ca = TestCa::builder().alternate_chains(2).start().expect("a CA");
    let (known, in_consent) = (Arc::new(OnceLock::<Client>::new()), Arc::new(OnceLock::new()));
    let called = Arc::new(Mutex::new(Vec::new()));
    let use_client = |what: &'static str| {
        let (known, called) = (Arc::clone(&known), Arc::clone(&called));
        move || {
            // A lock that is held would keep this from returning.
            let _ = known.get().map(Client::account_url);
            called.lock().expect("no panic").push(what);
        }
    };
    let (observed, noticed) = (use_client("observer"), use_client("notices"));
    let builder = ca::builder(&ca).observe(move |_| observed()).notices(move |_| noticed());
    let client = builder.connect().await.expect("a client");
    known.set(client.clone()).expect("it was empty");
    let register = client.register().agree_to_terms(|_| {
        in_consent.set(client.account_url()).expect("asked once");
        true
    });
    register.run().await.expect("an account");

    let wanted = root_of(&ca, 2);
    let top = wanted.clone();
    let choice = use_client("choice");
    let custom = ChainChoice::custom(move |chain| {
        choice();
        chain.certificates().last().is_some_and(|last| last.issuer_der() == top.subject_der())
    });
    let http = Http01Listener::bind("127.0.0.1:0").await.expect("a free port");
    ca.set_http_port(http.local_addr().port());
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&http);
    let issued = issue.chain(custom.clone()).run().await.expect("a certificate");
    assert!(issued.matches_chain_choice());
    let again = client.certificate_chain(issued.certificate_url(), custom).await.expect("a chain");
    assert!(again.is_as_wished());
    assert_eq!((again.url(), again.chain()), (issued.chain_url(), issued.chain()));
    let last = again.chain().certificates().last().expect("a certificate");
    assert_eq!(last.issuer_der(), wanted.subject_der());
    let rank = use_client("rank");
    let least = ChainChoice::least(move |_| {
        rank();
        7
    });
    let own = client.certificate_chain(issued.certificate_url(), least).await.expect("a chain");
    assert_eq!(own.url(), issued.certificate_url());
    for what in ["observer", "notices", "choice", "rank"] {
        assert!(called.lock().expect("no panic").contains(&what), "{what}");
    }
}

/// Holds the account key and a certificate's, as an HSM would.
struct Device {
    account: ProviderKey,
    certificate: ProviderKey,
}

impl Signer for Device {
    fn account_key(&self) -> Jwk {
        self.account.public_key().clone()
    }

    async fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        let key = match &request.key {
            KeyRole::Account(_) => &self.account,
            KeyRole::Certificate(key) if *key == self.certificate.public_key().thumbprint() => {
                &self.certificate
            }
            _ => return Err(SignFailed::UnknownKey),
        };
        key.sign(key.public_key().algorithm(), &request.message)
    }
}

#[tokio::test]
async fn a_device_that_holds_the_certificates_key_signs_its_revocation() {
    let ca = TestCa::start();
    let device = Device { account: certificate_key(), certificate: certificate_key() };
    let key = device.certificate.public_key().clone();
    let issued = issue(&ca, &client(&ca).await, &device.certificate).await;
    let other = Client::builder(ca.directory_url())
        .signer(device)
        .roots(Roots::Pem(ca.root_pem().into()))
        .connect()
        .await
        .expect("a client");
    let revocation = op::Revoke::new(issued.chain().leaf())
        .with_reason(op::RevocationReason::KeyCompromise)
        .with_certificate_key(key);
    assert!(!other.revoke(revocation).await.expect("revoked").was_already_revoked());
    assert_eq!(ca.certificates_revoked(), 1);
}

/// Says that it has published, and has not.
struct Silent;

impl Solver for Silent {
    fn kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::Http01]
    }

    async fn present(&self, _: &Challenge) -> Result<ChallengeResponse, BoxError> {
        Ok(ChallengeResponse::default())
    }

    async fn clean_up(&self, _: &Challenge) -> Result<(), BoxError> {
        Ok(())
    }
}

#[tokio::test]
async fn where_one_solver_fails_the_next_one_proves_the_name_in_a_new_order() {
    let ca = Arc::new(TestCa::start());
    let client = client(&ca).await;
    let key = certificate_key();
    let issue = client.issue(["example.test"]).key(&key).solver(Silent);
    let issue = issue.solver(Dns01Solver::new(ca::Zone(Arc::clone(&ca))));
    issue.run().await.expect("a certificate");
    let orders = ca.requests().iter().filter(|r| r.kind == RequestKind::NewOrder).count();
    assert_eq!(orders, 2);
    assert!(ca.published_txt().values().all(Vec::is_empty), "nothing stays published");

    let alone = client.issue(["other.test"]).key(&key).solver(Silent).run().await;
    alone.expect_err("nothing was published");
    let orders = ca.requests().iter().filter(|r| r.kind == RequestKind::NewOrder).count();
    assert_eq!(orders, 3, "without another solver there is no new order");
}

#[tokio::test]
async fn the_authorizations_are_given_up_after_issuing() {
    let ca = TestCa::start();
    let client = client(&ca).await;
    let http = Http01Listener::bind("127.0.0.1:0").await.expect("a free port");
    ca.set_http_port(http.local_addr().port());
    let issue = client.issue(["example.test"]).key(&certificate_key()).solver(&http);
    let issue = issue.deactivate_authorizations(Deactivation::Always);
    let issued = issue.run().await.expect("a certificate");
    let url = &issued.order().authorizations()[0];
    let authorization = client.authorization(url).await.expect("an authorization");
    assert_eq!(*authorization.status(), AuthorizationStatus::Deactivated);
}
