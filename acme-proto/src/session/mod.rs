//! The state that all flows of one account at one directory share.
//!
//! It has the directory, the account's URL and key, the nonces (`nonce`), the rate limits (`limits`, and `pace` for those
//! without a time), and how long the CA took lately (`recent`). `memory` saves and loads it.

mod external_account;
mod limits;
mod memory;
mod nonce;
mod pace;
mod recent;

use alloc::format;
use alloc::string::String;
use core::ops::RangeInclusive;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use crate::error::{Error, Misuse};
use crate::http::Method;
use crate::jose::Jwk;
use crate::policy::{Policy, ResourceClass, Schedule};
use crate::request::FlowId;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{Account, AccountStatus, Directory};

pub use external_account::ExternalAccount;
pub use memory::SessionMemory;

use limits::Limits;
use nonce::NoncePool;
use recent::Recent;

pub(crate) use nonce::Fresh;
pub(crate) use recent::Awaited;

/// One account at one directory: URLs, nonces, rate limits and policy; passive data without a lock.
///
/// Two accounts are two sessions. A session holds no private key and no secret.
#[derive(Debug)]
pub struct Session {
    id: u32,
    flows: u32,
    directory_url: Url,
    directory: Option<Directory>,
    /// When the directory was fetched.
    directory_at: Timestamp,
    /// The directory comes from a memory, and was not fetched since.
    directory_is_remembered: bool,
    /// The directory lacks what a flow asks for, and is fetched again.
    directory_is_outdated: bool,
    account_key: Option<Jwk>,
    /// The next account key, while it is unknown which of the two keys the server holds.
    new_key: Option<Jwk>,
    external: Option<ExternalAccount>,
    account: Option<Url>,
    /// The account's URL comes from a memory, and no server has named it since.
    account_is_remembered: bool,
    orders: Option<Url>,
    /// The status of the account, if it is no longer valid.
    closed: Option<AccountStatus>,
    nonces: NoncePool,
    /// newNonce is asked by GET, since the server refused HEAD.
    nonces_by_get: bool,
    /// The last order was refused, or had nothing to be proved: nonces for its authorizations would have been in vain.
    orders_prove_nothing: bool,
    /// When the account was created or found, if in this run.
    account_given: Option<Timestamp>,
    limits: Limits,
    /// How long the CA took lately.
    recent: Recent,
    policy: Policy,
    jitter: u64,
    allow_http: bool,
    user_agent: String,
    accept_language: String,
}

/// How old a directory is before it is fetched again to see whether it has what it lacks.
///
/// A CA that does not offer something is then asked a few times an hour at most, however many flows want it.
const DOUBTED_AFTER: Duration = Duration::from_secs(600);

/// The part of the `User-Agent` that names this crate.
const PRODUCT: &str = concat!("acme-proto/", env!("CARGO_PKG_VERSION"));

impl Session {
    /// Creates a session for the directory at this URL, which a flow fetches when it needs it.
    ///
    /// `seed` sets the jitter of retries: take it from the operating system, so that a thousand clients do
    /// not retry in step, or fix it to make a run repeatable.
    pub fn new(directory: Url, seed: u64) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            flows: 0,
            directory_url: directory,
            directory: None,
            directory_at: Timestamp::UNIX_EPOCH,
            directory_is_remembered: false,
            directory_is_outdated: false,
            account_key: None,
            new_key: None,
            external: None,
            account: None,
            account_is_remembered: false,
            orders: None,
            closed: None,
            nonces: NoncePool::default(),
            nonces_by_get: false,
            orders_prove_nothing: false,
            account_given: None,
            limits: Limits::default(),
            recent: Recent::default(),
            policy: Policy::default(),
            jitter: seed,
            allow_http: false,
            user_agent: String::from(PRODUCT),
            accept_language: String::from("en"),
        }
    }

    /// Sets the public half of the account key; only operations without an account work without it.
    pub fn with_account_key(mut self, key: Jwk) -> Self {
        self.account_key = Some(key);
        self
    }

    /// Sets the next account key of a key change that an earlier process began and did not finish.
    ///
    /// When the server refuses a request by the account key, the flow signs it again by this one. If the server accepts
    /// that, this is the account key from then on. The signer must hold both keys.
    pub fn with_new_account_key(mut self, key: Jwk) -> Self {
        self.new_key = Some(key);
        self
    }

    /// Sets the external account that the account is bound to, for CAs that demand the binding in an account look-up
    /// too.
    pub fn with_external_account(mut self, external: ExternalAccount) -> Self {
        self.external = Some(external);
        self
    }

    /// Sets the account URL, as the CA sent it when the account was created or found.
    pub fn with_account_url(mut self, url: Url) -> Self {
        self.account = Some(url);
        self
    }

    /// Sets the policy.
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Puts a product, such as `shop/1.2`, in front of the `User-Agent` (RFC 8555 section 6.1).
    ///
    /// Control characters are dropped.
    pub fn with_product(mut self, product: &str) -> Self {
        let clean: String = product.chars().filter(|c| matches!(c, ' '..='~')).collect();
        if !clean.trim().is_empty() {
            self.user_agent = format!("{} {}", clean.trim(), self.user_agent);
        }
        self
    }

    /// Sets the `Accept-Language` of every request; the default is `en`.
    pub fn with_accept_language(mut self, language: &str) -> Self {
        self.accept_language = language.chars().filter(|c| matches!(c, ' '..='~')).collect();
        self
    }

    /// Allows `http://` URLs whose host is this machine, from the user and from the server: for tests.
    pub const fn allow_http(mut self, allow: bool) -> Self {
        self.allow_http = allow;
        self
    }

    /// Replaces the policy of a session in use.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Returns the URL of the directory.
    pub const fn directory_url(&self) -> &Url {
        &self.directory_url
    }

    /// Returns the directory, once a flow has fetched it.
    pub const fn directory(&self) -> Option<&Directory> {
        self.directory.as_ref()
    }

    /// Returns the public half of the account key.
    pub const fn account_key(&self) -> Option<&Jwk> {
        self.account_key.as_ref()
    }

    /// Returns the next account key, while it is unknown which of the two keys the server holds.
    pub const fn new_account_key(&self) -> Option<&Jwk> {
        self.new_key.as_ref()
    }

    /// Returns the account URL, once it is known.
    pub const fn account_url(&self) -> Option<&Url> {
        self.account.as_ref()
    }

    /// Returns the policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns whether a request may go to this URL.
    pub(crate) fn allows(&self, url: &Url) -> bool {
        url.is_https_or_allowed(self.allow_http)
    }

    /// Returns whether `http://` URLs on this machine are allowed.
    pub const fn allows_http(&self) -> bool {
        self.allow_http
    }

    /// Returns the `User-Agent` of every request.
    pub fn user_agent(&self) -> &str {
        &self.user_agent
    }

    pub(crate) fn accept_language(&self) -> &str {
        &self.accept_language
    }

    /// Binds a flow at its first poll and refuses it to any other session.
    pub(crate) fn bind(&mut self, binding: &mut Option<Binding>) -> Result<FlowId, Misuse> {
        match binding {
            Some(bound) if bound.session == self.id => Ok(bound.flow),
            Some(_) => Err(Misuse::WrongSession),
            None => {
                // Ids are unique within the session, so that an input for another flow is recognized.
                let flow = FlowId(self.flows);
                self.flows = self.flows.wrapping_add(1);
                *binding = Some(Binding { session: self.id, flow });
                Ok(flow)
            }
        }
    }

    pub(crate) const fn is_bound(&self, binding: &Binding) -> bool {
        binding.session == self.id
    }

    pub(crate) fn set_directory(&mut self, directory: Directory) {
        self.directory = Some(directory);
    }

    pub(crate) fn forget_directory(&mut self) {
        self.directory = None;
    }

    /// Returns whether the directory is unknown, older than the policy allows, or has to be fetched again.
    pub(crate) fn needs_directory(&self, now: Timestamp) -> bool {
        self.directory.is_none()
            || self.directory_is_outdated
            || self.directory_age(now) > self.policy.directory_max_age
    }

    /// Returns whether the CA may meanwhile offer what its directory lacks.
    pub(crate) fn doubts_directory(&self, now: Timestamp) -> bool {
        self.directory_is_remembered || self.directory_age(now) > DOUBTED_AFTER
    }

    /// Has the directory fetched again; it stays in use if that fails.
    pub(crate) const fn refetch_directory(&mut self) {
        self.directory_is_outdated = true;
    }

    fn directory_age(&self, now: Timestamp) -> Duration {
        let age = now.saturating_duration_since(self.directory_at);
        // A clock that ran ahead when it was fetched would make it last until then.
        age.max(self.directory_at.saturating_duration_since(now))
    }

    /// Records the time of the last fetch. If a refetch fails, the old directory stays in use.
    pub(crate) const fn directory_asked(&mut self, now: Timestamp) {
        self.directory_at = now;
        self.directory_is_remembered = false;
        self.directory_is_outdated = false;
    }

    pub(crate) fn set_account(&mut self, url: Url, account: &Account) {
        self.set_account_url(url);
        self.note_account(account);
    }

    pub(crate) fn set_account_url(&mut self, url: Url) {
        self.account = Some(url);
        self.account_is_remembered = false;
    }

    /// Learns from the account object where its orders are, and whether it is still valid.
    pub(crate) fn note_account(&mut self, account: &Account) {
        if let Some(orders) = account.orders() {
            self.orders = Some(orders.clone());
        }
        self.closed = Some(account.status()).filter(|s| **s != AccountStatus::Valid).cloned();
    }

    /// Refuses an account that was deactivated or revoked (RFC 8555 section 7.3.6).
    pub(crate) fn check_account(&self) -> Result<(), Error> {
        match (&self.account, &self.closed) {
            (Some(account), Some(status)) => {
                Err(Error::AccountClosed { account: account.clone(), status: status.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Returns whether the account's URL is only remembered, so that the account may have another one.
    pub(crate) const fn account_is_remembered(&self) -> bool {
        self.account_is_remembered
    }

    pub(crate) fn forget_account(&mut self) {
        self.account = None;
        self.account_is_remembered = false;
        self.orders = None;
        self.closed = None;
    }

    /// Settles the account key: the server is known to hold this one.
    pub(crate) fn set_account_key(&mut self, key: Jwk) {
        self.account_key = Some(key);
        self.new_key = None;
    }

    /// Records a key change that the server may have applied.
    pub(crate) fn begin_key_change(&mut self, old: Jwk, new: Jwk) {
        self.account_key = Some(old);
        self.new_key = Some(new);
    }

    /// Records that the server did not apply the key change.
    pub(crate) fn forget_new_account_key(&mut self) {
        self.new_key = None;
    }

    pub(crate) const fn external_account(&self) -> Option<&ExternalAccount> {
        self.external.as_ref()
    }

    pub(crate) fn set_external_account(&mut self, external: ExternalAccount) {
        self.external = Some(external);
    }

    pub(crate) const fn orders_url(&self) -> Option<&Url> {
        self.orders.as_ref()
    }

    pub(crate) fn put_nonce(&mut self, fresh: Fresh) {
        self.nonces.put(fresh, self.policy.max_nonces);
    }

    pub(crate) const fn nonce_method(&self) -> Method {
        if self.nonces_by_get { Method::Get } else { Method::Head }
    }

    pub(crate) const fn ask_nonces_by_get(&mut self) {
        self.nonces_by_get = true;
    }

    /// Records that a server just gave the account's URL: its replicas may not know it yet.
    pub(crate) const fn account_given(&mut self, now: Timestamp) {
        self.account_given = Some(now);
    }

    pub(crate) const fn account_given_at(&self) -> Option<Timestamp> {
        self.account_given
    }

    /// Slows down after a refusal that names no time; returns until when to pause, and how often in a row nothing got
    /// through.
    pub(crate) fn slow_down(
        &mut self,
        class: ResourceClass,
        sent: Timestamp,
        now: Timestamp,
    ) -> (Timestamp, u32) {
        let refusals = self.limits.refusals(class, now);
        let pause = self.jittered(self.policy.backoff, refusals);
        self.limits.slow_down(class, sent, now, pause)
    }

    /// Returns whether requests of this class go out one after the other, because the server refused some.
    pub(crate) const fn is_paced(&self, class: ResourceClass) -> bool {
        self.limits.is_paced(class)
    }

    /// Records that the server accepted a request of this class, sent at this time.
    pub(crate) fn accepted(&mut self, class: ResourceClass, sent: Timestamp, now: Timestamp) {
        self.limits.accepted(class, sent, now);
    }

    pub(crate) fn take_nonce(&mut self, now: Timestamp) -> Option<Fresh> {
        self.nonces.take(now, self.policy.nonce_max_age)
    }

    /// Returns how many nonces to fetch while an order is made whose authorizations take so many.
    ///
    /// Fetching them then saves a round trip, but whether the order will have anything to prove is known only afterwards.
    /// The last order of this session is the best guess. What the guess costs is kept: nonces that one flow does not use
    /// are those of the next.
    pub(crate) fn nonces_ahead(&self, authorizations: usize, now: Timestamp) -> usize {
        if self.orders_prove_nothing {
            return 0;
        }
        // newOrder takes one, fetched if there is none, and brings one.
        let held = self.nonces.held(now, self.policy.nonce_max_age).max(1);
        authorizations.saturating_sub(held)
    }

    /// Records whether a new order has authorizations to be proved.
    pub(crate) const fn order_made(&mut self, proves: bool) {
        self.orders_prove_nothing = !proves;
    }

    pub(crate) fn drop_nonces_before(&mut self, time: Timestamp) {
        self.nonces.drop_older(time);
    }

    /// Reserves a slot before the deadline; the error is the time of the next one after it.
    pub(crate) fn reserve(
        &mut self,
        class: ResourceClass,
        now: Timestamp,
        deadline: Timestamp,
    ) -> Result<Timestamp, Timestamp> {
        self.limits.reserve(class, &self.policy, now, deadline)
    }

    /// Returns whether the server has room for a request that has its slot, or else when to ask again.
    pub(crate) fn room(&mut self, class: ResourceClass, now: Timestamp) -> Result<(), Timestamp> {
        self.limits.room(class, &self.policy, now)
    }

    /// Counts a request as sent.
    pub(crate) fn sent(&mut self, class: ResourceClass, now: Timestamp) {
        self.limits.sent(class, &self.policy, now);
    }

    /// Counts a request as arrived: its response came, it was lost, or it was not signed.
    pub(crate) fn arrived(&mut self, class: ResourceClass, now: Timestamp) {
        self.limits.arrived(class, &self.policy, now);
    }

    pub(crate) fn hold_until(&mut self, class: ResourceClass, time: Timestamp) {
        self.limits.hold_until(class, time);
    }

    /// Returns until when the server asked for a pause in this class of resources, if that is in the future.
    pub(crate) fn held_until(&self, class: ResourceClass, now: Timestamp) -> Option<Timestamp> {
        self.limits.held_until(class, &self.policy, now)
    }

    /// Remembers how long the CA took for a validation or a certificate.
    pub(crate) fn note_wait(&mut self, awaited: Awaited, took: Duration) {
        self.recent.note(awaited, took);
    }

    /// Returns when a wait is expected to end, in milliseconds after it begins; `None` if the policy has its own schedule.
    pub(crate) fn expected_wait(&self, awaited: Awaited) -> Option<RangeInclusive<u32>> {
        self.recent.expected(awaited).filter(|_| self.policy.poll.is_none())
    }

    /// Returns when to send a request again that was sent and failed `n` times before.
    pub(crate) fn backoff(&mut self, now: Timestamp, n: u32) -> Timestamp {
        now.saturating_add(self.jittered(self.policy.backoff, n))
    }

    /// Returns the n-th wait of a schedule, shortened at random by up to a quarter.
    pub(crate) fn jittered(&mut self, schedule: Schedule, n: u32) -> Duration {
        self.shortened(schedule.wait(n), 4)
    }

    /// Returns a wait that is shortened at random, by up to one part of `parts`.
    pub(crate) fn shortened(&mut self, wait: Duration, parts: u32) -> Duration {
        // splitmix64. Jitter needs no secrecy, only clients that do not retry in step.
        self.jitter = self.jitter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.jitter;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let random = ((z ^ (z >> 31)) & 0xff) as u32;
        wait.saturating_sub((wait / parts).saturating_mul(random) / 255)
    }
}

/// The session that a flow belongs to, and the flow's id there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    session: u32,
    pub(crate) flow: FlowId,
}
