//! The command line.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use acme_adapter::directories::{AccountLack, PublicCa};
use acme_adapter::dns_update::DnsUpdate;
use acme_adapter::error_chain;
use acme_adapter::hook::{HookCommand, HookDialect};
use acme_adapter::keys::KeyKind;
use acme_adapter::person::{Person, Terminal};
use acme_proto::identifier::{Identifier, InvalidIdentifier};
use acme_proto::jose::MacKey;
use acme_proto::policy::Policy;
use acme_proto::url::Url;
use acme_proto::wire::ChallengeKind;
use clap::builder::NonEmptyStringValueParser;
use clap::{Parser, Subcommand};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::publisher::{DnsUpdateSettings, HookSettings, address, dns_server};

/// Obtains one certificate for all the names. Without --ca or --directory, it comes from an
/// embedded test CA.
#[derive(Parser)]
#[command(
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Other>,

    /// A DNS name, *.name, or an IP address
    #[arg(required = true, value_name = "NAME", value_parser = name)]
    pub(crate) names: Vec<Identifier>,

    /// A public CA: lets-encrypt, lets-encrypt-staging, zerossl, google, google-staging, ssl-com-rsa, ssl-com-ecc or
    /// actalis [default: start the embedded test CA and use it]
    #[arg(long, value_name = "NAME", group = "authority")]
    pub(crate) ca: Option<PublicCa>,

    /// The directory of any other CA
    #[arg(long, value_name = "URL", group = "authority")]
    pub(crate) directory: Option<Url>,

    /// Root to trust for the CA's HTTPS endpoint, instead of the platform's
    #[arg(long, value_name = "PEM", requires = "authority")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Account file, created if missing; what is known of the CA's server is in FILE.session, which spares later runs two requests; the embedded CA's is embedded-FILE [default: account.json in --out]
    #[arg(long, value_name = "FILE")]
    pub(crate) account: Option<PathBuf>,

    /// Mail address at which the CA can reach you; repeatable
    #[arg(long = "contact", value_name = "MAIL", value_parser = contact)]
    pub(crate) contacts: Vec<String>,

    /// Agree to the CA's terms of service
    #[arg(long)]
    pub(crate) agree_tos: bool,

    /// Key identifier of your account with the CA, for external account binding
    #[arg(long, value_name = "KID", requires = "mac_key", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) eab_kid: Option<String>,

    /// MAC key for external account binding, in base64
    #[arg(long, value_name = "KEY", requires = "eab_kid", group = "mac_key")]
    eab_key: Option<String>,

    /// File with the MAC key, so that it is not in the list of processes
    #[arg(long, value_name = "FILE", requires = "eab_kid", group = "mac_key")]
    eab_key_file: Option<PathBuf>,

    /// How to prove the names: http-01, dns-01 or tls-alpn-01; repeatable, the preferred one first [default: http-01;
    /// dns-01 for wildcards, and with an option that is for it]
    #[arg(long = "challenge", value_name = "KIND", value_parser = challenge)]
    pub(crate) challenges: Vec<ChallengeKind>,

    /// Port of the listener for http-01 [default: any free one with the embedded CA, else 80]
    #[arg(long, value_name = "N")]
    pub(crate) http_port: Option<u16>,

    /// Port of the listener for tls-alpn-01 [default: any free one with the embedded CA, else 443]
    #[arg(long, value_name = "N")]
    pub(crate) tls_port: Option<u16>,

    /// Address of the listener, such as 0.0.0.0 or [::] [default: loopback]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) listen: Option<IpAddr>,

    /// Run as `CMD present NAME VALUE` and `CMD cleanup NAME VALUE` for dns-01, or as --hook-dialect says; built in for
    /// the embedded CA
    #[arg(long, visible_alias = "dns-hook", value_name = "CMD", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) hook: Option<String>,

    /// Run --hook as another client runs its scripts: lego, lego-raw, certbot, dehydrated or acme.sh
    #[arg(long, value_name = "NAME", requires = "hook")]
    hook_dialect: Option<HookDialect>,

    /// Command that takes back what --hook of the dialect certbot has published
    #[arg(long, value_name = "CMD", requires = "hook_dialect", value_parser = NonEmptyStringValueParser::new())]
    cleanup_hook: Option<String>,

    /// Have --hook of the dialects certbot and dehydrated publish http-01 too, in place of a listener
    #[arg(long, requires = "hook_dialect")]
    pub(crate) http_hook: bool,

    /// Ask at the terminal for the TXT records of dns-01 to be added by hand
    #[arg(long, conflicts_with = "hook")]
    pub(crate) by_hand: bool,

    /// For dns-01, send dynamic updates (RFC 2136) to this DNS server, the primary one of the zone; port 53 unless it
    /// says otherwise
    #[arg(long, value_name = "HOST", requires_all = ["dns_update_key_file", "authority"], conflicts_with_all = ["hook", "by_hand"])]
    pub(crate) dns_update_server: Option<String>,

    /// File with the TSIG key that signs them, in BIND's syntax, as tsig-keygen writes it
    #[arg(long, value_name = "FILE", requires = "dns_update_server")]
    dns_update_key_file: Option<PathBuf>,

    /// DNS resolver that finds the zone of a name and where its CNAME leads, if the server does not [default: ask the
    /// server]
    #[arg(long, value_name = "HOST", requires = "dns_update_server")]
    dns_update_resolver: Option<String>,

    /// Kind of the certificate's key: es256, es384, ed25519 or rsa2048 [default: es256]
    #[arg(long, value_name = "KIND")]
    pub(crate) key: Option<KeyKind>,

    /// Certificate signing request to use, in PEM, instead of making a key
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub(crate) csr: Option<PathBuf>,

    /// Certificate profile, one of those that the CA's directory lists
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) profile: Option<String>,

    /// Order a certificate even if the stored one is not due for renewal
    #[arg(long)]
    pub(crate) force: bool,

    /// Run after a new certificate, with ACME_CERT_PATH, ACME_KEY_PATH and ACME_NAMES in the environment; run again
    /// at the next run if it fails
    #[arg(long, value_name = "CMD", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) deploy_hook: Option<String>,

    /// Time limit of the whole job
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,

    /// Where the files go [default: certs/NAME, or certs/embedded-ca/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// What sends dynamic updates, from the options for it.
    #[arg(skip)]
    pub(crate) dns_update: Option<DnsUpdate>,

    /// The MAC key, from either option.
    #[arg(skip)]
    mac_key: Option<Zeroizing<String>>,

    /// Append one JSON line per HTTP exchange to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}

/// What the programs do beside obtaining one certificate.
#[derive(Subcommand)]
pub(crate) enum Other {
    /// Keeps the certificates of a file alive; SIGHUP reads the file again
    Daemon(DaemonArgs),
}

/// The command line of the daemon.
#[derive(clap::Args)]
pub(crate) struct DaemonArgs {
    /// Which certificates, from which CA, and how to prove their names
    #[arg(value_name = "FILE.toml")]
    pub(crate) config: PathBuf,

    /// Check the file, and start nothing
    #[arg(long, conflicts_with = "status")]
    pub(crate) check: bool,

    /// Print how the daemon of this file and its certificates are; exit code 0 if all is well
    #[arg(long)]
    pub(crate) status: bool,
}

impl Args {
    /// Returns where the files go.
    pub(crate) fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| {
            let name = self.names.first().map(Identifier::value).unwrap_or_default();
            // Windows allows neither in file names.
            let name = if cfg!(windows) { name.replace(['*', ':'], "_") } else { name };
            let certs = PathBuf::from("certs");
            if self.directory.is_none() { certs.join("embedded-ca") } else { certs }.join(name)
        })
    }

    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Returns the key identifier and MAC key for external account binding.
    pub(crate) fn external_account(&self) -> Option<(&str, Zeroizing<String>)> {
        let key = self.mac_key.clone()?;
        Some((self.eab_kid.as_deref()?, key))
    }

    /// Returns the public CA that was named, or whose directory was given.
    pub(crate) fn public_ca(&self) -> Option<PublicCa> {
        self.directory.as_ref().and_then(|directory| PublicCa::at(directory.as_str()))
    }

    /// Checks that a new account will have what the CA demands of it, before anything is sent.
    pub(crate) fn check_new_account(&self) -> Result<(), Failure> {
        let (external, contact) = (self.mac_key.is_some(), !self.contacts.is_empty());
        let lack = self.public_ca().and_then(|ca| ca.lacks(external, contact));
        let Some(lack) = lack else { return Ok(()) };
        let option = match lack {
            AccountLack::ExternalAccount(_) => "--eab-kid KID and --eab-key-file FILE",
            _ => "--contact MAIL",
        };
        Err(Failure::usage(format!("{lack} {option}")))
    }

    /// Checks what the parser cannot: whether the options agree with each other.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        if let Some(ca) = self.ca {
            self.directory = Url::parse(ca.directory()).ok();
        }
        let mut seen = BTreeSet::new();
        self.names.retain(|name| seen.insert(name.clone()));
        let (count, most) = (self.names.len(), Policy::default().max_identifiers);
        if count > most {
            return Err(Failure::usage(format!(
                "too many names: {count}, at most {most}; ask for several certificates"
            )));
        }
        if let Some(url) = self.directory.as_ref().filter(|url| !url.is_https()) {
            return Err(Failure::usage(format!(
                "--directory {url} is not https, so that anyone on the way could forge it; give the CA's https URL"
            )));
        }
        self.check_challenges()?;
        self.check_use()?;
        let dns = self.kinds().contains(&ChallengeKind::Dns01);
        self.dns_update = self.read_dns_update()?;
        let has_own = self.hook.is_some() || self.by_hand || self.dns_update.is_some();
        if dns && self.directory.is_some() && !has_own {
            return Err(Failure::usage(
                "dns-01 needs something that publishes TXT records: give --hook CMD, which is run as \
                 `CMD present NAME VALUE` and `CMD cleanup NAME VALUE`, or --dns-update-server HOST, or --by-hand to be \
                 asked for them",
            ));
        }
        self.check_hook()?;
        self.read_mac_key()
    }

    /// Returns the command that publishes challenges, if they are not published by this program itself: one for all
    /// kinds that it is used for.
    pub(crate) fn hook(&self) -> Option<HookCommand> {
        let hook = self.hook_settings().ok()??;
        let is_hooked = |kind: &ChallengeKind| match kind {
            ChallengeKind::Dns01 => true,
            ChallengeKind::Http01 => self.http_hook,
            _ => false,
        };
        let kinds: Vec<_> = self.kinds().into_iter().filter(is_hooked).collect();
        Some(hook.for_kinds(&kinds))
    }

    fn hook_settings(&self) -> Result<Option<HookSettings>, Failure> {
        let Some(command) = self.hook.clone() else { return Ok(None) };
        let hook = HookSettings::new(command, self.hook_dialect.unwrap_or_default());
        if self.http_hook {
            hook.check_http_01("--http-hook")?;
        }
        let hook = match self.cleanup_hook.clone() {
            Some(command) => hook.cleanup(command, "--cleanup-hook")?,
            None => hook,
        };
        Ok(Some(hook))
    }

    /// Checks that the options of the hook suit its dialect, and that someone is there to be asked.
    fn check_hook(&self) -> Result<(), Failure> {
        self.hook_settings()?;
        if self.by_hand {
            Terminal.is_there().map_err(|error| {
                Failure::usage(format!("--by-hand: {error}, such as --hook CMD"))
            })?;
        }
        Ok(())
    }

    /// Checks that each name can be proved by one of the kinds that were given.
    fn check_challenges(&self) -> Result<(), Failure> {
        let cannot = |name: &&Identifier| !self.challenges.iter().any(|kind| suits(kind, name));
        let unproved = self.names.iter().find(cannot).filter(|_| !self.challenges.is_empty());
        let Some(name) = unproved else { return Ok(()) };
        let kinds: Vec<&str> = self.challenges.iter().map(ChallengeKind::as_str).collect();
        let cure = if name.is_wildcard() { "dns-01" } else { "http-01 or tls-alpn-01" };
        Err(Failure::usage(format!(
            "{} cannot prove {name}; use {cure}, or leave --challenge out",
            kinds.join(" and ")
        )))
    }

    /// Makes what sends dynamic updates: loads the key, and looks the servers up, before the CA hears of anything.
    fn read_dns_update(&self) -> Result<Option<DnsUpdate>, Failure> {
        let (Some(server), Some(path)) = (&self.dns_update_server, &self.dns_update_key_file)
        else {
            return Ok(None);
        };
        let mut settings = DnsUpdateSettings::new(dns_server("--dns-update-server", server)?, path);
        if let Some(resolver) = &self.dns_update_resolver {
            settings = settings.resolver(dns_server("--dns-update-resolver", resolver)?);
        }
        let update = settings.load("--dns-update-key-file")?.looked_up();
        update.map(Some).map_err(|error| Failure::usage(error_chain(&error)))
    }

    /// Takes the MAC key from its option or its file.
    fn read_mac_key(&mut self) -> Result<(), Failure> {
        let given = self.eab_key.take().map(Zeroizing::new);
        self.mac_key = match (given, &self.eab_key_file) {
            (Some(key), _) => Some(checked_mac_key(&key, "--eab-key")?),
            (None, Some(path)) => {
                Some(read_mac_key_file(path, &format!("--eab-key-file {}", path.display()))?)
            }
            (None, None) => None,
        };
        Ok(())
    }
}

/// Reads a MAC key from the file that an option names.
pub(crate) fn read_mac_key_file(path: &Path, option: &str) -> Result<Zeroizing<String>, Failure> {
    let key = fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("{option}: {error}; give a file that can be read"))
    })?;
    checked_mac_key(&Zeroizing::new(key), option)
}

fn checked_mac_key(text: &str, option: &str) -> Result<Zeroizing<String>, Failure> {
    let key = Zeroizing::new(text.trim().to_owned());
    MacKey::from_base64(&key).map_err(|error| {
        Failure::usage(format!("{option}: {error}; copy the whole key from the CA's page"))
    })?;
    Ok(key)
}

/// Parses a name, and says what to type in place of a URL, of a name with a port, or of one with a final dot.
pub(crate) fn name(text: &str) -> Result<Identifier, String> {
    let parsed: Result<Identifier, InvalidIdentifier> = text.parse();
    let error = match parsed {
        Ok(name) => return Ok(name),
        Err(error) => error,
    };
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|octet| octet.is_ascii_digit());
    let host = match host.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        _ => host,
    };
    match host.strip_suffix('.').unwrap_or(host).parse::<Identifier>() {
        Ok(name) => Err(format!("a certificate is for a name alone; type {name}")),
        Err(_) => Err(error.to_string()),
    }
}

pub(crate) fn suits(kind: &ChallengeKind, name: &Identifier) -> bool {
    match name {
        Identifier::Ip(_) => *kind != ChallengeKind::Dns01,
        name => *kind == ChallengeKind::Dns01 || !name.is_wildcard(),
    }
}

pub(crate) fn challenge(text: &str) -> Result<ChallengeKind, String> {
    let known = [ChallengeKind::Http01, ChallengeKind::Dns01, ChallengeKind::TlsAlpn01];
    known
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| "choose http-01, dns-01 or tls-alpn-01".to_owned())
}

/// Parses a mail address with or without `mailto:`.
pub(crate) fn contact(text: &str) -> Result<String, String> {
    let address = text.strip_prefix("mailto:").unwrap_or(text);
    if !address.contains('@') || address.contains(char::is_whitespace) {
        return Err("give a mail address, such as me@example.org".to_owned());
    }
    Ok(format!("mailto:{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        let mut args = Args::try_parse_from(line.split_whitespace()).map_err(|e| e.to_string())?;
        args.check().map_err(|failure| failure.to_string())?;
        Ok(args)
    }

    fn refusal(line: &str) -> String {
        parse(line).err().unwrap_or_else(|| panic!("{line} was accepted"))
    }

    #[test]
    fn the_options_are_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn each_name_gets_a_kind_that_can_prove_it() {
        let kinds = |line| parse(line).unwrap().kinds();
        assert_eq!(kinds("issue a.test"), [ChallengeKind::Http01]);
        assert_eq!(kinds("issue *.a.test"), [ChallengeKind::Dns01]);
        assert_eq!(kinds("issue *.a.test a.test"), [ChallengeKind::Http01, ChallengeKind::Dns01]);
        assert_eq!(kinds("issue --challenge dns-01 *.a.test a.test"), [ChallengeKind::Dns01]);
        let preferred =
            "issue --challenge tls-alpn-01 --challenge dns-01 --challenge http-01 *.a.test a.test";
        let [tls, dns, http] =
            [ChallengeKind::TlsAlpn01, ChallengeKind::Dns01, ChallengeKind::Http01];
        assert_eq!(kinds(preferred), [tls, dns, http]);
        assert_eq!(
            kinds("issue --challenge http-01 --challenge dns-01 *.a.test"),
            [ChallengeKind::Dns01]
        );
    }

    #[test]
    fn a_kind_that_cannot_prove_a_name_is_refused() {
        assert!(refusal("issue --challenge http-01 *.a.test").contains("use dns-01"));
        assert!(refusal("issue --challenge dns-01 127.0.0.1").contains("use http-01"));
        assert!(refusal("issue --challenge dns-02 a.test").contains("dns-01"));
    }

    #[test]
    fn dns_01_elsewhere_needs_a_hook() {
        let line = "issue --directory https://ca.test/dir *.a.test";
        assert!(refusal(line).contains("--hook"));
        assert!(parse(&format!("{line} --hook hook")).is_ok());
        assert!(parse(&format!("{line} --dns-hook hook")).is_ok());
        assert!(parse("issue *.a.test").is_ok());
    }

    #[test]
    fn dynamic_updates_need_a_server_a_key_file_and_a_ca() {
        let line = "issue --directory https://ca.test/dir *.a.test";
        assert!(refusal(line).contains("--dns-update-server HOST"));
        let server = format!("{line} --dns-update-server 127.0.0.1");
        assert!(refusal(&server).contains("--dns-update-key-file <FILE>"));
        let missing = refusal(&format!("{server} --dns-update-key-file nowhere.key"));
        let expected =
            "--dns-update-key-file: TSIG key file nowhere.key: check that it can be read";
        assert!(missing.contains(expected), "{missing}");
        let embedded = "issue *.a.test --dns-update-server ::1 --dns-update-key-file k";
        assert!(refusal(embedded).contains("--directory <URL>"));
    }

    #[test]
    fn a_dialect_allows_what_its_scripts_can_do() {
        let line = "issue --directory https://ca.test/dir --hook hook a.test";
        for dialect in ["plain", "lego", "lego-raw", "certbot", "dehydrated", "acme.sh"] {
            assert!(parse(&format!("{line} --hook-dialect {dialect}")).is_ok(), "{dialect}");
        }
        assert!(refusal(&format!("{line} --hook-dialect lega")).contains("dehydrated"));
        let certbot = format!("{line} --hook-dialect certbot --cleanup-hook c --http-hook");
        let args = parse(&certbot).unwrap();
        let hook = args.hook().unwrap();
        assert_eq!(hook.challenge_kinds(), [ChallengeKind::Http01]);
        let both = parse(&format!("{certbot} *.a.test")).unwrap().hook().unwrap();
        assert_eq!(both.challenge_kinds(), [ChallengeKind::Http01, ChallengeKind::Dns01]);
        let txt = parse(line).unwrap().hook().unwrap();
        assert!(!txt.challenge_kinds().contains(&ChallengeKind::Http01));
        for option in ["--cleanup-hook c", "--http-hook"] {
            let text = refusal(&format!("{line} --hook-dialect lego {option}"));
            assert!(text.contains("leave") && text.contains("lego"), "{text}");
        }
        assert!(refusal("issue --by-hand --hook hook a.test").contains("--by-hand"));
    }

    #[test]
    fn the_mac_key_is_not_in_the_message_about_it() {
        let text = refusal("issue --eab-kid k --eab-key !secret! a.test");
        assert!(text.contains("--eab-key") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn options_that_need_each_other_are_asked_for_together() {
        assert!(refusal("issue --eab-kid k a.test").contains("--eab-key"));
        assert!(refusal("issue --eab-key k a.test").contains("--eab-kid"));
        assert!(refusal("issue --ca-file f a.test").contains("--directory"));
        assert!(refusal("issue --key es256 --csr f a.test").contains("--csr"));
        assert!(refusal("issue").contains("NAME"));
    }

    #[test]
    fn what_is_not_usable_is_named() {
        for (line, word) in [
            ("issue --directory ca.test a.test", "ca.test"),
            ("issue --directory http://ca.test/dir a.test", "not https"),
            ("issue --listen here a.test", "0.0.0.0"),
            ("issue --contact nobody a.test", "mail address"),
            ("issue --timeout 0 a.test", "--timeout"),
            ("issue --key dsa a.test", "dsa"),
            ("issue a..test", "a..test"),
            ("issue a.test.", "type a.test"),
            ("issue https://a.test/x?y", "type a.test"),
            ("issue http://me@a.test:8080/", "type a.test"),
            ("issue a.test:443", "type a.test"),
            ("issue [::1]:443", "type ::1"),
            ("issue https://", "https://"),
        ] {
            assert!(refusal(line).contains(word), "{line}: {}", refusal(line));
        }
    }

    #[test]
    fn contacts_and_addresses_are_taken_in_both_forms() {
        let args = parse("issue --contact a@b.test --contact mailto:c@d.test --listen [::] a.test");
        let args = args.unwrap();
        assert_eq!(args.contacts, ["mailto:a@b.test", "mailto:c@d.test"]);
        assert_eq!(args.listen, Some("::".parse().unwrap()));
    }

    #[test]
    fn the_first_name_names_the_directory_and_duplicates_are_dropped() {
        let args = parse("issue A.test b.test a.test").unwrap();
        assert_eq!(args.out(), PathBuf::from("certs/embedded-ca/a.test"));
        let real = parse("issue --directory https://ca.test/dir A.test b.test");
        assert_eq!(real.unwrap().out(), PathBuf::from("certs/a.test"));
        assert_eq!(args.names.len(), 2);
    }
}
