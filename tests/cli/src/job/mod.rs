//! One run of an example program.

mod memory;
mod stored;

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use acme_adapter::dns_update::DnsUpdate;
use acme_adapter::exchange::ExchangeRecord;
use acme_adapter::hook::HookCommand;
use acme_adapter::keys::{self, AccountKey, KeyKind, ProviderKey};
use acme_adapter::person::AskPerson;
use acme_adapter::store::OrderFile;
use acme_adapter::tls::{self, Roots};
use acme_proto::error::{Error as AcmeError, Report};
use acme_proto::identifier::Identifier;
use acme_proto::issuance::Issued;
use acme_proto::notice::Notice;
use acme_proto::policy::Policy;
use acme_proto::session::SessionMemory;
use acme_proto::snapshot::Snapshot;
use acme_proto::url::Url;
use acme_proto::wire::ChallengeKind;
use acme_proto::x509::Csr;
use acme_testca::TestCa;
use zeroize::Zeroizing;

use crate::account::Account;
use crate::args::Args;
use crate::consent::{self, AtTerminal};
use crate::failure::{BoxError, Failure, find_acme};
use crate::interrupt::Interrupts;
use crate::output::{Found, KEY, Output, Run};
use crate::progress::Progress;
use crate::renewal::{Due, Stored};
use crate::report::{self, Facts};
use crate::trace::Trace;

/// One run of an example program: its arguments, files and progress.
pub struct Job {
    args: Box<Args>,
    progress: Progress,
    trace: Option<Arc<Trace>>,
    embedded: Option<TestCa>,
    directory: Url,
    roots: Option<Vec<u8>>,
    csr: Option<Csr>,
    account: Mutex<Account>,
    output: Output,
    unfinished: Option<Snapshot>,
    stored: Mutex<Option<Stored>>,
    /// What this run knows of the CA's server, to be kept if it ends well.
    learnt: Mutex<Option<SessionMemory>>,
    interrupts: Interrupts,
}

impl Job {
    /// Acquires the locks, and checks the existing files.
    ///
    /// # Errors
    /// The exit code of the program, after the message was printed: a failure, or that the stored certificate is not
    /// due for renewal.
    pub(crate) fn new(mut args: Box<Args>) -> Result<Self, ExitCode> {
        args.check().map_err(|failure| complain(&failure))?;
        let progress = Progress::start(args.names.len());
        let job = Self::prepare(args, progress.clone()).map_err(|failure| {
            progress.stop();
            complain(&failure)
        })?;
        match job.due() {
            Some(Due::At(_)) => Err(job.end(Ok(None))),
            _ => {
                job.progress.doing(format!("connecting to {}", job.directory));
                Ok(job)
            }
        }
    }

    fn prepare(args: Box<Args>, progress: Progress) -> Result<Self, Failure> {
        let csr = args.csr.as_deref().map(|path| read_csr(path, &args.names)).transpose()?;
        let read_roots = |path| read_roots("--ca-file", path);
        let roots = args.ca_file.as_deref().map(read_roots).transpose()?;
        let output = Output::open(args.out(), args.directory.is_none())?;
        output.check_place()?;
        output.check_key(args.key, csr.as_ref())?;
        let embedded = if args.directory.is_none() { Some(start_ca()?) } else { None };
        let directory = directory(&args, embedded.as_ref())?;
        let is_embedded = embedded.is_some();
        let run = Run { directory: &directory, names: &args.names, csr: csr.as_ref() };
        let found = output.unfinished(&run)?;
        let path = match &args.account {
            // What the embedded CA knows is never in the file of a real account.
            Some(path) if is_embedded => beside(path),
            Some(path) => path.clone(),
            None => output.account_path(),
        };
        let account = Account::open(path, &directory, is_embedded)?;
        let trace = args.trace.as_deref().map(Trace::open).transpose()?.map(Arc::new);
        let unfinished = match found {
            Found::Nothing => None,
            Found::Gone => {
                let order = output.order_path();
                progress.say(&format!(
                    "{} belongs to the embedded test CA of an earlier run: starting over",
                    order.display()
                ));
                output.forget_order()?;
                None
            }
            Found::Unfinished(snapshot) => Some(*snapshot),
        };
        let stored = if is_embedded { None } else { Stored::load(&output) };
        let interrupts = Interrupts::install(still_published(output.order_path()))?;
        let job = Self {
            args,
            progress,
            trace,
            embedded,
            directory,
            roots,
            csr,
            account: Mutex::new(account),
            output,
            unfinished,
            stored: Mutex::new(stored),
            learnt: Mutex::default(),
            interrupts,
        };
        // A certificate that is not due needs no account.
        if job.account().url().is_none() && matches!(job.due(), None | Some(Due::Now)) {
            job.args.check_new_account()?;
        }
        Ok(job)
    }

    /// Returns the URL of the CA's directory.
    pub fn directory(&self) -> &str {
        self.directory.as_str()
    }

    /// Returns the roots to trust for the CA's HTTPS endpoint.
    pub fn roots(&self) -> Roots {
        match (&self.embedded, &self.roots) {
            (Some(ca), _) => Roots::Pem(ca.root_pem().as_bytes().to_vec()),
            (None, Some(pem)) => Roots::Pem(pem.clone()),
            (None, None) => Roots::Platform,
        }
    }

    /// Returns the policy that suits the CA, with time limits that fit `--timeout`.
    pub fn policy(&self) -> Policy {
        let mut policy = self.args.public_ca().map(|ca| ca.policy()).unwrap_or_default();
        let left = self.time_left();
        policy.call_time_limit = policy.call_time_limit.min(left);
        policy.issuance_time_limit = left;
        policy.clean_up_time_limit = self.clean_up_time();
        policy
    }

    /// Returns how long clean-ups may take once the time is over: no longer than the job itself, or than ten seconds.
    fn clean_up_time(&self) -> Duration {
        Policy::default().clean_up_time_limit.min(self.args.timeout().max(LEAST_CLEAN_UP_TIME))
    }

    /// Returns the rest of `--timeout`, and at least a millisecond.
    pub fn time_left(&self) -> Duration {
        self.args.timeout().saturating_sub(self.progress.elapsed()).max(Duration::from_millis(1))
    }

    /// Returns the observer of HTTP exchanges, which counts them and writes the trace.
    pub fn observer(&self) -> impl Fn(&ExchangeRecord) + Send + Sync + 'static {
        let (progress, trace) = (self.progress.clone(), self.trace.clone());
        move |record| {
            progress.exchanged();
            if let Some(trace) = &trace {
                trace.write(record);
            }
        }
    }

    /// Returns the receiver of notices, which shows the progress.
    pub fn notices(&self) -> impl Fn(&Notice) + Send + Sync + 'static {
        let progress = self.progress.clone();
        move |notice| progress.notice(notice)
    }

    /// Returns the account's key.
    pub fn account_key(&self) -> AccountKey {
        self.account().key()
    }

    /// Returns the account URL, if the account file has one.
    pub fn account_url(&self) -> Option<Url> {
        self.account().url().cloned()
    }

    /// Writes the account file before the account exists.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save_account(&self) -> Result<(), Failure> {
        self.progress.doing("registering an account");
        self.account().save()
    }

    /// Writes the account's URL into the account file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn registered(&self, account: &Url) -> Result<(), Failure> {
        self.account().registered(account)
    }

    /// Returns the contacts for a new account, as `mailto:` URLs.
    pub fn contacts(&self) -> &[String] {
        &self.args.contacts
    }

    /// Returns the key identifier and the MAC key for external account binding.
    pub fn external_account(&self) -> Option<(String, Zeroizing<String>)> {
        self.args.external_account().map(|(kid, key)| (kid.to_owned(), key))
    }

    /// Returns whether the user agreed to the CA's terms of service by `--agree-tos`.
    pub const fn agrees_to_any_terms(&self) -> bool {
        self.args.agree_tos
    }

    /// Asks the user whether they agree to the CA's terms of service, if there is a terminal to ask on.
    pub fn agrees_to(&self, terms: &str) -> bool {
        let end = Instant::now() + self.time_left();
        let question = format!("The CA's terms of service are at {terms}\nDo you agree to them?");
        consent::ask(&AtTerminal::new(&self.progress), &question, &|| Instant::now() < end)
    }

    /// Returns the names for the certificate.
    pub fn names(&self) -> &[Identifier] {
        &self.args.names
    }

    /// Returns the unfinished order of an earlier run.
    pub fn unfinished(&self) -> Option<Snapshot> {
        let snapshot = self.unfinished.clone()?;
        let order = snapshot.order_url().map_or("an order", Url::as_str);
        self.progress.say(&format!("resuming {order}"));
        Some(snapshot)
    }

    /// Returns whether the resumed order has failed and a new one is needed.
    ///
    /// An order fails if the CA validates its challenges while no process serves them. That says
    /// nothing about a new order.
    pub fn starts_anew(&self, error: &(dyn Error + 'static)) -> bool {
        let resumed = self.unfinished.is_some();
        let over = resumed && self.is_over(error) && self.output.forget_order().is_ok();
        if over {
            self.progress.say("that order has failed in the meantime: starting over");
        }
        over
    }

    /// Returns the file for the state of the order.
    pub fn order_file(&self) -> OrderFile {
        self.output.order()
    }

    /// Returns the CSR given by `--csr`.
    pub fn csr(&self) -> Option<Csr> {
        self.csr.clone()
    }

    /// Returns the certificate's key, which is then on disk.
    ///
    /// # Errors
    /// If it cannot be generated or written.
    pub fn certificate_key(&self) -> Result<ProviderKey, Failure> {
        self.output.key_or_new(self.args.key.unwrap_or(KeyKind::Es256))
    }

    /// Returns the profile given by `--profile`.
    pub fn profile(&self) -> Option<&str> {
        self.args.profile.as_deref()
    }

    /// Returns the kinds of challenges that need a solver, the preferred ones first.
    pub fn challenges(&self) -> Vec<ChallengeKind> {
        self.args.kinds()
    }

    /// Returns the address of the listener for http-01.
    pub fn http_address(&self) -> SocketAddr {
        self.address(self.args.http_port, 80)
    }

    /// Returns the address of the listener for tls-alpn-01.
    pub fn tls_address(&self) -> SocketAddr {
        self.address(self.args.tls_port, 443)
    }

    /// Records the address of a listener. The embedded CA validates at its port.
    pub fn listening(&self, kind: &ChallengeKind, address: SocketAddr) {
        if let Some(ca) = &self.embedded {
            match kind {
                ChallengeKind::Http01 => ca.set_http_port(address.port()),
                _ => ca.set_tls_port(address.port()),
            }
        }
        self.progress.doing(format!("listening for {kind} on {address}"));
    }

    /// Returns the command that publishes challenges, if `--hook` names one: one solver for all of its kinds.
    pub fn hook(&self) -> Option<HookCommand> {
        self.args.hook()
    }

    /// Returns the solver that asks the user for TXT records, with `--by-hand`.
    pub fn by_hand(&self) -> Option<AskPerson<AtTerminal>> {
        self.args.by_hand.then(|| AskPerson::with(AtTerminal::new(&self.progress)))
    }

    /// Returns what sends dynamic updates, from `--dns-update-server` and the options with it.
    pub fn dns_update(&self) -> Option<DnsUpdate> {
        self.args.dns_update.clone()
    }

    /// Publishes a TXT record in the resolver of the embedded CA.
    ///
    /// # Errors
    /// If the resolver is full, or if there is no embedded CA.
    pub fn set_txt(&self, name: &str, value: &str) -> Result<(), Failure> {
        match &self.embedded {
            Some(ca) if ca.set_txt(name, value) => Ok(()),
            Some(_) => Err(Failure::failed("the embedded test CA has no room for more records")),
            None => Err(Failure::usage("dns-01 needs --hook CMD or --dns-update-server HOST")),
        }
    }

    /// Withdraws a TXT record from the resolver of the embedded CA.
    pub fn remove_txt(&self, name: &str, value: &str) {
        if let Some(ca) = &self.embedded {
            ca.clear_txt(name, value);
        }
    }

    /// Calls a function, which cancels the issuance, at the first interruption: Ctrl-C, or what ends a service. A second
    /// one ends the program at once.
    pub fn on_interrupt(&self, cancel: impl FnOnce() + Send + 'static) {
        let (progress, limit) = (self.progress.clone(), self.clean_up_time().as_secs());
        self.interrupts.on_next(move || {
            // First, because it ends a question, and no line is shown while one is open.
            cancel();
            progress.say(&format!(
                "interrupted: cleaning up the challenges, which takes {limit} s at most; once more ends at once"
            ));
        });
        self.announce_end();
    }

    /// Says when the time is over, and for how long what was published is then cleaned up.
    fn announce_end(&self) {
        let is_own = self.args.hook.is_none() && self.args.dns_update.is_none();
        if is_own && !self.args.by_hand {
            return;
        }
        let (progress, left) = (self.progress.clone(), self.time_left());
        let limit = self.clean_up_time().as_secs();
        let announce = move || {
            thread::sleep(left);
            if !progress.is_over() {
                progress.say(&format!(
                    "the time is over: cleaning up the challenges, which takes {limit} s at most"
                ));
            }
        };
        let _ = thread::Builder::new().name("deadline".to_owned()).spawn(announce);
    }

    /// Ends the run: writes the certificate or prints the error, runs the deploy hook, and returns the exit code.
    ///
    /// Without a certificate, the stored one is not due for renewal.
    pub fn end(&self, result: Result<Option<Issued>, BoxError>) -> ExitCode {
        self.interrupts.yield_to_end();
        let stored = match &result {
            Ok(Some(issued)) => self.store(issued),
            Ok(None) => Ok(self.not_due()),
            Err(error) => {
                self.renewal_failed(&**error);
                self.forget_memory(&**error);
                Err(self.failed(&**error))
            }
        };
        if stored.is_ok() {
            self.save_memory();
        }
        self.progress.stop();
        let deployed = stored.and_then(|report| {
            let _ = io::stdout().write_all(report.as_bytes());
            self.deploy()
        });
        self.interrupts.yield_to_end();
        deployed.map_or_else(|failure| complain(&failure), |()| ExitCode::SUCCESS)
    }

    fn store(&self, issued: &Issued) -> Result<String, Failure> {
        let root = self.embedded.as_ref().map(TestCa::root_pem);
        self.output.store(issued.chain(), root)?;
        if self.embedded.is_none() {
            let leaf = issued.chain().leaf();
            let wanted = self.wanted(None);
            let stored = Stored::new(leaf, &wanted, self.args.deploy_hook.is_some());
            stored.save(&self.output)?;
            *self.stored() = Some(stored);
        }
        for (challenge, why) in issued.not_cleaned() {
            let name = challenge.txt_name().unwrap_or_else(|| challenge.identifier().value());
            self.progress
                .say(&format!("still published at {name}: {}", crate::progress::plain(why)));
        }
        if issued.not_cleaned().is_empty() {
            self.output.forget_order()?;
        } else {
            let order = self.output.order_path();
            self.progress.say(&format!("run again to clean it up ({})", order.display()));
        }
        Ok(report::success(
            issued,
            &Facts {
                output: &self.output,
                has_key: self.csr.is_none() || self.output.file(KEY).exists(),
                embedded: self.embedded.is_some(),
                requests: self.progress.requests(),
                elapsed: self.progress.elapsed(),
            },
        ))
    }

    /// Returns the failure, and discards an order that cannot be resumed.
    fn failed(&self, error: &(dyn Error + 'static)) -> Failure {
        let order = self.output.order_path();
        if self.is_over(error) {
            let _ = self.output.forget_order();
        } else if order.exists() {
            let order = order.display();
            let saved = self.output.order().load().ok().flatten();
            let what = match saved.map_or(0, |saved| saved.challenges().len()) {
                0 => "resume it".to_owned(),
                left => format!("clean up what is still published ({left}) and resume it"),
            };
            self.progress.say(&format!(
                "the order is kept in {order}: run again to {what}, or delete it to start over"
            ));
        }
        Failure::of(error)
    }

    /// Returns whether the saved order has failed and none of its challenges is still published.
    fn is_over(&self, error: &(dyn Error + 'static)) -> bool {
        let dead = matches!(find_acme(error), Some(AcmeError::Order(_)));
        let saved = self.output.order().load().ok().flatten();
        saved.is_some_and(|order| {
            (dead || order.order_url().is_none()) && order.challenges().is_empty()
        })
    }

    fn learnt(&self) -> MutexGuard<'_, Option<SessionMemory>> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn address(&self, port: Option<u16>, usual: u16) -> SocketAddr {
        let port = port.unwrap_or_else(|| if self.embedded.is_some() { 0 } else { usual });
        SocketAddr::new(self.listen_address(), port)
    }

    /// Returns the address to listen on. The default is loopback, or the loopback address that is
    /// the only name.
    fn listen_address(&self) -> IpAddr {
        let own = match self.names() {
            [Identifier::Ip(ip)] if ip.is_loopback() => *ip,
            _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        self.args.listen.unwrap_or(own)
    }

    /// Says what keeps the CA from reaching the listeners.
    pub fn warn_of_loopback(&self) {
        let hook = self.hook();
        let hooked = hook.as_ref().map_or(&[][..], HookCommand::challenge_kinds);
        let is_own = |kind: &ChallengeKind| *kind != ChallengeKind::Dns01 && !hooked.contains(kind);
        let listens = self.challenges().iter().any(is_own);
        let address = self.listen_address();
        if listens && !self.directory.is_loopback() && address.is_loopback() {
            self.progress.say(&format!(
                "warning: the CA is on another machine, and cannot reach a listener on {address} unless requests \
                 are forwarded to it; --listen 0.0.0.0 or --listen [::] accepts requests from everywhere"
            ));
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("directory", &self.directory)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

const LEAST_CLEAN_UP_TIME: Duration = Duration::from_secs(10);

fn directory(args: &Args, embedded: Option<&TestCa>) -> Result<Url, Failure> {
    match (embedded, &args.directory) {
        (Some(ca), _) => {
            Url::parse(ca.directory_url()).map_err(|error| Failure::failed(error.to_string()))
        }
        (None, Some(url)) => Ok(url.clone()),
        (None, None) => Err(Failure::usage("give --directory URL")),
    }
}

pub(crate) fn start_ca() -> Result<TestCa, Failure> {
    TestCa::builder().start().map_err(|error| {
        Failure::failed(format!("the embedded test CA cannot start: {error}; give --directory URL"))
    })
}

/// Returns the account file of the embedded CA beside the one that was given for others.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from("embedded-");
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

fn read_csr(path: &Path, names: &[Identifier]) -> Result<Csr, Failure> {
    let failed = |why: String| Failure::failed(format!("--csr {}: {why}", path.display()));
    let text =
        fs::read(path).map_err(|error| failed(format!("{error}; give a file that can be read")))?;
    let csr = Csr::from_pem(&text).map_err(|error| failed(error.to_string()))?;
    csr.covers(names).map_err(|error| {
        failed(format!("{error}; give exactly the names that the CSR has, or make another CSR"))
    })?;
    Ok(csr)
}

/// Reads the roots in the file that an option names.
pub(crate) fn read_roots(option: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |why: String| {
        let path = path.display();
        Failure::failed(format!("{option} {path}: {why}; give the CA's root certificate, in PEM"))
    };
    let pem = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let provider = keys::default_provider().map_err(|error| Failure::failed(error.to_string()))?;
    tls::client_config(&provider, &Roots::Pem(pem.clone()), &[])
        .map_err(|error| failed(Report::new(&error).to_string()))?;
    Ok(pem)
}

/// Returns a function that names the records that an immediate end leaves behind.
fn still_published(order: PathBuf) -> impl Fn() -> String + Send + Sync + 'static {
    move || {
        let snapshot = OrderFile::new(&order).load().ok().flatten();
        let challenges = snapshot.iter().flat_map(|snapshot| snapshot.challenges());
        let names: BTreeSet<String> = challenges.filter_map(|one| one.txt_name()).collect();
        if names.is_empty() {
            return String::new();
        }
        let names: Vec<_> = names.into_iter().collect();
        let order = order.display();
        format!(": {} may still be published; run again to clean up ({order})", names.join(", "))
    }
}

pub(crate) fn complain(failure: &Failure) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {failure}");
    ExitCode::from(failure.code())
}
