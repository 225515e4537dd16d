//! What publishes challenges in place of a listener: hooks and dynamic DNS updates, as the command line and the daemon's
//! file name them.

use core::net::{IpAddr, SocketAddr};
use std::fs;
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use acme_adapter::dns_update::{DnsUpdate, TsigKey};
use acme_adapter::error_chain;
use acme_adapter::hook::{HookCommand, HookDialect};

use crate::failure::Failure;

/// A command that publishes challenges, and how it is run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HookSettings {
    command: String,
    dialect: HookDialect,
    cleanup: Option<String>,
}

impl HookSettings {
    pub(crate) const fn new(command: String, dialect: HookDialect) -> Self {
        Self { command, dialect, cleanup: None }
    }

    /// Sets the command that cleans up; `option` is what names it.
    pub(crate) fn cleanup(mut self, command: String, option: &str) -> Result<Self, Failure> {
        if self.dialect != HookDialect::Certbot {
            return Err(Failure::usage(format!(
                "in the dialect {}, the hook itself cleans up: leave {option} out",
                self.dialect
            )));
        }
        self.cleanup = Some(command);
        Ok(self)
    }

    /// Checks that the dialect has http-01, which `option` asks for.
    pub(crate) fn check_http_01(&self, option: &str) -> Result<(), Failure> {
        if self.dialect.has_http01() {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "hooks of the dialect {} publish TXT records only: leave {option} out, or use the dialect certbot or dehydrated",
            self.dialect
        )))
    }

    /// Returns the command that publishes TXT records.
    pub(crate) fn for_dns_01(&self) -> HookCommand {
        let hook = HookCommand::new(&self.command).dialect(self.dialect);
        match &self.cleanup {
            Some(command) => hook.cleanup_command(command),
            None => hook,
        }
    }

    /// Returns the command that publishes http-01.
    pub(crate) fn for_http_01(&self) -> HookCommand {
        self.for_dns_01().http01()
    }
}

/// Where dynamic updates are sent, and what signs them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DnsUpdateSettings {
    servers: Vec<SocketAddr>,
    resolvers: Vec<SocketAddr>,
    key_file: PathBuf,
    /// Another file in the same place is another key.
    key_written: Option<SystemTime>,
}

impl DnsUpdateSettings {
    pub(crate) fn new(servers: Vec<SocketAddr>, key_file: &Path) -> Self {
        let metadata = fs::metadata(key_file).ok();
        let key_written = metadata.and_then(|metadata| metadata.modified().ok());
        Self { servers, resolvers: Vec::new(), key_file: key_file.to_owned(), key_written }
    }

    /// Sets what finds the zone of a name.
    pub(crate) fn resolvers(mut self, resolvers: Vec<SocketAddr>) -> Self {
        self.resolvers = resolvers;
        self
    }

    /// Loads the key, whose file `option` names.
    pub(crate) fn load(&self, option: &str) -> Result<DnsUpdate, Failure> {
        let key = TsigKey::load(&self.key_file)
            .map_err(|error| Failure::usage(format!("{option}: {}", error_chain(&error))))?;
        let update = DnsUpdate::new(self.servers.iter().copied(), key);
        Ok(self.resolvers.iter().fold(update, |update, resolver| update.resolver(*resolver)))
    }
}

/// Looks up a DNS server, which `option` names: an address or a name, with or without a port.
pub(crate) fn dns_server(option: &str, text: &str) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(ip) = address(text) {
        return Ok(vec![SocketAddr::new(ip, DNS_PORT)]);
    }
    let found = match text.rsplit_once(':') {
        Some(_) => text.to_socket_addrs(),
        None => (text, DNS_PORT).to_socket_addrs(),
    };
    match found.map(Iterator::collect::<Vec<_>>) {
        Ok(found) if !found.is_empty() => Ok(found),
        found => {
            let why =
                found.err().map_or_else(|| "no address".to_owned(), |error| error.to_string());
            Err(Failure::usage(format!(
                "{option} {text}: {why}; give the address of a DNS server, such as 192.0.2.53 or [2001:db8::53]:53"
            )))
        }
    }
}

const DNS_PORT: u16 = 53;

/// Parses an address of this machine, with or without brackets.
pub(crate) fn address(text: &str) -> Result<IpAddr, String> {
    let plain = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    plain
        .parse()
        .map_err(|_| "give an IP address of this machine, such as 0.0.0.0 or [::]".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dns_server_is_an_address_or_a_name_with_or_without_a_port() {
        let found = |text| dns_server("--option", text).map_err(|failure| failure.to_string());
        let v4 = |port| Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]);
        assert_eq!(found("127.0.0.1"), v4(53));
        assert_eq!(found("127.0.0.1:5300"), v4(5300));
        for v6 in ["::1", "[::1]", "[::1]:53"] {
            assert_eq!(found(v6).unwrap()[0].to_string(), "[::1]:53");
        }
        assert!(found("127.0.0.1:x").unwrap_err().starts_with("--option 127.0.0.1:x: "));
    }

    #[test]
    fn another_file_in_the_same_place_is_another_key() {
        let file = std::env::temp_dir().join(format!("acme-cli-key-{}", std::process::id()));
        let settings =
            || DnsUpdateSettings::new(vec![SocketAddr::from(([127, 0, 0, 1], 53))], &file);
        fs::write(&file, "key").unwrap();
        let first = settings();
        assert_eq!(first, settings());
        let written = fs::File::options().append(true).open(&file).unwrap();
        written.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_ne!(first, settings());
        fs::remove_file(&file).unwrap();
    }
}
