//! Profiles of certificates (draft-ietf-acme-profiles).

use acme_proto::call::Call;
use acme_proto::error::{Error, UnknownProfile, Unsupported};
use acme_proto::issuance::{Issuance, Issued};
use acme_proto::notice::Notice;
use acme_proto::op::{GetDirectory, NewOrder, Resource};
use acme_proto::snapshot::Snapshot;
use acme_proto::wire::ProblemType;
use acme_testca::{CaConfig, Profile};
use acme_tests::canned_server::order as order_object;
use acme_tests::script::{
    DIRECTORY, NEW_ORDER, Script, answer, directory, directory_with, payload_object,
};
use acme_tests::world::{SolverPlan, World, issue_with};
use serde_json::{Value, json};

const NAME: &str = "example.org";

fn order() -> NewOrder {
    NewOrder::new([NAME.parse().expect("a name")]).expect("a name")
}

/// The directory of the draft's section 3, as far as it is about profiles.
fn profiles() -> Value {
    json!({ "meta": { "profiles": {
        "profile1": "https://example.com/acme/docs/profiles#profile1",
        "profile2": "https://example.com/acme/docs/profiles#profile2",
    } } })
}

/// Sends a new order to a CA with this directory, and returns its payload, or why nothing was sent.
fn sent(directory: acme_proto::http::Response, order: NewOrder) -> Result<(Value, Script), Error> {
    let pending = answer(201, &order_object("pending", &[NAME])).with_header("Location", NEW_ORDER);
    let mut script = Script::new().known_account().get(DIRECTORY, directory).nonce("first");
    script = script.post(NEW_ORDER, pending);
    script.run_once(Call::new(order))?;
    let payload = payload_object(script.posts()[0]);
    Ok((payload, script))
}

fn unknown(error: &Error) -> &UnknownProfile {
    match error {
        Error::Unsupported(Unsupported::Profile(unknown)) => unknown,
        other => panic!("{other}"),
    }
}

fn world(change: impl FnOnce(&mut CaConfig)) -> World {
    let mut config = CaConfig::default();
    for name in ["classic", "short"] {
        let profile = Profile { description: format!("a {name} one"), lifetime: 518_400_000 };
        config.profiles.insert(name.to_owned(), profile);
    }
    change(&mut config);
    World::new(config, 9)
}

fn issue(world: &mut World, order: NewOrder) -> Result<Issued, Error> {
    let mut session = world.registered();
    let flows = vec![Issuance::for_order(order)];
    issue_with(world, &mut session, flows, &SolverPlan::default()).remove(0)
}

fn orders_sent(world: &World) -> usize {
    world.lines().iter().filter(|line| line.contains("newOrder")).count()
}

#[test]
fn the_profiles_of_the_draft_are_read_with_their_descriptions() {
    let mut script = Script::new().get(DIRECTORY, directory_with(&profiles()));
    let read = script.run(Call::new(GetDirectory)).expect("a directory");
    let offered: Vec<(&str, &str)> =
        read.meta().profiles().iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let text = "https://example.com/acme/docs/profiles#profile2";
    // covers prof-3-1
    assert_eq!(offered.len(), 2, "{offered:?}");
    assert_eq!(offered[1], ("profile2", text), "{offered:?}");
    // covers prof-3-2
    assert!(offered.iter().all(|(_, text)| text.starts_with("https:")), "{offered:?}");
    let error =
        sent(directory(), order().with_profile("profile1")).expect_err("no profiles at all");
    // covers prof-3-1
    assert!(unknown(&error).offered().is_empty(), "{error}");
}

#[test]
fn the_request_of_the_draft_names_the_profile_that_was_chosen() {
    let identifiers = json!([{ "type": "dns", "value": "example.org" }]);
    let (payload, _) =
        sent(directory_with(&profiles()), order().with_profile("profile1")).expect("an order");
    let expected = json!({ "identifiers": identifiers, "profile": "profile1" });
    // covers prof-4-1
    assert_eq!(payload, expected);
    let (payload, _) = sent(directory_with(&profiles()), order()).expect("an order");
    // covers prof-4-1
    assert_eq!(payload, json!({ "identifiers": identifiers }));
}

#[test]
fn a_demanded_profile_that_is_not_offered_is_not_asked_for_and_the_choice_is_shown() {
    let mut world = world(|_| {});
    let error = issue(&mut world, order().with_profile("tall")).expect_err("not offered");
    // covers prof-4-2
    assert_eq!(unknown(&error).requested(), "tall", "{error}");
    assert_eq!(orders_sent(&world), 0, "{error}");
    let text = error.to_string();
    let shown = text.contains("classic (a classic one), short (a short one)");
    // covers prof-3-2
    assert!(shown, "{text}");
    let error =
        sent(directory_with(&profiles()), order().with_profile("tall")).expect_err("a call too");
    // covers prof-4-2
    assert_eq!(unknown(&error).offered().len(), 2, "{error}");
}

#[test]
fn a_private_profile_is_asked_for_unlisted() {
    let mut world = world(|config| {
        config.private_profiles.insert("short".to_owned());
    });
    let error = issue(&mut world, order().with_profile("short")).expect_err("not listed");
    assert!(unknown(&error).offered().contains_key("classic"), "{error}");
    let issued = issue(&mut world, order().with_private_profile("short")).expect("a certificate");
    // covers prof-4-2
    assert_eq!(issued.profile(), Some("short"), "{issued:?}");
}

#[test]
fn of_preferred_profiles_the_first_that_is_offered_is_asked_for_or_none() {
    let mut world = world(|_| {});
    let wish = order().with_preferred_profiles(["tall", "short", "classic"]);
    let issued = issue(&mut world, wish).expect("a certificate");
    // covers prof-4-2
    assert_eq!(issued.profile(), Some("short"), "{issued:?}");
    let told = |world: &World| {
        world.notices.iter().any(|notice| matches!(notice, Notice::NoPreferredProfile { .. }))
    };
    assert!(!told(&world), "{:?}", world.notices);
    let issued =
        issue(&mut world, order().with_preferred_profiles(["tall"])).expect("a certificate");
    // covers prof-4-2
    assert!(issued.profile().is_none(), "{:?}", world.notices);
    assert!(told(&world), "{:?}", world.notices);
    let line = world.notices.iter().map(ToString::to_string).find(|l| l.contains("tall"));
    assert!(line.is_some_and(|line| line.contains("classic, short")));
}

#[test]
fn the_profile_that_the_ca_chose_itself_is_shown() {
    let mut world = world(|config| config.default_profile = Some("classic".to_owned()));
    let issued = issue(&mut world, order()).expect("a certificate");
    // covers prof-4-3
    assert_eq!(issued.profile(), Some("classic"), "{issued:?}");
}

#[test]
fn a_refusal_of_the_profile_is_typed_at_new_order_and_at_finalize() {
    let refused = |error: &Error, resource| match error {
        Error::Problem(problem) => {
            error.problem_type() == Some(&ProblemType::InvalidProfile)
                && problem.resource() == resource
        }
        _ => false,
    };
    let mut world = world(|config| {
        config.withdrawn_profiles.insert("short".to_owned());
    });
    let error = issue(&mut world, order().with_private_profile("tall")).expect_err("unknown");
    // covers prof-4-4
    assert!(refused(&error, Resource::NewOrder), "{error}");
    let error = issue(&mut world, order().with_profile("short")).expect_err("withdrawn");
    // covers prof-4-4
    assert!(refused(&error, Resource::Finalize), "{error}");
}

#[test]
fn a_ca_that_passes_over_the_profile_is_reported() {
    let mut world = world(|config| {
        config.quirks.ignore_profiles = true;
    });
    let other = |world: &World| {
        world.notices.iter().find_map(|notice| match notice {
            Notice::OtherProfile { asked, applied } => Some((asked.clone(), applied.clone())),
            _ => None,
        })
    };
    issue(&mut world, order().with_profile("short")).expect("a certificate");
    // covers prof-4-5
    assert_eq!(other(&world), Some(("short".to_owned(), None)), "{:?}", world.notices);
    world.notices.clear();
    world.ca.config_mut().default_profile = Some("classic".to_owned());
    issue(&mut world, order().with_profile("short")).expect("a certificate");
    let noted = other(&world) == Some(("short".to_owned(), Some("classic".to_owned())));
    // covers prof-4-5
    assert!(noted, "{:?}", world.notices);
    world.notices.clear();
    world.ca.config_mut().quirks.ignore_profiles = false;
    issue(&mut world, order().with_profile("short")).expect("a certificate");
    // covers prof-4-5
    assert!(other(&world).is_none(), "{:?}", world.notices);
}

/// What an earlier version stored, and what this one does.
#[test]
fn the_wish_for_a_profile_is_part_of_a_snapshot() {
    let stored = |profile: &str, value: Value| {
        let mut request = json!({ "identifiers": [{ "type": "dns", "value": NAME }] });
        request[profile] = value;
        let snapshot = json!({ "version": 1, "directory": DIRECTORY, "request": request });
        let read: Snapshot = serde_json::from_value(snapshot).expect("a snapshot");
        serde_json::to_value(&read).expect("JSON")["request"].clone()
    };
    for (member, value) in [
        ("profile", json!("short")),
        ("preferredProfiles", json!(["tall", "short"])),
        ("privateProfile", json!("secret")),
    ] {
        assert_eq!(stored(member, value.clone())[member], value);
    }
}
