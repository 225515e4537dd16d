//! What Let's Encrypt's users meet, at Boulder: many names, orders that are ready at once, back ends that fail.

use std::panic::resume_unwind;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use acme_blocking::acme_adapter::clock;
use acme_blocking::{AccountKey, Error, Issued, KeyKind, ProviderKey};
use acme_proto::policy::Policy;
use acme_proto::time::Timestamp;
use acme_proto::wire::ChallengeKind;
use acme_tests::interop::{Adapter, Client, Exchange, Hook, Job, Watch, typed, verify};
use acme_tests::servers::{Boulder, BoulderOptions, Part, Site};

const BOTH: [Adapter; 2] = [Adapter::Tokio, Adapter::Blocking];

/// Registers an account with the policy that users have.
fn registered(adapter: Adapter, site: &Site) -> (Client, Watch, AccountKey) {
    let key = AccountKey::generate(KeyKind::Es256).expect("a key");
    let (client, watch) =
        Client::connect_with(adapter, site, &key, None, &Policy::default()).expect("a client");
    client.register(None).expect("an account");
    (client, watch, key)
}

fn certificate_key() -> ProviderKey {
    ProviderKey::generate(KeyKind::Es256).expect("a key")
}

fn assert_issued(site: &Site, issued: &Issued, names: &[&str]) {
    verify(&issued.chain().to_pem(), &site.issuer_roots()[0], names)
        .unwrap_or_else(|error| panic!("{error:?}"));
}

fn paths(exchanges: &[Exchange]) -> Vec<&str> {
    exchanges.iter().map(|exchange| exchange.path.as_str()).collect()
}

#[test]
fn a_hundred_names_in_one_order_and_five_requests_for_one_that_is_ready_at_once() {
    let boulder = Boulder::start(&BoulderOptions::default());
    let site = boulder.site();
    let key = certificate_key();
    let names: Vec<String> = (0..100).map(|n| format!("n{n}.{}", site.domain())).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for adapter in BOTH {
        let (client, watch, account) = registered(adapter, site);
        watch.take_exchanges();
        let issued = client.issue(&Job::new(&names, ChallengeKind::Http01, &key));
        assert_issued(site, &issued.expect("a certificate"), &names);
        let sent = watch.take_exchanges();
        // An authorization and a challenge for each name, nonces for those at a time, and the order.
        assert!(sent.len() <= 320, "{adapter}: {} requests", sent.len());
        let challenges = sent.iter().filter(|one| one.path == "/acme/chall/").count();
        assert_eq!(challenges, 100, "{adapter}: each name was validated once");

        // Authorizations are valid for thirty days: another client of this account proves nothing.
        let url = client.account_url();
        let (again, watch) =
            Client::connect_with(adapter, site, &account, url.as_ref(), &Policy::default())
                .expect("a client");
        let job = Job { publish: false, ..Job::new(&names[..1], ChallengeKind::Http01, &key) };
        let issued = again.issue(&job).expect("a certificate");
        assert_issued(site, &issued, &names[..1]);
        let sent = watch.take_exchanges();
        let five =
            ["/directory", "/acme/new-nonce", "/acme/new-order", "/acme/finalize/", "/acme/cert/"];
        assert_eq!(paths(&sent), five, "{adapter}");

        // An authorization belongs to the profile that it was made for.
        let job = Job::new(&names[..1], ChallengeKind::Http01, &key);
        let issued = again.issue(&Job { profile: Some("shortlived"), ..job });
        assert_eq!(issued.expect("a certificate").profile(), Some("shortlived"));
        let sent = watch.take_exchanges();
        assert!(paths(&sent).contains(&"/acme/chall/"), "{adapter}: {sent:?}");
    }
}

#[test]
fn what_boulder_refuses_is_an_error_at_once_and_burns_no_validation() {
    let boulder = Boulder::start(&BoulderOptions::default());
    let site = boulder.site();
    for adapter in BOTH {
        let refused = |kind: KeyKind, contact: &str| {
            let key = AccountKey::generate(kind).expect("a key");
            let client = Client::connect(adapter, site, &key).expect("a client");
            client.register_for(contact, None).expect_err("a refusal")
        };
        let contact = refused(KeyKind::Es256, "mailto:me@example.org");
        assert_eq!(typed(&contact).as_deref(), Some("400 invalidContact"), "{adapter}: {contact}");
        let algorithm = refused(KeyKind::Ed25519, "mailto:me@mail.example.org");
        let expected = Some("400 badSignatureAlgorithm");
        assert_eq!(typed(&algorithm).as_deref(), expected, "{adapter}: {algorithm}");

        let (client, watch, _) = registered(adapter, site);
        let key = certificate_key();
        let many: Vec<String> = (0..101).map(|n| format!("n{n}.{}", site.domain())).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (names, expected) in [
            (&["www.blocked-by-policy.com"][..], "400 rejectedIdentifier"),
            (&["www.nobody"][..], "400 rejectedIdentifier"),
            (&many[..], "400 malformed"),
        ] {
            watch.take_exchanges();
            let error = client.issue(&Job::new(names, ChallengeKind::Http01, &key));
            let error = error.expect_err("a refusal");
            let sent = watch.take_exchanges();
            let log = || boulder.log(Part::WebFrontEnd);
            assert_eq!(
                typed(&error).as_deref(),
                Some(expected),
                "{adapter}: {error}\n{sent:?}\n{}",
                log()
            );
            // On a busy machine a back end of Boulder can miss its deadline: that order may be sent once more.
            let judged = |one: &&Exchange| one.status.is_some_and(|status| status < 500);
            let orders = sent.iter().filter(|one| one.path == "/acme/new-order").filter(judged);
            assert_eq!(orders.count(), 1, "{adapter}: {sent:?}\n{}", log());
            assert!(!paths(&sent).contains(&"/acme/chall/"), "{adapter}: {sent:?}");
        }
    }
}

#[test]
fn renewal_is_suggested_at_two_thirds_of_a_lifetime_and_at_half_of_a_short_one() {
    let boulder = Boulder::start(&BoulderOptions::default());
    let site = boulder.site();
    for adapter in BOTH {
        let (client, ..) = registered(adapter, site);
        let (names, key) = (["renewed.example.com"], certificate_key());
        for (profile, place) in [("classic", 2.0 / 3.0), ("shortlived", 0.5)] {
            let job = Job::new(&names, ChallengeKind::Http01, &key);
            let issued = client.issue(&Job { profile: Some(profile), ..job });
            let issued = issued.expect("a certificate");
            let leaf = issued.chain().leaf();
            let entry = client.renewal_info(leaf).expect("a window");
            let since =
                |time: Timestamp| time.saturating_duration_since(leaf.not_before()).as_secs_f64();
            let lifetime = since(leaf.not_after());
            let [start, end] = [entry.info().start(), entry.info().end()].map(since);
            let middle = f64::midpoint(start, end) / lifetime;
            assert!((middle - place).abs() < 0.01, "{adapter}, {profile}: {middle}");
            let width = (end - start) / lifetime;
            assert!((width - 0.02).abs() < 0.002, "{adapter}, {profile}: {width}");
            let again = entry.retry_after().expect("a time to ask again");
            let hours = again.saturating_duration_since(clock::wall()).as_secs_f64() / 3600.0;
            assert!((4.0..8.0).contains(&hours), "{adapter}: {hours} hours");
        }
    }
}

/// A flow whose challenge is published, and which the server does not know of yet; it halts at each challenge.
struct Halted<'scope> {
    adapter: Adapter,
    watch: Watch,
    go: Sender<()>,
    flow: ScopedJoinHandle<'scope, Result<Issued, Error>>,
}

impl<'scope> Halted<'scope> {
    /// Starts one, and waits until it is there.
    fn start(
        scope: &'scope Scope<'scope, '_>,
        adapter: Adapter,
        site: &'scope Site,
        name: String,
        or_persist: bool,
    ) -> Self {
        let (client, watch, _) = registered(adapter, site);
        let (send_arrived, arrived) = mpsc::channel();
        let (go, receive_go) = mpsc::channel();
        let receive_go = Mutex::new(receive_go);
        let hook = Hook::new(move || {
            let _ = send_arrived.send(());
            let go = receive_go.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = go.recv_timeout(LIMIT);
        });
        let flow = scope.spawn(move || {
            let (names, key) = ([name.as_str()], certificate_key());
            let job = Job::new(&names, ChallengeKind::Dns01, &key);
            let issued = client.issue(&Job { published: Some(hook), or_persist, ..job })?;
            assert_issued(site, &issued, &names);
            Ok(issued)
        });
        arrived.recv_timeout(LIMIT).expect("the flow publishes a record");
        Self { adapter, watch, go, flow }
    }

    fn go_on(&self) {
        self.go.send(()).expect("the flow waits");
    }

    fn end(self) -> Result<Issued, Error> {
        self.flow.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// How long anything but the wait of a flow may take.
const LIMIT: Duration = Duration::from_secs(60);

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Kills a part of Boulder, lets flows go on until each has failed at it, and starts it again.
fn interrupt(boulder: &Boulder, part: Part, flows: &[Halted<'_>], failed: fn(&Watch) -> bool) {
    boulder.kill(part);
    for flow in flows {
        flow.watch.take_exchanges();
        flow.go_on();
        wait_until(&format!("{} fails without {part}", flow.adapter), || failed(&flow.watch));
    }
    boulder.start_again(part);
}

#[test]
fn flows_get_their_certificates_from_back_ends_that_die_and_come_back() {
    let boulder = Boulder::start(&BoulderOptions::default());
    let site = boulder.site();
    thread::scope(|scope| {
        let halted = |part: &str| {
            BOTH.map(|adapter| {
                let name = format!("{part}-{adapter}.{}", site.domain());
                Halted::start(scope, adapter, site, name, part == "other-kind")
            })
        };
        let all = ["front", "one-kind", "other-kind", "nonce", "registration"].map(halted);
        let [front, one_kind, other_kind, nonce, registration] = all;

        // A front end that is gone is a lost request, which is sent again soon.
        interrupt(&boulder, Part::WebFrontEnd, &front, Watch::has_failed);
        for flow in front {
            let adapter = flow.adapter;
            flow.end().unwrap_or_else(|error| panic!("{adapter}, front end: {error}"));
        }

        // What Boulder itself could not validate is an invalid authorization. After a pause, the same kind of challenge
        // is tried again in a new order, whether another kind would be left or not.
        for flows in [&one_kind, &other_kind] {
            interrupt(&boulder, Part::Validation, flows, Watch::has_read_an_authorization);
        }
        for flow in one_kind.into_iter().chain(other_kind) {
            flow.go_on();
            let adapter = flow.adapter;
            flow.end().unwrap_or_else(|error| panic!("{adapter}, validation: {error}"));
        }

        // Without the other two there is a 500, with the wish to wait for a minute.
        interrupt(&boulder, Part::Nonce, &nonce, Watch::has_failed);
        interrupt(&boulder, Part::Registration, &registration, Watch::has_failed);
        for flow in nonce.into_iter().chain(registration) {
            let (adapter, watch) = (flow.adapter, flow.watch.clone());
            flow.end().unwrap_or_else(|error| panic!("{adapter}, back end: {error}"));
            let waits = watch.waits();
            assert!(
                matches!(waits[..], [seconds] if (59..=61).contains(&seconds)),
                "{adapter}: waited {waits:?}"
            );
        }
    });
}
