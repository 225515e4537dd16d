//! The output directory and its files.

use std::fs;
use std::io;
use std::path::PathBuf;

use acme_adapter::atomic::{self, Visibility};
use acme_adapter::keys::{KeyKind, ProviderKey};
use acme_adapter::lock::Lock;
use acme_adapter::store::OrderFile;
use acme_proto::identifier::Identifier;
use acme_proto::snapshot::Snapshot;
use acme_proto::url::Url;
use acme_proto::x509::{CertificateChain, Csr};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::key;
use crate::locking;
use crate::renewal::Stored;

/// The directory `--out`, locked for this run.
#[derive(Debug)]
pub(crate) struct Output {
    dir: PathBuf,
    /// The embedded CA issues.
    embedded: bool,
    _lock: Lock,
}

impl Output {
    /// Creates the directory if it is missing, and locks it.
    pub(crate) fn open(dir: PathBuf, embedded: bool) -> Result<Self, Failure> {
        fs::create_dir_all(&dir).map_err(|error| {
            Failure::failed(format!(
                "the directory {} cannot be made: {error}; give another --out DIR",
                dir.display()
            ))
        })?;
        let lock = locking::acquire(&dir.join(ORDER))
            .map_err(|error| Failure::failed(format!("{error}, or give another --out DIR")))?;
        Ok(Self { dir, embedded, _lock: lock })
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn order(&self) -> OrderFile {
        OrderFile::new(self.order_path())
    }

    /// Returns the path of the unfinished order; that of an embedded CA has a name of its own.
    pub(crate) fn order_path(&self) -> PathBuf {
        self.file(if self.embedded { EMBEDDED_ORDER } else { ORDER })
    }

    /// Returns the path of the account file, where the user gives no other.
    pub(crate) fn account_path(&self) -> PathBuf {
        self.file(if self.embedded { "embedded-account.json" } else { "account.json" })
    }

    /// Refuses to put a certificate of the embedded CA in the place of what a real CA issued, or is about to.
    pub(crate) fn check_place(&self) -> Result<(), Failure> {
        if !self.embedded {
            return Ok(());
        }
        let real = OrderFile::new(self.file(ORDER));
        let ordered = real.load().map_err(|error| Failure::failed(error.to_string()))?;
        let ordered = ordered.map(|order| (ORDER, order.directory_url().clone()));
        let stored = Stored::load(self).map(|stored| (CERTIFICATE, stored.directory().clone()));
        match ordered.or(stored) {
            Some((file, directory)) => Err(Failure::failed(format!(
                "{} is of {directory}, and the embedded test CA would replace it; give that --directory, or another --out DIR",
                self.file(file).display()
            ))),
            None => Ok(()),
        }
    }

    /// Reads the unfinished order, if there is one.
    ///
    /// # Errors
    ///
    /// If the order is of another CA, or for other names or another key than those of this run.
    /// Discarding it would leave its challenges published.
    pub(crate) fn unfinished(&self, run: &Run<'_>) -> Result<Found, Failure> {
        let path = self.order_path();
        let order = self.order().load().map_err(|error| Failure::failed(error.to_string()))?;
        let Some(snapshot) = order else { return Ok(Found::Nothing) };
        let foreign = |what: String, cure: &str| {
            Failure::failed(format!("{} {what}; {cure}, or another --out DIR", path.display()))
        };
        if snapshot.directory_url() != run.directory {
            if self.embedded {
                return Ok(Found::Gone);
            }
            let what = format!("is an unfinished order at {}", snapshot.directory_url());
            return Err(foreign(what, "give that --directory to resume it"));
        }
        // The order was not created, and nothing is published: there is nothing to lose.
        if snapshot.order_url().is_none() && snapshot.challenges().is_empty() {
            return Ok(Found::Nothing);
        }
        if !same_names(snapshot.identifiers(), run.names) {
            let names: Vec<_> = snapshot.identifiers().iter().map(Identifier::value).collect();
            let what = format!("is an unfinished order for {}", names.join(" "));
            return Err(foreign(what, "give these names to resume it"));
        }
        if let Some(ours) = snapshot_key(&snapshot)
            && !self.holds(&ours, run)?
        {
            let what = "is an unfinished order for a key that is missing".to_owned();
            let cure = "restore its key.pem, give its --csr, delete that file to start over";
            return Err(foreign(what, cure));
        }
        Ok(Found::Unfinished(Box::new(snapshot)))
    }

    /// Returns whether this run has the key with this SPKI.
    fn holds(&self, spki: &[u8], run: &Run<'_>) -> Result<bool, Failure> {
        Ok(match run.csr {
            Some(csr) => csr.spki_der() == spki,
            None => self.key()?.is_some_and(|key| key.public_key().to_spki_der() == spki),
        })
    }

    /// Reads `key.pem`, if there is one.
    pub(crate) fn key(&self) -> Result<Option<ProviderKey>, Failure> {
        let path = self.file(KEY);
        let failed = |why: String| {
            let path = path.display();
            Failure::failed(format!("{path}: {why}; move it away, or give another --out DIR"))
        };
        match fs::read_to_string(&path).map(Zeroizing::new) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(format!("cannot be read: {error}"))),
            Ok(pem) => key::read(&pem).map(Some).map_err(|error| failed(error.to_string())),
        }
    }

    /// Refuses an existing `key.pem` that does not fit this run's `--key` or `--csr`.
    pub(crate) fn check_key(
        &self,
        wanted: Option<KeyKind>,
        csr: Option<&Csr>,
    ) -> Result<(), Failure> {
        let Some(key) = self.key()? else { return Ok(()) };
        let path = self.file(KEY);
        let path = path.display();
        if csr.is_some_and(|csr| csr.spki_der() != key.public_key().to_spki_der()) {
            return Err(Failure::failed(format!(
                "{path} is not the key of the CSR, and its certificate would replace the one for that key; give another --out DIR"
            )));
        }
        match wanted {
            Some(kind) if !key::is(&key, kind) => Err(Failure::failed(format!(
                "{path} is not a key of kind {kind}, and is not overwritten; give another --out DIR, or leave --key out"
            ))),
            _ => Ok(()),
        }
    }

    /// Reads `key.pem`, or generates a key and writes it before returning.
    pub(crate) fn key_or_new(&self, kind: KeyKind) -> Result<ProviderKey, Failure> {
        if let Some(key) = self.key()? {
            return Ok(key);
        }
        let failed = |error: String| Failure::failed(format!("--key {kind}: {error}"));
        let pem = key::generate(kind).map_err(|error| failed(error.to_string()))?;
        let key = key::read(&pem).map_err(|error| failed(error.to_string()))?;
        self.write(KEY, pem.as_bytes(), Visibility::Secret)?;
        Ok(key)
    }

    /// Writes the certificate, and the root of an embedded CA.
    pub(crate) fn store(
        &self,
        chain: &CertificateChain,
        root: Option<&str>,
    ) -> Result<(), Failure> {
        if let Some(root) = root {
            self.write(ROOT, root.as_bytes(), Visibility::Public)?;
        }
        self.write(CERTIFICATE, chain.to_pem().as_bytes(), Visibility::Public)
    }

    pub(crate) fn forget_order(&self) -> Result<(), Failure> {
        self.order().clear().map_err(|error| Failure::failed(error.to_string()))
    }

    pub(crate) fn write_public(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        self.write(name, content, Visibility::Public)
    }

    fn write(&self, name: &str, content: &[u8], visibility: Visibility) -> Result<(), Failure> {
        let path = self.file(name);
        atomic::write(&path, content, visibility).map_err(|error| {
            Failure::failed(format!(
                "{} cannot be written: {error}; free some space or correct its permissions, then run again",
                path.display()
            ))
        })
    }
}

pub(crate) const CERTIFICATE: &str = "cert.pem";
pub(crate) const KEY: &str = "key.pem";
pub(crate) const ORDER: &str = "order.json";
const EMBEDDED_ORDER: &str = "embedded-order.json";
pub(crate) const RENEWAL: &str = "renewal.json";
pub(crate) const ROOT: &str = "root.pem";

/// The properties of this run that an unfinished order must share.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) directory: &'a Url,
    pub(crate) names: &'a [Identifier],
    pub(crate) csr: Option<&'a Csr>,
}

/// The content of `order.json`.
#[derive(Debug)]
pub(crate) enum Found {
    Nothing,
    /// An order at the embedded CA of an earlier run, which no longer exists.
    Gone,
    Unfinished(Box<Snapshot>),
}

/// Returns whether two lists have the same names, in any order.
pub(crate) fn same_names(one: &[Identifier], other: &[Identifier]) -> bool {
    let sorted = |names: &[Identifier]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    sorted(one) == sorted(other)
}

/// Returns the SPKI of the CSR in a snapshot, or `None` if the order has no CSR yet.
fn snapshot_key(snapshot: &Snapshot) -> Option<Vec<u8>> {
    let json = serde_json::to_value(snapshot).ok()?;
    let der = acme_proto::jose::base64url::decode(json.get("csr")?.as_str()?).ok()?;
    Some(Csr::from_der(der).ok()?.spki_der().to_vec())
}
