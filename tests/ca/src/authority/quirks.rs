//! Behaviours in which real servers differ from the RFC or from each other.

/// Switches behaviours of real servers on. By default all are off, and the CA follows the RFC
/// closely.
///
/// The fields are public and the struct is exhaustive, so that a test can write
/// `Quirks { html_errors: true, ..Quirks::default() }`; new fields come with new minor versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// Leaves `Location` out of the response to finalize.
    pub no_location_on_finalize: bool,
    /// Leaves `Location` out of responses to reading an order.
    pub no_location_on_order: bool,
    /// Sends no `Replay-Nonce` with errors, badNonce included.
    pub no_nonce_on_errors: bool,
    /// Sends a `Replay-Nonce` with a GET of the directory.
    pub nonce_on_directory: bool,
    /// Leaves `orders` out of account objects.
    pub no_orders_url: bool,
    /// Leaves a challenge that failed `pending` with an `error` in it, so that it can be tried
    /// again.
    pub challenge_error_leaves_pending: bool,
    /// Answers a finalize `valid` without a `certificate` member; reading the order shows it.
    pub finalize_valid_without_certificate: bool,
    /// Answers a finalize with the status that the order had before, `ready`.
    pub finalize_answers_stale: bool,
    /// Answers a repeated finalize with 403 `orderNotReady`.
    pub refuse_repeated_finalize: bool,
    /// Answers a POST to a challenge that is not `pending` with 400 `malformed`.
    pub refuse_settled_challenge: bool,
    /// Sends errors as HTML pages instead of problem documents.
    pub html_errors: bool,
    /// Sends problem documents as `application/json`.
    pub problem_as_json: bool,
    /// Adds parameters to the content types: `application/json; charset=utf-8`.
    pub content_type_parameters: bool,
    /// Leaves `expires` out of orders and authorizations.
    pub no_expires: bool,
    /// Writes dates with nine fraction digits.
    pub nanosecond_dates: bool,
    /// Offers `dns-persist-01`, a challenge without a token.
    pub offer_dns_persist: bool,
    /// Names another account in `dns-persist-01` challenges.
    pub foreign_account_uri: bool,
    /// Offers a challenge of an unknown type, whose members have unusual types.
    pub unknown_challenge: bool,
    /// Lists the challenges of an authorization in random order.
    pub shuffle_challenges: bool,
    /// Shows only the challenge that passed in a valid authorization.
    pub only_passed_challenge: bool,
    /// Adds unknown members to every object.
    pub unknown_members: bool,
    /// Adds a member with a string value that is no URL to the directory.
    pub random_directory_key: bool,
    /// Writes members that have no value as `null`.
    pub null_members: bool,
    /// Puts `"error": {}` into challenges that have no error.
    pub empty_error_object: bool,
    /// Sends relative references in `Location` and `Link`.
    pub relative_urls: bool,
    /// Leaves `Link: rel="up"` out of challenge responses.
    pub no_link_up: bool,
    /// Puts all links into one `Link` header field.
    pub joined_links: bool,
    /// Leaves `meta` out of the directory.
    pub no_meta: bool,
    /// Leaves `keyChange` out of the directory and answers it 404.
    pub no_key_change: bool,
    /// Leaves `revokeCert` out of the directory and answers it 404.
    pub no_revoke_cert: bool,
    /// Refuses keyChange with 501 `serverInternal` although the directory lists it.
    pub key_change_not_implemented: bool,
    /// Answers a key change with an empty body.
    pub empty_key_change_body: bool,
    /// Answers newAccount for an existing account with an empty body.
    pub empty_account_body: bool,
    /// Refuses to read the account by POST-as-GET with 405.
    pub no_account_read: bool,
    /// Leaves `contact` out of account objects.
    pub drop_contacts: bool,
    /// Answers finalize with 201 instead of 200.
    pub finalize_created: bool,
    /// Answers a challenge POST with 202 instead of 200.
    pub challenge_accepted: bool,
    /// Answers HEAD newNonce with 204 instead of 200.
    pub head_nonce_no_content: bool,
    /// Keeps `*.` in the identifier of a wildcard authorization.
    pub keep_wildcard_prefix: bool,
    /// Lists an order's identifiers and authorizations in reverse.
    pub reverse_identifiers: bool,
    /// Answers a deactivation of an authorization with 400 `malformed`.
    pub refuse_deactivation: bool,
    /// Refuses `status` and `orders` in newAccount and `status` in newOrder.
    pub refuse_server_members: bool,
    /// Refuses `notBefore` and `notAfter` in newOrder.
    pub refuse_validity: bool,
    /// Sends `Retry-After` with responses that are final, too.
    pub retry_after_always: bool,
    /// Answers the list of orders as a bare array.
    pub bare_orders_array: bool,
    /// Puts text between the certificates of a chain.
    pub text_in_chain: bool,
    /// Shows the status `deactivated` in an order one of whose authorizations was deactivated.
    pub order_deactivated: bool,
    /// Answers a deactivation of an authorization with 200 and changes nothing.
    pub ignore_deactivation: bool,
    /// Shows the contacts of an account as `[null]`.
    pub null_contacts: bool,
    /// Issues certificates that lack the last name of the order (all names, if there is only one).
    pub omit_last_name: bool,
    /// Issues certificates for another key than that of the certificate request.
    pub certify_other_key: bool,
    /// Puts a block that is not a certificate into the chain.
    pub foreign_block_in_chain: bool,
    /// Gives challenges a token that is a path and not base64url.
    pub bad_token: bool,
    /// Shows another name than the order's in authorizations.
    pub foreign_identifier: bool,
    /// Answers a request for renewal information with 401 and no problem document.
    pub renewal_info_unauthorized: bool,
    /// Sends renewal windows that end when they start.
    pub empty_renewal_windows: bool,
    /// Leaves `replaces` out of orders.
    pub hide_replaces: bool,
    /// Ignores the `profile` of a new order.
    pub ignore_profiles: bool,
    /// Writes all URLs in bodies with `http:` instead of `https:`.
    pub plain_http_urls: bool,
}
