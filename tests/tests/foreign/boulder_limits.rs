//! Let's Encrypt's published limits, met at Boulder: <https://letsencrypt.org/docs/rate-limits/>.

use std::time::Duration;

use acme_blocking::acme_adapter::clock;
use acme_blocking::{AccountKey, Error, KeyKind, ProviderKey};
use acme_proto::error::Error as Core;
use acme_proto::identifier::Identifier;
use acme_proto::op::{GetRenewalInfo, NewOrder, Revoke};
use acme_proto::policy::Policy;
use acme_proto::wire::ChallengeKind;
use acme_tests::for_both_adapters;
use acme_tests::interop::{Adapter, Client, Hook, Job, Watch, typed};
use acme_tests::servers::{Boulder, BoulderOptions, Site};

for_both_adapters! {
    five_certificates_for_the_same_names_a_week, same_names;
    fifty_certificates_of_a_domain_a_week_and_ten_accounts_of_an_address, domain_and_address;
    five_failed_validations_of_a_name_an_hour, failures;
    three_hundred_orders_of_an_account_in_three_hours, orders;
}

const HOUR: Duration = Duration::from_secs(3600);
const WEEK: Duration = Duration::from_secs(7 * 86_400);

fn boulder() -> Boulder {
    Boulder::start(&BoulderOptions::default().published_limits())
}

/// Connects with a new key and the policy that users have.
fn stranger(adapter: Adapter, site: &Site) -> (Client, Watch) {
    let key = AccountKey::generate(KeyKind::Es256).expect("a key");
    Client::connect_with(adapter, site, &key, None, &Policy::default()).expect("a client")
}

fn registered(adapter: Adapter, site: &Site) -> (Client, Watch) {
    let (client, watch) = stranger(adapter, site);
    client.register(None).expect("an account");
    (client, watch)
}

fn certificate_key() -> ProviderKey {
    ProviderKey::generate(KeyKind::Es256).expect("a key")
}

/// Checks that an error is that of a limit, in the CA's words, and that it names the time when one more is allowed.
fn assert_limited(error: &Error, words: &str, wait: Duration) {
    assert_eq!(typed(error).as_deref(), Some("429 rateLimited"), "{error}");
    let shown = error.to_string();
    assert!(shown.contains(words), "{shown}");
    assert!(shown.contains("https://letsencrypt.org/docs/rate-limits"), "{shown}");
    let until = error.acme().and_then(Core::retry_at).expect("a time to wait until");
    let asked = until.saturating_duration_since(clock::wall());
    // Boulder adds up to three percent, and the bucket has been filling since the first use.
    let slack = Duration::from_secs(60);
    assert!(wait.saturating_sub(slack) < asked && asked < wait.mul_f64(1.03) + slack, "{asked:?}");
}

/// Counts the requests to a resource since the last time, and forgets all.
fn sent(watch: &Watch, path: &str) -> usize {
    watch.take_exchanges().iter().filter(|exchange| exchange.path == path).count()
}

fn same_names(adapter: Adapter) {
    let boulder = boulder();
    let (client, watch) = registered(adapter, boulder.site());
    let (names, key) = (["same.example.com"], certificate_key());
    let job = Job::new(&names, ChallengeKind::Http01, &key);
    let mut issued = client.issue(&job).expect("the first one");
    for _ in 0..4 {
        issued = client.issue(&job).expect("a certificate by an authorization that is valid");
    }
    watch.take_exchanges();
    let error = client.issue(&job).expect_err("the sixth one");
    let words = "too many certificates (5) already issued for this exact set of identifiers";
    assert_limited(&error, words, WEEK / 5);
    assert_eq!(sent(&watch, "/acme/new-order"), 1, "a limit is asked once");

    // An order that replaces a certificate is outside of the limits only while the suggested window is open: not before,
    // and not after a revocation, which moves the window into the past.
    let leaf = issued.chain().leaf();
    let question = GetRenewalInfo::of(leaf).expect("a certificate of Boulder's");
    let renewal = Job { replaces: Some(question.certificate_id()), ..job };
    let error = client.issue(&renewal).expect_err("a renewal before its time");
    assert_limited(&error, words, WEEK / 5);
    client.revoke(Revoke::new(leaf)).expect("a revocation");
    let window = client.renewal_info(leaf).expect("a window");
    assert!(window.info().end() < clock::wall(), "{window:?}");
    let error = client.issue(&renewal).expect_err("a renewal after the window");
    assert_limited(&error, words, WEEK / 5);
}

fn domain_and_address(adapter: Adapter) {
    let boulder = boulder();
    let (client, watch) = registered(adapter, boulder.site());
    let key = certificate_key();
    let names: Vec<String> = (0..6).map(|n| format!("n{n}.example.com")).collect();
    // Each subset of six names that are authorized is a set of its own.
    let subset = |number: usize| -> Vec<&str> {
        let chosen = names.iter().enumerate().filter(|(place, _)| number & (1 << place) != 0);
        chosen.map(|(_, name)| name.as_str()).collect()
    };
    let issue = |number| client.issue(&Job::new(&subset(number), ChallengeKind::Http01, &key));
    issue(63).expect("a certificate for all six");
    for number in 1..50 {
        issue(number).expect("a certificate by authorizations that are valid");
    }
    watch.take_exchanges();
    let error = issue(50).expect_err("the certificate after the fiftieth");
    let words = "too many certificates (50) already issued for \"example.com\"";
    assert_limited(&error, words, WEEK / 50);
    assert_eq!(sent(&watch, "/acme/new-order"), 1, "a limit is asked once");

    for _ in 1..10 {
        registered(adapter, boulder.site());
    }
    let (stranger, watch) = stranger(adapter, boulder.site());
    watch.take_exchanges();
    let error = stranger.register(None).expect_err("the eleventh account");
    let words = "too many new registrations (10) from this IP address";
    assert_limited(&error, words, 3 * HOUR / 10);
    assert_eq!(sent(&watch, "/acme/new-acct"), 1, "a limit is asked once");
}

fn failures(adapter: Adapter) {
    let boulder = boulder();
    let site = boulder.site();
    let (client, watch) = registered(adapter, site);
    let key = certificate_key();
    let name = ["fails.example.com"];
    // Somebody takes each record away before the CA looks. The solver could prove the name by two kinds.
    let zone = site.zone().clone();
    let take_away = Hook::new(move || {
        for (name, _) in zone.published().expect("the target directory is readable") {
            zone.clear(&name).expect("challtestsrv answers");
        }
    });
    let job = Job::new(&name, ChallengeKind::Dns01, &key);
    let job = Job { published: Some(take_away), ..job };
    for number in 1..=5 {
        watch.take_exchanges();
        let error = client.issue(&job).expect_err("a name without a record");
        assert_eq!(typed(&error).as_deref(), Some("order failed: unauthorized"), "{error}");
        assert_eq!(sent(&watch, "/acme/chall/"), 1, "one issuance burns one validation: {number}");
    }
    let error = client.issue(&job).expect_err("the issuance after the fifth failure");
    let words = "too many failed authorizations (5) for \"fails.example.com\"";
    assert_limited(&error, words, HOUR / 5);
    assert_eq!(sent(&watch, "/acme/new-order"), 1, "a limit is asked once");
    let other = ["works.example.com"];
    client.issue(&Job { published: None, names: &other, ..job }).expect("another name");
}

fn orders(adapter: Adapter) {
    let boulder = boulder();
    let (client, watch) = registered(adapter, boulder.site());
    let order = |number: usize| {
        let name = Identifier::dns(&format!("n{number}.example.com")).expect("a name");
        client.new_order(NewOrder::new([name]).expect("a name"))
    };
    // One more is allowed every 36 seconds, and when less than half a second is left, no time is said: that is a short
    // pause, and the next refusal names the time.
    let refused = (0..400).find(|number| match order(*number) {
        Ok(_) => !watch.waits().is_empty(),
        Err(error) => {
            assert!(error.to_string().contains("too many new orders (300)"), "{error}");
            assert_eq!(error.acme().and_then(Core::retry_at), None, "{error}");
            false
        }
    });
    assert!(refused.expect("a limit") >= 300, "order {refused:?} had to wait");
    let waits = watch.waits();
    assert!(waits.len() <= 4 && waits.iter().all(|seconds| *seconds <= 38), "{waits:?}");
}
