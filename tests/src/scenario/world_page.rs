//! The manual's page on what servers do, and what comes of it.

use core::fmt::Write as _;

use super::{OTHERS, Quirk, Scenario, table};

/// A kind of fault that was seen in the field, and the rule that the crates follow.
pub struct FieldCase {
    /// What a server, a network or an attacker does.
    pub what: &'static str,
    /// The rule.
    pub rule: &'static str,
    /// The tests that show it, by the names of their functions.
    pub tests: &'static [&'static str],
}

/// The attacks on the memory of an issuance, and the peaks that `core::memory` holds them to, in MiB.
pub const ATTACKS: &[(&str, u32)] = &[
    ("nothing: an order of 60 names", 1),
    ("authorizations with a long member", 1),
    ("authorizations with a long reason", 2),
    ("authorizations with a long type of challenge", 2),
    ("authorizations with many challenges", 2),
    ("authorizations full of empty objects", 1),
    ("authorizations full of objects of one member", 2),
    ("authorizations full of objects with all the text that their number needs", 3),
    ("authorizations full of numbers", 2),
    ("authorizations full of texts", 2),
    ("authorizations full of arrays", 3),
    ("an order full of numbers", 8),
    ("an order full of empty objects", 2),
    ("an order full of texts", 8),
    ("an order full of objects with less text than their number needs", 6),
    ("an order full of objects with all the text that their number needs", 11),
    ("an order full of objects with more text", 6),
];

/// Returns the largest peak of an attack, in octets.
///
/// # Panics
/// If the table has no such attack.
pub fn most_of(attack: &str) -> i64 {
    let found = ATTACKS.iter().find(|(name, _)| *name == attack);
    i64::from(found.unwrap_or_else(|| panic!("no attack {attack:?}")).1) << 20
}

/// Every kind that is known from the field.
pub const FIELD: &[FieldCase] = &[
    FieldCase {
        what: "limits requests, by 429 or 503 with a page and no time",
        rule: "pauses the class, and sends a little slower than the server accepted requests last; a refused request keeps its nonce (`page_of_a_rate_limit` above)",
        tests: &[
            "an_order_takes_as_long_as_a_limit_without_a_time_makes_it",
            "a_refused_request_goes_out_again_with_its_own_nonce",
            "with_one_exchange_at_a_time_all_drivers_send_the_same_line_by_line",
        ],
    },
    FieldCase {
        what: "does not know what another of its machines named a moment ago",
        rule: "asks again for half a minute, for each URL (`replica_lags` above)",
        tests: &[
            "what_a_replica_does_not_know_yet_is_asked_for_again",
            "what_stays_unknown_is_taken_for_that_after_half_a_minute",
            "each_of_two_urls_that_lag_one_after_the_other_has_half_a_minute_of_its_own",
            "an_account_that_a_replica_does_not_know_yet_is_not_given_up",
            "with_one_exchange_at_a_time_all_drivers_send_the_same_line_by_line",
        ],
    },
    FieldCase {
        what: "refuses HEAD for newNonce",
        rule: "asks by GET for the rest of the session (`new_nonce_refuses_head` above)",
        tests: &[
            "where_head_is_refused_nonces_are_asked_for_by_get_from_then_on",
            "with_one_exchange_at_a_time_all_drivers_send_the_same_line_by_line",
        ],
    },
    FieldCase {
        what: "refuses newNonce",
        rule: "ends with the error of newNonce",
        tests: &[
            "an_error_of_new_nonce_ends_the_flow_and_says_where",
            "a_refused_nonce_is_asked_for_once_and_ends_in_the_error_of_new_nonce",
        ],
    },
    FieldCase {
        what: "accepts a nonce only over the connection that it came by, or at the machine that gave it",
        rule: "uses the connection that brought the nonce, or else the one that was used last, and returns the cookies of the CA's origin",
        tests: &[
            "nonces_that_hold_on_one_connection_are_used_there",
            "the_cookie_of_a_balancer_leads_to_the_machine_that_gave_the_nonce",
            "the_connection_that_was_used_last_is_used_first_unless_another_gave_the_nonce",
            "a_request_names_the_one_whose_response_gave_its_nonce",
            "nonces_that_hold_on_their_connection_are_refused_seldom_enough",
            "a_cookie_goes_back_to_its_own_origin_and_to_no_other",
        ],
    },
    FieldCase {
        what: "has a clock that is hours off",
        rule: "compares a date in `Retry-After` with the `Date` of the response",
        tests: &[
            "a_date_is_compared_with_that_of_the_response",
            "both_adapters_compare_a_date_of_retry_after_with_that_of_the_response",
        ],
    },
    FieldCase {
        what: "takes longer than the time limit",
        rule: "doubles the time limit of the next try",
        tests: &[
            "a_request_that_was_lost_has_more_time_the_next_time",
            "a_new_order_that_takes_longer_than_the_time_limit_has_more_time_the_next_time",
        ],
    },
    FieldCase {
        what: "closes a connection before it looked at a request",
        rule: "sends the request again at once",
        tests: &[
            "what_was_not_processed_goes_out_again_at_once",
            "a_stream_above_the_last_one_of_a_goaway_was_not_processed_and_one_below_may_have_been",
            "a_refused_stream_was_not_processed",
        ],
    },
    FieldCase {
        what: "takes connections at one of its addresses, and then keeps silent or speaks no TLS there",
        rule: "tries the other addresses in the same exchange, leaves each its share of the time, and lets what failed go last from then on; the error names the address",
        tests: &[
            "an_address_that_takes_tcp_and_no_tls_does_not_keep_from_the_next_and_goes_last",
            "an_address_that_takes_tcp_and_keeps_silent_leaves_time_for_the_next",
            "what_failed_comes_last_and_what_failed_last_at_the_end",
            "an_address_that_brought_no_response_goes_last",
            "a_connection_that_brought_no_response_lets_other_addresses_go_first",
        ],
    },
    FieldCase {
        what: "has a certificate that is not trusted, or is behind a proxy that demands a password",
        rule: "ends at once, with what to set; another try ends in the same way",
        tests: &[
            "what_another_try_does_not_change_is_not_tried_again",
            "a_ca_with_another_root_is_not_trusted_and_not_asked_again",
            "a_certificate_that_is_not_trusted_ends_the_attempt",
            "the_answer_to_connect_is_judged_by_its_status",
        ],
    },
    FieldCase {
        what: "is behind a proxy, and something fails on the way: the tunnel, TLS in it, the certificate",
        rule: "names the proxy and its address in the error",
        tests: &[
            "a_failure_behind_a_proxy_names_the_proxy",
            "the_answer_to_connect_is_judged_by_its_status",
        ],
    },
    FieldCase {
        what: "presents the very certificate that was given as a root, marked as that of a CA",
        rule: "accepts it by its name, validity and key",
        tests: &[
            "the_very_certificate_that_was_given_as_a_root_is_accepted",
            "a_certificate_that_was_given_as_a_root_counts_by_its_name_validity_and_key",
            "a_certificate_of_a_ca_that_was_not_given_is_called_that",
        ],
    },
    FieldCase {
        what: "has a key on P-521, which the crypto provider ring does not know, or fails in TLS in another way",
        rule: "explains it in words, with the feature that helps; no names of variants, no octets, no text of the file with the roots",
        tests: &[
            "a_server_whose_key_ring_does_not_know_is_explained",
            "key_of_the_server",
            "key_of_the_issuer",
            "a_signature_by_p521_is_explained_and_others_are_named_without_octets",
            "a_refused_handshake_names_p521_only_where_the_provider_does_not_know_it",
            "no_text_is_that_of_debug",
            "failures_of_tls_are_in_words_and_once",
            "roots_that_are_not_pem_are_described_without_their_text",
        ],
    },
    FieldCase {
        what: "calls a chain `text/plain` or nothing, or writes text around its PEM blocks",
        rule: "uses the chain and reports that; a private key in it is refused (`key_in_the_chain` above)",
        tests: &[
            "a_chain_that_is_called_something_else_is_one_all_the_same",
            "notes_around_the_blocks_are_reported_and_not_passed_on",
            "a_private_key_in_the_text_is_refused",
            "both_adapters_take_a_chain_of_another_media_type_and_with_text_in_it",
            "with_one_exchange_at_a_time_all_drivers_send_the_same_line_by_line",
        ],
    },
    FieldCase {
        what: "leaves members out that the next step does not need",
        rule: "goes on with what it knows",
        tests: &[
            "an_authorization_without_an_identifier_is_for_the_only_name_there_is",
            "authorizations_may_be_told_later_than_at_first",
            "a_ready_order_without_finalize_url_is_refused_unless_it_was_told_before",
            "both_adapters_go_on_without_members_that_the_next_step_does_not_need",
        ],
    },
    FieldCase {
        what: "spells types and names in another way",
        rule: "compares them without case and final dot (`capital_identifiers` above)",
        tests: &[
            "types_and_final_dots_may_be_spelled_in_another_way",
            "every_switch_of_the_ca_comes_to_the_same_end_by_every_driver",
        ],
    },
    FieldCase {
        what: "demands consent to terms that its directory does not name",
        rule: "sends the consent that the user gave beforehand",
        tests: &[
            "consent_given_beforehand_is_sent_whether_the_directory_names_terms_or_not",
            "consent_given_beforehand_counts_where_the_directory_names_no_terms",
        ],
    },
    FieldCase {
        what: "issues for more names than were ordered",
        rule: "keeps the certificate and reports the names (`add_name` above)",
        tests: &[
            "a_certificate_with_more_names_than_ordered_is_kept_and_reported",
            "every_switch_of_the_ca_comes_to_the_same_end_by_every_driver",
        ],
    },
    FieldCase {
        what: "puts a malformed name into a certificate, or tens of thousands of names beside it",
        rule: "ignores the malformed one alone, in little time and memory; a certificate has at most 256 KiB, and a chain at most 20,000 names",
        tests: &[
            "both_adapters_take_a_certificate_with_a_crowd_of_names_and_malformed_ones_in_little_time",
            "both_adapters_refuse_certificates_with_more_names_than_they_keep",
            "no_certificate_with_a_crowd_of_names_takes_more_than_16_mib_of_either_program",
            "unknown_kinds_and_addresses_of_another_length_are_counted_and_hide_no_other_name",
        ],
    },
    FieldCase {
        what: "reports an error with a status of success",
        rule: "ends with the CA's words",
        tests: &[
            "a_problem_document_in_a_response_of_success_is_told_in_the_words_of_the_ca",
            "both_adapters_show_the_problem_in_a_response_of_success",
        ],
    },
    FieldCase {
        what: "compresses a body",
        rule: "ends with an error that says so",
        tests: &["a_compressed_chain_is_called_that", "both_adapters_call_a_compressed_chain_that"],
    },
    FieldCase {
        what: "makes an order for other names",
        rule: "ends before it responds to a challenge",
        tests: &[
            "an_order_for_other_names_is_refused_before_a_challenge_is_answered",
            "both_adapters_refuse_an_order_for_other_names_before_a_challenge",
        ],
    },
    FieldCase {
        what: "gives a resumed order a certificate that cannot be used",
        rule: "makes another order",
        tests: &["a_resumed_order_with_a_certificate_of_no_use_is_followed_by_another_one"],
    },
    FieldCase {
        what: "counts failed validations",
        rule: "tries dns-account-01 after dns-01 only if the user asks for it, and lets four validations of a name fail at most",
        tests: &[
            "a_failed_dns_01_is_not_followed_by_dns_account_01",
            "only_so_many_validations_of_a_name_may_fail",
        ],
    },
    FieldCase {
        what: "sends JSON that takes much memory",
        rule: "refuses it, or keeps a bounded part: the peak of an issuance is below 16 MiB",
        tests: &[
            "members_that_unfold_and_texts_that_are_long_take_no_more_than_16_mib",
            "an_order_that_unfolds_takes_no_more_than_16_mib",
            "a_body_of_more_values_than_its_length_has_room_for_is_refused",
            "both_adapters_go_on_beside_members_that_unfold_or_refuse_them",
            "no_response_that_unfolds_takes_more_than_16_mib_of_either_program",
        ],
    },
    FieldCase {
        what: "cannot validate, because a part of it is away (`serverInternal`)",
        rule: "pauses, and tries the same kind of challenge in a new order",
        tests: &["what_the_server_itself_could_not_validate_is_tried_again_after_a_pause"],
    },
    FieldCase {
        what: "issues a certificate that has expired, or is not valid yet",
        rule: "keeps the certificate and reports its validity and the time of this system",
        tests: &[
            "a_certificate_that_is_not_valid_now_is_kept_and_reported",
            "a_certificate_that_has_expired_is_reported",
        ],
    },
    FieldCase {
        what: "(a reader of memory or of a core dump) looks for a private key after its owner has dropped it",
        rule: "leave no copy of its text in freed memory; the crypto provider's own copies are the provider's",
        tests: &["a_keys_text_is_in_no_freed_memory"],
    },
    FieldCase {
        what: "(a child that a hook left behind) writes without end",
        rule: "wait a second for the reason of a failure, and no longer",
        tests: &["a_child_that_it_leaves_behind_and_that_is_never_silent_is_not_waited_for"],
    },
    FieldCase {
        what: "(a solver, a store, a signer or a transport of the user) panics",
        rule: "take that for a failure of the one task, with the panic's words; what was published is cleaned up",
        tests: &[
            "a_solver_that_panics_has_failed_and_what_it_published_is_cleaned_up",
            "a_store_that_panics_has_failed_and_nothing_is_published",
            "a_transport_that_panics_gives_no_answer",
        ],
    },
    FieldCase {
        what: "(a function of the user that gives consent or stores a key change) uses the client",
        rule: "hold no lock while it runs; a key change during which another one was made does not go on",
        tests: &[
            "a_function_that_gives_consent_may_use_the_client",
            "a_function_that_stores_a_key_change_may_use_the_client",
        ],
    },
    FieldCase {
        what: "(a solver of the user) never returns",
        rule: "end when the time is over, with an error that names the call; `acme-blocking` leaves the thread of an owned solver behind, and waits for a borrowed one",
        tests: &["a_solver_that_never_returns_does_not_hold_an_issuance_and_is_named"],
    },
    FieldCase {
        what: "refuses orders, or has nothing to be proved",
        rule: "fetches no nonces ahead for the next order, and uses those that it has",
        tests: &[
            "nonces_that_a_refused_order_did_not_need_are_those_of_the_next_orders",
            "after_an_order_that_had_nothing_to_prove_no_nonces_are_fetched_ahead",
        ],
    },
    FieldCase {
        what: "(a name server) has a delegated `_acme-challenge` without SOA record, or fails at SOA while TXT works",
        rule: "find the servers by the delegation that the parent's servers answer",
        tests: &[
            "a_delegated_name_without_soa_record_is_found_by_the_delegation",
            "a_zone_whose_soa_record_nobody_can_answer_is_asked_through_its_parent",
            "a_delegated_name_is_found_although_its_server_answers_nothing_but_txt",
        ],
    },
    FieldCase {
        what: "(a name server) answers FORMERR or NOTIMP to EDNS",
        rule: "ask it without EDNS, for the rest of the check",
        tests: &[
            "a_server_that_does_not_know_edns_is_asked_without_it",
            "servers_and_resolvers_that_do_not_know_edns_are_asked_without_it",
        ],
    },
    FieldCase {
        what: "(a firewall) closes port 53 but for the resolver",
        rule: "ask the resolvers alone, by `PropagationCheck::resolvers_only`",
        tests: &[
            "resolvers_only_are_asked_where_that_is_set_and_no_server",
            "where_no_server_can_be_reached_the_resolvers_are_asked_for_the_record",
        ],
    },
    FieldCase {
        what: "(a name server) never answers, while the others of its zone have the record",
        rule: "pass it over after four rounds without an answer, with a warning",
        tests: &[
            "an_address_without_a_way_to_it_does_not_count_and_one_that_is_silent_counts_for_some_rounds",
            "a_server_that_answers_again_counts_again",
            "a_server_that_never_answers_is_passed_over_after_some_rounds",
        ],
    },
    FieldCase {
        what: "(a user) allows one exchange at a time, and the order is given up",
        rule: "have one exchange out while authorizations are given up, too, for what is out counts until it is over",
        tests: &[
            "one_exchange_at_a_time_is_one_while_authorizations_are_given_up_too",
            "every_input_of_the_corpus_passes",
        ],
    },
    FieldCase {
        what: "(a writer of a private key) is killed",
        rule: "remove its temporary file at the next write of that file",
        tests: &[
            "a_temporary_file_of_a_dead_writer_is_removed_by_the_next_write_and_a_live_ones_is_not",
            "kill_at_every_exchange",
        ],
    },
    FieldCase {
        what: "lists more authorizations than an order can have",
        rule: "refuses the order",
        tests: &[
            "an_order_with_surplus_authorizations_is_refused_before_any_is_read",
            "both_adapters_refuse_an_order_with_surplus_authorizations_before_any_is_read",
        ],
    },
    FieldCase {
        what: "connects to a listener and keeps silent, or has others do so",
        rule: "closes the oldest connection of the network that holds most",
        tests: &["strangers_that_keep_silent_delay_no_validation"],
    },
    FieldCase {
        what: "sends trailers or informational responses without end",
        rule: "gives the response up after a bounded number of octets",
        tests: &[
            "a_server_that_sends_without_end_is_given_up",
            "informational_responses_without_end_are_given_up_over_http2",
        ],
    },
];

const HEAD: &str = "<!-- Made by `ACME_BLESS=1 cargo test -p acme-tests --test adapters world`, which otherwise compares it \
with what it saw. -->

What servers do that the RFC does not say, and what comes of it.
Each row of the first two tables was run three times, by acme-proto alone, by `acme-tokio` and by `acme-blocking`, with \
the same requests and the same end.
";

/// Writes the page; `quirks` are the switches of the test CA, as they were run.
pub fn world_page(quirks: &[(Quirk, Scenario)]) -> String {
    let mut page = String::from(HEAD);
    page.push_str(SWITCHES_HEAD);
    for (quirk, scenario) in quirks {
        let mut end = end(scenario.fails_with);
        for (what, text) in scenario.fails {
            let _ = write!(end, "; {what}: an error with \"{text}\"");
        }
        let _ = writeln!(page, "| {} | `{}` | {end} | {} |", quirk.what, quirk.name, quirk.seen);
    }
    page.push_str("\n# Scenarios\n\nThe requests of each are in `tests/transcripts`.\n\n");
    page.push_str("| scenario | what comes of it |\n| --- | --- |\n");
    for scenario in table() {
        let name = scenario.name.replace('_', " ");
        let _ = writeln!(page, "| {name} | {} |", end(scenario.fails_with));
    }
    page.push_str("\n# Kinds of fault from the field\n\n| the server, or a stranger | the crates | tests |\n| --- | --- | --- |\n");
    for case in FIELD {
        let tests: Vec<_> = case.tests.iter().map(|test| format!("`{test}`")).collect();
        let _ = writeln!(page, "| {} | {} | {} |", case.what, case.rule, tests.join(", "));
    }
    page.push_str(OTHERS_HEAD);
    for fault in OTHERS {
        let tests = fault.tests.iter().chain(fault.switches).map(|name| format!("`{name}`"));
        let tests: Vec<_> = tests.collect();
        let _ = writeln!(page, "| {} | {} | {} |", fault.what, fault.rule, tests.join(", "));
    }
    page.push_str(ATTACKS_HEAD);
    for (attack, peak) in ATTACKS {
        let _ = writeln!(page, "| {attack} | {peak} MiB |");
    }
    page
}

const SWITCHES_HEAD: &str = "
# Switches of the test CA

In each run the CA refuses the order once with a problem document of status 503, and its responses to a challenge and to \
finalize are lost. After the certificate the account is looked up, read and changed, the orders are listed, the time to \
renew is asked for, a name is authorized in advance and given up, the certificate is revoked, the key changed and the \
account deactivated: all of that succeeds, but for what the table says.

| the CA | switch | what comes of it | seen |
| --- | --- | --- | --- |
";

const OTHERS_HEAD: &str = "
# Faults of other clients

What clients in several languages got wrong, by their source and their reports. Left out are faults of interfaces that \
these crates do not have.

| a client | these crates | tests and switches |
| --- | --- | --- |
";

const ATTACKS_HEAD: &str = "
# Attacks on memory

Each response is as long as the client reads one. `core::memory` holds the heap of the issuance to these peaks, and to 16 MiB for any attack.
`foreign::switches` holds the resident memory of both programs to 16 MiB more than a run without an attack takes.

| the CA sends | peak of an issuance, at most |
| --- | --- |
";

fn end(fails_with: Option<&str>) -> String {
    match fails_with {
        None => "a certificate".to_owned(),
        Some(text) => format!("an error with \"{text}\""),
    }
}
