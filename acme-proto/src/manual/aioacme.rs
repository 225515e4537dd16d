//! Coming from the Python client aioacme 0.6.0: each of its names, and its counterpart here.
//!
//! Methods are those of `Client` in `acme-tokio` and, without `.await`, in `acme-blocking`. All of
//! this is run through both by `tests/tests/adapters/parity.rs`.
//!
//! # The client
//!
//! | aioacme | here |
//! | --- | --- |
//! | `LETS_ENCRYPT_DIRECTORY`, `LETS_ENCRYPT_STAGING_DIRECTORY` | `LETS_ENCRYPT`, `LETS_ENCRYPT_STAGING`; there are more, such as `ZEROSSL` |
//! | `Client(account_key=, directory_url=)` | `Client::connect(url, key)`, which has no default directory |
//! | `Client(account_uri=)` | `Client::builder(url).account_url(url)` |
//! | `Client(external_account_binding=)`, `ExternalAccountBinding` | `client.register().external_account(kid, mac_key)`; base64url and base64 are both read |
//! | `Client(ssl=)` | `Client::builder(url).roots(..)`, or a transport of your own |
//! | `account_key`, `directory_url`, `account_uri` | `client.account_key()` (the public half), the URL you gave, `client.account_url()` |
//! | `get_terms_of_service()` | `client.terms_of_service()` |
//! | `get_account()`, which registers and agrees by itself | `client.register().agree_to_terms(..)` registers, and only with consent; `client.account()` reads, `client.find_account()` looks by key |
//! | `update_account(contact=)` | `client.update_account(contacts)` |
//! | `update_account(status=AccountStatus.deactivated)` | `client.deactivate_account()` |
//! | `new_order(identifiers, not_before=, not_after=)` | `client.new_order(..)` with a [`NewOrder`](crate::op::NewOrder); `client.issue(names)` sees it through |
//! | `get_order(uri)` | `client.order(url)` |
//! | `get_authorization(uri)` | `client.authorization(url)` |
//! | `get_dns_challenge_domain(domain)` | `client.dns_challenge_domain(identifier)`, also for a wildcard |
//! | `get_dns_challenge_validation(token)` | `client.dns_challenge_validation(token)` |
//! | `answer_challenge(url)` | `client.respond(url)` |
//! | `deactivate_authorization(uri)` | `client.deactivate_authorization(url)` |
//! | `finalize_order(finalize, csr)` | `client.finalize(order, finalize, csr)`: the order's URL is needed to learn whether a lost request took effect |
//! | `get_certificate(url)` | `client.certificate(url)`, a checked chain with the URLs of its alternates |
//! | `revoke_certificate(certificate, key=, reason=)` | `client.revoke(..)` with a [`Revoke`](crate::op::Revoke); `client.hold_certificate_key(key)` gives the key |
//! | `change_key(key)` | `client.change_key(key)`; later requests use the new one |
//! | `close()`, `async with` | `client.close()`, or to drop it |
//!
//! # The models
//!
//! | aioacme | here |
//! | --- | --- |
//! | `Account`: `status`, `contact`, `terms_of_service_agreed`, `orders` | [`Account`](crate::wire::Account), by methods of these names |
//! | `Account.uri` | [`AccountEntry::url`](crate::op::AccountEntry::url) |
//! | `Account.initial_ip`, `Account.created_at` | [`Account::initial_ip`](crate::wire::Account::initial_ip), [`Account::created_at`](crate::wire::Account::created_at): what Boulder tells |
//! | `AccountStatus` | [`AccountStatus`](crate::wire::AccountStatus), which keeps a value that it does not know |
//! | `Identifier`, `IdentifierType` | [`Identifier`](crate::identifier::Identifier) |
//! | `Order`: `identifiers`, `authorizations`, `status`, `expires`, `finalize`, `not_before`, `not_after`, `error`, `certificate` | [`Order`](crate::wire::Order), by methods of these names |
//! | `Order.uri` | [`OrderEntry::url`](crate::op::OrderEntry::url) |
//! | `OrderStatus` | [`OrderStatus`](crate::wire::OrderStatus) |
//! | `Authorization`: `identifier`, `status`, `expires`, `challenges`, `wildcard` | [`Authorization`](crate::wire::Authorization), by these names and [`is_wildcard`](crate::wire::Authorization::is_wildcard) |
//! | `Authorization.uri` | the URL that it was read by |
//! | `AuthorizationStatus` | [`AuthorizationStatus`](crate::wire::AuthorizationStatus) |
//! | `Challenge`: `type`, `url`, `status`, `validated`, `error`, `token` | [`Challenge`](crate::wire::Challenge): [`kind`](crate::wire::Challenge::kind), and the others by their names |
//! | `ChallengeType`, `ChallengeStatus` | [`ChallengeKind`](crate::wire::ChallengeKind), [`ChallengeStatus`](crate::wire::ChallengeStatus) |
//! | `RevocationReason` | the number, for [`Revoke::with_reason_code`](crate::op::Revoke::with_reason_code) |
//! | `Error`: `type`, `detail`, `identifier`, `subproblems` | [`Problem`](crate::wire::Problem): [`kind`](crate::wire::Problem::kind), and the others by their names |
//! | `AcmeError` | [`Error::Problem`](crate::error::Error::Problem), with status, URL and time beside the problem |
//! | `RateLimitedError`, `retry_after` | [`ProblemType::RateLimited`](crate::wire::ProblemType::RateLimited), and [`Error::retry_at`](crate::error::Error::retry_at): an absolute time |
