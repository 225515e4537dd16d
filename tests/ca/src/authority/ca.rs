//! The state of the CA, and the dispatch of requests.

use core::fmt;
use std::collections::BTreeMap;

use super::account::Account;
use super::authorization::Authorization;
use super::certificate::Certificate;
use super::challenge::Challenge;
use super::config::CaConfig;
use super::faults::{FaultAction, Faults};
use super::identifier::Identifier;
use super::issuer::{Issuer, WebCertificate};
use super::kind::Route;
use super::message::{CaRequest, CaResponse, Delivery};
use super::nonce::Nonces;
use super::order::Order;
use super::problem::Problem;
use super::quirks::Quirks;
use super::request_limits::Buckets;
use super::respond::Reply;
use super::rng::Rng;

/// Where the directory is with [`Quirks::directory_at_root`], beside its usual place.
const ROOT_DIRECTORY: &str = "/?ca=test";

/// Is an ACME certification authority without I/O.
///
/// It never reads a clock, opens a socket or starts a thread. Requests come in through
/// [`Ca::handle`], together with the time; validations that the CA wants made go out through
/// [`Ca::take_validations`] and their outcome comes back through [`Ca::validated`]. With the same
/// seed, times and requests it makes the same choices; only its keys and signatures, and so the
/// certificates' bytes, differ from run to run.
pub struct Ca {
    pub(super) config: CaConfig,
    pub(super) rng: Rng,
    pub(super) issuer: Issuer,
    pub(super) nonces: Nonces,
    pub(super) accounts: BTreeMap<u64, Account>,
    /// Accounts by the thumbprint of their key.
    pub(super) account_keys: BTreeMap<String, u64>,
    pub(super) orders: BTreeMap<u64, Order>,
    pub(super) authorizations: BTreeMap<u64, Authorization>,
    /// Authorizations that a new order may use, by account, identifier and wildcard.
    pub(super) reusable: BTreeMap<(u64, Identifier, bool), u64>,
    pub(super) challenges: BTreeMap<u64, Challenge>,
    pub(super) certificates: BTreeMap<u64, Certificate>,
    /// Certificates by certID (RFC 9773 Section 4.1).
    pub(super) certificate_ids: BTreeMap<String, u64>,
    pub(super) waiting_validations: Vec<u64>,
    pub(super) faults: Faults,
    pub(super) buckets: Buckets,
}

impl Ca {
    /// Creates a CA with fresh keys, whose root starts at `now` (Unix milliseconds).
    ///
    /// # Errors
    ///
    /// Only if the system has no randomness for the keys.
    pub fn new(config: CaConfig, now: u64) -> Result<Self, CaError> {
        let mut rng = Rng::new(config.seed);
        let issuer = Issuer::new(config.alternate_chains, now, &mut rng)
            .map_err(|e| CaError(e.to_string()))?;
        Ok(Self {
            config,
            rng,
            issuer,
            nonces: Nonces::default(),
            accounts: BTreeMap::new(),
            account_keys: BTreeMap::new(),
            orders: BTreeMap::new(),
            authorizations: BTreeMap::new(),
            reusable: BTreeMap::new(),
            challenges: BTreeMap::new(),
            certificates: BTreeMap::new(),
            certificate_ids: BTreeMap::new(),
            waiting_validations: Vec::new(),
            faults: Faults::none(),
            buckets: Buckets::default(),
        })
    }

    /// Processes one request at the time `now` (Unix milliseconds).
    pub fn handle(&mut self, request: &CaRequest, now: u64) -> CaResponse {
        let route = match request.path() {
            path if path == ROOT_DIRECTORY && self.config.quirks.directory_at_root => {
                Route::Directory
            }
            path => Route::parse(path),
        };
        let kind = route.kind();
        let (mut delivery, mut delay_millis, mut injected) = (Delivery::Answer, 0, None);
        match self.faults.next(kind) {
            None => {}
            Some(FaultAction::Delay(millis)) => delay_millis = millis,
            Some(FaultAction::DropAfter) => delivery = Delivery::Drop,
            Some(FaultAction::Problem(problem)) => injected = Some(problem),
            Some(FaultAction::DropBefore) => {
                return unprocessed(kind, 0, Vec::new(), "", Delivery::Drop);
            }
            Some(FaultAction::Respond { status, headers, body }) => {
                return unprocessed(kind, status, headers, &body, Delivery::Answer);
            }
        }
        let injected = self.refused_by_limit(kind, now).or(injected);
        let outcome = self.process(request, &route, injected, now);
        let (reply, problem) = match outcome {
            Ok(reply) => (reply, None),
            Err(problem) => (self.problem_reply(&problem), Some(problem.kind().to_owned())),
        };
        let (status, headers, body) = self.finish(reply, request, kind, problem.is_some(), now);
        CaResponse { status, headers, body, kind, problem, delivery, delay_millis }
    }

    /// Forgets every account, as a CA does that has lost its database.
    pub fn forget_accounts(&mut self) {
        self.accounts.clear();
        self.account_keys.clear();
    }

    /// Replaces the behaviours of real servers that are switched on.
    pub fn set_quirks(&mut self, quirks: Quirks) {
        self.config.quirks = quirks;
    }

    /// Replaces the plan of faults.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Returns the configuration for changes between two requests.
    pub fn config_mut(&mut self) -> &mut CaConfig {
        &mut self.config
    }

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &CaConfig {
        &self.config
    }

    /// Returns the URL of the directory.
    #[must_use]
    pub fn directory_url(&self) -> String {
        self.url(if self.config.quirks.directory_at_root { ROOT_DIRECTORY } else { "/directory" })
    }

    /// Returns the root certificate that issued certificates chain to by default, as PEM.
    #[must_use]
    pub fn root_pem(&self) -> String {
        self.issuer.root_pem(0).unwrap_or_default()
    }

    /// Returns the root certificate of an alternate chain, as PEM; 0 is the default chain.
    #[must_use]
    pub fn alternate_root_pem(&self, chain: usize) -> Option<String> {
        self.issuer.root_pem(chain)
    }

    /// Returns the number of certificates issued so far.
    #[must_use]
    pub fn certificates_issued(&self) -> usize {
        self.certificates.len()
    }

    pub(crate) fn web_certificate(
        &mut self,
        extra: &[Identifier],
        now: u64,
    ) -> Result<WebCertificate, CaError> {
        self.issuer.web_certificate(extra, now, &mut self.rng).map_err(|e| CaError(e.to_string()))
    }

    fn process(
        &mut self,
        request: &CaRequest,
        route: &Route,
        injected: Option<Problem>,
        now: u64,
    ) -> Result<Reply, Problem> {
        // RFC 8555 Section 6.1: a client must send one with every request.
        if request.header("user-agent").is_none_or(str::is_empty) {
            return Err(Problem::malformed(
                "a request without User-Agent is not accepted (RFC 8555 section 6.1)",
            ));
        }
        if !self.exists(route) {
            return Err(Problem::new(
                404,
                "malformed",
                format!("there is nothing at {}", request.path()),
            ));
        }
        match request.method.as_str() {
            "POST" => self.post(request, route, injected, now),
            "GET" | "HEAD" => match injected {
                Some(problem) => Err(problem),
                None => self.get(request, route, now),
            },
            _ => Err(method_not_allowed(route)),
        }
    }

    fn exists(&self, route: &Route) -> bool {
        let (config, quirks) = (&self.config, &self.config.quirks);
        match route {
            Route::Unknown => false,
            Route::NewAuthz => config.new_authz,
            Route::RenewalInfo(_) => config.renewal_info,
            Route::KeyChange => !quirks.no_key_change,
            Route::RevokeCert => !quirks.no_revoke_cert,
            _ => true,
        }
    }

    fn get(&mut self, request: &CaRequest, route: &Route, now: u64) -> Result<Reply, Problem> {
        match route {
            Route::Directory => Ok(self.directory()),
            // Section 7.2: 200 for HEAD, 204 for GET.
            Route::NewNonce
                if request.method == "HEAD" && !self.config.quirks.head_nonce_no_content =>
            {
                Ok(Reply::empty(200))
            }
            Route::NewNonce => Ok(Reply::empty(204)),
            Route::RenewalInfo(id) => self.renewal_info(id, now),
            Route::Terms => {
                Ok(Reply::text(200, "text/plain", "There are no terms: this is a test CA.\n"))
            }
            Route::AgreeToTerms(account) if request.method == "GET" => self.agree(*account),
            Route::Help => {
                Ok(Reply::text(200, "text/plain", "Ask for less, or come back later.\n"))
            }
            _ => Err(method_not_allowed(route)),
        }
    }

    fn post(
        &mut self,
        request: &CaRequest,
        route: &Route,
        injected: Option<Problem>,
        now: u64,
    ) -> Result<Reply, Problem> {
        // After authentication, so that an injected problem uses up the nonce as a real one does.
        let signed = self.authenticate(request, route, now)?;
        if let Some(problem) = injected {
            return Err(problem);
        }
        match route {
            Route::NewAccount => self.new_account(&signed),
            Route::RevokeCert => self.revoke_cert(&signed, now),
            _ => {
                let account = signed.account()?;
                match *route {
                    Route::Directory => signed.jws.require_post_as_get().map(|()| self.directory()),
                    Route::NewNonce => signed.jws.require_post_as_get().map(|()| Reply::empty(204)),
                    Route::NewOrder => self.new_order(account, &signed.jws, now),
                    Route::NewAuthz => self.new_authz(account, &signed.jws, now),
                    Route::KeyChange => self.key_change(account, &signed.jws),
                    Route::Account(id) => self.account(account, id, &signed.jws),
                    Route::Orders { account: owner, cursor } => {
                        self.list_orders(account, owner, cursor, &signed.jws, now)
                    }
                    Route::Order(id) => self.read_order(account, id, &signed.jws, now),
                    Route::Finalize(id) => self.finalize(account, id, &signed.jws, now),
                    Route::Authorization(id) => self.authorization(account, id, &signed.jws, now),
                    Route::Challenge(id) => self.challenge(account, id, &signed.jws, now),
                    Route::Certificate { id, chain } => {
                        self.download(account, id, chain, &signed.jws)
                    }
                    _ => Err(method_not_allowed(route)),
                }
            }
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.config.base_url)
    }

    pub(super) fn require_room(&self, used: usize) -> Result<(), Problem> {
        if used < self.config.max_objects {
            Ok(())
        } else {
            Err(Problem::new(503, "serverInternal", "this CA keeps no more objects of this kind"))
        }
    }
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ca")
            .field("base_url", &self.config.base_url)
            .field("accounts", &self.accounts.len())
            .field("orders", &self.orders.len())
            .field("certificates", &self.certificates.len())
            .finish_non_exhaustive()
    }
}

/// Reports that the CA could not make its own keys and certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaError(pub(crate) String);

impl fmt::Display for CaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the CA's own certificates could not be made: {}", self.0)
    }
}

impl core::error::Error for CaError {}

fn method_not_allowed(route: &Route) -> Problem {
    let allow = match route {
        Route::Directory | Route::NewNonce => "GET, HEAD, POST",
        Route::RenewalInfo(_) | Route::Terms | Route::Help => "GET, HEAD",
        Route::AgreeToTerms(_) => "GET",
        _ => "POST",
    };
    Problem::new(405, "malformed", "this method is not allowed here; most resources are read by POST-as-GET (RFC 8555 section 6.3)")
        .with_header("Allow", allow)
}

fn unprocessed(
    kind: super::RequestKind,
    status: u16,
    headers: Vec<(String, String)>,
    body: &str,
    delivery: Delivery,
) -> CaResponse {
    CaResponse {
        status,
        headers,
        body: body.as_bytes().to_vec(),
        kind,
        problem: None,
        delivery,
        delay_millis: 0,
    }
}
