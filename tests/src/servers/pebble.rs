//! Pebble, the test CA of Let's Encrypt, with its DNS server.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, json};

use super::scratch::Scratch;
use super::{
    Challtestsrv, DEBIAN_PEBBLE, LIMIT, LOCALHOST, MockDns, Process, Site, WebCa, built_program,
    free_port, get, loopback,
};
use crate::install::GoProgram;

/// How a [`Pebble`] behaves.
#[derive(Clone, Debug)]
pub struct PebbleOptions {
    nonce_reject: u8,
    authz_reuse: u8,
    external_accounts: Vec<(String, String)>,
    strict: bool,
    retry_after: u32,
    alternate_roots: u8,
    chain_length: u8,
    validation_sleep: bool,
    orders_per_page: u16,
    debian: bool,
}

impl Default for PebbleOptions {
    /// Pebble's own defaults, but no reuse of authorizations, validation without delay, and a Retry-After of 1 second.
    fn default() -> Self {
        Self {
            nonce_reject: 5,
            authz_reuse: 0,
            external_accounts: Vec::new(),
            strict: false,
            retry_after: 1,
            alternate_roots: 0,
            chain_length: 1,
            validation_sleep: false,
            orders_per_page: 3,
            debian: false,
        }
    }
}

impl PebbleOptions {
    /// Sets how many of a hundred good nonces are refused; 5 by default.
    #[must_use]
    pub const fn nonce_reject(mut self, percent: u8) -> Self {
        self.nonce_reject = percent;
        self
    }

    /// Sets how often, in percent, an order gets a valid authorization of an earlier one; never by default.
    #[must_use]
    pub const fn authz_reuse(mut self, percent: u8) -> Self {
        self.authz_reuse = percent;
        self
    }

    /// Demands an external account binding, and accepts this one: the key as base64url.
    #[must_use]
    pub fn external_account(mut self, kid: &str, key: &str) -> Self {
        self.external_accounts.push((kid.to_owned(), key.to_owned()));
        self
    }

    /// Sets whether changes are active that Pebble announces for later versions; off by default.
    #[must_use]
    pub const fn strict(mut self, on: bool) -> Self {
        self.strict = on;
        self
    }

    /// Sets the Retry-After of authorizations and orders in seconds, 0 for none; 1 by default.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = seconds;
        self
    }

    /// Sets how many alternate chains each certificate has; 0 by default.
    #[must_use]
    pub const fn alternate_roots(mut self, count: u8) -> Self {
        self.alternate_roots = count;
        self
    }

    /// Sets how many intermediates a chain has; 1 by default.
    #[must_use]
    pub const fn chain_length(mut self, count: u8) -> Self {
        self.chain_length = count;
        self
    }

    /// Sets whether each validation starts after some seconds; off by default.
    #[must_use]
    pub const fn validation_sleep(mut self, on: bool) -> Self {
        self.validation_sleep = on;
        self
    }

    /// Sets how many orders a page of an account's list has; 3 by default.
    #[must_use]
    pub const fn orders_per_page(mut self, count: u16) -> Self {
        self.orders_per_page = count;
        self
    }

    /// Starts Debian's version, which is from before renewal information and profiles.
    #[must_use]
    pub const fn debian(mut self) -> Self {
        self.debian = true;
        self
    }
}

/// A running Pebble for which every name is 127.0.0.1; it ends when this is dropped.
#[derive(Debug)]
pub struct Pebble {
    directory_url: String,
    management_url: String,
    web_ca: WebCa,
    issuer_root: String,
    http_port: u16,
    tls_port: u16,
    dns: MockDns,
    pebble: Process,
    options: PebbleOptions,
    scratch: Scratch, // after the processes: it is dropped last
}

impl Pebble {
    /// Installs Pebble if need be, starts it on free ports, and waits until it answers.
    ///
    /// # Panics
    ///
    /// If it cannot be installed or started, with the reason and the end of its log.
    pub fn start(options: PebbleOptions) -> Self {
        let web_ca = WebCa::generate();
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::try_start(&options, &web_ca) {
                Ok(pebble) => return pebble,
                // Somebody else on this machine was faster to take the port.
                Err(error) if tries < 5 && error.contains("address already in use") => {}
                Err(error) => panic!("cannot start Pebble: {error}"),
            }
        }
    }

    /// Returns the URL of the directory.
    pub fn directory_url(&self) -> &str {
        &self.directory_url
    }

    /// Returns the PEM file with the root of Pebble's HTTPS endpoint.
    pub fn root_file(&self) -> PathBuf {
        self.scratch.path().join("web-root.pem")
    }

    /// Returns the root of Pebble's HTTPS endpoint as PEM.
    pub fn root_pem(&self) -> &str {
        self.web_ca.root_pem()
    }

    /// Returns the PEM file with the root under which Pebble issues.
    pub fn issuer_root_file(&self) -> PathBuf {
        self.scratch.path().join("issuer-root.pem")
    }

    /// Returns the root under which Pebble issues as PEM.
    pub fn issuer_root_pem(&self) -> &str {
        &self.issuer_root
    }

    /// Fetches the root of the alternate chain `number`, counted from 1, as PEM.
    ///
    /// # Panics
    ///
    /// If there is none of that number.
    pub fn alternate_root_pem(&self, number: u8) -> String {
        get(&format!("{}/roots/{number}", self.management_url), self.root_pem())
            .unwrap_or_else(|error| panic!("no alternate root {number}: {error}"))
    }

    /// Returns the base URL of Pebble's management endpoint, which has the same root.
    pub fn management_url(&self) -> &str {
        &self.management_url
    }

    /// Returns the port to which Pebble sends http-01 validations.
    pub const fn http_port(&self) -> u16 {
        self.http_port
    }

    /// Returns the port to which Pebble sends tls-alpn-01 validations.
    pub const fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Returns the address of the DNS server that Pebble asks.
    pub const fn dns_server(&self) -> SocketAddr {
        self.dns.server
    }

    /// Returns the management of the DNS server.
    pub const fn challtestsrv(&self) -> &Challtestsrv {
        &self.dns.zone
    }

    /// Adds a TXT value to a name.
    ///
    /// # Panics
    ///
    /// If the DNS server does not answer.
    pub fn set_txt(&self, name: &str, value: &str) {
        self.dns.zone.present(name, value).expect("challtestsrv answers");
    }

    /// Removes every TXT value of a name.
    ///
    /// # Panics
    ///
    /// If the DNS server does not answer.
    pub fn clear_txt(&self, name: &str) {
        self.dns.zone.clear(name).expect("challtestsrv answers");
    }

    /// Returns every (name, value) of a TXT record that was set and not removed.
    ///
    /// # Panics
    ///
    /// If the file system fails.
    pub fn published_txt(&self) -> Vec<(String, String)> {
        self.dns.zone.published().expect("the target directory is readable")
    }

    /// Returns a command line to which `present NAME VALUE` or `cleanup NAME VALUE` is added.
    ///
    /// # Panics
    ///
    /// If `challtestsrv-hook` was not built.
    pub fn dns_hook_command(&self) -> String {
        format!(
            "{} {} {}",
            built_program("challtestsrv-hook").display(),
            self.dns.zone.management(),
            self.dns.zone.state().display()
        )
    }

    /// Describes it as one of the servers that a client can be tried with.
    pub fn site(&self) -> Site {
        let alternates = (1..=self.options.alternate_roots).map(|n| self.alternate_root_pem(n));
        let version =
            if self.options.debian { DEBIAN_PEBBLE.version } else { GoProgram::PEBBLE.version() };
        Site {
            name: if self.options.debian { "Pebble (Debian)" } else { "Pebble" },
            version,
            directory_url: self.directory_url.clone(),
            web_root: self.root_pem().to_owned(),
            issuer_roots: std::iter::once(self.issuer_root.clone()).chain(alternates).collect(),
            http: loopback(self.http_port),
            tls: loopback(self.tls_port),
            address: LOCALHOST.into(),
            address_profile: None,
            domain: Site::DOMAIN,
            zone: self.dns.zone.clone(),
            external_account: self.options.external_accounts.first().cloned(),
        }
    }

    /// Returns everything that Pebble wrote so far.
    pub fn log(&self) -> String {
        self.pebble.log()
    }

    fn try_start(options: &PebbleOptions, web_ca: &WebCa) -> Result<Self, String> {
        let io = |error: std::io::Error| error.to_string();
        let scratch = Scratch::create("pebble").map_err(io)?;
        let dir = scratch.path();
        let ports = Ports::choose();
        write_files(dir, options, web_ca, &ports).map_err(io)?;
        let dns = MockDns::start(dir, loopback(ports.dns), LOCALHOST)?;
        let pebble = start_pebble(dir, options, &ports).map_err(io)?;

        let mut this = Self {
            directory_url: format!("https://127.0.0.1:{}/dir", ports.acme),
            management_url: format!("https://127.0.0.1:{}", ports.management),
            web_ca: web_ca.clone(),
            issuer_root: String::new(),
            http_port: ports.http,
            tls_port: ports.tls,
            dns,
            pebble,
            options: options.clone(),
            scratch,
        };
        let roots = format!("{}/roots/0", this.management_url);
        this.pebble.wait_until(LIMIT, || get(&this.directory_url, web_ca.root_pem()).ok())?;
        this.issuer_root = this.pebble.wait_until(LIMIT, || get(&roots, web_ca.root_pem()).ok())?;
        fs::write(this.issuer_root_file(), &this.issuer_root).map_err(io)?;
        Ok(this)
    }
}

struct Ports {
    acme: u16,
    management: u16,
    http: u16,
    tls: u16,
    dns: u16,
}

impl Ports {
    fn choose() -> Self {
        Self {
            acme: free_port(),
            management: free_port(),
            http: free_port(),
            tls: free_port(),
            dns: free_port(),
        }
    }
}

fn write_files(
    dir: &Path,
    options: &PebbleOptions,
    web_ca: &WebCa,
    ports: &Ports,
) -> std::io::Result<()> {
    let keys = options.external_accounts.iter().cloned();
    let keys: Map<_, _> = keys.map(|(kid, key)| (kid, key.into())).collect();
    let config = json!({"pebble": {
        "listenAddress": format!("127.0.0.1:{}", ports.acme),
        "managementListenAddress": format!("127.0.0.1:{}", ports.management),
        "certificate": dir.join("web.pem"),
        "privateKey": dir.join("web.key"),
        "httpPort": ports.http,
        "tlsPort": ports.tls,
        "externalAccountBindingRequired": !keys.is_empty(),
        "externalAccountMACKeys": keys,
        "domainBlocklist": ["blocked-domain.example"],
        "retryAfter": {"authz": options.retry_after, "order": options.retry_after},
        "keyAlgorithm": "ecdsa",
        "profiles": {
            "default": {"description": "ninety days", "validityPeriod": 7_776_000},
            "shortlived": {"description": "six days", "validityPeriod": 518_400},
        },
    }});
    fs::write(dir.join("pebble.json"), config.to_string())?;
    fs::write(dir.join("web-root.pem"), web_ca.root_pem())?;
    fs::write(dir.join("web.pem"), web_ca.certificate_pem())?;
    fs::write(dir.join("web.key"), web_ca.key_pem())
}

fn start_pebble(dir: &Path, options: &PebbleOptions, ports: &Ports) -> std::io::Result<Process> {
    let config = dir.join("pebble.json");
    let dns = loopback(ports.dns).to_string();
    let strict = format!("-strict={}", options.strict);
    let arguments = [
        OsStr::new("-config"),
        config.as_os_str(),
        OsStr::new("-dnsserver"),
        OsStr::new(&dns),
        OsStr::new(&strict),
    ];
    let variables = [
        ("PEBBLE_WFE_NONCEREJECT", options.nonce_reject.to_string()),
        ("PEBBLE_AUTHZREUSE", options.authz_reuse.to_string()),
        ("PEBBLE_ALTERNATE_ROOTS", options.alternate_roots.to_string()),
        ("PEBBLE_CHAIN_LENGTH", options.chain_length.to_string()),
        ("PEBBLE_WFE_ORDERS_PER_PAGE", options.orders_per_page.to_string()),
        ("PEBBLE_VA_NOSLEEP", u8::from(!options.validation_sleep).to_string()),
        ("PEBBLE_VA_ALWAYS_VALID", "0".to_owned()),
    ];
    let program =
        if options.debian { DEBIAN_PEBBLE.install() } else { GoProgram::PEBBLE.install() };
    Process::start(&program, arguments, variables, &dir.join("pebble.log"))
}
