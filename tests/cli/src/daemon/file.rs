//! The configuration file of the daemon as it is written, with the places of its values.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Where accounts, keys and certificates are kept.
    pub(super) folder: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) contact: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) agree_tos: bool,
    #[serde(default)]
    pub(super) ca: Vec<Spanned<Ca>>,
    #[serde(rename = "http-01")]
    pub(super) http_01: Option<Spanned<Http01>>,
    #[serde(rename = "tls-alpn-01")]
    pub(super) tls_alpn_01: Option<TlsAlpn01>,
    #[serde(rename = "dns-01")]
    pub(super) dns_01: Option<Spanned<Dns01>>,
    #[serde(default)]
    pub(super) certificate: Vec<Spanned<CertificateTable>>,
    // What a certificate may set for itself.
    pub(super) challenges: Option<Vec<Spanned<String>>>,
    pub(super) key: Option<Spanned<String>>,
    pub(super) profile: Option<String>,
    pub(super) deploy_hook: Option<Spanned<String>>,
}

/// A CA; the first one is preferred.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ca {
    pub(super) name: Option<Spanned<String>>,
    pub(super) directory: Option<Spanned<String>>,
    pub(super) root_file: Option<Spanned<PathBuf>>,
    pub(super) eab_kid: Option<Spanned<String>>,
    pub(super) eab_key_file: Option<Spanned<PathBuf>>,
}

/// How http-01 is answered: by a listener, by a web server that serves a folder, or by a command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Http01 {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) webroot: Option<Spanned<PathBuf>>,
    pub(super) hook: Option<Spanned<String>>,
    pub(super) hook_dialect: Option<Spanned<String>>,
    pub(super) cleanup_hook: Option<Spanned<String>>,
}

/// How tls-alpn-01 is answered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsAlpn01 {
    pub(super) listen: Spanned<String>,
}

/// How dns-01 is answered: by a command, or by dynamic updates of a DNS server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dns01 {
    pub(super) hook: Option<Spanned<String>>,
    pub(super) hook_dialect: Option<Spanned<String>>,
    pub(super) cleanup_hook: Option<Spanned<String>>,
    pub(super) dns_update_server: Option<Spanned<String>>,
    pub(super) dns_update_key_file: Option<Spanned<PathBuf>>,
    pub(super) dns_update_resolver: Option<Spanned<String>>,
}

/// A certificate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificateTable {
    #[serde(default)]
    pub(super) names: Vec<Spanned<String>>,
    pub(super) challenges: Option<Vec<Spanned<String>>>,
    pub(super) key: Option<Spanned<String>>,
    pub(super) profile: Option<String>,
    pub(super) deploy_hook: Option<Spanned<String>>,
}
