//! Behaviours in which real servers differ from the RFC or from each other.

/// Declares the switches. The first text of each is its documentation, and what [`Quirks::list`] says of it.
macro_rules! quirks {
    ($($(#[doc = $text:literal])+ $name:ident,)+) => {
        /// Switches behaviours of real servers on. By default all are off, and the CA follows the RFC
        /// closely.
        ///
        /// The fields are public and the struct is exhaustive, so that a test can write
        /// `Quirks { html_errors: true, ..Quirks::default() }`; new fields come with new minor versions.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Quirks {
            $($(#[doc = $text])+ pub $name: bool,)+
        }

        impl Quirks {
            /// Lists the name of each switch, and what the CA does while it is on: a sentence without
            /// its subject.
            pub fn list() -> impl Iterator<Item = (&'static str, &'static str)> {
                [$((stringify!($name), concat!($($text),+).trim_ascii())),+].into_iter()
            }

            /// Switches the behaviour of that name on.
            ///
            /// Returns false if there is none.
            pub fn switch_on(&mut self, name: &str) -> bool {
                match name {
                    $(stringify!($name) => self.$name = true,)+
                    _ => return false,
                }
                true
            }
        }
    };
}

quirks! {
    /// Leaves `Location` out of the response to finalize.
    no_location_on_finalize,
    /// Leaves `Location` out of responses to reading an order.
    no_location_on_order,
    /// Sends no `Replay-Nonce` with errors, badNonce included.
    no_nonce_on_errors,
    /// Sends a `Replay-Nonce` with a GET of the directory.
    nonce_on_directory,
    /// Leaves `orders` out of account objects.
    no_orders_url,
    /// Leaves a challenge that failed `pending` with an `error` in it, so that it can be tried
    /// again.
    challenge_error_leaves_pending,
    /// Answers a finalize `valid` without a `certificate` member; reading the order shows it.
    finalize_valid_without_certificate,
    /// Answers a finalize with the status that the order had before, `ready`.
    finalize_answers_stale,
    /// Answers a repeated finalize with 403 `orderNotReady`.
    refuse_repeated_finalize,
    /// Answers a POST to a challenge that is not `pending` with 400 `malformed`.
    refuse_settled_challenge,
    /// Sends errors as HTML pages instead of problem documents.
    html_errors,
    /// Sends problem documents as `application/json`.
    problem_as_json,
    /// Adds parameters to the content types: `application/json; charset=utf-8`.
    content_type_parameters,
    /// Leaves `expires` out of orders and authorizations.
    no_expires,
    /// Writes dates with nine fraction digits.
    nanosecond_dates,
    /// Offers `dns-persist-01`, a challenge without a token.
    offer_dns_persist,
    /// Names another account in `dns-persist-01` challenges.
    foreign_account_uri,
    /// Offers a challenge of an unknown type, whose members have unusual types.
    unknown_challenge,
    /// Lists the challenges of an authorization in random order.
    shuffle_challenges,
    /// Shows only the challenge that passed in a valid authorization.
    only_passed_challenge,
    /// Adds unknown members to every object.
    unknown_members,
    /// Adds a member with a string value that is no URL to the directory.
    random_directory_key,
    /// Writes members that have no value as `null`.
    null_members,
    /// Puts `"error": {}` into challenges that have no error.
    empty_error_object,
    /// Sends relative references in `Location` and `Link`.
    relative_urls,
    /// Leaves `Link: rel="up"` out of challenge responses.
    no_link_up,
    /// Puts all links into one `Link` header field.
    joined_links,
    /// Leaves `meta` out of the directory.
    no_meta,
    /// Leaves `keyChange` out of the directory and answers it 404.
    no_key_change,
    /// Leaves `revokeCert` out of the directory and answers it 404.
    no_revoke_cert,
    /// Refuses keyChange with 501 `serverInternal` although the directory lists it.
    key_change_not_implemented,
    /// Answers a key change with an empty body.
    empty_key_change_body,
    /// Answers newAccount for an existing account with an empty body.
    empty_account_body,
    /// Refuses to read the account by POST-as-GET with 405.
    no_account_read,
    /// Leaves `contact` out of account objects.
    drop_contacts,
    /// Answers finalize with 201 instead of 200.
    finalize_created,
    /// Answers a challenge POST with 202 instead of 200.
    challenge_accepted,
    /// Answers HEAD newNonce with 204 instead of 200.
    head_nonce_no_content,
    /// Keeps `*.` in the identifier of a wildcard authorization.
    keep_wildcard_prefix,
    /// Lists an order's identifiers and authorizations in reverse.
    reverse_identifiers,
    /// Answers a deactivation of an authorization with 400 `malformed`.
    refuse_deactivation,
    /// Refuses `status` and `orders` in newAccount and `status` in newOrder.
    refuse_server_members,
    /// Refuses `notBefore` and `notAfter` in newOrder.
    refuse_validity,
    /// Sends `Retry-After` with responses that are final, too.
    retry_after_always,
    /// Answers the list of orders as a bare array.
    bare_orders_array,
    /// Puts text between the certificates of a chain.
    text_in_chain,
    /// Shows the status `deactivated` in an order one of whose authorizations was deactivated.
    order_deactivated,
    /// Answers a deactivation of an authorization with 200 and changes nothing.
    ignore_deactivation,
    /// Shows the contacts of an account as `[null]`.
    null_contacts,
    /// Issues certificates that lack the last name of the order (all names, if there is only one).
    omit_last_name,
    /// Issues certificates for one more name than was ordered, `surplus.test`.
    add_name,
    /// Issues certificates for another key than that of the certificate request.
    certify_other_key,
    /// Puts a block that is not a certificate into the chain.
    foreign_block_in_chain,
    /// Gives challenges a token that is a path and not base64url.
    bad_token,
    /// Shows another name than the order's in authorizations.
    foreign_identifier,
    /// Answers a request for renewal information with 401 and no problem document.
    renewal_info_unauthorized,
    /// Sends renewal windows that end when they start.
    empty_renewal_windows,
    /// Leaves `replaces` out of orders.
    hide_replaces,
    /// Ignores the `profile` of a new order.
    ignore_profiles,
    /// Writes all URLs in bodies with `http:` instead of `https:`.
    plain_http_urls,
    /// Answers newAccount for an existing account with 409 and its URL, as before RFC 8555.
    account_conflict,
    /// Writes `"subproblems": null` into problem documents.
    null_subproblems,
    /// Leaves `type` out of problem documents.
    problems_without_type,
    /// Adds a subproblem about an identifier of an unknown type to problem documents.
    unknown_subproblems,
    /// Puts two nonces with a comma between them into one `Replay-Nonce`.
    joined_nonces,
    /// Accepts a nonce only over the connection that it came by.
    nonces_by_connection,
    /// Sends no `Replay-Nonce` with responses of success, but for newNonce.
    no_nonce_on_success,
    /// Sends `Cache-Control: max-age=-1` with every response.
    negative_max_age,
    /// Calls JSON objects `text/html`.
    objects_as_html,
    /// Writes content types in capitals.
    capital_content_types,
    /// Escapes slashes and some letters in the texts of JSON objects.
    escaped_json,
    /// Sends a `Retry-After` that is neither a number nor a date with every response.
    unreadable_retry_after,
    /// Sends the largest `Retry-After` that 64 bits hold with responses that are final.
    endless_retry_after,
    /// Has its directory at the root of the host, with a query.
    directory_at_root,
    /// Leaves `newOrder` out of the directory.
    no_new_order,
    /// Answers newAccount and newOrder with 200 instead of 201.
    ok_for_created,
    /// Leaves `authorizations` out of orders that are ready.
    no_authorizations_when_ready,
    /// Shows the identifiers of orders and authorizations in capitals, with a dot at the end.
    capital_identifiers,
    /// Shows the identifiers of orders without `*.`.
    strip_wildcards,
    /// Shows authorizations that are not yet valid as `expired`.
    expired_authorizations,
    /// Shows a valid authorization with a challenge of another type than the one that passed, and no other.
    passed_by_other_challenge,
    /// Leaves a challenge that failed `processing`.
    failed_challenge_stays_processing,
    /// Answers a finalize with the status `pending`.
    finalize_answers_pending,
    /// Accepts a finalize, and shows the order as `invalid` with an error from then on.
    invalid_after_finalize,
    /// Refuses account keys that are not RSA, with `badSignatureAlgorithm`.
    rsa_accounts_only,
    /// Refuses certificate requests with an extended key usage, or with an address as common name.
    plain_requests_only,
    /// Refuses `notBefore` and `notAfter` with a fraction of a second.
    refuse_fractions,
    /// Refuses to deactivate accounts with 403 `unauthorized`.
    refuse_account_deactivation,
    /// Gives certificates serial numbers whose first bit is set, so that DER puts an octet of zero before them.
    high_serials,
    /// Sends renewal windows that are over.
    past_renewal_windows,
    /// Answers a request for renewal information with 404 `malformed`.
    renewal_info_not_found,
    /// Sends renewal information without `Retry-After`.
    renewal_info_without_time,
}
