//! The switches of the test CA, one by one: in each the CA behaves as some real server does.

use std::sync::Mutex;
use std::thread;

use acme_proto::wire::ChallengeKind::{Dns01, Http01};
use acme_testca::{Faults, Quirks};

use super::{Scenario, Wish};

/// One switch of the test CA.
pub struct Quirk {
    /// The name of the switch.
    pub name: &'static str,
    /// What the CA does, as the end of a sentence about it.
    pub what: &'static str,
    /// Switches it on.
    pub set: fn(&mut Quirks),
    /// What the error says; `None` for a certificate.
    pub fails_with: Option<&'static str>,
}

impl Quirk {
    /// Returns the scenario of an order for two names at a CA with this switch on.
    pub fn scenario(&self, configure: fn(&mut acme_testca::CaConfig)) -> Scenario {
        let wildcard = self.name == "keep_wildcard_prefix";
        Scenario {
            name: self.name,
            configure,
            faults: Faults::none,
            names: if wildcard { &["*.a.test", "b.test"] } else { &["a.test", "b.test"] },
            kind: if wildcard { Dns01 } else { Http01 },
            wish: Wish::Nothing,
            shown: &[],
            fails_with: self.fails_with,
        }
    }
}

/// Runs something for every switch, several at a time: most of a run is waiting.
///
/// # Panics
/// If a run does.
pub fn for_each_quirk(workers: usize, run: impl Fn(&Quirk, &Scenario) + Sync) {
    let quirks = quirks();
    let left = Mutex::new(quirks.iter());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((quirk, scenario)) = { left.lock().expect("no panic").next() } {
                    run(quirk, scenario);
                }
            });
        }
    });
}

/// Lists the switches, and makes the configuration of each a function.
macro_rules! quirks {
    ($($name:ident: $what:literal, $fails_with:expr;)+) => {
        /// Returns every switch.
        pub fn quirks() -> Vec<(Quirk, Scenario)> {
            // A new switch does not compile here until it is listed.
            let Quirks { $($name: _,)+ } = Quirks::default();
            vec![$({
                let quirk = Quirk {
                    name: stringify!($name),
                    what: $what,
                    set: |quirks| quirks.$name = true,
                    fails_with: $fails_with,
                };
                let scenario = quirk.scenario(|config| config.quirks.$name = true);
                (quirk, scenario)
            },)+]
        }
    };
}

quirks! {
    no_location_on_finalize: "leaves `Location` out of the response to finalize", None;
    no_location_on_order: "leaves `Location` out of responses to reading an order", None;
    no_nonce_on_errors: "sends no `Replay-Nonce` with errors, badNonce included", None;
    nonce_on_directory: "sends a `Replay-Nonce` with a GET of the directory", None;
    no_orders_url: "leaves `orders` out of account objects", None;
    challenge_error_leaves_pending: "leaves a challenge that failed `pending` with an `error` in it, so that it can be tried again", None;
    finalize_valid_without_certificate: "answers a finalize `valid` without a `certificate` member; reading the order shows it", None;
    finalize_answers_stale: "answers a finalize with the status that the order had before, `ready`", None;
    refuse_repeated_finalize: "answers a repeated finalize with 403 `orderNotReady`", None;
    refuse_settled_challenge: "answers a POST to a challenge that is not `pending` with 400 `malformed`", None;
    html_errors: "sends errors as HTML pages instead of problem documents", None;
    problem_as_json: "sends problem documents as `application/json`", None;
    content_type_parameters: "adds parameters to the content types: `application/json; charset=utf-8`", None;
    no_expires: "leaves `expires` out of orders and authorizations", None;
    nanosecond_dates: "writes dates with nine fraction digits", None;
    offer_dns_persist: "offers `dns-persist-01`, a challenge without a token", None;
    foreign_account_uri: "names another account in `dns-persist-01` challenges", None;
    unknown_challenge: "offers a challenge of an unknown type, whose members have unusual types", None;
    shuffle_challenges: "lists the challenges of an authorization in random order", None;
    only_passed_challenge: "shows only the challenge that passed in a valid authorization", None;
    unknown_members: "adds unknown members to every object", None;
    random_directory_key: "adds a member with a string value that is no URL to the directory", None;
    null_members: "writes members that have no value as `null`", None;
    empty_error_object: "puts `\"error\": {}` into challenges that have no error", None;
    relative_urls: "sends relative references in `Location` and `Link`", None;
    no_link_up: "leaves `Link: rel=\"up\"` out of challenge responses", None;
    joined_links: "puts all links into one `Link` header field", None;
    no_meta: "leaves `meta` out of the directory", None;
    no_key_change: "leaves `keyChange` out of the directory and answers it 404", None;
    no_revoke_cert: "leaves `revokeCert` out of the directory and answers it 404", None;
    key_change_not_implemented: "refuses keyChange with 501 `serverInternal` although the directory lists it", None;
    empty_key_change_body: "answers a key change with an empty body", None;
    empty_account_body: "answers newAccount for an existing account with an empty body", None;
    no_account_read: "refuses to read the account by POST-as-GET with 405", None;
    drop_contacts: "leaves `contact` out of account objects", None;
    finalize_created: "answers finalize with 201 instead of 200", None;
    challenge_accepted: "answers a challenge POST with 202 instead of 200", None;
    head_nonce_no_content: "answers HEAD newNonce with 204 instead of 200", None;
    keep_wildcard_prefix: "keeps `*.` in the identifier of a wildcard authorization", None;
    reverse_identifiers: "lists an order's identifiers and authorizations in reverse", None;
    refuse_deactivation: "answers a deactivation of an authorization with 400 `malformed`", None;
    refuse_server_members: "refuses `status` and `orders` in newAccount and `status` in newOrder", None;
    refuse_validity: "refuses `notBefore` and `notAfter` in newOrder", None;
    retry_after_always: "sends `Retry-After` with responses that are final, too", None;
    bare_orders_array: "answers the list of orders as a bare array", None;
    text_in_chain: "puts text between the certificates of a chain", None;
    order_deactivated: "shows the status `deactivated` in an order one of whose authorizations was deactivated", None;
    ignore_deactivation: "answers a deactivation of an authorization with 200 and changes nothing", None;
    null_contacts: "shows the contacts of an account as `[null]`", None;
    omit_last_name: "issues certificates that lack the last name of the order (all names, if there is only one)", Some("wrong certificate");
    certify_other_key: "issues certificates for another key than that of the certificate request", Some("wrong certificate");
    foreign_block_in_chain: "puts a block that is not a certificate into the chain", Some("PRIVATE KEY");
    bad_token: "gives challenges a token that is a path and not base64url", Some("no usable challenge among");
    foreign_identifier: "shows another name than the order's in authorizations", Some("which was not ordered");
    renewal_info_unauthorized: "answers a request for renewal information with 401 and no problem document", None;
    empty_renewal_windows: "sends renewal windows that end when they start", None;
    hide_replaces: "leaves `replaces` out of orders", None;
    ignore_profiles: "ignores the `profile` of a new order", None;
    plain_http_urls: "writes all URLs in bodies with `http:` instead of `https:`", Some("https");
}
