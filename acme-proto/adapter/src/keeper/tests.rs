use std::sync::Arc;

use acme_proto::error::Error as Acme;
use acme_proto::flow::SignFailed;
use acme_proto::url::Url;

use super::{Keeper, KeeperSettings, Reached, is_over};
use crate::directories::{PublicCa, ZEROSSL};
use crate::error::Error;
use crate::keeper::AuthoritySettings;

const FIRST: &str = "https://ca.example/directory";
const SECOND: &str = "https://other.example/directory";

fn keeper(names: &[&[&str]]) -> Keeper {
    let authority = |directory: &str| AuthoritySettings { ca: directory.into(), external: None };
    let settings = KeeperSettings {
        authorities: vec![authority(FIRST), authority(SECOND)],
        certificates: names
            .iter()
            .map(|n| KeeperSettings::identifiers(n.iter().copied()))
            .collect(),
        max_on_demand: 2,
        ..KeeperSettings::default()
    };
    Keeper::new(settings).expect("settings")
}

fn url(text: &str) -> Url {
    text.parse().expect("a URL")
}

#[test]
fn a_name_is_caused_once_and_a_failed_one_makes_room_for_another() {
    let keeper = keeper(&[&["a.example"]]);
    let (first, is_new) = keeper.add_on_demand("b.example").expect("room");
    assert!(is_new);
    let (again, is_new) = keeper.add_on_demand("b.example").expect("it is known");
    assert!(!is_new && Arc::ptr_eq(&first, &again));
    // A name of a wanted certificate is no stranger's.
    assert!(!keeper.add_on_demand("a.example").expect("it is known").1);
    keeper.add_on_demand("c.example").expect("room");
    assert!(keeper.add_on_demand("d.example").is_none());
    first.on_failed(&url(FIRST), &Error::Acme(Acme::Signer(SignFailed::UnknownKey)), now());
    keeper.add_on_demand("d.example").expect("the failed one made room");
    assert!(first.is_removed());
    // What strangers chose says nothing of the server.
    let health = keeper.health();
    assert!(health.certificates.iter().filter(|one| one.is_on_demand).count() == 2);
}

#[test]
fn names_are_wanted_once_and_by_a_wildcard() {
    let keeper = keeper(&[&["a.example", "*.b.example", "a.example"]]);
    let kept = keeper.kept();
    assert_eq!(kept[0].identifiers().len(), 2);
    for (name, wanted) in [
        ("a.example", true),
        ("x.b.example", true),
        ("b.example", false),
        ("x.y.b.example", false),
        ("not a name", false),
    ] {
        assert_eq!(keeper.is_wanted(name), wanted, "{name}");
    }
}

#[test]
fn each_ca_has_an_order_in_flight_of_its_own() {
    let keeper = keeper(&[&["a.example"]]);
    let kept = keeper.kept().remove(0);
    let [first, second] = [FIRST, SECOND].map(|ca| keeper.order_name(&kept, &url(ca)));
    assert_eq!(first, kept.name());
    assert_ne!(first, second);
}

#[test]
fn an_order_is_over_unless_it_may_yet_come_to_something() {
    let failed = |error| is_over(&Err(Error::Acme(error)));
    assert!(!failed(Acme::Cancelled));
    assert!(!failed(Acme::Signer(SignFailed::UnknownKey)));
    assert!(!failed(Acme::Storage("full".into())));
    assert!(!failed(Acme::RetryLater { url: url(FIRST), until: now() }));
    assert!(failed(Acme::NoAccount { directory: url(FIRST) }));
    assert!(!is_over(&Err(Error::NoCsr)));
}

#[test]
fn a_ca_that_cannot_be_used_leaves_the_next_one_to_be_tried_at_once() {
    let ended = "Buypass".parse::<PublicCa>().expect_err("it has ended");
    let lack = ZEROSSL.lacks(false, true).expect("an external account");
    let next = |error: Error, now| {
        let keeper = keeper(&[&["a.example"]]);
        keeper.kept()[0].on_failed(&url(FIRST), &error, now);
        keeper.health().certificates[0].next_attempt.expect("a failure")
    };
    let now = now();
    assert_eq!(next(Error::UnknownCa(ended), now), now);
    assert_eq!(next(Error::AccountLacks(lack), now), now);
    // The next CA would have no key either.
    assert!(next(Error::NoAccountKey, now) > now);
}

#[test]
fn an_order_that_never_ends_is_gone_on_with_three_times() {
    let kept = keeper(&[&["a.example"]]).kept().remove(0);
    assert_eq!([(); 5].map(|()| kept.resumed()), [false, false, false, true, true]);
}

#[test]
fn a_ca_that_was_not_reached_is_not_asked_again_at_once() {
    let mut place = Reached::<u8>::default();
    assert!(place.get().is_none());
    let error = Acme::Cancelled;
    assert!(place.set(Err(Error::Acme(error))).is_err());
    assert!(matches!(place.get(), Some(Err(Error::Acme(Acme::Cancelled)))));
    // What is no failure of the CA is not remembered.
    assert!(place.set(Err(Error::NoAccountKey)).is_err());
    assert!(place.get().is_none());
    assert_eq!(place.set(Ok(7)).expect("a client"), 7);
    assert!(matches!(place.get(), Some(Ok(7))));
}

fn now() -> acme_proto::time::Timestamp {
    crate::clock::wall()
}
