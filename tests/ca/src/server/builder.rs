//! Options of a CA that runs on a socket.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::thread;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::runtime::Builder as RuntimeBuilder;
use tokio::sync::oneshot;

use super::listener;
use super::record::{ExchangePhase, ExchangeRecord};
use super::shared::{Edit, Hook, Options, Shared, system_millis};
use super::test_ca::TestCa;
use crate::authority::{
    Ca, CaConfig, CaRequest, CaResponse, ChallengeKind, Faults, Identifier, Profile, Quirks,
    RequestLimits, RetryAfter,
};

/// Collects the options of a [`TestCa`].
///
/// [`TestCaBuilder::configure`] changes the options that have no method here.
#[must_use]
pub struct TestCaBuilder {
    config: CaConfig,
    listen: SocketAddr,
    host: Option<String>,
    http_port: u16,
    tls_port: u16,
    dns: Option<SocketAddr>,
    seed: Option<u64>,
    latency: Duration,
    validation_timeout: Duration,
    validation_delay: Duration,
    http2: bool,
    faults: Faults,
    hook: Option<Hook>,
    edit: Option<Edit>,
    time_lapse: u32,
}

impl TestCaBuilder {
    pub(crate) fn new() -> Self {
        Self {
            config: CaConfig::default(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            host: None,
            http_port: 0,
            tls_port: 0,
            dns: None,
            seed: None,
            latency: Duration::ZERO,
            validation_timeout: Duration::from_secs(2),
            validation_delay: Duration::ZERO,
            http2: true,
            faults: Faults::none(),
            hook: None,
            edit: None,
            time_lapse: 1,
        }
    }

    /// Sets the address to listen on. Port 0, the default, is any free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Sets the host in the CA's URLs. The default is the address that the CA listens on.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Sets the port at which the CA validates http-01. 0, the default, chooses a port that
    /// is free at the start.
    pub fn http_port(mut self, port: u16) -> Self {
        self.http_port = port;
        self
    }

    /// Sets the port at which the CA validates tls-alpn-01. 0, the default, chooses a port
    /// that is free at the start.
    pub fn tls_port(mut self, port: u16) -> Self {
        self.tls_port = port;
        self
    }

    /// Makes the CA query this DNS server, by UDP, in place of its own resolver.
    pub fn dns(mut self, server: SocketAddr) -> Self {
        self.dns = Some(server);
        self
    }

    /// Sets the seed of nonces, tokens, serial numbers and refused nonces. The default is random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets the latency of each exchange.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Limits the time of one validation. The default is 2 seconds.
    pub fn validation_timeout(mut self, limit: Duration) -> Self {
        self.validation_timeout = limit;
        self
    }

    /// Makes the CA wait before it validates.
    pub fn validation_delay(mut self, delay: Duration) -> Self {
        self.validation_delay = delay;
        self
    }

    /// Chooses whether HTTP/2 is offered beside HTTP/1.1. The default is yes.
    pub fn http2(mut self, offered: bool) -> Self {
        self.http2 = offered;
        self
    }

    /// Adds an external account key. `mac_key` is the decoded key.
    pub fn external_account(mut self, kid: impl Into<String>, mac_key: impl Into<Vec<u8>>) -> Self {
        self.config.eab_keys.insert(kid.into(), mac_key.into());
        self
    }

    /// Makes new accounts need an external account binding.
    pub fn require_external_account(mut self, required: bool) -> Self {
        self.config.eab_required = required;
        self
    }

    /// Puts a URL of terms of service into the directory.
    pub fn terms_of_service(mut self, url: impl Into<String>) -> Self {
        self.config.terms_of_service = Some(url.into());
        self
    }

    /// Makes new accounts need the agreement to the terms of service.
    pub fn require_terms(mut self, required: bool) -> Self {
        self.config.terms_required = required;
        self
    }

    /// Makes accounts need a contact.
    pub fn require_contact(mut self, required: bool) -> Self {
        self.config.contact_required = required;
        self
    }

    /// Adds a certificate profile.
    pub fn profile(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        lifetime: Duration,
    ) -> Self {
        let profile = Profile { description: description.into(), lifetime: millis(lifetime) };
        self.config.profiles.insert(name.into(), profile);
        self
    }

    /// Sets the profile of orders that name none.
    pub fn default_profile(mut self, name: impl Into<String>) -> Self {
        self.config.default_profile = Some(name.into());
        self
    }

    /// Gives each certificate `number` alternate chains.
    pub fn alternate_chains(mut self, number: usize) -> Self {
        self.config.alternate_chains = number;
        self
    }

    /// Sends `Retry-After` with authorizations and challenges that are not final.
    pub fn retry_after_authorization(mut self, value: RetryAfter) -> Self {
        self.config.retry_after_authorization = Some(value);
        self
    }

    /// Sends `Retry-After` with orders that are not final and wait for the CA.
    pub fn retry_after_order(mut self, value: RetryAfter) -> Self {
        self.config.retry_after_order = Some(value);
        self
    }

    /// Sends `Retry-After` with a finalize that is answered `processing`.
    pub fn retry_after_finalize(mut self, value: RetryAfter) -> Self {
        self.config.retry_after_finalize = Some(value);
        self
    }

    /// Makes an order `processing` after finalize, for so many polls.
    pub fn processing_polls(mut self, polls: u32) -> Self {
        self.config.processing_polls = polls;
        self
    }

    /// Keeps an order `pending` for so many polls after all its authorizations are valid.
    pub fn ready_delay_polls(mut self, polls: u32) -> Self {
        self.config.ready_delay_polls = polls;
        self
    }

    /// Sets the percentage of valid nonces that the CA refuses.
    pub fn bad_nonce_percent(mut self, percent: u8) -> Self {
        self.config.bad_nonce_percent = percent;
        self
    }

    /// Sets how many requests the CA takes. By default there is no limit.
    pub fn request_limits(mut self, limits: RequestLimits) -> Self {
        self.config.request_limits = Some(limits);
        self
    }

    /// Makes the CA refuse orders for a name and its wildcard.
    pub fn block_name(mut self, name: impl Into<String>) -> Self {
        self.config.blocked_names.insert(name.into());
        self
    }

    /// Sets the challenge types that are offered.
    pub fn challenges(mut self, kinds: impl IntoIterator<Item = ChallengeKind>) -> Self {
        self.config.challenges = kinds.into_iter().collect();
        self
    }

    /// Chooses whether a new order uses the account's valid authorizations.
    pub fn reuse_authorizations(mut self, reuse: bool) -> Self {
        self.config.reuse_authorizations = reuse;
        self
    }

    /// Chooses whether newOrder answers with an unfinished order for the same names.
    pub fn reuse_orders(mut self, reuse: bool) -> Self {
        self.config.reuse_orders = reuse;
        self
    }

    /// Chooses whether there is a newAuthz resource. The default is no.
    pub fn new_authz(mut self, offered: bool) -> Self {
        self.config.new_authz = offered;
        self
    }

    /// Chooses whether there is a renewalInfo resource. The default is yes.
    pub fn renewal_info(mut self, offered: bool) -> Self {
        self.config.renewal_info = offered;
        self
    }

    /// Makes certificates age this many times as fast, for tests of renewal. The default is 1.
    ///
    /// With 86,400, a certificate of 90 days lives for 90 seconds, and one of a profile of 6 days for
    /// 6 seconds; both have their renewal window where it always is, after two thirds. The
    /// `Retry-After` of renewal information is shortened alike. Dates are those of the system's clock,
    /// so every client may look at its own. Orders, authorizations and nonces live as long as ever: a
    /// client does not exchange messages faster.
    ///
    /// It divides what is configured when the CA starts, and leaves at least a second of it;
    /// [`TestCa::configure`] sets what comes later as it is.
    pub fn time_lapse(mut self, factor: u32) -> Self {
        self.time_lapse = factor.max(1);
        self
    }

    /// Sets how long certificates are valid, counted from now. The default is 90 days.
    pub fn certificate_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.certificate_lifetime = millis(lifetime);
        self
    }

    /// Sets how many orders one page of an account's list shows.
    pub fn orders_page_size(mut self, size: usize) -> Self {
        self.config.orders_page_size = size;
        self
    }

    /// Switches behaviours of real servers on.
    pub fn quirks(mut self, quirks: Quirks) -> Self {
        self.config.quirks = quirks;
        self
    }

    /// Sets the plan of faults.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Sets a hook that is called twice for each exchange, on the CA's only thread.
    ///
    /// The first call, with [`ExchangePhase::Processed`], comes when the request has taken effect
    /// and nothing of the response was written. A client that is killed now never sees the
    /// response. The second, with [`ExchangePhase::Answered`], comes when the last byte was passed
    /// to the socket. The client may have read it already. Everything else waits until the hook
    /// returns.
    pub fn on_exchange(
        mut self,
        hook: impl Fn(ExchangePhase, &ExchangeRecord) + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// Sets a function that may change each response after the CA has made it: any status, header
    /// field or body. The CA itself goes on as if it had sent what it made.
    ///
    /// It is called on the CA's only thread, and everything else waits until it returns.
    pub fn edit_responses(
        mut self,
        edit: impl Fn(&CaRequest, &mut CaResponse) + Send + Sync + 'static,
    ) -> Self {
        self.edit = Some(Box::new(edit));
        self
    }

    /// Changes anything in the configuration of the core.
    pub fn configure(mut self, change: impl FnOnce(&mut CaConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Starts the CA, which answers requests when this returns.
    ///
    /// # Errors
    ///
    /// The CA cannot start if the address is in use or unavailable, if the system has no thread or randomness left, or if
    /// its host cannot be put into a certificate.
    pub fn start(self) -> io::Result<TestCa> {
        let listener = TcpListener::bind(self.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let mut config = self.config;
        config.seed = match self.seed {
            Some(seed) => seed,
            None => random_seed()?,
        };
        config.base_url = base_url(address, self.host.as_deref());
        config.shorten_certificates(self.time_lapse);
        let now = system_millis();
        let mut ca = Ca::new(config, now).map_err(io::Error::other)?;
        ca.set_faults(self.faults);
        let web = ca
            .web_certificate(&own_names(address, self.host.as_deref()), now)
            .map_err(io::Error::other)?;
        let tls = listener::tls_config(web, self.http2).map_err(io::Error::other)?;
        let options = Options {
            dns: self.dns,
            validation_timeout: self.validation_timeout,
            validation_delay: self.validation_delay,
            edit: self.edit,
        };
        let shared = Arc::new(Shared::new(ca, options, self.hook));
        let (http_port, tls_port) = challenge_ports(self.http_port, self.tls_port)?;
        let (stop, stopped) = oneshot::channel();
        let runtime = RuntimeBuilder::new_current_thread().enable_all().build()?;
        let server = Arc::clone(&shared);
        let thread = thread::Builder::new().name("acme-testca".to_owned()).spawn(move || {
            runtime.block_on(listener::run(server, listener, tls, stopped));
            runtime.shutdown_background();
        })?;
        let ca = TestCa::new(shared, address, stop, thread);
        ca.set_http_port(http_port);
        ca.set_tls_port(tls_port);
        ca.set_latency(self.latency);
        Ok(ca)
    }
}

impl Default for TestCaBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for TestCaBuilder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TestCaBuilder").field("listen", &self.listen).finish_non_exhaustive()
    }
}

fn base_url(address: SocketAddr, host: Option<&str>) -> String {
    let port = address.port();
    match host {
        Some(host) => format!("https://{host}:{port}"),
        None if address.ip().is_unspecified() => format!("https://localhost:{port}"),
        None => format!("https://{address}"),
    }
}

/// Returns the names of the HTTPS certificate beside those that it always has.
fn own_names(address: SocketAddr, host: Option<&str>) -> Vec<Identifier> {
    let mut names = vec![Identifier::Ip(address.ip())];
    if let Some(host) = host {
        let plain = host.trim_start_matches('[').trim_end_matches(']');
        names
            .push(plain.parse().map_or_else(|_| Identifier::Dns(plain.to_owned()), Identifier::Ip));
    }
    names
}

/// Chooses free ports where the caller gave none.
fn challenge_ports(http: u16, tls: u16) -> io::Result<(u16, u16)> {
    let or_free = |port| if port == 0 { free_port() } else { Ok(port) };
    Ok((or_free(http)?, or_free(tls)?))
}

/// Returns a port that is free now and that nobody else is likely to take before the client does.
///
/// It is below the range from which systems take ports for outgoing connections, and within a
/// process no two CAs get the same one.
fn free_port() -> io::Result<u16> {
    const FIRST: u32 = 12_000;
    const SPAN: u32 = 20_000;
    static START: OnceLock<u32> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = match START.get() {
        Some(&start) => start,
        None => {
            let seed = u32::try_from(random_seed()? % u64::from(SPAN)).unwrap_or(0);
            *START.get_or_init(|| seed)
        }
    };
    for _ in 0..SPAN {
        let port = FIRST + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % SPAN;
        let port = u16::try_from(port).unwrap_or(0);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no port is free for challenges"))
}

fn random_seed() -> io::Result<u64> {
    let mut seed = [0; 8];
    SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| io::Error::other("the system gives no randomness"))?;
    Ok(u64::from_le_bytes(seed))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
