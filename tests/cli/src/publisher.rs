//! What publishes challenges in place of a listener: hooks and dynamic DNS updates, as the command line and the daemon's
//! file name them.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use acme_adapter::dns_update::{DnsServer, DnsUpdate, TsigKey};
use acme_adapter::error_chain;
use acme_adapter::hook::{HookCommand, HookDialect};
use acme_proto::wire::ChallengeKind;

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

    /// Returns the command that publishes challenges of these kinds.
    pub(crate) fn for_kinds(&self, kinds: &[ChallengeKind]) -> HookCommand {
        self.with_kinds(HookCommand::new(&self.command), kinds)
    }

    fn with_kinds(&self, command: HookCommand, kinds: &[ChallengeKind]) -> HookCommand {
        // A record of dns-account-01 is published as one of dns-01 is.
        let dns = kinds.contains(&ChallengeKind::Dns01).then_some(ChallengeKind::DnsAccount01);
        let hook = command.dialect(self.dialect).publishes(kinds.iter().cloned().chain(dns));
        match &self.cleanup {
            Some(command) => hook.cleanup_command(command),
            None => hook,
        }
    }
}

/// Commands of a process that runs for long: runs of one program follow each other, whatever they publish for whom.
#[derive(Debug, Default)]
pub(crate) struct Hooks(BTreeMap<String, HookCommand>);

impl Hooks {
    /// Returns the command that publishes challenges of these kinds.
    pub(crate) fn get(&mut self, hook: &HookSettings, kinds: &[ChallengeKind]) -> HookCommand {
        let new = || HookCommand::new(&hook.command);
        let shared = self.0.entry(hook.command.clone()).or_insert_with(new);
        hook.with_kinds(shared.clone(), kinds)
    }
}

/// Where dynamic updates are sent, and what signs them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DnsUpdateSettings {
    server: DnsServer,
    resolver: Option<DnsServer>,
    key_file: PathBuf,
    /// Another file in the same place is another key.
    key_written: Option<SystemTime>,
}

impl DnsUpdateSettings {
    pub(crate) fn new(server: DnsServer, key_file: &Path) -> Self {
        let metadata = fs::metadata(key_file).ok();
        let key_written = metadata.and_then(|metadata| metadata.modified().ok());
        Self { server, resolver: None, key_file: key_file.to_owned(), key_written }
    }

    /// Sets what finds the zone of a name.
    pub(crate) fn resolver(mut self, resolver: DnsServer) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Loads the key, whose file `option` names.
    pub(crate) fn load(&self, option: &str) -> Result<DnsUpdate, Failure> {
        let key = TsigKey::load(&self.key_file)
            .map_err(|error| Failure::usage(format!("{option}: {}", error_chain(&error))))?;
        let update = DnsUpdate::new([self.server.clone()], key);
        Ok(self.resolver.iter().cloned().fold(update, DnsUpdate::resolver))
    }
}

/// Parses a DNS server, which `option` names: an address or a name, with or without a port.
pub(crate) fn dns_server(option: &str, text: &str) -> Result<DnsServer, Failure> {
    text.parse().map_err(|error| Failure::usage(format!("{option} {text}: {error}")))
}

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
    fn another_file_in_the_same_place_is_another_key() {
        let file = std::env::temp_dir().join(format!("acme-cli-key-{}", std::process::id()));
        let settings = || DnsUpdateSettings::new("ns1.test".parse().unwrap(), &file);
        fs::write(&file, "key").unwrap();
        let first = settings();
        assert_eq!(first, settings());
        let written = fs::File::options().append(true).open(&file).unwrap();
        written.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_ne!(first, settings());
        fs::remove_file(&file).unwrap();
    }
}
