//! What other clients got wrong, and what shows that these crates do not.

/// A fault of a client.
pub struct OthersFault {
    /// What a client does.
    pub what: &'static str,
    /// What these crates do.
    pub rule: &'static str,
    /// The tests that show it, by the names of their functions.
    pub tests: &'static [&'static str],
    /// The switches of the test CA with which it would show.
    pub switches: &'static [&'static str],
}

/// Every such fault that is known. Left out are faults of interfaces that these crates do not have: certificates that renew
/// themselves at the CA (RFC 8739), and a parser of strings without types.
pub const OTHERS: &[OthersFault] = &[
    OthersFault {
        what: "posts `{type, value}` to newAuthz without `identifier` around it",
        rule: "a name is authorized in advance in every run of a switch, at a CA that refuses such a request",
        tests: &["an_authorization_is_made_without_an_order_and_given_up"],
        switches: &[],
    },
    OthersFault {
        what: "forgets the account's URL when the response to an update has no `Location`",
        rule: "the URL is that of newAccount, and stays",
        tests: &["the_account_is_read_updated_and_deactivated"],
        switches: &[],
    },
    OthersFault {
        what: "sends members of the server, empty ones too, in newOrder, or when it sends newOrder again",
        rule: "only what the caller asks for is sent, each time",
        tests: &[],
        switches: &["refuse_server_members"],
    },
    OthersFault {
        what: "reads JSON or certificates by one spelling of the content type only",
        rule: "the body decides",
        tests: &["a_chain_that_is_called_something_else_is_one_all_the_same"],
        switches: &[
            "content_type_parameters",
            "capital_content_types",
            "objects_as_html",
            "problem_as_json",
        ],
    },
    OthersFault {
        what: "polls the `Location` of the response to finalize, and so an empty URL",
        rule: "the order's URL is that of newOrder",
        tests: &[],
        switches: &["no_location_on_finalize", "no_location_on_order"],
    },
    OthersFault {
        what: "hides the error of an account look-up, and signs by the key instead",
        rule: "the error is that of the look-up",
        tests: &[
            "an_error_of_new_nonce_ends_the_flow_and_says_where",
            "the_account_url_is_forgotten_when_the_server_does_not_know_it",
        ],
        switches: &[],
    },
    OthersFault {
        what: "demands one status of success",
        rule: "any 2xx is one",
        tests: &[],
        switches: &[
            "ok_for_created",
            "finalize_created",
            "challenge_accepted",
            "head_nonce_no_content",
        ],
    },
    OthersFault {
        what: "takes every 409 for an account that exists",
        rule: "the problem document decides, and the resource",
        tests: &["a_conflict_is_an_existing_account_unless_its_problem_is_about_something_else"],
        switches: &["account_conflict"],
    },
    OthersFault {
        what: "cannot read an authorization that is `expired`, or any status that it does not know",
        rule: "each status is known or kept",
        tests: &[],
        switches: &["expired_authorizations", "order_deactivated", "unknown_challenge"],
    },
    OthersFault {
        what: "fails where a response of success has no nonce",
        rule: "asks for one",
        tests: &[],
        switches: &["no_nonce_on_success"],
    },
    OthersFault {
        what: "repeats an order without `replaces` only after 409",
        rule: "after any refusal that may be about it (`renewal_already_replaced_says_401` above)",
        tests: &["with_one_exchange_at_a_time_all_drivers_send_the_same_line_by_line"],
        switches: &[],
    },
    OthersFault {
        what: "signs with an empty `alg` by a key on P-521",
        rule: "the algorithm belongs to the kind of key",
        tests: &[
            "every_kind_that_ring_generates_signs_what_verifies",
            "aws_lc_generates_what_ring_cannot_and_signs_with_it",
        ],
        switches: &[],
    },
    OthersFault {
        what: "compares identifiers by case",
        rule: "without case and final dot",
        tests: &["types_and_final_dots_may_be_spelled_in_another_way"],
        switches: &["capital_identifiers"],
    },
    OthersFault {
        what: "cannot read a problem document without `type`, or whose `subproblems` are `null` or of an unknown kind",
        rule: "`about:blank`, and what can be read is shown",
        tests: &[],
        switches: &["problems_without_type", "null_subproblems", "unknown_subproblems"],
    },
    OthersFault {
        what: "leaves the zero before a serial number out of the certificate's identifier",
        rule: "the identifier has the octets of the DER (a renewal is ordered in that run)",
        tests: &[],
        switches: &["high_serials"],
    },
    OthersFault {
        what: "panics at a `Retry-After` that a clock cannot add",
        rule: "saturates",
        tests: &["a_huge_retry_after_saturates", "a_huge_retry_after_breaks_nothing"],
        switches: &["endless_retry_after", "unreadable_retry_after"],
    },
    OthersFault {
        what: "reports a deactivation that the CA refused as done",
        rule: "is the CA's error",
        tests: &[],
        switches: &["refuse_account_deactivation"],
    },
    OthersFault {
        what: "loses the new key if the response to keyChange is lost",
        rule: "both keys are stored before, and the CA is asked which one it has (`key_change_answer_lost` above)",
        tests: &["a_key_change_whose_answer_is_lost_ends_well_at_a_strict_ca"],
        switches: &["empty_key_change_body"],
    },
    OthersFault {
        what: "polls what is settled until its time is over",
        rule: "the status decides what is next",
        tests: &[],
        switches: &["finalize_valid_without_certificate", "retry_after_always"],
    },
    OthersFault {
        what: "gives up before its time is over, without a last look",
        rule: "looks once more just before",
        tests: &["no_sleep_goes_past_the_deadline_without_a_last_look"],
        switches: &[],
    },
    OthersFault {
        what: "gives an order up at one 503 while it polls",
        rule: "tries again (`order_unavailable` above)",
        tests: &["with_one_exchange_at_a_time_all_drivers_send_the_same_line_by_line"],
        switches: &["html_errors"],
    },
    OthersFault {
        what: "shows the parser's words where the CA sent a page",
        rule: "shows status, type and beginning of the page",
        tests: &[
            "a_page_instead_of_a_directory_is_described",
            "html_errors_are_shown_as_what_they_are",
        ],
        switches: &["html_errors", "null_members"],
    },
    OthersFault {
        what: "fails where renewal information names no time",
        rule: "asks again after six hours",
        tests: &[],
        switches: &["renewal_info_without_time"],
    },
    OthersFault {
        what: "reads bodies without a limit, or waits without one",
        rule: "both have one",
        tests: &[
            "a_body_beyond_the_limit_is_cut_off_and_marked",
            "a_server_that_sends_without_end_is_given_up",
        ],
        switches: &[],
    },
    OthersFault {
        what: "sends signed requests to any URL, and counts a redirect as success",
        rule: "https only, no redirect of a POST",
        tests: &[
            "a_redirect_of_a_signed_request_is_refused",
            "a_redirect_to_plain_http_is_refused",
        ],
        switches: &["plain_http_urls"],
    },
    OthersFault {
        what: "installs whatever certificate it is given",
        rule: "the certificate has the key and every name of the request",
        tests: &[],
        switches: &["certify_other_key", "omit_last_name", "foreign_block_in_chain"],
    },
    OthersFault {
        what: "has no answer to `badNonce`, or one without an end",
        rule: "24 tries, each by the nonce of the refusal",
        tests: &["twenty_three_bad_nonces_are_survived", "the_twenty_fourth_bad_nonce_is_an_error"],
        switches: &["no_nonce_on_errors", "nonces_by_connection"],
    },
    OthersFault {
        what: "asks without a pause, or posts the challenge again, while an order waits",
        rule: "one read of the order at a time, by a schedule (`ready_late`, `processing` above)",
        tests: &["with_one_exchange_at_a_time_all_drivers_send_the_same_line_by_line"],
        switches: &["finalize_answers_pending", "finalize_answers_stale"],
    },
    OthersFault {
        what: "writes keys so that others can read them, or half a file",
        rule: "0600, and by a rename",
        tests: &["both_programs_come_to_the_same_end_under_every_switch_and_damage_no_file"],
        switches: &[],
    },
    OthersFault {
        what: "takes any refusal of finalize for `processing`, and hides why an order became invalid",
        rule: "each ends in the CA's words (`finalize_limit_for_hours`, `certificate_request_refused` above)",
        tests: &["with_one_exchange_at_a_time_all_drivers_send_the_same_line_by_line"],
        switches: &["invalid_after_finalize"],
    },
    OthersFault {
        what: "sends a request again with the nonce of a try that may have arrived",
        rule: "a nonce goes out once, unless a proxy refused the request unseen (`new_order_answer_lost` above)",
        tests: &["with_one_exchange_at_a_time_all_drivers_send_the_same_line_by_line"],
        switches: &[],
    },
    OthersFault {
        what: "cannot read escaped letters in JSON",
        rule: "reads them",
        tests: &[],
        switches: &["escaped_json"],
    },
    OthersFault {
        what: "panics with a key on P-256",
        rule: "every run is by one",
        tests: &["every_switch_of_the_ca_comes_to_the_same_end_by_every_driver"],
        switches: &[],
    },
    OthersFault {
        what: "sends `\"contact\": null`",
        rule: "what is not set is not sent",
        tests: &["unset_members_are_left_out"],
        switches: &[],
    },
    OthersFault {
        what: "drops leading zeros of coordinates and signatures, so that one in a hundred is refused",
        rule: "numbers have their full length",
        tests: &[
            "leading_zeros_of_coordinates_are_kept",
            "short_numbers_are_padded_to_full_length",
        ],
        switches: &[],
    },
    OthersFault {
        what: "takes a body that was cut off for an empty one",
        rule: "reads it again, or says so",
        tests: &[
            "what_is_cut_off_is_read_again_and_its_nonce_counts",
            "what_is_always_cut_off_is_an_error_after_four_tries",
        ],
        switches: &[],
    },
    OthersFault {
        what: "certifies an address as a DNS name, or can order DNS names only",
        rule: "addresses are identifiers of their own (`address` above)",
        tests: &["with_one_exchange_at_a_time_all_drivers_send_the_same_line_by_line"],
        switches: &["plain_requests_only"],
    },
];
