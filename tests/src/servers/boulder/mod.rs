//! Boulder, the server behind Let's Encrypt: eleven services, a database, and all that they ask.
//!
//! Its validators insist on ports 80 and 443, and on addresses that are not reserved, and no setting changes that. So
//! the whole of it runs in a network namespace of its own, with fixed ports, and an address of the Internet on its
//! loopback interface. The program `boulder-gate` carries connections in and out.

mod config;
mod gate;
mod options;
mod part;
mod pki;

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use config::{Config, port};
use gate::Gate;

use super::scratch::Scratch;
use super::{Challtestsrv, LIMIT, Process, Site, WebCa, free_port, get, loopback};
use crate::install::{BOULDER_VERSION, GoProgram, install_boulder};

pub use options::BoulderOptions;
pub use part::Part;

/// The address that every name has: one that Boulder's own tests validate at, which no network has here.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(64, 112, 117, 122);

/// A running Boulder; it ends when this is dropped.
///
/// Names need a public suffix, and those of [`Site::domain`] have one. All of them lead to the listeners at
/// [`Site::http`] and [`Site::tls`].
#[derive(Debug)]
pub struct Boulder {
    site: Site,
    program: PathBuf,
    parts: Mutex<BTreeMap<Part, Process>>,
    /// How many connections led to each service when it was killed.
    lost: Mutex<BTreeMap<Part, usize>>,
    _world: Vec<Process>,
    gate: Gate,
    scratch: Scratch, // after the processes: it is dropped last
}

impl Boulder {
    /// Installs Boulder if need be, starts it, and waits until it answers.
    ///
    /// # Panics
    ///
    /// If it cannot be installed or started, with the reason and the end of a log; it needs root and network namespaces.
    pub fn start(options: &BoulderOptions) -> Self {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::try_start(options) {
                Ok(boulder) => return boulder,
                // Somebody else on this machine was faster to take the port.
                Err(error) if tries < 5 && error.contains("ddress already in use") => {}
                Err(error) => panic!("cannot start Boulder: {error}"),
            }
        }
    }

    /// Returns what a client has to know of it.
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// Kills a service.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn kill(&self, part: Part) {
        let connections = self.gate.connections(part.port());
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).insert(part, connections);
        let killed = self.parts.lock().unwrap_or_else(PoisonError::into_inner).remove(&part);
        assert!(killed.is_some(), "{part} does not run");
    }

    /// Starts a service that was killed, and waits until it listens and the other services have found it again.
    ///
    /// # Panics
    ///
    /// If it cannot be started or is not found, with the end of its log.
    pub fn start_again(&self, part: Part) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut process = self.launch(part).unwrap_or_else(|error| panic!("{part}: {error}"));
        let ready = self.gate.wait_for(&mut process, part.port());
        ready.unwrap_or_else(|error| panic!("{part}: {error}"));
        if part != Part::WebFrontEnd {
            let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).remove(&part);
            let is_found = || self.gate.connections(part.port()) >= lost.unwrap_or_default();
            let found = process.wait_until(LIMIT, || is_found().then_some(()));
            found.unwrap_or_else(|error| panic!("{part} is not found again: {error}"));
        }
        parts.insert(part, process);
    }

    /// Returns everything that a service wrote since it was started last.
    pub fn log(&self, part: Part) -> String {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.get(&part).map(Process::log).unwrap_or_default()
    }

    fn try_start(options: &BoulderOptions) -> Result<Self, String> {
        let installed = install_boulder();
        let scratch = Scratch::create("boulder").map_err(text)?;
        let dir = scratch.path().to_owned();
        let web_ca = WebCa::generate();
        let [acme, management, http, tls] = std::array::from_fn(|_| free_port());
        let logs = [pki::log()?, pki::log()?];
        let accounts = format!("https://127.0.0.1:{acme}/acme/acct/");
        let config = Config { dir: &dir, accounts, logs: &logs, options };
        for (name, content) in config.files() {
            fs::write(dir.join(name), content).map_err(text)?;
        }
        fs::write(dir.join("web.pem"), web_ca.certificate_pem()).map_err(text)?;
        fs::write(dir.join("web.key"), web_ca.key_pem()).map_err(text)?;
        pki::write_services(&dir)?;
        let roots = pki::write_issuers(&dir)?;

        let gate = Gate::open(&dir, ADDRESS, [acme, management, http, tls])?;
        let world = start_world(&gate, &dir, &installed, options)?;
        let site = Site {
            name: if options.next { "Boulder (next)" } else { "Boulder" },
            version: BOULDER_VERSION.trim_start_matches('v'),
            directory_url: format!("https://127.0.0.1:{acme}/directory"),
            web_root: web_ca.root_pem().to_owned(),
            issuer_roots: roots.to_vec(),
            http: loopback(http),
            tls: loopback(tls),
            address: IpAddr::V4(ADDRESS),
            address_profile: Some("shortlived"),
            domain: "example.com",
            zone: Challtestsrv::new(loopback(management), dir.join("txt")),
            external_account: None,
        };
        let program = installed.join("boulder");
        let (parts, lost) = (Mutex::default(), Mutex::default());
        let mut boulder = Self { site, program, parts, lost, _world: world, gate, scratch };
        for stage in Part::STAGES {
            boulder.start_stage(stage)?;
        }
        boulder.wait_for_directory()?;
        Ok(boulder)
    }

    fn start_stage(&mut self, stage: &[Part]) -> Result<(), String> {
        let started: Result<Vec<Process>, String> = stage.iter().map(|p| self.launch(*p)).collect();
        for (part, mut process) in stage.iter().zip(started?) {
            self.gate.wait_for(&mut process, part.port())?;
            self.parts.get_mut().unwrap_or_else(PoisonError::into_inner).insert(*part, process);
        }
        Ok(())
    }

    fn wait_for_directory(&mut self) -> Result<(), String> {
        let Self { parts, site, .. } = self;
        let parts = parts.get_mut().unwrap_or_else(PoisonError::into_inner);
        let front = parts.get_mut(&Part::WebFrontEnd).ok_or("no web front end")?;
        let url = site.directory_url.replace("/directory", "/acme/new-nonce");
        front.wait_until(LIMIT, || get(&url, &site.web_root).ok()).map(|_| ())
    }

    /// Starts a service inside the namespace.
    fn launch(&self, part: Part) -> Result<Process, String> {
        let dir = self.scratch.path();
        let address = |port: u16| format!("127.0.0.1:{port}");
        let config = dir.join(format!("{part}.json")).display().to_string();
        let mut line = vec![part.command(), "--config", &config];
        let own = address(part.port());
        let debug = address(part.port() + 1000);
        line.extend(["--debug-addr", &debug]);
        // The front end listens for HTTP, too.
        let plain = address(4001);
        if part == Part::WebFrontEnd {
            line.extend(["--addr", &plain, "--tls-addr", &own]);
        } else {
            line.extend(["--addr", &own]);
        }
        self.gate.start(&self.program, &line, &dir.join(format!("{part}.log")))
    }
}

/// Starts what Boulder asks: a DNS server, a database, the storage of its limits, and CT logs.
fn start_world(
    gate: &Gate,
    dir: &Path,
    installed: &Path,
    options: &BoulderOptions,
) -> Result<Vec<Process>, String> {
    let file = |name: &str| dir.join(name).display().to_string();
    let schema = if options.next { "schema-next.sql" } else { "schema.sql" };
    fs::create_dir(dir.join("data")).map_err(text)?;
    let doh = format!("-doh=127.0.0.1:{}", port::DOH);
    let management = format!("-management=127.0.0.1:{}", port::MANAGEMENT);
    let dns = [
        "-dnsserver=127.0.0.1:8053".to_owned(),
        format!("-defaultIPv4={ADDRESS}"),
        doh,
        format!("-doh-cert={}", file("doh.pem")),
        format!("-doh-cert-key={}", file("doh.key")),
        management,
        "-defaultIPv6=".to_owned(),
        "-http01=".to_owned(),
        "-https01=".to_owned(),
        "-tlsalpn01=".to_owned(),
    ];
    // Nobody else reaches it, so it has no accounts; and what it stores is not to outlive the test.
    let database = [
        "--no-defaults".to_owned(),
        "--user=root".to_owned(),
        "--skip-grant-tables".to_owned(),
        "--innodb-flush-log-at-trx-commit=0".to_owned(),
        format!("--datadir={}", file("data")),
        "--socket=database.sock".to_owned(),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--port={}", port::DATABASE),
        format!("--init-file={}", installed.join(schema).display()),
    ];
    let mut world = Vec::new();
    for (program, line, ports) in [
        (GoProgram::CHALLTESTSRV.install(), &dns[..], &[port::DOH, port::MANAGEMENT][..]),
        (PathBuf::from("mariadbd"), &database[..], &[port::DATABASE][..]),
        (PathBuf::from("redis-server"), &[file("redis.conf")][..], &[port::REDIS][..]),
        (
            installed.join("ct-test-srv"),
            &["-config".to_owned(), file("log-server.json")][..],
            &port::LOGS[..],
        ),
    ] {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        let process = gate.start(&program, &line, &dir.join(format!("{name}.log")))?;
        world.push((process, ports));
    }
    let mut ready = Vec::new();
    for (mut process, ports) in world {
        for port in ports {
            gate.wait_for(&mut process, *port)?;
        }
        ready.push(process);
    }
    Ok(ready)
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
