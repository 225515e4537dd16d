//! Public CAs by their presets, with a test CA in their place.

use core::time::Duration;

use acme_testca::{RequestLimits, TestCa};

use super::adapter::{
    AccountKey, AccountLack, Ca, Client, Error, GOOGLE, Http01Listener, KeyKind, LETS_ENCRYPT,
    PublicCa, Roots, SSL_COM_ECC, ZEROSSL,
};
use super::ca::certificate_key;

const MAC_KEY: &str = "YSBrZXkgb2YgYXQgbGVhc3QgdGhpcnR5LXR3byBvY3RldHM";

fn account_key() -> AccountKey {
    AccountKey::generate(KeyKind::Es256).expect("a key")
}

/// Connects to the test CA as if it were the public one.
async fn client(public: PublicCa, ca: &TestCa) -> Client {
    let builder = Client::builder(public.at_directory(ca.directory_url())).key(account_key());
    builder.roots(Roots::Pem(ca.root_pem().into())).connect().await.expect("a client")
}

#[tokio::test]
async fn what_an_account_lacks_is_said_before_anything_is_sent() {
    let ca = TestCa::start();
    for public in [ZEROSSL, GOOGLE, SSL_COM_ECC] {
        let client = client(public, &ca).await;
        ca.clear_log();
        let error = client.register().contact("mailto:me@example.test").run().await;
        let error = error.expect_err("no credentials");
        let lack = AccountLack::ExternalAccount(public);
        assert!(matches!(error, Error::AccountLacks(it) if it == lack), "{error}");
        let said = error.to_string();
        assert!(said.contains(public.credentials().expect("where they come from")), "{said}");
        assert!(said.ends_with("give them with external_account(kid, mac_key)"), "{said}");
        let error = client.register().external_account("kid-1", MAC_KEY).run().await;
        let error = error.expect_err("no contact");
        assert!(matches!(error, Error::AccountLacks(AccountLack::Contact(_))), "{error}");
        assert!(error.to_string().ends_with("contact(\"mailto:me@example.org\")"), "{error}");
        assert_eq!(ca.requests().len(), 0, "{public}");
    }
    // Let's Encrypt demands neither.
    client(LETS_ENCRYPT, &ca).await.register().run().await.expect("an account");
}

#[tokio::test]
async fn the_pace_is_that_of_the_ca() {
    // Where the machine stalls for two seconds while requests are on their way, some are refused.
    let mut refused = Vec::new();
    while refused.len() < 3 {
        match refused_at_the_pace_of_the_ca().await {
            0 => return,
            some => refused.push(some),
        }
    }
    panic!("{refused:?}");
}

/// Issues by the preset, at a CA that enforces the pace, and returns how many requests were refused.
async fn refused_at_the_pace_of_the_ca() -> usize {
    let ca = TestCa::builder()
        .external_account("kid-1", b"a key of at least thirty-two octets")
        .require_external_account(true)
        .require_contact(true)
        .request_limits(RequestLimits::together(7, 7))
        .latency(Duration::from_millis(5));
    let ca = ca.start().expect("a CA");
    let client = client(ZEROSSL, &ca).await;
    let register = client.register().contact("mailto:me@example.test");
    register.external_account("kid-1", MAC_KEY).run().await.expect("an account");
    let http = Http01Listener::bind(("127.0.0.1", ca.http_port())).await.expect("a port");
    let issue = client.issue(["a.test", "b.test", "c.test"]).key(&certificate_key()).solver(&http);
    issue.run().await.expect("a certificate");
    // More than the seven that are allowed at once, so that it was the pace that kept them within the limit.
    let requests = ca.requests();
    assert!(requests.len() > 7, "{requests:?}");
    requests.iter().filter(|request| request.status == 429).count()
}

#[tokio::test]
async fn a_ca_that_has_ended_is_said_to_have() {
    let connected = Client::connect("https://api.buypass.com/acme/directory", account_key()).await;
    let error = connected.expect_err("it has ended");
    assert!(matches!(error, Error::UnknownCa(_)), "{error}");
    let said = "Buypass has ended its ACME service; use one of lets-encrypt, ";
    assert!(error.to_string().starts_with(said), "{error}");
    let error = "Buypass".parse::<PublicCa>().expect_err("it has ended").to_string();
    assert!(error.starts_with(said), "{error}");
}

#[test]
fn the_url_of_a_public_ca_is_as_good_as_its_constant() {
    let url = ZEROSSL.directory();
    for ca in [Ca::from(ZEROSSL), Ca::from(url), Ca::from(url.to_owned())] {
        assert_eq!((ca.public(), ca.directory()), (Some(ZEROSSL), url));
    }
    assert_eq!(Ca::from("https://ca.test/directory").public(), None);
}
