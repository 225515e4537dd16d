//! The scenarios.

use core::time::Duration;

use acme_proto::wire::ChallengeKind::{Dns01, DnsAccount01, DnsPersist01, Http01, TlsAlpn01};
use acme_testca::{
    CaConfig, ChallengeKind, FaultAction, FaultRule, Faults, Problem, Profile, Quirks, RequestKind,
    RetryAfter,
};

use super::{Scenario, Wish};

pub(super) const PLAIN: Scenario = Scenario {
    name: "one_name",
    configure: |_| {},
    faults: Faults::none,
    names: &["example.test"],
    kind: Http01,
    wish: Wish::Nothing,
    shown: &[],
    fails_with: None,
    quirk: None,
    patience: Duration::from_secs(300),
    tour: false,
    fails: &[],
};

/// Returns every scenario.
pub fn table() -> Vec<Scenario> {
    let mut all = good();
    all.extend(by_other_records());
    all.extend(odd());
    all.extend(faulty());
    all.extend(seen_in_the_field());
    all.extend(failing());
    all.extend(refused());
    all.extend(given_up());
    all.extend(profiles());
    all.extend(renewals());
    all
}

/// The CA does what the RFC says.
fn good() -> Vec<Scenario> {
    vec![
        PLAIN,
        Scenario {
            name: "wildcard_and_base",
            names: &["*.example.test", "example.test"],
            kind: Dns01,
            ..PLAIN
        },
        Scenario { name: "tls_alpn", kind: TlsAlpn01, ..PLAIN },
        Scenario { name: "address", names: &["127.0.0.1"], ..PLAIN },
        Scenario {
            name: "five_names",
            names: &["a.test", "b.test", "c.test", "d.test", "e.test"],
            ..PLAIN
        },
        Scenario { name: "processing", configure: |c| c.processing_polls = 2, ..PLAIN },
        Scenario { name: "ready_late", configure: |c| c.ready_delay_polls = 2, ..PLAIN },
        Scenario {
            name: "retry_after_on_finalize",
            configure: |c| {
                c.processing_polls = 1;
                c.retry_after_finalize = Some(RetryAfter::Seconds(1));
            },
            ..PLAIN
        },
    ]
}

/// The CA knows dns-account-01 and dns-persist-01.
fn by_other_records() -> Vec<Scenario> {
    const BOTH: &[&str] = &["*.example.test", "example.test"];
    let by_account =
        || Scenario { name: "dns_account", configure: account, kind: DnsAccount01, ..PLAIN };
    let by_persist =
        || Scenario { name: "dns_persist", configure: persist, kind: DnsPersist01, ..PLAIN };
    vec![
        Scenario { name: "dns_account_wildcard_and_base", names: BOTH, ..by_account() },
        Scenario {
            name: "dns_account_bad_token",
            configure: |c| {
                account(c);
                c.quirks.bad_token = true;
            },
            fails_with: Some("dns-account-01"),
            ..by_account()
        },
        by_account(),
        Scenario { name: "dns_persist_wildcard_and_base", names: BOTH, ..by_persist() },
        Scenario {
            name: "dns_persist_without_account",
            configure: |c| {
                persist(c);
                c.persist_account_uri = false;
            },
            ..by_persist()
        },
        Scenario {
            name: "dns_persist_bad_issuer_names",
            configure: |c| {
                persist(c);
                c.issuer_domain_names.push("Upper.Example".to_owned());
            },
            fails_with: Some("dns-persist-01"),
            ..by_persist()
        },
        Scenario {
            name: "dns_persist_foreign_account",
            configure: |c| {
                persist(c);
                c.quirks.foreign_account_uri = true;
            },
            fails_with: Some("dns-persist-01"),
            ..by_persist()
        },
        by_persist(),
    ]
}

fn account(config: &mut CaConfig) {
    config.challenges = [ChallengeKind::DnsAccount01].into();
}

fn persist(config: &mut CaConfig) {
    config.challenges = [ChallengeKind::DnsPersist01].into();
}

/// The CA deviates in a survivable way.
fn odd() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "no_location_on_finalize",
            configure: |c| {
                c.processing_polls = 1;
                c.quirks.no_location_on_finalize = true;
                c.quirks.no_location_on_order = true;
            },
            ..PLAIN
        },
        Scenario {
            name: "valid_without_certificate",
            configure: |c| c.quirks.finalize_valid_without_certificate = true,
            ..PLAIN
        },
        Scenario {
            name: "stale_finalize_answer",
            configure: |c| {
                c.quirks = Quirks {
                    finalize_answers_stale: true,
                    refuse_repeated_finalize: true,
                    ..Quirks::default()
                };
            },
            ..PLAIN
        },
        Scenario {
            name: "odd_objects",
            configure: |c| {
                c.quirks = Quirks {
                    unknown_members: true,
                    null_members: true,
                    empty_error_object: true,
                    offer_dns_persist: true,
                    unknown_challenge: true,
                    nanosecond_dates: true,
                    no_expires: true,
                    random_directory_key: true,
                    content_type_parameters: true,
                    ..Quirks::default()
                };
            },
            ..PLAIN
        },
        Scenario {
            name: "relative_urls",
            configure: |c| {
                c.quirks = Quirks {
                    relative_urls: true,
                    no_meta: true,
                    joined_links: true,
                    ..Quirks::default()
                };
            },
            ..PLAIN
        },
    ]
}

/// Something between client and CA goes wrong, once.
fn faulty() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "half_of_the_nonces_refused",
            configure: |c| c.bad_nonce_percent = 50,
            ..PLAIN
        },
        Scenario {
            name: "finalize_answer_lost",
            faults: || on(RequestKind::Finalize, FaultAction::DropAfter),
            ..PLAIN
        },
        Scenario {
            name: "new_order_answer_lost",
            faults: || on(RequestKind::NewOrder, FaultAction::DropAfter),
            ..PLAIN
        },
        Scenario {
            name: "challenge_answer_lost",
            faults: || on(RequestKind::Challenge, FaultAction::DropAfter),
            ..PLAIN
        },
        Scenario {
            name: "key_change_answer_lost",
            faults: || on(RequestKind::KeyChange, FaultAction::DropAfter),
            tour: true,
            ..PLAIN
        },
        Scenario {
            name: "certificate_answer_lost",
            faults: || on(RequestKind::Certificate, FaultAction::DropAfter),
            ..PLAIN
        },
        Scenario {
            name: "order_unavailable",
            faults: || on(RequestKind::Order, FaultAction::unavailable(Some("1"))),
            ..PLAIN
        },
        Scenario {
            name: "new_order_rate_limited",
            faults: || on(RequestKind::NewOrder, FaultAction::rate_limited(Some("1"))),
            ..PLAIN
        },
    ]
}

/// The CA, or what is in front of it, does what others have reported.
fn seen_in_the_field() -> Vec<Scenario> {
    fn page(status: u16) -> FaultAction {
        FaultAction::Respond {
            status,
            headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
            body: "<html><h1>not now</h1></html>".to_owned(),
        }
    }
    vec![
        Scenario {
            name: "ready_and_not_ready_for_finalize",
            faults: || {
                let problem = Problem::new(403, "orderNotReady", "the order is pending");
                on(RequestKind::Finalize, FaultAction::Problem(problem))
            },
            ..PLAIN
        },
        Scenario {
            name: "new_order_gives_the_same_again",
            configure: |c| c.reuse_orders = true,
            faults: || on(RequestKind::NewOrder, FaultAction::DropAfter),
            ..PLAIN
        },
        Scenario {
            name: "retry_after_as_a_date",
            configure: |c| {
                c.processing_polls = 1;
                c.retry_after_finalize = Some(RetryAfter::Date(1));
                c.retry_after_order = Some(RetryAfter::Date(1));
            },
            ..PLAIN
        },
        Scenario {
            name: "page_of_a_rate_limit",
            faults: || on(RequestKind::NewOrder, page(429)),
            ..PLAIN
        },
        Scenario {
            name: "replica_lags",
            faults: || {
                on(
                    RequestKind::Authorization,
                    FaultAction::Problem(Problem::new(404, "malformed", "unknown")),
                )
            },
            ..PLAIN
        },
        Scenario {
            name: "new_nonce_refuses_head",
            faults: || {
                on(RequestKind::NewNonce, page(405))
                    .with(FaultRule::next(FaultAction::DropAfter).on(RequestKind::NewOrder))
            },
            ..PLAIN
        },
    ]
}

/// The CA refuses a request, and says why.
fn refused() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "contact_required",
            configure: |c| c.contact_required = true,
            fails_with: Some("this CA wants a contact"),
            ..PLAIN
        },
        Scenario {
            name: "invitees_only",
            faults: || {
                let page = FaultAction::Respond {
                    status: 403,
                    headers: vec![("Content-Type".to_owned(), "text/plain".to_owned())],
                    body: "Sorry, invitees only".to_owned(),
                };
                on(RequestKind::NewOrder, page)
            },
            fails_with: Some("Sorry, invitees only"),
            ..PLAIN
        },
        Scenario {
            name: "certificate_request_refused",
            faults: || {
                let problem = Problem::new(400, "badCSR", "the account has no contact");
                on(RequestKind::Finalize, FaultAction::Problem(problem))
            },
            fails_with: Some("the account has no contact"),
            ..PLAIN
        },
        Scenario {
            name: "finalize_limit_for_hours",
            faults: || on(RequestKind::Finalize, FaultAction::rate_limited(Some("7200"))),
            fails_with: Some("wait until"),
            ..PLAIN
        },
    ]
}

/// The CA lets the client wait longer than it does.
fn given_up() -> Vec<Scenario> {
    vec![Scenario {
        name: "processing_without_end",
        configure: |c| c.processing_polls = u32::MAX,
        patience: Duration::from_secs(3),
        fails_with: Some("the time limit passed while waiting for"),
        ..PLAIN
    }]
}

/// No certificate can be issued.
fn failing() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "blocked_name",
            configure: |c| {
                c.blocked_names.insert("blocked.test".to_owned());
            },
            names: &["example.test", "blocked.test"],
            fails_with: Some("blocked.test"),
            ..PLAIN
        },
        Scenario {
            name: "no_usable_challenge",
            configure: |c| c.challenges.retain(|kind| *kind != ChallengeKind::Http01),
            fails_with: Some("dns-01"),
            ..PLAIN
        },
        Scenario {
            name: "wrong_key_certified",
            configure: |c| c.quirks = Quirks { certify_other_key: true, ..Quirks::default() },
            fails_with: Some("wrong certificate"),
            ..PLAIN
        },
        Scenario {
            name: "key_in_the_chain",
            configure: |c| c.quirks = Quirks { foreign_block_in_chain: true, ..Quirks::default() },
            fails_with: Some("PRIVATE KEY"),
            ..PLAIN
        },
        Scenario {
            name: "new_order_limit_for_hours",
            faults: || on(RequestKind::NewOrder, FaultAction::rate_limited(Some("7200"))),
            fails_with: Some("wait until"),
            ..PLAIN
        },
    ]
}

/// The CA has profiles (draft-ietf-acme-profiles).
fn profiles() -> Vec<Scenario> {
    fn short(config: &mut CaConfig) {
        let profile = Profile { description: "six days".to_owned(), lifetime: 6 * 86_400_000 };
        config.profiles.insert("short".to_owned(), profile.clone());
        config.profiles.insert("secret".to_owned(), profile);
        config.private_profiles.insert("secret".to_owned());
    }
    let short = || Scenario { configure: short, ..PLAIN };
    let preferred = Wish::PreferredProfiles(&["tall", "short"]);
    vec![
        Scenario {
            name: "profile",
            wish: Wish::Profile("short"),
            shown: &["profile short"],
            ..short()
        },
        Scenario {
            name: "preferred_profile",
            wish: preferred,
            shown: &["profile short"],
            ..short()
        },
        Scenario {
            name: "no_preferred_profile",
            wish: Wish::PreferredProfiles(&["tall"]),
            ..short()
        },
        Scenario {
            name: "private_profile",
            wish: Wish::PrivateProfile("secret"),
            shown: &["profile secret"],
            ..short()
        },
        Scenario {
            name: "unknown_profile",
            wish: Wish::Profile("tall"),
            fails_with: Some("choose among short (six days)"),
            ..short()
        },
        Scenario {
            name: "refused_profile",
            wish: Wish::PrivateProfile("tall"),
            fails_with: Some("there is no profile"),
            ..short()
        },
    ]
}

/// A certificate is replaced (RFC 9773 section 5).
fn renewals() -> Vec<Scenario> {
    let renewal = || Scenario { wish: Wish::Renewal, ..PLAIN };
    vec![
        Scenario { name: "renewal", shown: &["replaces another"], ..renewal() },
        Scenario {
            name: "renewal_already_replaced",
            faults: || {
                let problem = Problem::new(409, "alreadyReplaced", "by another order");
                on(RequestKind::NewOrder, FaultAction::Problem(problem))
            },
            ..renewal()
        },
        Scenario {
            name: "renewal_already_replaced_says_401",
            faults: || {
                let problem = Problem::new(401, "alreadyReplaced", "by another order");
                on(RequestKind::NewOrder, FaultAction::Problem(problem))
            },
            ..renewal()
        },
        Scenario {
            name: "renewal_of_what_is_authorized",
            configure: |c| c.reuse_authorizations = true,
            shown: &["replaces another"],
            ..renewal()
        },
        Scenario {
            name: "renewal_without_renewal_info",
            configure: |c| c.renewal_info = false,
            ..renewal()
        },
    ]
}

fn on(kind: RequestKind, action: FaultAction) -> Faults {
    Faults::none().with(FaultRule::next(action).on(kind))
}
