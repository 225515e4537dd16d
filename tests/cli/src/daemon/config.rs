//! The configuration of the daemon, checked: nothing starts before all of it can be used.

use core::ops::Range;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{self, Path, PathBuf};

use acme_adapter::directories::{AccountLack, PublicCa};
use acme_adapter::keys::KeyKind;
use acme_adapter::tls::Roots;
use acme_proto::identifier::Identifier;
use acme_proto::policy::Policy;
use acme_proto::url::Url;
use acme_proto::wire::ChallengeKind;
use toml::Spanned;
use zeroize::Zeroizing;

use super::file::{Ca, CertificateTable, File};
use crate::args;
use crate::failure::Failure;
use crate::job::read_roots;
use crate::publisher::{DnsUpdateSettings, HookSettings};

/// The checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) folder: PathBuf,
    pub(crate) is_embedded: bool,
    pub(crate) certificates: Vec<Wanted>,
}

/// A wanted certificate.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) names: Vec<Identifier>,
    pub(crate) settings: Settings,
    pub(crate) deploy_hook: Option<String>,
}

/// What certificates have in common that are kept together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub(crate) contacts: Vec<String>,
    pub(crate) agrees_to_terms: bool,
    pub(crate) authorities: Vec<Authority>,
    pub(crate) roots: Roots,
    /// The preferred one first.
    pub(crate) solvers: Vec<SolverSettings>,
    pub(crate) key_kind: KeyKind,
    pub(crate) profile: Option<String>,
}

/// A CA and the external account that the account there is bound to.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    /// The URL of its directory.
    pub directory: String,
    /// The identifier and the MAC key.
    pub external_account: Option<(String, Zeroizing<String>)>,
}

/// How one kind of challenge is answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SolverSettings {
    /// By a listener for http-01.
    ListenHttp(SocketAddr),
    /// By files below this folder, which a web server serves.
    Webroot(PathBuf),
    /// By a listener for tls-alpn-01.
    ListenTls(SocketAddr),
    /// By a command that publishes challenges of these kinds, the preferred one first.
    Hook(HookSettings, Vec<ChallengeKind>),
    /// By dynamic updates of a DNS server.
    DnsUpdate(DnsUpdateSettings),
}

impl core::fmt::Debug for Authority {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Authority").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl SolverSettings {
    fn kinds(&self) -> &[ChallengeKind] {
        match self {
            Self::ListenHttp(_) | Self::Webroot(_) => &[ChallengeKind::Http01],
            Self::ListenTls(_) => &[ChallengeKind::TlsAlpn01],
            Self::Hook(_, kinds) => kinds,
            Self::DnsUpdate(_) => &[ChallengeKind::Dns01],
        }
    }
}

/// The directory that means the embedded test CA.
pub(crate) const EMBEDDED: &str = "embedded-test-ca";

impl Config {
    /// Reads and checks the file. Paths in it start at its folder.
    ///
    /// # Errors
    /// What is wrong, in which line, and what to write there.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!(
                "{}: {error}; give a file that can be read, as the manual's page \"running it\" shows it",
                path.display()
            ))
        })?;
        let reader = Reader { path, text: &text };
        let file = toml::from_str(&text).map_err(|error| {
            reader.fault(error.span().unwrap_or_default(), &in_words(error.message()))
        })?;
        reader.check(file)
    }
}

/// Says what the parser found in the words of the file's author.
fn in_words(message: &str) -> String {
    let said = message.replace("a sequence", "a list in [brackets]").replace('\n', ", ");
    let said =
        said.replace("a borrowed string", "a \"string\"").replace("a string", "a \"string\"");
    match said.starts_with("unknown field") {
        true => format!("{said}; correct or remove it"),
        false => format!("{said}; correct this line"),
    }
}

/// Checks what was read, and names the line of a fault.
pub(super) struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn fault(&self, span: Range<usize>, what: &str) -> Failure {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Failure::usage(format!("{}:{line}: {what}", self.path.display()))
    }

    pub(super) fn missing(&self, what: &str) -> Failure {
        Failure::usage(format!("{}: {what}", self.path.display()))
    }

    pub(super) fn at<T>(&self, value: &Spanned<T>, what: &str) -> Failure {
        self.fault(value.span(), what)
    }

    fn check(&self, file: File) -> Result<Config, Failure> {
        let folder = file.folder.as_ref().ok_or_else(|| {
            self.missing(
                "there is no folder for keys and certificates; add folder = \"/var/lib/acme\"",
            )
        })?;
        let is_embedded = file.ca.iter().any(|ca| is_embedded(ca.get_ref()));
        let common = self.common(&file, is_embedded)?;
        let solvers = self.solvers(&file, is_embedded)?;
        if file.certificate.is_empty() {
            return Err(self.missing(
                "no certificate is wanted; add [[certificate]] with names = [\"example.org\"]",
            ));
        }
        let mut certificates = Vec::new();
        let mut first_names = BTreeSet::new();
        for table in &file.certificate {
            let wanted = self.certificate(&file, &common, &solvers, table)?;
            let first = wanted.names.first().map(ToString::to_string).unwrap_or_default();
            if !first_names.insert(first.clone()) {
                let what = format!(
                    "there is another certificate whose first name is {first}, which names its files; \
                     join the two, or begin with another name"
                );
                return Err(self.at(table, &what));
            }
            certificates.push(wanted);
        }
        let folder = path::absolute(folder.get_ref()).unwrap_or_else(|_| folder.get_ref().clone());
        let folder = if is_embedded { folder.join("embedded-ca") } else { folder };
        Ok(Config { folder, is_embedded, certificates })
    }

    /// Returns the settings that no certificate can change.
    fn common(&self, file: &File, is_embedded: bool) -> Result<Settings, Failure> {
        let mut contacts = Vec::new();
        for contact in &file.contact {
            contacts
                .push(args::contact(contact.get_ref()).map_err(|error| self.at(contact, &error))?);
        }
        if file.ca.is_empty() {
            return Err(self.missing(&format!(
                "there is no CA; add [[ca]] with name = \"lets-encrypt\", directory = \"https://…\", or directory = \"{EMBEDDED}\" to try it"
            )));
        }
        if let Some(ca) = file.ca.iter().find(|_| is_embedded && file.ca.len() > 1) {
            return Err(self
                .at(ca, "the embedded test CA has no other one beside it; remove one of the two"));
        }
        let mut authorities = Vec::new();
        let mut roots = Vec::new();
        for ca in &file.ca {
            authorities.push(self.authority(ca, !contacts.is_empty())?);
            roots.extend(self.root(ca.get_ref())?.into_iter().flatten());
        }
        if let Some(without) = file.ca.iter().find(|ca| ca.get_ref().root_file.is_none())
            && !roots.is_empty()
        {
            return Err(self.at(
                without,
                "one CA has a root_file and this one has none; give both one, or none",
            ));
        }
        Ok(Settings {
            contacts,
            agrees_to_terms: file.agree_tos,
            authorities,
            roots: if roots.is_empty() { Roots::Platform } else { Roots::Pem(roots) },
            solvers: Vec::new(),
            key_kind: KeyKind::Es256,
            profile: None,
        })
    }

    /// Returns the CA of a table; `has_contact` is whether its account will have one.
    fn authority(&self, table: &Spanned<Ca>, has_contact: bool) -> Result<Authority, Failure> {
        let ca = table.get_ref();
        let directory = self.directory(table)?;
        let external_account = self.external_account(ca)?;
        // Of a CA that is given by its directory, the account may be there already.
        if let Some(name) = &ca.name
            && let Some(lack) = PublicCa::at(&directory)
                .and_then(|ca| ca.lacks(external_account.is_some(), has_contact))
        {
            let keys = match lack {
                AccountLack::ExternalAccount(_) => "eab_kid = \"…\" and eab_key_file = \"FILE\"",
                _ => "contact = [\"…\"] at the top of the file",
            };
            return Err(self.at(name, &format!("{lack} {keys}")));
        }
        Ok(Authority { directory, external_account })
    }

    /// Returns the URL of the CA's directory, which the table has, or the name of a public CA.
    fn directory(&self, table: &Spanned<Ca>) -> Result<String, Failure> {
        let ca = table.get_ref();
        match (&ca.name, &ca.directory) {
            (Some(name), None) => match name.get_ref().parse::<PublicCa>() {
                Ok(known) => Ok(known.into()),
                Err(error) => Err(self.at(name, &format!("{:?}: {error}", name.get_ref()))),
            },
            (Some(name), Some(_)) => {
                Err(self.at(name, "name and directory both say which CA it is; remove one of the two"))
            }
            (None, Some(directory)) => {
                let text = directory.get_ref();
                if Url::parse(text).is_ok_and(|url| url.is_https()) || is_embedded(ca) {
                    return Ok(text.clone());
                }
                let what = format!("{text:?} is no https URL; give that of the CA's directory");
                Err(self.at(directory, &what))
            }
            (None, None) => Err(self.at(
                table,
                &format!(
                    "this CA has neither name nor directory; add name = \"lets-encrypt\", directory = \"https://…\", or \
                     directory = \"{EMBEDDED}\" to try it"
                ),
            )),
        }
    }

    fn external_account(&self, ca: &Ca) -> Result<Option<(String, Zeroizing<String>)>, Failure> {
        let external_account = match (&ca.eab_kid, &ca.eab_key_file) {
            (None, None) => None,
            (Some(kid), None) => {
                return Err(self.at(kid, "eab_kid needs the MAC key; add eab_key_file = \"FILE\""));
            }
            (None, Some(file)) => {
                return Err(
                    self.at(file, "eab_key_file needs the key's identifier; add eab_kid = \"…\"")
                );
            }
            (Some(kid), Some(file)) => {
                let option = format!("eab_key_file {}", file.get_ref().display());
                let key = args::read_mac_key_file(file.get_ref(), &option);
                let key = key.map_err(|failure| self.at(file, &failure.to_string()))?;
                Some((kid.get_ref().clone(), key))
            }
        };
        Ok(external_account)
    }

    fn root(&self, ca: &Ca) -> Result<Option<Vec<u8>>, Failure> {
        let Some(file) = &ca.root_file else { return Ok(None) };
        let read = read_roots("root_file", file.get_ref());
        let mut pem = read.map_err(|failure| self.at(file, &failure.to_string()))?;
        pem.push(b'\n');
        Ok(Some(pem))
    }

    fn certificate(
        &self,
        file: &File,
        common: &Settings,
        solvers: &BTreeMap<ChallengeKind, SolverSettings>,
        table: &Spanned<CertificateTable>,
    ) -> Result<Wanted, Failure> {
        let own = table.get_ref();
        let names = self.names(table)?;
        let kinds = match own.challenges.as_ref().or(file.challenges.as_ref()) {
            Some(kinds) => self.kinds(kinds, solvers)?,
            None => BY_DEFAULT.iter().filter_map(|kind| solvers.get(kind).cloned()).collect(),
        };
        let mut settings = Settings { solvers: one_for_each_hook(kinds), ..common.clone() };
        for (name, written) in &names {
            let suits =
                |solver: &SolverSettings| solver.kinds().iter().any(|kind| args::suits(kind, name));
            if !settings.solvers.iter().any(suits) {
                let cure = match name.is_wildcard() {
                    true => {
                        "dns-01: add [dns-01] with hook = \"CMD\" or dns_update_server = \"HOST\", and \"dns-01\" to \
                         challenges if there are any"
                    }
                    false => "http-01 or tls-alpn-01: add [http-01] with listen = \"[::]:80\"",
                };
                return Err(self.at(written, &format!("{name} can only be proved by {cure}")));
            }
        }
        if let Some(key) = own.key.as_ref().or(file.key.as_ref()) {
            settings.key_kind =
                key.get_ref().parse().map_err(|error| self.at(key, &format!("{error}")))?;
        }
        settings.profile = own.profile.clone().or_else(|| file.profile.clone());
        let deploy_hook = own.deploy_hook.as_ref().or(file.deploy_hook.as_ref());
        let deploy_hook = deploy_hook.map(|hook| self.command(hook)).transpose()?;
        let names = names.into_iter().map(|(name, _)| name).collect();
        Ok(Wanted { names, settings, deploy_hook })
    }

    fn names<'t>(
        &self,
        table: &'t Spanned<CertificateTable>,
    ) -> Result<Vec<(Identifier, &'t Spanned<String>)>, Failure> {
        let written = &table.get_ref().names;
        let most = Policy::default().max_identifiers;
        if written.is_empty() {
            return Err(
                self.at(table, "this certificate has no names; add names = [\"example.org\"]")
            );
        }
        if written.len() > most {
            let what = format!(
                "too many names: {}, at most {most}; make several certificates",
                written.len()
            );
            return Err(self.at(table, &what));
        }
        let mut names: Vec<(Identifier, _)> = Vec::new();
        for text in written {
            let name = args::name(text.get_ref()).map_err(|error| self.at(text, &error))?;
            if names.iter().all(|(other, _)| *other != name) {
                names.push((name, text));
            }
        }
        Ok(names)
    }

    fn kinds(
        &self,
        written: &[Spanned<String>],
        solvers: &BTreeMap<ChallengeKind, SolverSettings>,
    ) -> Result<Vec<SolverSettings>, Failure> {
        let mut chosen: Vec<SolverSettings> = Vec::new();
        for text in written {
            let kind = args::challenge(text.get_ref()).map_err(|error| {
                self.at(text, &format!("{:?} is no kind of challenge; {error}", text.get_ref()))
            })?;
            let solver = solvers.get(&kind).ok_or_else(|| {
                self.at(text, &format!("nothing answers {kind}; add [{kind}], or remove it here"))
            })?;
            if !chosen.contains(solver) {
                chosen.push(solver.clone());
            }
        }
        Ok(chosen)
    }
}

/// Makes one solver of the kinds that one command publishes, at the place of the first of them: certbot's hooks count the
/// challenges of all kinds.
fn one_for_each_hook(solvers: Vec<SolverSettings>) -> Vec<SolverSettings> {
    let mut all: Vec<SolverSettings> = Vec::new();
    for solver in solvers {
        let same = all.iter_mut().find_map(|known| match (known, &solver) {
            (SolverSettings::Hook(known, kinds), SolverSettings::Hook(hook, more))
                if known == hook =>
            {
                Some((kinds, more))
            }
            _ => None,
        });
        match same {
            Some((kinds, more)) => kinds.extend(more.iter().cloned()),
            None => all.push(solver),
        }
    }
    all
}

fn is_embedded(ca: &Ca) -> bool {
    ca.directory.as_ref().is_some_and(|directory| directory.get_ref() == EMBEDDED)
}

/// dns-01 comes last: it can prove every name, and would be used for those that need no hook.
const BY_DEFAULT: [ChallengeKind; 3] =
    [ChallengeKind::Http01, ChallengeKind::TlsAlpn01, ChallengeKind::Dns01];
