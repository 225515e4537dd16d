//! `issue daemon`: keeps the certificates of a configuration file alive.

mod adapter;
mod config;
mod deployer;
mod file;
mod log;
mod signals;
mod solvers;
mod status;
mod systemd;

use core::cell::RefCell;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use acme_adapter::atomic::{self, Visibility};
use acme_adapter::hook;
use acme_adapter::keeper::{CertificateEvent, CertificateEventKind, Health};
use acme_adapter::lock::Lock;
use acme_adapter::storage::FolderStorage;
use acme_adapter::tls::Roots;
use acme_proto::error::Report;
use acme_proto::identifier::Identifier;
use acme_testca::TestCa;

pub use self::adapter::{Adapter, Keeper, Plan, Webroot};
use self::config::Config;
pub use self::config::{Authority, Settings, SolverSettings};
use self::deployer::{Deployer, first};
use crate::args::DaemonArgs;
use crate::failure::{BoxError, Failure};
use crate::job::start_ca;
use crate::locking;
use crate::output::ROOT;
use crate::publisher::Hooks;

/// The daemon, with its checked configuration.
#[derive(Debug)]
pub struct Daemon {
    /// The configuration file.
    path: PathBuf,
    config: Config,
    lock: Lock,
    storage: FolderStorage,
}

/// What the main loop waits for.
#[derive(Debug)]
pub(crate) enum Message {
    Event(CertificateEvent),
    Reload,
    End,
}

/// What was asked for, instead of the daemon itself, is done.
pub(crate) enum Prepared {
    Daemon(Box<Daemon>),
    Done(ExitCode),
}

impl Daemon {
    /// Reads the configuration and takes the lock of its folder, or does what an option asks for.
    pub(crate) fn prepare(args: &DaemonArgs) -> Result<Prepared, Failure> {
        let path = std::path::absolute(&args.config)
            .map_err(|error| Failure::usage(format!("{}: {error}", args.config.display())))?;
        // Every path in the file starts at its folder, also those in commands.
        if let Some(parent) = path.parent() {
            env::set_current_dir(parent).map_err(|error| {
                Failure::usage(format!(
                    "{}: {error}; give the path of a file",
                    args.config.display()
                ))
            })?;
        }
        let config = Config::load(&path)?;
        if args.check {
            println!("{}: {} is in order", path.display(), certificates(config.certificates.len()));
            return Ok(Prepared::Done(ExitCode::SUCCESS));
        }
        if args.status {
            return status::print(&config.folder).map(Prepared::Done);
        }
        let failed = |error: &(dyn core::error::Error + 'static)| {
            Failure::failed(format!(
                "the folder {} cannot be used: {}; correct it, or give another folder",
                config.folder.display(),
                Report::new(error)
            ))
        };
        let storage = FolderStorage::open(&config.folder).map_err(|error| failed(&error))?;
        let lock = locking::acquire(&status::lock_path(&config.folder)).map_err(|error| {
            Failure::failed(format!(
                "the folder {} has a daemon already ({error}); reload that one by SIGHUP, or give another folder",
                config.folder.display()
            ))
        })?;
        Ok(Prepared::Daemon(Box::new(Self { path, config, lock, storage })))
    }

    /// Keeps the certificates until SIGTERM or SIGINT, and returns the exit code.
    pub fn run(self, adapter: &impl Adapter) -> ExitCode {
        match self.keep(adapter) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("error: {failure}");
                ExitCode::from(failure.code())
            }
        }
    }

    fn keep(self, adapter: &impl Adapter) -> Result<(), Failure> {
        let (sender, messages) = mpsc::channel();
        signals::install(sender.clone())?;
        let mut running = Running::new(self, adapter, sender)?;
        let certificates = certificates(running.daemon.config.certificates.len());
        log::note(&format!("keeps {certificates} in {}", running.daemon.config.folder.display()));
        log::note("ready");
        systemd::notify("READY=1");
        running.work(&messages);
        systemd::notify("STOPPING=1");
        running.end(&messages);
        Ok(())
    }
}

/// A daemon that runs.
struct Running<'a, A: Adapter> {
    daemon: Daemon,
    adapter: &'a A,
    sender: Sender<Message>,
    embedded: Option<TestCa>,
    solvers: HashMap<SolverSettings, A::Solver>,
    hooks: RefCell<Hooks>,
    groups: Vec<Group>,
    /// Groups that are no longer wanted and end.
    ending: Vec<JoinHandle<()>>,
    deployer: Deployer,
    events: log::Events,
}

/// The certificates that have their settings in common.
struct Group {
    settings: Settings,
    keeper: Arc<dyn Keeper>,
    /// By the first name.
    names: BTreeMap<String, Vec<Identifier>>,
}

impl<'a, A: Adapter> Running<'a, A> {
    fn new(daemon: Daemon, adapter: &'a A, sender: Sender<Message>) -> Result<Self, Failure> {
        let embedded = if daemon.config.is_embedded { Some(start_ca()?) } else { None };
        if let Some(ca) = &embedded {
            // What an embedded CA of an earlier run knew is gone with it.
            for gone in ["accounts", "orders", "sessions"] {
                let _ = fs::remove_dir_all(daemon.config.folder.join(gone));
            }
            let root = daemon.config.folder.join(ROOT);
            let written = atomic::write(&root, ca.root_pem().as_bytes(), Visibility::Public);
            written.map_err(|error| {
                Failure::failed(format!("{} cannot be written: {error}", root.display()))
            })?;
            log::note(&format!(
                "the embedded test CA issues; nobody else trusts its root {}",
                root.display()
            ));
        }
        let deployer = Deployer::start(daemon.storage.clone());
        let mut running = Self {
            daemon,
            adapter,
            sender,
            embedded,
            solvers: HashMap::new(),
            hooks: RefCell::default(),
            groups: Vec::new(),
            ending: Vec::new(),
            deployer,
            events: log::Events::default(),
        };
        running.apply()?;
        running.deployer.set(&running.daemon.config.certificates);
        running.write_health();
        Ok(running)
    }

    fn work(&mut self, messages: &Receiver<Message>) {
        while let Ok(message) = messages.recv() {
            match message {
                Message::End => return,
                Message::Reload => self.reload(),
                Message::Event(event) => {
                    self.events.show(&event);
                    // The certificate is stored now, or was all the time.
                    if matches!(
                        event.kind,
                        CertificateEventKind::Saved
                            | CertificateEventKind::Stored
                            | CertificateEventKind::Adopted { .. }
                    ) {
                        self.deployer.look(&event.name);
                    }
                    self.write_health();
                }
            }
        }
    }

    /// Reads the configuration again; one that cannot be used changes nothing.
    fn reload(&mut self) {
        let before: BTreeSet<_> = self.wanted();
        match Config::load(&self.daemon.path).and_then(|config| self.replace(config)) {
            Err(failure) => log::note(&format!("{failure}; until then everything stays as it was")),
            Ok(()) => {
                let now = self.wanted();
                let list = |of: &BTreeSet<String>, without: &BTreeSet<String>| {
                    of.difference(without).cloned().collect::<Vec<_>>().join(", ")
                };
                let (added, removed) = (list(&now, &before), list(&before, &now));
                let mut said = format!("read {} again", self.daemon.path.display());
                for (what, names) in [("added", added), ("removed", removed)] {
                    if !names.is_empty() {
                        said += &format!("; {what} {names}");
                    }
                }
                log::note(&said);
                self.deployer.set(&self.daemon.config.certificates);
                self.write_health();
            }
        }
    }

    fn replace(&mut self, config: Config) -> Result<(), Failure> {
        let old = &self.daemon.config;
        if config.folder != old.folder || config.is_embedded != old.is_embedded {
            return Err(Failure::usage(format!(
                "{}: the folder is now {}, and a daemon that runs stays in {}; restart it",
                self.daemon.path.display(),
                config.folder.display(),
                old.folder.display()
            )));
        }
        let old = core::mem::replace(&mut self.daemon.config, config);
        self.apply().inspect_err(|_| self.daemon.config = old)
    }

    fn wanted(&self) -> BTreeSet<String> {
        self.daemon.config.certificates.iter().map(|wanted| first(&wanted.names)).collect()
    }

    /// Keeps what the configuration wants. Whatever can fail comes first, and changes nothing.
    fn apply(&mut self) -> Result<(), Failure> {
        let wanted = self.daemon.config.certificates.clone();
        let mut solvers = self.solvers.clone();
        let mut fresh: Vec<Group> = Vec::new();
        for one in &wanted {
            let known = self.groups.iter().chain(&fresh);
            if known.into_iter().any(|group| group.settings == one.settings) {
                continue;
            }
            match self.start(&one.settings, &mut solvers) {
                Ok(group) => fresh.push(group),
                Err(error) => {
                    fresh.iter().for_each(|group| group.keeper.shutdown());
                    return Err(Failure::of(&*error));
                }
            }
        }
        self.groups.append(&mut fresh);
        for group in &mut self.groups {
            let is_wanted = |name: &String, names: &Vec<Identifier>| {
                let same =
                    |one: &config::Wanted| one.settings == group.settings && one.names == *names;
                wanted.iter().any(|one| first(&one.names) == *name && same(one))
            };
            let (kept, gone) = core::mem::take(&mut group.names)
                .into_iter()
                .partition::<BTreeMap<_, _>, _>(|(name, names)| is_wanted(name, names));
            group.names = kept;
            gone.keys().for_each(|name| group.keeper.remove(name));
        }
        for one in &wanted {
            let group = self.groups.iter_mut().find(|group| group.settings == one.settings);
            let Some(group) = group.filter(|group| !group.names.contains_key(&first(&one.names)))
            else {
                continue;
            };
            group.keeper.add(one.names.clone()).map_err(|error| Failure::of(&*error))?;
            group.names.insert(first(&one.names), one.names.clone());
        }
        self.end_groups(|group| group.names.is_empty());
        let is_used = |solver: &SolverSettings| {
            wanted.iter().any(|one| one.settings.solvers.contains(solver))
        };
        solvers.retain(|solver, _| is_used(solver));
        self.solvers = solvers;
        Ok(())
    }

    /// Starts a group without certificates, and binds the listeners that it needs.
    fn start(
        &self,
        settings: &Settings,
        solvers: &mut HashMap<SolverSettings, A::Solver>,
    ) -> Result<Group, BoxError> {
        let mut chosen = Vec::new();
        for solver in &settings.solvers {
            if !solvers.contains_key(solver) {
                solvers.insert(solver.clone(), self.solver(solver)?);
            }
            chosen.extend(solvers.get(solver).cloned());
        }
        let mut plan = Plan {
            folder: self.daemon.config.folder.clone(),
            settings: settings.clone(),
            observer: self.sender.clone(),
        };
        if let Some(ca) = &self.embedded {
            let directory = ca.directory_url().to_owned();
            plan.settings.authorities = vec![Authority { directory, external_account: None }];
            plan.settings.roots = Roots::Pem(ca.root_pem().as_bytes().to_vec());
        }
        let keeper = self.adapter.start(plan, chosen)?;
        Ok(Group { settings: settings.clone(), keeper, names: BTreeMap::new() })
    }

    fn solver(&self, settings: &SolverSettings) -> Result<A::Solver, BoxError> {
        Ok(match settings {
            SolverSettings::Hook(hook, kinds) => {
                self.adapter.hook(self.hooks.borrow_mut().get(hook, kinds))
            }
            SolverSettings::DnsUpdate(update) => {
                self.adapter.dns_update(update.load("dns_update_key_file")?)
            }
            SolverSettings::Webroot(folder) => self.adapter.webroot(Webroot::new(folder.clone())),
            SolverSettings::ListenHttp(address) => {
                let (solver, bound) = self.adapter.listen_http(*address)?;
                log::note(&format!("listens for http-01 on {bound}"));
                if let Some(ca) = &self.embedded {
                    ca.set_http_port(bound.port());
                }
                solver
            }
            SolverSettings::ListenTls(address) => {
                let (solver, bound) = self.adapter.listen_tls(*address)?;
                log::note(&format!("listens for tls-alpn-01 on {bound}"));
                if let Some(ca) = &self.embedded {
                    ca.set_tls_port(bound.port());
                }
                solver
            }
        })
    }

    /// Ends groups in threads: an order in flight takes its challenges back first.
    fn end_groups(&mut self, is_over: impl Fn(&Group) -> bool) {
        let (over, stay) = core::mem::take(&mut self.groups).into_iter().partition(is_over);
        self.groups = stay;
        let over: Vec<Group> = over;
        let threads = over.into_iter().map(|group| thread::spawn(move || group.keeper.shutdown()));
        self.ending.extend(threads);
        self.ending.retain(|thread| !thread.is_finished());
    }

    fn write_health(&self) {
        let healths: Vec<Health> = self.groups.iter().map(|group| group.keeper.health()).collect();
        if let Err(error) = status::write(&self.daemon.config.folder, &healths) {
            log::note(&format!("health.json cannot be written: {error}"));
        }
    }

    fn end(mut self, messages: &Receiver<Message>) {
        let most = END_LIMIT.as_secs();
        log::note(&format!(
            "ends: cleans up, which takes {most} s at most; once more ends it at once"
        ));
        let start = Instant::now();
        self.end_groups(|_| true);
        self.deployer.stop();
        while self.ending.iter().any(|thread| !thread.is_finished()) {
            if start.elapsed() >= END_LIMIT {
                log::note("the clean-up takes too long: the next start goes on with it");
                hook::kill_all();
                process::exit(0);
            }
            thread::sleep(PAUSE);
        }
        while let Ok(message) = messages.try_recv() {
            if let Message::Event(event) = message {
                self.events.show(&event);
            }
        }
        log::note("ended");
        drop(self.daemon.lock);
    }
}

fn certificates(count: usize) -> String {
    match count {
        1 => "1 certificate".to_owned(),
        _ => format!("{count} certificates"),
    }
}

/// How long what was published may be cleaned up when an order ends early.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(10);
/// How long the end may take: a hook that runs is stopped, and another one cleans up.
const END_LIMIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);
