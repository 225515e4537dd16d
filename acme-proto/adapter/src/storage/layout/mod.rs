//! What is stored under which key.
//!
//! ```text
//! version                               1
//! accounts/CA/account.json              URL, contacts, the terms that were agreed to
//! accounts/CA/key.pem                   the account key, PKCS#8
//! accounts/CA/new-key.pem               only while the key is changed: the new one
//! certificates/NAME/bundle.pem          the key, then the certificate and its issuers
//! certificates/NAME/certificate.json    names, validity, who issued it; for people, except `directory`
//! certificates/NAME/key.pem             the key alone, taken from bundle.pem
//! certificates/NAME/cert.pem            the certificate and its issuers, taken from bundle.pem
//! certificates/NAME/renewal.json        when it is renewed next
//! orders/NAME.json                      an order in flight
//! orders/NAME.key.pem                   the key of its certificate
//! sessions/CA.json                      what was learnt about the CA's server
//! validations/MARK-NAME.json            a challenge that any server with this storage may answer
//! damaged/                              what could not be used
//! .locks/                               empty files, for locks; they stay
//! ```
//!
//! `CA` is the directory URL without `https://`, such as
//! `acme-v02.api.letsencrypt.org,directory`. `NAME` is what the certificate is called, usually its
//! first identifier; [`Key`] says how characters such as `*` are written. Everything is PEM or
//! JSON, and all of it is a secret: files have mode 0600, folders 0700.
//!
//! # One truth
//!
//! `bundle.pem` is replaced in one step, so key and certificate in it always belong together.
//! `key.pem` and `cert.pem` are written after it. After a crash between these writes they may
//! differ; [`load_certificate`] writes them again, and only then returns. Restart or reload other
//! programs after that, never before.
//!
//! # Other programs
//!
//! A web server that starts as root, and reads its files before it gives up its rights, can use the
//! files where they are. nginx:
//!
//! ```text
//! ssl_certificate     /var/lib/acme/certificates/example.org/bundle.pem;
//! ssl_certificate_key /var/lib/acme/certificates/example.org/bundle.pem;
//! ```
//!
//! The pair `cert.pem` and `key.pem` works too. HAProxy takes both from one file:
//!
//! ```text
//! bind :443 ssl crt /var/lib/acme/certificates/example.org/bundle.pem
//! ```
//!
//! # Damage
//!
//! A file that is there and cannot be used is moved to `damaged`, never removed. The name it has there
//! begins with a part of the hash of its content. The result of the operation says so.
//!
//! # Changes
//!
//! `version` changes only if an older program could do harm. [`open`] reads it, and writes it into
//! an empty storage.

mod account;
mod certificate;
mod json;
mod life;
mod order;
mod validation;

use core::fmt;

use acme_proto::identifier::Identifier;
use acme_proto::url::Url;
use sha2::{Digest as _, Sha256};

pub use self::account::{LoadedAccount, StoredAccount, load_or_make_account, save_account};
pub use self::certificate::{
    Damage, LoadedCertificate, StoredCertificate, aside_of_certificate, list_certificates,
    load_certificate, remove_certificate, save_certificate, set_aside_certificate,
};
pub use self::json::{load_json, save_json};
pub use self::life::StoredLife;
pub use self::order::{
    OrderKey, StoredInFlight, StoredOrder, clear_order, list_orders, load_or_make_order_key,
    load_order, save_order,
};
pub use self::validation::{StoredValidation, validation, validations};
use super::access::{Access, Decision, Locking, Write};
use super::key::{escape, unescape};
use super::{Key, StorageError, Value};

/// What a certificate is called in the storage: usually its first identifier.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    segment: String,
}

impl Name {
    /// Makes a name of any text.
    pub fn new(text: &str) -> Self {
        Self { segment: escape(text) }
    }

    /// Returns the text that it was made of; `None` if that was so long that only its beginning
    /// and its hash are stored.
    pub fn text(&self) -> Option<String> {
        unescape(&self.segment)
    }

    /// Returns the name as it is written in keys.
    pub fn as_str(&self) -> &str {
        &self.segment
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<&Identifier> for Name {
    fn from(identifier: &Identifier) -> Self {
        Self::new(&identifier.value())
    }
}

impl From<&Self> for Name {
    fn from(name: &Self) -> Self {
        name.clone()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segment)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({})", self.segment)
    }
}

/// The version of the layout.
pub const VERSION: u64 = 1;

/// Checks the version of a storage, and writes it into an empty one.
///
/// # Errors
///
/// When it is run: [`StorageError::Version`] for any other version.
pub fn open() -> Access<()> {
    let key = Key::new("version");
    Access::new(vec![key.clone()], move |mut reading| match reading.next() {
        None => {
            let text = Value::new(format!("{VERSION}\n").into_bytes());
            Ok(Decision::new(vec![Write::Put(key.clone(), text)], ()))
        }
        Some(text) => match core::str::from_utf8(&text).map(str::trim) {
            Ok(found) if found.parse() == Ok(VERSION) => Ok(Decision::new(Vec::new(), ())),
            found => {
                let found = found.unwrap_or("that is no text").chars().take(20);
                Err(StorageError::Version {
                    found: found.filter(|c| !c.is_control()).collect(),
                    known: VERSION,
                })
            }
        },
    })
}

/// Returns the lock for whoever obtains the certificate of this name, so that only one does.
///
/// The operations of this module never take it.
pub fn issuance_lock(name: impl Into<Name>) -> Key {
    Key::new("issuing").join_escaped(name.into().as_str(), "")
}

/// Returns the lock for whoever registers the account at this CA or changes its key.
///
/// The operations of this module never take it.
pub fn registration_lock(directory: &Url) -> Key {
    Key::new("registering").join(&ca(directory))
}

/// Returns the key of the renewal state of a certificate, for [`load_json`] and [`save_json`].
pub fn renewal(name: impl Into<Name>) -> Key {
    certificate::folder(&name.into()).join("renewal.json")
}

/// Returns the key of what is known about a CA's server, for [`load_json`] and [`save_json`].
pub fn session(directory: &Url) -> Key {
    Key::new("sessions").join_with_ending(&ca(directory), ".json")
}

/// Returns the text that stands for a CA in keys.
fn ca(directory: &Url) -> String {
    let url = directory.as_str();
    let at = url.find("://").map_or(0, |at| at + 3);
    let host = directory.authority();
    let path = &url[at + host.len()..];
    let scheme = if directory.is_https() { "" } else { "http://" };
    format!("{scheme}{}{path}", host.to_ascii_lowercase())
}

/// Moves a value aside: the copy is written before the original is removed.
fn move_aside(key: &Key, value: &Value) -> (Key, [Write; 2]) {
    let segment = format!("{}-{}", mark(value), key.flat());
    let aside = Key::new("damaged").join_escaped(&segment, "");
    (aside.clone(), [Write::Put(aside, value.clone()), Write::Delete(key.clone())])
}

/// Returns a part of the hash of a text, in hexadecimal digits.
fn mark(text: &[u8]) -> String {
    Sha256::digest(text)[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn put_text(key: &Key, text: &str) -> Write {
    Write::Put(key.clone(), Value::new(text.as_bytes().to_vec()))
}

fn locked(folder: &Key) -> Locking {
    Locking::Always(folder.clone())
}
