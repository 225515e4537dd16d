//! The public CAs: where their directories are, what they demand, and how fast they may be asked.

use core::fmt;
use core::str::FromStr;

use acme_proto::policy::{Policy, Rate, Rates};
use acme_proto::url::Url;

/// A public CA, such as [`LETS_ENCRYPT`]: what a client has to know before it asks.
///
/// ```
/// use acme_adapter::directories::{PublicCa, ZEROSSL};
///
/// assert_eq!("zerossl".parse(), Ok(ZEROSSL));
/// assert!(ZEROSSL.needs_external_account());
/// assert!(PublicCa::all().iter().any(|ca| ca.name() == "lets-encrypt"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicCa(&'static Facts);

/// What is known of a public CA.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Facts {
    name: &'static str,
    title: &'static str,
    directory: &'static str,
    /// Where credentials for external account binding come from; `None` if the CA needs none.
    credentials: Option<&'static str>,
    needs_contact: bool,
    rates: Option<Rates>,
    about: &'static str,
}

/// Let's Encrypt.
pub const LETS_ENCRYPT: PublicCa = PublicCa(&Facts {
    name: "lets-encrypt",
    title: "Let's Encrypt",
    directory: "https://acme-v02.api.letsencrypt.org/directory",
    credentials: None,
    needs_contact: false,
    // It publishes them, and `Rates::default()` is just below.
    rates: None,
    about: "certificates for 90 days and shorter, by profiles; renewal information; limits in the manual's page \
            `lets_encrypt`",
});

/// The staging environment of Let's Encrypt: generous limits, and roots that nobody trusts.
pub const LETS_ENCRYPT_STAGING: PublicCa = PublicCa(&Facts {
    name: "lets-encrypt-staging",
    title: "Let's Encrypt (staging)",
    directory: "https://acme-staging-v02.api.letsencrypt.org/directory",
    about: "like Let's Encrypt, with generous limits, and roots that nobody trusts",
    ..*LETS_ENCRYPT.0
});

/// ZeroSSL, which demands external account binding, and a contact.
pub const ZEROSSL: PublicCa = PublicCa(&Facts {
    name: "zerossl",
    title: "ZeroSSL",
    directory: "https://acme.zerossl.com/v2/DV90",
    credentials: Some("https://app.zerossl.com/developer"),
    needs_contact: true,
    // Its edge refuses more with an HTML page that names no time.
    rates: Some(Rates::together(Rate { per_second: 7, burst: 7 })),
    about: "credentials by zerossl::mint, too; about 7 requests a second; an order may be processing for minutes, and at busy hours for a day; no change of \
            the account key",
});

/// Google Trust Services, which demands external account binding, and a contact.
pub const GOOGLE: PublicCa = PublicCa(&Facts {
    name: "google",
    title: "Google Trust Services",
    directory: "https://dv.acme-v02.api.pki.goog/directory",
    credentials: Some("`gcloud publicca external-account-keys create`, once for each account"),
    needs_contact: true,
    rates: None,
    about: "a CSR must not ask for the extended key usage clientAuth; an account cannot be read",
});

/// The staging environment of Google Trust Services, which has external accounts of its own.
pub const GOOGLE_STAGING: PublicCa = PublicCa(&Facts {
    name: "google-staging",
    title: "Google Trust Services (staging)",
    directory: "https://dv.acme-v02.test-api.pki.goog/directory",
    credentials: Some(
        "`gcloud publicca external-account-keys create`, with the staging endpoint of its API",
    ),
    about: "like Google Trust Services, with external accounts of its own, and roots that nobody trusts",
    ..*GOOGLE.0
});

/// SSL.com, which demands external account binding, and a contact; for certificates with RSA keys.
pub const SSL_COM_RSA: PublicCa = PublicCa(&Facts {
    name: "ssl-com-rsa",
    title: "SSL.com (RSA)",
    directory: "https://acme.ssl.com/sslcom-dv-rsa",
    credentials: Some("https://secure.ssl.com, API credentials of your account"),
    // Without one it refuses only the CSR, at the end.
    needs_contact: true,
    rates: None,
    about: "for RSA keys; its directory does not say that it demands external account binding; no change of the account \
            key, and an account cannot be read",
});

/// SSL.com, which demands external account binding, and a contact; for certificates with ECDSA keys.
pub const SSL_COM_ECC: PublicCa = PublicCa(&Facts {
    name: "ssl-com-ecc",
    title: "SSL.com (ECDSA)",
    directory: "https://acme.ssl.com/sslcom-dv-ecc",
    about: "for ECDSA keys; its directory does not say that it demands external account binding; no change of the account \
            key, and an account cannot be read",
    ..*SSL_COM_RSA.0
});

/// Actalis, which demands external account binding.
pub const ACTALIS: PublicCa = PublicCa(&Facts {
    name: "actalis",
    title: "Actalis",
    directory: "https://acme-api.actalis.com/acme/directory",
    credentials: Some("the ACME settings of your account at Actalis"),
    needs_contact: false,
    rates: None,
    about: "a failed challenge may stay `processing` for ever",
});

/// All of them.
pub(crate) const ALL: [PublicCa; 8] = [
    LETS_ENCRYPT,
    LETS_ENCRYPT_STAGING,
    ZEROSSL,
    GOOGLE,
    GOOGLE_STAGING,
    SSL_COM_RSA,
    SSL_COM_ECC,
    ACTALIS,
];

/// Names of CAs that have ended their ACME service, and the domains of their directories.
const ENDED: [(&str, &[&str]); 1] = [("Buypass", &["buypass.com", "buypass.no"])];

impl PublicCa {
    /// Returns all that are known here.
    pub const fn all() -> &'static [Self] {
        &ALL
    }

    /// Returns the one with this directory.
    pub fn at(directory: &str) -> Option<Self> {
        let place = |text: &str| -> Option<(String, u16, String)> {
            let url = Url::parse(text.trim_end_matches('/')).ok().filter(Url::is_https)?;
            Some((url.host().to_ascii_lowercase(), url.port(), url.path_and_query()))
        };
        let wanted = place(directory)?;
        ALL.into_iter().find(|ca| place(ca.0.directory).as_ref() == Some(&wanted))
    }

    /// Returns the name by which programs know it, such as `lets-encrypt`; [`FromStr`] takes it in any spelling.
    pub const fn name(&self) -> &'static str {
        self.0.name
    }

    /// Returns the URL of its directory.
    pub const fn directory(&self) -> &'static str {
        self.0.directory
    }

    /// Returns whether an account must be bound to an external one (RFC 8555 section 7.3.4).
    pub const fn needs_external_account(&self) -> bool {
        self.0.credentials.is_some()
    }

    /// Returns where the key identifier and the MAC key of an external account come from, in words.
    pub const fn credentials(&self) -> Option<&'static str> {
        self.0.credentials
    }

    /// Returns whether an account must have a contact.
    pub const fn needs_contact(&self) -> bool {
        self.0.needs_contact
    }

    /// Returns what else is known of it, in words.
    pub const fn about(&self) -> &'static str {
        self.0.about
    }

    /// Returns the policy that suits it: [`Policy::default`], at the pace that the CA allows.
    ///
    /// Where the CA publishes no limits, the pace is the default one until the CA refuses a request.
    pub fn policy(&self) -> Policy {
        let mut policy = Policy::default();
        policy.rates = self.0.rates.unwrap_or_default();
        policy
    }

    /// Returns the same CA with its directory elsewhere, such as behind a proxy, or a test CA in its place.
    pub fn at_directory(self, directory: impl Into<String>) -> Ca {
        Ca { directory: directory.into(), public: Some(self) }
    }

    /// Returns what an account there lacks; `None` if nothing.
    pub fn lacks(&self, has_external: bool, has_contact: bool) -> Option<AccountLack> {
        match self.0.credentials {
            Some(_) if !has_external => Some(AccountLack::ExternalAccount(*self)),
            _ if self.0.needs_contact && !has_contact => Some(AccountLack::Contact(*self)),
            _ => None,
        }
    }
}

impl fmt::Debug for PublicCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicCa").field(&self.0.name).finish()
    }
}

impl fmt::Display for PublicCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.title)
    }
}

impl FromStr for PublicCa {
    type Err = UnknownCa;

    /// Takes a [`name`](Self::name), whatever its capitals, hyphens and dots.
    fn from_str(name: &str) -> Result<Self, UnknownCa> {
        let plain = |text: &str| -> String {
            text.chars()
                .filter(char::is_ascii_alphanumeric)
                .collect::<String>()
                .to_ascii_lowercase()
        };
        let wanted = plain(name);
        let found = ALL.into_iter().find(|ca| plain(ca.0.name) == wanted);
        found.ok_or_else(|| {
            let ended = ENDED.iter().find(|(ended, _)| wanted == plain(ended));
            UnknownCa(ended.map(|(title, _)| *title))
        })
    }
}

impl AsRef<str> for PublicCa {
    fn as_ref(&self) -> &str {
        self.0.directory
    }
}

impl From<PublicCa> for String {
    fn from(ca: PublicCa) -> Self {
        ca.0.directory.to_owned()
    }
}

/// A name of no public CA that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCa(Option<&'static str>);

impl fmt::Display for UnknownCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(ended) => write!(f, "{ended} has ended its ACME service; use one of {}", names()),
            None => write!(f, "no public CA of that name is known; use one of {}", names()),
        }
    }
}

impl core::error::Error for UnknownCa {}

fn names() -> String {
    ALL.map(|ca| ca.0.name).join(", ")
}

/// What an account at a public CA lacks, found before it is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountLack {
    /// Credentials for external account binding.
    ExternalAccount(PublicCa),
    /// A contact.
    Contact(PublicCa),
}

impl fmt::Display for AccountLack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExternalAccount(ca) => {
                let credentials = ca.0.credentials.unwrap_or("the CA");
                write!(
                    f,
                    "{ca} demands external account binding: get a key identifier and MAC key ({credentials}), and give \
                     them with"
                )
            }
            Self::Contact(ca) => write!(f, "{ca} demands a contact: give a mail address with"),
        }
    }
}

/// The CA of a client: a public one, or the URL of any directory.
///
/// Made from either. The URL of a [`PublicCa`] is as good as its constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ca {
    directory: String,
    public: Option<PublicCa>,
}

impl Ca {
    /// Returns the URL of the directory, as it was given.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// Returns the public CA that it is, if it is one.
    pub const fn public(&self) -> Option<PublicCa> {
        self.public
    }

    /// Says so if the CA has ended its ACME service.
    pub(crate) fn ended(url: &Url) -> Option<UnknownCa> {
        let host = url.host().to_ascii_lowercase();
        let is_in =
            |domain: &&str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        let ended = ENDED.iter().find(|(_, domains)| domains.iter().any(is_in));
        ended.map(|(title, _)| UnknownCa(Some(title)))
    }
}

impl From<PublicCa> for Ca {
    fn from(ca: PublicCa) -> Self {
        ca.at_directory(ca.0.directory)
    }
}

impl From<&PublicCa> for Ca {
    fn from(ca: &PublicCa) -> Self {
        (*ca).into()
    }
}

impl From<&Self> for Ca {
    fn from(ca: &Self) -> Self {
        ca.clone()
    }
}

impl From<&str> for Ca {
    fn from(directory: &str) -> Self {
        Self { directory: directory.to_owned(), public: PublicCa::at(directory) }
    }
}

impl From<String> for Ca {
    fn from(directory: String) -> Self {
        directory.as_str().into()
    }
}

impl From<&String> for Ca {
    fn from(directory: &String) -> Self {
        directory.as_str().into()
    }
}

impl From<Url> for Ca {
    fn from(directory: Url) -> Self {
        directory.as_str().into()
    }
}

impl From<&Url> for Ca {
    fn from(directory: &Url) -> Self {
        directory.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directory_is_an_https_url_and_named_once() {
        assert!(ALL.iter().all(|ca| Url::parse(ca.0.directory).is_ok_and(|url| url.is_https())));
        let parts: [fn(&Facts) -> &'static str; 4] =
            [|ca| ca.directory, |ca| ca.name, |ca| ca.title, |ca| ca.about];
        for part in parts {
            let distinct: std::collections::BTreeSet<_> = ALL.iter().map(|ca| part(ca.0)).collect();
            assert_eq!(distinct.len(), ALL.len());
        }
    }

    #[test]
    fn a_name_is_known_in_any_spelling_and_a_url_is_as_good() {
        for ca in ALL {
            assert_eq!(ca.0.name.to_uppercase().replace('-', "").parse(), Ok(ca));
            assert_eq!(Ca::from(ca.0.directory), Ca::from(ca));
        }
        assert_eq!("Let's Encrypt".parse(), Ok(LETS_ENCRYPT));
        assert_eq!("SSL.com RSA".parse(), Ok(SSL_COM_RSA));
        assert_eq!(Ca::from("https://ACME.ZeroSSL.com:443/v2/DV90").public(), Some(ZEROSSL));
        assert_eq!(Ca::from("https://ca.test/directory").public(), None);
    }

    #[test]
    fn a_ca_that_has_ended_is_said_to_have() {
        let said = |name: &str| PublicCa::from_str(name).expect_err("unknown").to_string();
        assert!(said("buypass").starts_with("Buypass has ended its ACME service"));
        assert!(said("nobody").contains("lets-encrypt, lets-encrypt-staging, zerossl, google"));
        let url = |text| Url::parse(text).expect("a URL");
        assert_eq!(
            Ca::ended(&url("https://api.buypass.com/acme/directory")),
            Some(UnknownCa(Some("Buypass")))
        );
        assert_eq!(
            Ca::ended(&url("https://api.test4.buypass.no/acme/directory")),
            Some(UnknownCa(Some("Buypass")))
        );
        assert_eq!(Ca::ended(&url("https://buypass.example.com/acme/directory")), None);
        assert_eq!(Ca::ended(&url("https://acme.buypass.internal/acme/directory")), None);
    }

    #[test]
    fn the_pace_is_that_of_the_ca() {
        assert_eq!(LETS_ENCRYPT.policy().rates, Rates::default());
        let rates = ZEROSSL.policy().rates;
        assert_eq!(rates, Rates::together(Rate { per_second: 7, burst: 7 }));
    }
}
