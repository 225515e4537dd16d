//! Every way in which the test CA can differ from the RFC, one by one: each ends in a certificate or in the right error.

use acme_proto::error::{Error, PeerFault};
use acme_proto::issuance::Issued;
use acme_proto::wire::ChallengeKind;
use acme_testca::{CaConfig, FaultAction, FaultRule, Faults, Quirks, RequestKind, RetryAfter};
use acme_tests::world::{SolverPlan, World, issuance, issue_with};

const NAMES: [&str; 3] = ["a.example", "*.a.example", "b.example"];

/// Issues with quirks, in a world where some things take a few polls and one name fails at first.
fn outcome(quirks: Quirks) -> (World, Result<Issued, Error>) {
    let mut config = CaConfig::default();
    config.processing_polls = 1;
    config.ready_delay_polls = 1;
    config.bad_nonce_percent = 10;
    config.retry_after_order = Some(RetryAfter::Seconds(1));
    config.retry_after_authorization = Some(RetryAfter::Date(2));
    config.quirks = quirks;
    let mut world = World::new(config, 1);
    let mut session = world.registered();
    let flows = vec![issuance(&NAMES).durable()];
    let result = issue_with(&mut world, &mut session, flows, &SolverPlan::default()).pop();
    (world, result.expect("a result"))
}

macro_rules! quirks {
    ($($name:ident)+) => {
        [$((stringify!($name), Quirks { $name: true, ..Quirks::default() })),+]
    };
}

#[test]
fn quirks_that_can_be_survived_end_in_a_certificate() {
    let survivable = quirks![
        text_in_chain
        no_location_on_finalize no_location_on_order no_nonce_on_errors nonce_on_directory
        no_orders_url challenge_error_leaves_pending finalize_valid_without_certificate
        finalize_answers_stale refuse_repeated_finalize refuse_settled_challenge html_errors
        problem_as_json content_type_parameters no_expires nanosecond_dates offer_dns_persist
        unknown_challenge shuffle_challenges only_passed_challenge unknown_members
        random_directory_key null_members empty_error_object relative_urls no_link_up joined_links
        no_meta no_key_change no_revoke_cert key_change_not_implemented empty_key_change_body
        no_account_read drop_contacts finalize_created challenge_accepted head_nonce_no_content
        keep_wildcard_prefix reverse_identifiers refuse_deactivation refuse_server_members
        refuse_validity retry_after_always bare_orders_array order_deactivated ignore_deactivation
        null_contacts
    ];
    for (name, quirks) in survivable {
        // A refused nonce whose error is an HTML page looks like any other 400.
        let (world, result) = if name == "html_errors" {
            let mut config = CaConfig::default();
            config.quirks = quirks;
            let mut world = World::new(config, 1);
            let mut session = world.registered();
            let flows = vec![issuance(&NAMES)];
            let result = issue_with(&mut world, &mut session, flows, &SolverPlan::default()).pop();
            (world, result.expect("a result"))
        } else {
            outcome(quirks)
        };
        let issued = result.unwrap_or_else(|error| panic!("{name}: {error}\n{:#?}", world.lines()));
        assert_eq!(issued.chain().leaf().dns_names().len(), 3, "{name}");
        assert!(world.published.is_empty(), "{name}: everything was cleaned up");
        assert_eq!(world.ca.certificates_issued(), 1, "{name}");
    }
}

#[test]
fn quirks_that_cannot_be_survived_end_in_their_error_and_leave_nothing_behind() {
    let fatal = quirks![
        omit_last_name certify_other_key foreign_block_in_chain foreign_identifier bad_token plain_http_urls
    ];
    for (name, quirks) in fatal {
        let mut config = CaConfig::default();
        config.quirks = Quirks::default();
        let mut world = World::new(config, 1);
        let mut session = world.registered();
        world.ca.set_quirks(quirks);
        let flows = vec![issuance(&NAMES)];
        let result = issue_with(&mut world, &mut session, flows, &SolverPlan::default()).pop();
        let error = result.expect("a result").expect_err(name);
        let right = match (name, &error) {
            ("omit_last_name" | "certify_other_key", Error::Peer(peer)) => {
                matches!(peer.fault(), PeerFault::WrongCertificate(_))
            }
            ("foreign_block_in_chain", Error::Peer(peer)) => {
                matches!(peer.fault(), PeerFault::Chain(_))
            }
            ("foreign_identifier", Error::Peer(peer)) => {
                matches!(peer.fault(), PeerFault::ForeignAuthorization(_))
            }
            ("plain_http_urls", Error::Peer(peer)) => {
                matches!(peer.fault(), PeerFault::Object { .. } | PeerFault::NotHttps(_))
            }
            ("bad_token", Error::Order(failed)) => failed.failures().len() == 3,
            _ => false,
        };
        assert!(right, "{name}: {error}");
        assert!(world.published.is_empty(), "{name}: everything was cleaned up");
    }
}

#[test]
fn an_empty_account_body_is_an_account() {
    let mut world = World::new(CaConfig::default(), 1);
    world.registered();
    world.ca.set_quirks(Quirks { empty_account_body: true, ..Quirks::default() });
    // A new process, which has to look its account up.
    let mut session = world.session();
    let flows = vec![issuance(&NAMES)];
    let result = issue_with(&mut world, &mut session, flows, &SolverPlan::default()).pop();
    assert!(matches!(result, Some(Ok(_))), "{result:?}");
}

#[test]
fn html_errors_are_shown_as_what_they_are() {
    let mut world = World::new(CaConfig::default(), 1);
    let mut session = world.registered();
    world.ca.set_quirks(Quirks { html_errors: true, ..Quirks::default() });
    world.ca.config_mut().blocked_names.insert("a.example".into());
    let flows = vec![issuance(&NAMES)];
    let result = issue_with(&mut world, &mut session, flows, &SolverPlan::default()).pop();
    let error = result.expect("a result").expect_err("blocked");
    let Error::Problem(problem) = &error else { panic!("{error}") };
    assert_eq!((problem.status(), problem.problem().is_none()), (403, true));
    assert!(error.to_string().contains("text/html"), "{error}");
}

#[test]
fn step_ca_in_one_piece() {
    // A failed challenge stays pending with an error; keyChange is not implemented; deactivation is refused.
    let quirks = Quirks {
        challenge_error_leaves_pending: true,
        key_change_not_implemented: true,
        refuse_deactivation: true,
        no_meta: true,
        nonce_on_directory: true,
        bare_orders_array: true,
        ..Quirks::default()
    };
    let mut config = CaConfig::default();
    config.quirks = quirks;
    let mut world = World::new(config, 1);
    let mut session = world.registered();
    let plan = SolverPlan {
        forgets_kinds: vec![ChallengeKind::Http01],
        forgets_names: vec!["b.example".into()],
        ..SolverPlan::default()
    };
    let before = world.now();
    let result = issue_with(&mut world, &mut session, vec![issuance(&NAMES)], &plan).pop();
    let error = result.expect("a result").expect_err("b.example fails");
    let Error::Order(failed) = &error else { panic!("{error}") };
    assert_eq!(failed.failures().len(), 1, "{error}");
    assert_eq!(
        failed.failures()[0].tried().len(),
        2,
        "four validations of a name may fail: {error}"
    );
    let took = world.now().saturating_duration_since(before).as_secs();
    assert!(took < 60, "{took} seconds");
    assert!(world.published.is_empty());
}

#[test]
fn serles_in_one_piece() {
    // A failed challenge is an HTTP error, and can be tried again; errors may be pages.
    let mut config = CaConfig::default();
    config.quirks = Quirks { nonce_on_directory: true, null_contacts: true, ..Quirks::default() };
    let mut world = World::new(config, 1);
    let mut session = world.registered();
    let page = FaultAction::Respond {
        status: 500,
        headers: vec![("Content-Type".into(), "text/html".into())],
        body: "<html>Internal Server Error</html>".into(),
    };
    let rule = FaultRule::next(page).on(RequestKind::Challenge);
    world.ca.set_faults(Faults::none().with(rule));
    let flows = vec![issuance(&NAMES)];
    let result = issue_with(&mut world, &mut session, flows, &SolverPlan::default()).pop();
    assert!(matches!(result, Some(Ok(_))), "{result:?}");
}

#[test]
fn acmev2_in_one_piece() {
    let quirks = Quirks {
        finalize_valid_without_certificate: true,
        no_location_on_finalize: true,
        null_members: true,
        joined_links: true,
        no_key_change: true,
        no_revoke_cert: true,
        no_account_read: true,
        ..Quirks::default()
    };
    let mut config = CaConfig::default();
    config.quirks = quirks;
    config.retry_after_authorization = Some(RetryAfter::Seconds(15));
    let mut world = World::new(config, 1);
    let mut session = world.registered();
    let flows = vec![issuance(&NAMES)];
    let result = issue_with(&mut world, &mut session, flows, &SolverPlan::default()).pop();
    assert!(matches!(result, Some(Ok(_))), "{result:?}");
}

#[test]
fn pebble_in_one_piece() {
    let quirks = Quirks {
        no_location_on_finalize: true,
        refuse_repeated_finalize: true,
        offer_dns_persist: true,
        shuffle_challenges: true,
        random_directory_key: true,
        ..Quirks::default()
    };
    let mut config = CaConfig::default();
    config.quirks = quirks;
    config.bad_nonce_percent = 50;
    config.processing_polls = 2;
    config.retry_after_order = Some(RetryAfter::Seconds(3));
    for seed in 0..20 {
        let mut world = World::new(config.clone(), seed);
        let mut session = world.registered();
        let rule = FaultRule::next(FaultAction::DropAfter).on(RequestKind::Finalize);
        world.ca.set_faults(Faults::none().with(rule));
        let flows = vec![issuance(&NAMES)];
        let result = issue_with(&mut world, &mut session, flows, &SolverPlan::default()).pop();
        assert!(matches!(result, Some(Ok(_))), "{seed}: {result:?}");
        assert_eq!(world.ca.certificates_issued(), 1);
    }
}
