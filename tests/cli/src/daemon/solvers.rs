//! How the daemon's file has each kind of challenge answered.

use std::collections::BTreeMap;
use std::env;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

use acme_adapter::hook::{self, HookDialect};
use acme_proto::wire::ChallengeKind;
use toml::Spanned;

use super::config::{Reader, SolverSettings};
use super::file::{Dns01, File, Http01};
use crate::failure::Failure;
use crate::publisher::{DnsUpdateSettings, HookSettings, dns_server};

/// The keys of a table that describe a hook.
struct HookKeys<'a> {
    hook: &'a Option<Spanned<String>>,
    dialect: &'a Option<Spanned<String>>,
    cleanup: &'a Option<Spanned<String>>,
}

impl Reader<'_> {
    /// Returns how each kind of challenge is answered.
    pub(super) fn solvers(
        &self,
        file: &File,
        is_embedded: bool,
    ) -> Result<BTreeMap<ChallengeKind, SolverSettings>, Failure> {
        let mut solvers = BTreeMap::new();
        if let Some(table) = &file.http_01 {
            solvers.insert(ChallengeKind::Http01, self.http_01(table)?);
        }
        if let Some(table) = &file.tls_alpn_01 {
            let address = self.address(&table.listen, 443)?;
            solvers.insert(ChallengeKind::TlsAlpn01, SolverSettings::ListenTls(address));
        }
        if let Some(table) = &file.dns_01 {
            solvers.insert(ChallengeKind::Dns01, self.dns_01(table, is_embedded)?);
        }
        if solvers.is_empty() {
            return Err(self.missing(
                "nothing proves the names; add [http-01] with listen = \"[::]:80\" or webroot = \"/var/www/html\", \
                 [tls-alpn-01] with listen = \"[::]:443\", or [dns-01] with hook = \"CMD\" or \
                 dns_update_server = \"HOST\"",
            ));
        }
        Ok(solvers)
    }

    fn http_01(&self, table: &Spanned<Http01>) -> Result<SolverSettings, Failure> {
        let own = table.get_ref();
        let keys =
            HookKeys { hook: &own.hook, dialect: &own.hook_dialect, cleanup: &own.cleanup_hook };
        let hook = self.hook(&keys)?;
        match (&own.listen, &own.webroot, hook) {
            (Some(listen), None, None) => Ok(SolverSettings::ListenHttp(self.address(listen, 80)?)),
            (None, Some(webroot), None) if webroot.get_ref().is_dir() => {
                Ok(SolverSettings::Webroot(webroot.get_ref().clone()))
            }
            (None, Some(webroot), None) => {
                let what = format!(
                    "webroot {} is no folder; give the one that the web server on port 80 serves",
                    webroot.get_ref().display()
                );
                Err(self.at(webroot, &what))
            }
            (None, None, Some((hook, place))) => {
                let checked = hook.check_http_01("hook");
                checked.map_err(|failure| self.at(place, &failure.to_string()))?;
                Ok(SolverSettings::Hook(hook, vec![ChallengeKind::Http01]))
            }
            _ => Err(self.at(
                table,
                "http-01 needs either listen = \"[::]:80\" or webroot = \"/var/www/html\", or a hook of certbot or \
                 dehydrated",
            )),
        }
    }

    fn dns_01(&self, table: &Spanned<Dns01>, is_embedded: bool) -> Result<SolverSettings, Failure> {
        let own = table.get_ref();
        let keys =
            HookKeys { hook: &own.hook, dialect: &own.hook_dialect, cleanup: &own.cleanup_hook };
        let update = self.dns_update(own)?;
        match (self.hook(&keys)?, update) {
            (Some((hook, _)), None) => {
                Ok(SolverSettings::Hook(hook, vec![ChallengeKind::Dns01]))
            }
            (None, Some((_, place))) if is_embedded => Err(self.at(
                place,
                "the embedded test CA asks no DNS server; leave dns_update_server out, or give another CA",
            )),
            (None, Some((update, _))) => Ok(SolverSettings::DnsUpdate(update)),
            _ => Err(self
                .at(table, "dns-01 needs either hook = \"CMD\" or dns_update_server = \"HOST\"")),
        }
    }

    /// Returns the hook of a table, and its place.
    fn hook<'t>(
        &self,
        keys: &HookKeys<'t>,
    ) -> Result<Option<(HookSettings, &'t Spanned<String>)>, Failure> {
        let Some(command) = keys.hook else {
            return match (keys.dialect, keys.cleanup) {
                (Some(key), _) => Err(self.at(key, "hook_dialect needs hook = \"CMD\"")),
                (None, Some(key)) => Err(self.at(key, "cleanup_hook needs hook = \"CMD\"")),
                (None, None) => Ok(None),
            };
        };
        let dialect = match keys.dialect {
            Some(name) => name.get_ref().parse().map_err(|error| {
                self.at(name, &format!("{:?} is no dialect of hooks; {error}", name.get_ref()))
            })?,
            None => HookDialect::default(),
        };
        let text = match dialect {
            HookDialect::AcmeSh => self.script(command)?,
            _ => self.command(command)?,
        };
        let mut hook = HookSettings::new(text, dialect);
        if let Some(cleanup) = keys.cleanup {
            let with_it = hook.cleanup(self.command(cleanup)?, "cleanup_hook");
            hook = with_it.map_err(|failure| self.at(cleanup, &failure.to_string()))?;
        }
        Ok(Some((hook, command)))
    }

    /// Returns how a DNS server is updated, and the place of its name.
    fn dns_update<'t>(
        &self,
        table: &'t Dns01,
    ) -> Result<Option<(DnsUpdateSettings, &'t Spanned<String>)>, Failure> {
        let (key_file, resolver) = (&table.dns_update_key_file, &table.dns_update_resolver);
        let Some(server) = &table.dns_update_server else {
            let needs = "needs the DNS server; add dns_update_server = \"HOST\"";
            return match (key_file, resolver) {
                (Some(key), _) => Err(self.at(key, &format!("dns_update_key_file {needs}"))),
                (None, Some(key)) => Err(self.at(key, &format!("dns_update_resolver {needs}"))),
                (None, None) => Ok(None),
            };
        };
        let key_file = key_file.as_ref().ok_or_else(|| {
            let what = "dns_update_server needs the key; add dns_update_key_file = \"FILE\"";
            self.at(server, what)
        })?;
        let parse = |key: &Spanned<String>, name| {
            dns_server(name, key.get_ref()).map_err(|failure| self.at(key, &failure.to_string()))
        };
        // A name is looked up when it is needed: the daemon may start before DNS does.
        let parsed = parse(server, "dns_update_server")?;
        let mut settings = DnsUpdateSettings::new(parsed, key_file.get_ref());
        if let Some(resolver) = resolver {
            settings = settings.resolver(parse(resolver, "dns_update_resolver")?);
        }
        let loaded = settings.load("dns_update_key_file");
        loaded.map_err(|failure| self.at(key_file, &failure.to_string()))?;
        Ok(Some((settings, server)))
    }

    /// Parses an address with or without a port.
    fn address(&self, text: &Spanned<String>, port: u16) -> Result<SocketAddr, Failure> {
        let with_port = text.get_ref().to_socket_addrs().ok().and_then(|mut all| all.next());
        let address = with_port.or_else(|| {
            let plain = text.get_ref().trim_matches(['[', ']']);
            plain.parse().ok().map(|ip| SocketAddr::new(ip, port))
        });
        address.ok_or_else(|| {
            let what = format!(
                "{:?} is no address to listen on; give one of this machine with its port, such as \"[::]:{port}\"",
                text.get_ref()
            );
            self.at(text, &what)
        })
    }

    /// Checks that the program of a command is there.
    pub(super) fn command(&self, command: &Spanned<String>) -> Result<String, Failure> {
        self.present(command, "program", is_program)
    }

    /// Checks that the script of a command is there, which is read and needs no mode.
    fn script(&self, command: &Spanned<String>) -> Result<String, Failure> {
        self.present(command, "script", |script| Path::new(script).is_file())
    }

    fn present(
        &self,
        command: &Spanned<String>,
        what: &str,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<String, Failure> {
        let first = hook::words(command.get_ref()).into_iter().next().unwrap_or_default();
        if !is_there(&first) {
            let what = format!("the {what} {first:?} is not there; give a command that can be run");
            return Err(self.at(command, &what));
        }
        Ok(command.get_ref().clone())
    }
}

/// Returns whether there is a program of this name, as the operating system looks for it.
fn is_program(program: &str) -> bool {
    if program.is_empty() {
        return false;
    }
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
