//! The switches of the test CA, one by one: in each the CA behaves as some real server does.

use std::sync::Mutex;
use std::thread;

use acme_proto::wire::ChallengeKind::{Dns01, Http01};
use acme_testca::{FaultAction, FaultRule, Faults, Problem, Quirks, RequestKind};

use super::table::PLAIN;
use super::{Scenario, Wish};

/// One switch of the test CA.
pub struct Quirk {
    /// The name of the switch.
    pub name: &'static str,
    /// What the CA does, as the end of a sentence about it.
    pub what: String,
    /// Where it was seen, if that is public.
    pub seen: &'static str,
}

/// Runs something for every switch, several at a time: most of a run is waiting.
///
/// # Panics
/// If a run does.
pub fn for_each_quirk(workers: usize, run: impl Fn(&Quirk, &Scenario) + Sync) {
    side_by_side(workers, &quirks(), |(quirk, scenario)| run(quirk, scenario));
}

/// Runs something for each of these, several at a time.
///
/// # Panics
/// If a run does.
pub fn side_by_side<T: Sync>(workers: usize, all: &[T], run: impl Fn(&T) + Sync) {
    let left = Mutex::new(all.iter());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(one) = { left.lock().expect("no panic").next() } {
                    run(one);
                }
            });
        }
    });
}

/// Returns every switch.
pub fn quirks() -> Vec<(Quirk, Scenario)> {
    Quirks::list().map(|(name, text)| (quirk(name, text), scenario(name))).collect()
}

fn quirk(name: &'static str, text: &str) -> Quirk {
    let mut what = text.trim_end_matches('.').to_owned();
    what[..1].make_ascii_lowercase();
    let seen = SEEN.iter().find(|(of, _)| *of == name).map_or("", |(_, seen)| seen);
    Quirk { name, what, seen }
}

/// Returns an order for two names at a CA with this switch on, at which something goes wrong at each step, and all that
/// can be done after it.
fn scenario(name: &'static str) -> Scenario {
    let wildcard = WITH_A_WILDCARD.contains(&name);
    let wish = match name {
        "refuse_validity" | "refuse_fractions" => Wish::Validity,
        "high_serials" | "hide_replaces" => Wish::Renewal,
        _ => Wish::Nothing,
    };
    let end = ENDS.iter().find(|(of, ..)| *of == name);
    Scenario {
        name,
        faults: something_at_each_step,
        names: if wildcard { &["*.a.test", "b.test"] } else { &["a.test", "b.test"] },
        kind: if wildcard { Dns01 } else { Http01 },
        wish,
        shown: match name {
            "high_serials" => &["replaces another"],
            "add_name" => &["surplus.test"],
            _ => &[],
        },
        fails_with: end.and_then(|(_, text, _)| *text),
        quirk: Some(name),
        tour: true,
        fails: end.map_or(&[], |(.., fails)| fails),
        ..PLAIN
    }
}

/// The CA refuses an order with an error of its own, and responses are lost.
fn something_at_each_step() -> Faults {
    let problem = Problem::new(503, "serverInternal", "a part of the CA is away");
    let lost = |kind| FaultRule::next(FaultAction::DropAfter).on(kind);
    Faults::none()
        .with(FaultRule::next(FaultAction::Problem(problem)).on(RequestKind::NewOrder))
        .with(lost(RequestKind::Challenge))
        .with(lost(RequestKind::Finalize))
}

const WITH_A_WILDCARD: &[&str] = &["keep_wildcard_prefix", "strip_wildcards"];

/// What fails, and what the error says.
type Fails = &'static [(&'static str, &'static str)];

/// The switches with which not everything succeeds.
const ENDS: &[(&str, Option<&str>, Fails)] = &[
    ("no_orders_url", None, &[("listing the orders", "the account object has no such URL")]),
    ("no_revoke_cert", None, &[("revoking the certificate", "its directory has no such URL")]),
    ("no_key_change", None, &[("changing the key", "its directory has no such URL")]),
    (
        "key_change_not_implemented",
        None,
        &[("changing the key", "key rollover is not implemented; try again later")],
    ),
    ("refuse_deactivation", None, &[("giving an authorization up", "expected POST-as-GET")]),
    ("refuse_validity", Some("notBefore and notAfter are not supported"), &[]),
    (
        "empty_renewal_windows",
        None,
        &[("asking when to renew", "\"suggestedWindow\" is malformed")],
    ),
    ("renewal_info_unauthorized", None, &[("asking when to renew", "Unauthorized")]),
    ("renewal_info_not_found", None, &[("asking when to renew", "no certificate with this")]),
    ("refuse_account_deactivation", None, &[("deactivating the account", "write to us")]),
    ("no_new_order", Some("newOrder (its directory has no such URL)"), &[]),
    ("rsa_accounts_only", Some("use an account key of an algorithm the CA lists"), &[]),
    ("expired_authorizations", Some("a.test: authorization expired"), &[]),
    ("invalid_after_finalize", Some("an officer has rejected the request"), &[]),
    ("omit_last_name", Some("wrong certificate"), &[]),
    ("certify_other_key", Some("wrong certificate"), &[]),
    ("foreign_block_in_chain", Some("PRIVATE KEY"), &[]),
    ("bad_token", Some("no usable challenge among"), &[]),
    ("foreign_identifier", Some("which was not ordered"), &[]),
    ("plain_http_urls", Some("https"), &[]),
];

/// Reports of the behaviours.
const SEEN: &[(&str, &str)] = &[
    ("no_location_on_finalize", "unixcharles/acme-client#250, mod_md#216"),
    ("no_location_on_order", "boulder#8197"),
    ("no_nonce_on_errors", "vault#31536, acme2certifier#111, uacme#82, nginx-acme#200"),
    ("nonce_on_directory", "acme4j#150"),
    ("no_orders_url", "boulder#3335, acme4j#87"),
    ("finalize_answers_stale", "acme.sh#6402"),
    ("finalize_answers_pending", "acme.sh#6402"),
    ("refuse_settled_challenge", "acme.sh#3600"),
    ("html_errors", "lego#390, node-acme-client#89, mod_md#409"),
    ("problem_as_json", "certbot (`_check_response`)"),
    ("content_type_parameters", "uacme#22, certwarden-backend#14"),
    ("no_expires", "Posh-ACME#611, Posh-ACME#626"),
    ("nanosecond_dates", "boulder#6631"),
    ("offer_dns_persist", "instant-acme#258, rustls-acme#92"),
    ("foreign_account_uri", "draft-ietf-acme-dns-persist#64"),
    ("unknown_challenge", "instant-acme#51, acme2certifier#122"),
    ("empty_error_object", "instant-acme#43"),
    ("relative_urls", "acme-spec#128, certbot#434"),
    ("no_meta", "getssl#765"),
    ("no_account_read", "Posh-ACME#394, Posh-ACME#372, dogtagpki/pki#4625"),
    ("head_nonce_no_content", "certsling#11"),
    ("keep_wildcard_prefix", "ACME-Server-ADCS#81"),
    ("strip_wildcards", "lego#2519"),
    ("capital_identifiers", "certbot#1712, acmephp#280, community.crypto#803"),
    ("refuse_deactivation", "smallstep/certificates#1587"),
    ("refuse_server_members", "the caddy forum, topic 27220"),
    ("refuse_fractions", "caddy#6864"),
    ("retry_after_always", "acme2certifier#122"),
    ("unreadable_retry_after", "lego#2830"),
    ("endless_retry_after", "instant-acme 0.8 panics"),
    ("negative_max_age", "acme.sh#3685"),
    ("null_subproblems", "vault#31536"),
    ("nonces_by_connection", "acmez#26, caddy#6303, vault#20688"),
    ("joined_nonces", "acme.sh"),
    ("bad_token", "CVE-2026-40611, CVE-2023-38198"),
    ("plain_http_urls", "CVE-2025-54799"),
    ("renewal_info_unauthorized", "Sectigo"),
    ("renewal_info_not_found", "acme.sh#6942, boulder#7889"),
    ("past_renewal_windows", "boulder#6534"),
    ("empty_renewal_windows", "acmez#55"),
    ("plain_requests_only", "acme.sh#6610, Posh-ACME#658"),
    ("rsa_accounts_only", "win-acme#1718, acmebot#614"),
    ("directory_at_root", "nginx-acme#97"),
    ("no_authorizations_when_ready", "nginx-acme's changes"),
    ("escaped_json", "PHP escapes slashes, Go some letters"),
    ("high_serials", "tailscale's fork of x/crypto"),
    ("account_conflict", "acme.sh"),
];
