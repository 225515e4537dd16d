//! What a client and its solvers have to know of a server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::process::Process;
use super::scratch::Scratch;
use super::{Challtestsrv, MockDns, WebCa, get};

/// Where a server is, whom it asks, and under which roots it issues.
#[derive(Clone, Debug)]
pub struct Site {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) directory_url: String,
    pub(super) web_root: String,
    pub(super) issuer_roots: Vec<String>,
    pub(super) http: SocketAddr,
    pub(super) tls: SocketAddr,
    pub(super) address: IpAddr,
    pub(super) address_profile: Option<&'static str>,
    pub(super) domain: &'static str,
    pub(super) zone: Challtestsrv,
    pub(super) external_account: Option<(String, String)>,
}

impl Site {
    /// The domain for servers that accept names without a public suffix.
    pub(super) const DOMAIN: &'static str = "example.test";

    /// Returns the server's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the server's version.
    pub const fn version(&self) -> &'static str {
        self.version
    }

    /// Returns the URL of the directory.
    pub fn directory_url(&self) -> &str {
        &self.directory_url
    }

    /// Returns the root of the server's HTTPS endpoint as PEM.
    pub fn web_root_pem(&self) -> &str {
        &self.web_root
    }

    /// Returns the roots under which the server issues, that of the default chain first, as PEM.
    pub fn issuer_roots(&self) -> &[String] {
        &self.issuer_roots
    }

    /// Returns where the server sends http-01 validations, for every name.
    pub const fn http(&self) -> SocketAddr {
        self.http
    }

    /// Returns where the server sends tls-alpn-01 validations, for every name.
    pub const fn tls(&self) -> SocketAddr {
        self.tls
    }

    /// Returns the address that every name has.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Returns the profile without which no address is in a certificate, if the server has one.
    pub const fn address_profile(&self) -> Option<&'static str> {
        self.address_profile
    }

    /// Returns a domain in which the server issues for all names.
    pub const fn domain(&self) -> &'static str {
        self.domain
    }

    /// Returns the DNS records that the server sees.
    pub const fn zone(&self) -> &Challtestsrv {
        &self.zone
    }

    /// Returns a key identifier and MAC key, as base64url, that this server accepts for external account binding.
    pub fn external_account(&self) -> Option<(&str, &str)> {
        self.external_account.as_ref().map(|(kid, key)| (kid.as_str(), key.as_str()))
    }
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    pub(super) site: Site,
    pub(super) process: Process,
    pub(super) _dns: MockDns,
    pub(super) scratch: Scratch, // after the processes: it is dropped last
}

impl Server {
    /// Returns what a client has to know of it.
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// Returns everything that the server wrote so far.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// What a server that only knows ports 80 and 443 and the system's resolver is started with.
pub(super) struct Stage {
    pub(super) scratch: Scratch,
    pub(super) web_ca: WebCa,
    pub(super) dns: MockDns,
    pub(super) address: Ipv4Addr,
}

impl Stage {
    /// Makes the files of a run, and starts the DNS server on an address of its own.
    pub(super) fn set(name: &str, address: Ipv4Addr, port: u16) -> Result<Self, String> {
        let io = |error: std::io::Error| error.to_string();
        let web_ca = WebCa::generate();
        let scratch = Scratch::create(name).map_err(io)?;
        let dir = scratch.path();
        std::fs::write(dir.join("web.pem"), web_ca.certificate_pem()).map_err(io)?;
        std::fs::write(dir.join("web.key"), web_ca.key_pem()).map_err(io)?;
        let dns = MockDns::start(dir, SocketAddr::from((address, port)), address)?;
        Ok(Self { scratch, web_ca, dns, address })
    }

    /// Describes the server that was started on it, with validations at ports 80 and 443.
    pub(super) fn site(&self, name: &'static str, version: &'static str, directory: &str) -> Site {
        Site {
            name,
            version,
            directory_url: directory.to_owned(),
            web_root: self.web_ca.root_pem().to_owned(),
            issuer_roots: Vec::new(),
            http: SocketAddr::from((self.address, 80)),
            tls: SocketAddr::from((self.address, 443)),
            address: IpAddr::V4(self.address),
            address_profile: None,
            domain: Site::DOMAIN,
            zone: self.dns.zone.clone(),
            external_account: None,
        }
    }

    /// Waits until the server answers.
    pub(super) fn serve(self, site: Site, mut process: Process) -> Result<Server, String> {
        process.wait_until(super::LIMIT, || get(&site.directory_url, &site.web_root).ok())?;
        Ok(Server { site, process, _dns: self.dns, scratch: self.scratch })
    }
}

/// Starts a server again while another process on this machine is faster to take an address.
///
/// # Panics
///
/// If it cannot be started, with the reason and the end of its log.
pub(super) fn start_with(name: &str, start: impl Fn() -> Result<Server, String>) -> Server {
    let mut tries = 0;
    loop {
        tries += 1;
        match start() {
            Ok(server) => return server,
            Err(error) if tries < 5 && error.contains("ddress already in use") => {}
            Err(error) => panic!("cannot start {name}: {error}"),
        }
    }
}
