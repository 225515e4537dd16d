//! Certificates with their keys.

use core::fmt;

use acme_proto::identifier::Identifier;
use acme_proto::pem;
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use acme_proto::x509::{Certificate, CertificateChain, InvalidChain};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::json::encode;
use super::{Name, locked, move_aside, put_text};
use crate::keys::{KeyError, ProviderKey, check_pkcs8_pem, default_provider};
use crate::storage::access::{Access, Decision, Locking, Write};
use crate::storage::{Key, StorageError, Value};

/// A certificate with its issuers, its key, and where it is from.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredCertificate {
    chain: CertificateChain,
    key_pem: Zeroizing<String>,
    directory: Option<Url>,
    issued_at: Timestamp,
    key_made_at: Option<Timestamp>,
}

impl StoredCertificate {
    /// Joins a chain and its key in PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// [`Damage::Key`] if the text is no key, and [`Damage::OtherKey`] if it is not that of the
    /// certificate, as far as the default crypto provider can load it.
    pub fn new(
        chain: CertificateChain,
        key_pem: impl Into<Zeroizing<String>>,
    ) -> Result<Self, Damage> {
        let key_pem = key_pem.into();
        check_pkcs8_pem(&key_pem)?;
        if belongs(&key_pem, &chain) == Some(false) {
            return Err(Damage::OtherKey);
        }
        let issued_at = chain.leaf().not_before();
        Ok(Self { chain, key_pem, directory: None, issued_at, key_made_at: None })
    }

    /// Sets the directory of the CA that issued it.
    #[must_use]
    pub fn with_directory(mut self, directory: Url) -> Self {
        self.directory = Some(directory);
        self
    }

    /// Sets when it was issued; without this, it is the beginning of its validity.
    #[must_use]
    pub const fn with_issued_at(mut self, at: Timestamp) -> Self {
        self.issued_at = at;
        self
    }

    /// Sets when its key was made, at the earliest: an order with a key of before does not fulfil a wish
    /// for a new one.
    #[must_use]
    pub const fn with_key_made_at(mut self, at: Timestamp) -> Self {
        self.key_made_at = Some(at);
        self
    }

    /// Returns the certificate and its issuers.
    pub const fn chain(&self) -> &CertificateChain {
        &self.chain
    }

    /// Returns the certificate.
    pub fn leaf(&self) -> &Certificate {
        self.chain.leaf()
    }

    /// Returns the private key in PKCS#8 PEM.
    pub const fn key_pem(&self) -> &Zeroizing<String> {
        &self.key_pem
    }

    /// Returns the names of the certificate.
    pub fn identifiers(&self) -> &[Identifier] {
        self.leaf().identifiers()
    }

    /// Returns the directory of the CA that issued it, if that is known.
    pub const fn directory(&self) -> Option<&Url> {
        self.directory.as_ref()
    }

    /// Returns when it was issued.
    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// Returns when its key was made, at the earliest, if that is known.
    pub const fn key_made_at(&self) -> Option<Timestamp> {
        self.key_made_at
    }

    /// Returns the end of its validity.
    pub fn not_after(&self) -> Timestamp {
        self.leaf().not_after()
    }

    /// Parses key and chain from one text, in any order, with whatever text around them.
    ///
    /// # Errors
    ///
    /// [`Damage`] says what is missing or wrong.
    pub fn from_bundle(text: &[u8]) -> Result<Self, Damage> {
        let text = core::str::from_utf8(text).map_err(|_| Damage::NotText)?;
        let (key, chain) = split(text);
        let der = pem::decode_one(key.as_bytes(), "PRIVATE KEY")
            .map(Zeroizing::new)
            .map_err(|error| KeyError::Pem(error.to_string()))?;
        let key_pem = Zeroizing::new(pem::encode("PRIVATE KEY", &der));
        Self::new(CertificateChain::parse_pem(chain.as_bytes())?, key_pem)
    }

    /// Returns key and chain in one text, the key first.
    pub fn to_bundle(&self) -> Zeroizing<String> {
        let chain = self.chain.to_pem();
        let mut text = Zeroizing::new(String::with_capacity(self.key_pem.len() + chain.len() + 1));
        text.push_str(&self.key_pem);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&chain);
        text
    }

    fn description(&self) -> Description {
        let leaf = self.leaf();
        Description {
            version: VERSION,
            identifiers: self.identifiers().iter().map(Identifier::value).collect(),
            directory: self.directory.clone(),
            issuer: leaf.issuer_common_name(),
            issued_at: self.issued_at.to_rfc3339_seconds(),
            key_made_at: self.key_made_at.map(|at| at.to_rfc3339_seconds()),
            not_before: leaf.not_before().to_rfc3339_seconds(),
            not_after: leaf.not_after().to_rfc3339_seconds(),
            renewal_id: leaf.renewal_id(),
            sha256: fingerprint(leaf),
            next: None,
        }
    }

    /// Adds what the description says, if it is that of this certificate.
    fn described(mut self, text: &[u8]) -> Option<Self> {
        let mut about: Description = serde_json::from_slice(text).ok()?;
        let fingerprint = fingerprint(self.leaf());
        if about.sha256 != fingerprint {
            about = *about.next.filter(|next| next.sha256 == fingerprint)?;
        }
        self.issued_at = Timestamp::parse_rfc3339(&about.issued_at).ok()?;
        self.key_made_at = match about.key_made_at {
            Some(at) => Some(Timestamp::parse_rfc3339(&at).ok()?),
            None => None,
        };
        self.directory = about.directory;
        Some(self)
    }
}

impl fmt::Debug for StoredCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredCertificate")
            .field("leaf", self.leaf())
            .field("directory", &self.directory)
            .field("issued_at", &self.issued_at)
            .finish_non_exhaustive()
    }
}

/// What was found under the name of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadedCertificate {
    /// Nothing.
    Missing,
    /// A certificate.
    Intact {
        /// The certificate.
        certificate: Box<StoredCertificate>,
        /// The files beside its bundle that were missing or different, and were written again.
        repaired: Vec<Key>,
    },
    /// A bundle that cannot be used.
    Damaged {
        /// What is wrong with it.
        damage: Damage,
        /// Where it was moved.
        aside: Key,
        /// The certificate, if `key.pem` and `cert.pem` still hold it; the bundle is then written
        /// again.
        rescued: Option<Box<StoredCertificate>>,
    },
}

impl LoadedCertificate {
    /// Returns the certificate, if there is one that can be used.
    pub fn certificate(self) -> Option<StoredCertificate> {
        match self {
            Self::Intact { certificate, .. } | Self::Damaged { rescued: Some(certificate), .. } => {
                Some(*certificate)
            }
            _ => None,
        }
    }
}

/// Why a stored text cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// It is not text.
    #[error("it is not text")]
    NotText,
    /// It is not the JSON that belongs there.
    #[error("it is not the JSON that belongs there")]
    Json,
    /// There is no private key that can be used.
    #[error("it has no usable private key")]
    Key(#[from] KeyError),
    /// There is no certificate chain.
    #[error("it has no usable certificate")]
    Chain(#[from] InvalidChain),
    /// The key does not belong to the certificate.
    #[error("its key is not that of its certificate")]
    OtherKey,
}

/// Reads a certificate, moves a damaged bundle aside, and repairs the files beside it.
pub fn load_certificate(name: impl Into<Name>) -> Access<LoadedCertificate> {
    let files = Files::new(&name.into());
    let lock = Locking::ToWrite(files.folder.clone());
    let reads = files.all().to_vec();
    Access::new(reads, move |mut reading| {
        let mut next = || reading.next();
        let (bundle, about, key, chain) = (next(), next(), next(), next());
        let Some(bundle) = bundle else {
            return Ok(Decision::new(Vec::new(), LoadedCertificate::Missing));
        };
        match StoredCertificate::from_bundle(&bundle) {
            Ok(certificate) => {
                let found = about.as_ref().and_then(|text| certificate.clone().described(text));
                let certificate = found.unwrap_or(certificate);
                let mut writes = files.beside(&certificate)?;
                let same = |there: &Option<Value>, key: &Key, put: &Write| {
                    *put == Write::Put(key.clone(), there.clone().unwrap_or_default())
                };
                writes.retain(|write| {
                    !(same(&key, &files.key, write)
                        || same(&chain, &files.chain, write)
                        || same(&about, &files.about, write))
                });
                let repaired = writes.iter().map(|write| write.key().clone()).collect();
                let certificate = Box::new(certificate);
                Ok(Decision::new(writes, LoadedCertificate::Intact { certificate, repaired }))
            }
            Err(damage) => {
                let (aside, moved) = move_aside(&files.bundle, &bundle);
                let mut writes = moved.to_vec();
                let rescued = rescue(key, chain).map(|found| {
                    let described = about.and_then(|text| found.clone().described(&text));
                    described.unwrap_or(found)
                });
                if let Some(certificate) = &rescued {
                    // In place of its removal, so that there is a bundle at every moment.
                    writes.pop();
                    writes.push(put_text(&files.bundle, &certificate.to_bundle()));
                }
                let rescued = rescued.map(Box::new);
                Ok(Decision::new(writes, LoadedCertificate::Damaged { damage, aside, rescued }))
            }
        }
    })
    .locking(lock)
}

/// Returns the operation that replaces a certificate, or adds it.
///
/// # Errors
///
/// [`StorageError::Encode`] if its description cannot be written as JSON.
pub fn save_certificate(
    name: impl Into<Name>,
    certificate: &StoredCertificate,
) -> Result<Access<()>, StorageError> {
    let files = Files::new(&name.into());
    let mut writes = vec![put_text(&files.bundle, &certificate.to_bundle())];
    writes.extend(files.beside(certificate)?);
    let (lock, about) = (locked(&files.folder), files.about);
    let description = certificate.description();
    Ok(Access::new(vec![about.clone()], move |mut reading| {
        // The description comes before the bundle: after a crash between them, it is that of the old
        // one and of the new one.
        let old = reading.next();
        let old = old.and_then(|text| serde_json::from_slice::<Description>(&text).ok());
        let both = match old.filter(|old| old.sha256 != description.sha256) {
            Some(old) => Description { next: Some(Box::new(description.clone())), ..old },
            None => description.clone(),
        };
        let mut all = vec![Write::Put(about.clone(), encode(&both)?)];
        all.extend(writes.iter().cloned());
        Ok(Decision::new(all, ()))
    })
    .locking(lock))
}

/// Stores a certificate that cannot be used, with its key, where damaged values are, in place of the last one of the
/// name: each further attempt brings another.
pub fn set_aside_certificate(name: impl Into<Name>, certificate: &StoredCertificate) -> Access<()> {
    let aside = aside_of_certificate(name);
    let write = put_text(&aside, &certificate.to_bundle());
    Access::new(Vec::new(), move |_| Ok(Decision::new(vec![write.clone()], ())))
}

/// Returns where [`set_aside_certificate`] stores it.
pub fn aside_of_certificate(name: impl Into<Name>) -> Key {
    let segment = format!("unusable-{}", Files::new(&name.into()).bundle.flat());
    Key::new("damaged").join_escaped(&segment, "")
}

/// Removes a certificate and its renewal state; what was moved aside stays.
pub fn remove_certificate(name: impl Into<Name>) -> Access<()> {
    let name = name.into();
    let files = Files::new(&name);
    let folder = files.folder.clone();
    let renewal = super::renewal(&name);
    // The bundle first: the others are nothing without it.
    let keys = files.all().into_iter().chain([renewal]).map(Write::Delete);
    let writes = keys.collect::<Vec<_>>();
    Access::new(Vec::new(), move |_| Ok(Decision::new(writes.clone(), ()))).locking(locked(&folder))
}

/// Returns the names under which there are certificates, in order.
pub fn list_certificates() -> Access<Vec<Name>> {
    Access::new(Vec::new(), |reading| {
        let name = |key: &Key| {
            let mut segments = key.segments().skip(1);
            let (segment, file) = (segments.next()?, segments.next()?);
            (file == "bundle.pem").then(|| Name { segment: segment.into() })
        };
        Ok(Decision::new(Vec::new(), reading.listed.iter().filter_map(name).collect()))
    })
    .listing(Key::new("certificates"))
}

pub(super) fn folder(name: &Name) -> Key {
    Key::new("certificates").join_escaped(name.as_str(), "")
}

struct Files {
    folder: Key,
    bundle: Key,
    about: Key,
    key: Key,
    chain: Key,
}

impl Files {
    fn new(name: &Name) -> Self {
        let folder = folder(name);
        Self {
            bundle: folder.join("bundle.pem"),
            about: folder.join("certificate.json"),
            key: folder.join("key.pem"),
            chain: folder.join("cert.pem"),
            folder,
        }
    }

    fn all(&self) -> [Key; 4] {
        [&self.bundle, &self.about, &self.key, &self.chain].map(Clone::clone)
    }

    /// The files that follow the bundle.
    fn beside(&self, certificate: &StoredCertificate) -> Result<Vec<Write>, StorageError> {
        Ok(vec![
            Write::Put(self.about.clone(), encode(&certificate.description())?),
            put_text(&self.key, &certificate.key_pem),
            put_text(&self.chain, &certificate.chain.to_pem()),
        ])
    }
}

/// Joins the key and the chain of the two files, if they certainly belong together.
fn rescue(key: Option<Value>, chain: Option<Value>) -> Option<StoredCertificate> {
    let (mut text, chain) = (key?, chain?);
    text.push(b'\n');
    text.extend_from_slice(&chain);
    let found = StoredCertificate::from_bundle(&text).ok()?;
    (belongs(&found.key_pem, &found.chain) == Some(true)).then_some(found)
}

/// Whether a key is that of a certificate; `None` if there is no provider that can load it.
fn belongs(key_pem: &str, chain: &CertificateChain) -> Option<bool> {
    let key = ProviderKey::from_pkcs8_pem(key_pem, &default_provider().ok()?).ok()?;
    Some(chain.leaf().public_key().is_ok_and(|public| public == *key.public_key()))
}

/// Separates blocks that are private keys from everything else.
fn split(text: &str) -> (Zeroizing<String>, String) {
    let mut key = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = String::new();
    let mut inside = false;
    for line in text.lines() {
        let label = |edge: &str| {
            line.trim().strip_prefix(edge).is_some_and(|rest| rest.ends_with("PRIVATE KEY-----"))
        };
        inside |= label("-----BEGIN ");
        let part = if inside { &mut *key } else { &mut rest };
        part.push_str(line);
        part.push('\n');
        inside &= !label("-----END ");
    }
    (key, rest)
}

fn fingerprint(leaf: &Certificate) -> String {
    leaf.fingerprint_sha256().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    version: u64,
    identifiers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    directory: Option<Url>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    issued_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_made_at: Option<String>,
    not_before: String,
    not_after: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renewal_id: Option<String>,
    sha256: String,
    /// The description of the certificate that is about to replace this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<Box<Self>>,
}

const VERSION: u64 = 1;
