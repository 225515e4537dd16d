//! Whatever the Python client aioacme 0.6.0 can do, through both adapters; `manual::aioacme` maps the names.

use core::time::Duration;
use std::thread::sleep;

use acme_proto::error::Error as Core;
use acme_proto::identifier::Identifier;
use acme_proto::op::{NewOrder, RespondChallenge, Revoke};
use acme_proto::time::Timestamp;
use acme_proto::wire::{
    AccountStatus, AuthorizationStatus, ChallengeKind, ChallengeStatus, OrderStatus, ProblemType,
};
use acme_testca::TestCa;

const TERMS: &str = "https://ca.test/terms";

fn ca() -> TestCa {
    let ca = TestCa::builder().terms_of_service(TERMS).require_terms(true);
    ca.block_name("blocked.test").start().expect("a CA")
}

fn identifiers(names: &[&str]) -> Vec<Identifier> {
    names.iter().map(|name| name.parse().expect("a name")).collect()
}

/// A day from now on, whole seconds as every CA can store them.
fn tomorrow() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = since.expect("after 1970").as_secs() + 86_400;
    Timestamp::UNIX_EPOCH.saturating_add(Duration::from_secs(seconds))
}

/// Writes one adapter's run through the whole list; `$end` awaits a method, and `$run` a builder.
macro_rules! whole_list {
    ($adapter:ident, [$($end:tt)*], [$($run:tt)*], $ca:expr) => {{
        use $adapter::{AccountKey, Client, KeyKind, LETS_ENCRYPT, LETS_ENCRYPT_STAGING, ProviderKey, Roots, ZEROSSL};
        let ca: &TestCa = $ca;
        for known in [LETS_ENCRYPT, LETS_ENCRYPT_STAGING, ZEROSSL] {
            assert!(known.directory().starts_with("https://"));
        }
        let client = Client::builder(ca.directory_url())
            .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
            .roots(Roots::Pem(ca.root_pem().into()))
            .connect()$($end)*.expect("a client");

        // Terms of service; an account is only registered when that is asked for, and agreed to.
        let terms = client.terms_of_service()$($end)*.expect("a directory");
        assert_eq!(terms.as_deref(), Some(TERMS));
        assert!(client.find_account()$($end)*.expect("an answer").is_none());
        client.register()$($run)*.expect_err("nobody agreed to the terms");
        let entry = client.register().contact("mailto:a@example.org").agree_to_terms(|_| true)$($run)*;
        let entry = entry.expect("an account");
        assert!(entry.is_new());
        let account = client.account()$($end)*.expect("an account");
        assert_eq!((account.status(), account.contact()), (&AccountStatus::Valid, &["mailto:a@example.org".to_owned()][..]));
        let found = client.find_account()$($end)*.expect("an answer").expect("an account");
        assert_eq!(found.url(), entry.url());
        let account = client.update_account(["mailto:b@example.org"])$($end)*.expect("an account");
        assert_eq!(account.contact(), ["mailto:b@example.org"]);

        // An order with a name, an address and dates; its authorizations can be given up.
        let names = identifiers(&["example.test", "127.0.0.1"]);
        let end = tomorrow();
        let request = NewOrder::new(names.clone()).expect("names").with_not_after(end);
        let entry = client.new_order(request)$($end)*.expect("an order");
        let order = client.order(entry.url())$($end)*.expect("an order");
        assert_eq!((order.identifiers(), order.not_after()), (&names[..], Some(end)));
        for url in order.authorizations() {
            let authorization = client.deactivate_authorization(url)$($end)*.expect("an answer");
            assert_eq!(*authorization.status(), AuthorizationStatus::Deactivated);
        }

        // A challenge answered by hand, from the order to its certificate.
        let wildcard = identifiers(&["*.example.test"]);
        let entry = client.new_order(NewOrder::new(wildcard.clone()).expect("names"))$($end)*;
        let entry = entry.expect("an order");
        let url = &entry.order().authorizations()[0];
        let authorization = client.authorization(url)$($end)*.expect("an authorization");
        let kind = |kind| authorization.challenges().iter().find(move |c| *c.kind() == kind);
        let challenge = kind(ChallengeKind::Dns01).expect("dns-01");
        assert_eq!(*challenge.status(), ChallengeStatus::Pending);
        let domain = client.dns_challenge_domain(&wildcard[0]).expect("a name has one");
        assert_eq!(domain, "_acme-challenge.example.test");
        assert_eq!(client.dns_challenge_domain(&names[1]), None, "an address has none");
        let value = client.dns_challenge_validation(challenge.token().expect("a token"));
        ca.set_txt(&domain, &value);
        client.respond(challenge.url())$($end)*.expect("a challenge");
        while *client.order(entry.url())$($end)*.expect("an order").status() == OrderStatus::Pending {
            sleep(Duration::from_millis(10));
        }
        let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
        let csr = $adapter::acme_adapter::keys::make_csr(&key, &wildcard).expect("a CSR");
        let finalize = entry.order().finalize().expect("a URL");
        let order = client.finalize(entry.url(), finalize, csr)$($end)*.expect("an order");
        let download = client.certificate(order.certificate().expect("a URL"))$($end)*;
        let leaf = download.expect("a certificate").chain().leaf().clone();
        assert_eq!(leaf.dns_names(), ["*.example.test"]);

        // Later requests are signed by the new key; the certificate's own key revokes, with a reason.
        let before = client.account_key();
        let new_key = AccountKey::generate(KeyKind::Es256).expect("a key");
        client.change_key(new_key)$($run)*.expect("a key change");
        assert_ne!(client.account_key(), before);
        client.account()$($end)*.expect("the new key is the account's");
        let public = key.public_key().clone();
        client.hold_certificate_key(key);
        let revocation = Revoke::new(&leaf).with_certificate_key(public).with_reason_code(4).expect("a reason");
        assert!(!client.revoke(revocation)$($end)*.expect("it is revoked").was_already_revoked());

        // Beyond that list: an answer with members that the type of challenge defines.
        let again = NewOrder::new(identifiers(&["example.test"])).expect("names");
        let entry = client.new_order(again)$($end)*.expect("an order");
        let url = &entry.order().authorizations()[0];
        let authorization = client.authorization(url)$($end)*.expect("an authorization");
        let challenge = authorization.challenges()[0].url();
        let members = serde_json::Map::from_iter([("attObj".to_owned(), "o2NmbXQ".into())]);
        let answer = RespondChallenge::new(challenge.clone()).with_response(members.into());
        assert_eq!(client.respond_with(answer)$($end)*.expect("a challenge").url(), challenge);

        // Errors have type, detail, and the identifier that they are about.
        let blocked = NewOrder::new(identifiers(&["blocked.test", "fine.test"])).expect("names");
        let error = client.new_order(blocked)$($end)*.expect_err("a refusal");
        let Some(Core::Problem(problem)) = error.acme() else { panic!("{error}") };
        let problem = problem.problem().expect("a problem document");
        assert_eq!(*problem.kind(), ProblemType::RejectedIdentifier);
        let about = problem.subproblems().iter().chain([problem]).filter_map(|p| p.identifier());
        let about: Vec<String> = about.map(Identifier::value).collect();
        assert_eq!(about, ["blocked.test"]);

        client.close();
        client.deactivate_account()$($end)*.expect("a closed client connects anew");
    }};
}

#[test]
fn acme_tokio_does_whatever_aioacme_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        whole_list!(acme_tokio, [.await], [.await], &ca());
    });
}

#[test]
fn acme_blocking_does_whatever_aioacme_does() {
    whole_list!(acme_blocking, [], [.run()], &ca());
}
