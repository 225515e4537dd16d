//! Accounts, by CA.

use core::fmt;

use acme_proto::pem;
use acme_proto::url::Url;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::json::encode;
use super::{Damage, ca, locked, move_aside, put_text};
use crate::account_file::AccountFile;
use crate::keys::{AccountKey, KeyError, KeyKind, generate};
use crate::storage::access::{Access, Decision, Write};
use crate::storage::{Key, StorageError, Value};

/// An account at a CA: its key, and what is known of it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredAccount {
    directory: Url,
    key: AccountKey,
    about: About,
}

/// `account.json`: no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Url>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    contacts: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agreed_terms: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external_account: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    version: u64,
    directory: Url,
    #[serde(flatten)]
    about: About,
}

impl StoredAccount {
    /// Describes an account that is not registered yet, with its key in PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`] for any other text.
    pub fn new(directory: Url, key_pem: impl Into<Zeroizing<String>>) -> Result<Self, KeyError> {
        let key = AccountKey::from_text(key_pem.into())?;
        Ok(Self { directory, key, about: About::default() })
    }

    /// Sets the URL of the account.
    #[must_use]
    pub fn with_account(mut self, url: Url) -> Self {
        self.about.account = Some(url);
        self
    }

    /// Sets the contact URLs.
    #[must_use]
    pub fn with_contacts(mut self, contacts: Vec<String>) -> Self {
        self.about.contacts = contacts;
        self
    }

    /// Sets the URL of the terms of service that the user agreed to.
    #[must_use]
    pub fn with_agreed_terms(mut self, terms: impl Into<String>) -> Self {
        self.about.agreed_terms = Some(terms.into());
        self
    }

    /// Sets the key identifier of the external account; its MAC key is not stored.
    #[must_use]
    pub fn with_external_account(mut self, kid: impl Into<String>) -> Self {
        self.about.external_account = Some(kid.into());
        self
    }

    /// Forgets the URL, after the CA has lost the account; the key stays.
    pub fn forget_account(&mut self) {
        self.about.account = None;
    }

    /// Adds the new key of a key change, before keyChange is sent.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`] if it is no private key in PKCS#8 PEM.
    pub fn set_new_key(&mut self, pem: impl Into<Zeroizing<String>>) -> Result<(), KeyError> {
        self.key.set_new(pem.into())
    }

    /// Replaces the key by the new one, after the CA has accepted it.
    pub fn adopt_new_key(&mut self) {
        self.key.adopt_new();
    }

    /// Removes the new key, after the CA has refused it.
    pub fn drop_new_key(&mut self) {
        self.key.drop_new();
    }

    /// Returns the directory of the CA.
    pub const fn directory(&self) -> &Url {
        &self.directory
    }

    /// Returns the URL of the account, if it is registered.
    pub const fn account(&self) -> Option<&Url> {
        self.about.account.as_ref()
    }

    /// Returns the contact URLs that it was registered with.
    pub fn contacts(&self) -> &[String] {
        &self.about.contacts
    }

    /// Returns the URL of the terms of service that the user agreed to.
    pub fn agreed_terms(&self) -> Option<&str> {
        self.about.agreed_terms.as_deref()
    }

    /// Returns the key identifier of the external account.
    pub fn external_account(&self) -> Option<&str> {
        self.about.external_account.as_deref()
    }

    /// Returns the private key in PKCS#8 PEM.
    pub const fn key_pem(&self) -> &Zeroizing<String> {
        self.key.pem()
    }

    /// Returns the new private key of an unsettled key change.
    pub const fn new_key_pem(&self) -> Option<&Zeroizing<String>> {
        self.key.new_pem()
    }
}

impl From<&StoredAccount> for AccountKey {
    fn from(account: &StoredAccount) -> Self {
        account.key.clone()
    }
}

impl From<&AccountFile> for StoredAccount {
    fn from(file: &AccountFile) -> Self {
        Self {
            directory: file.directory().clone(),
            key: file.key().clone(),
            about: About { account: file.account().cloned(), ..About::default() },
        }
    }
}

impl fmt::Debug for StoredAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredAccount")
            .field("directory", &self.directory)
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

/// An account that was loaded or made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedAccount {
    /// The account, with a key that is stored.
    pub account: StoredAccount,
    /// Whether the key is new: it was missing, or damaged.
    pub is_new: bool,
    /// What could not be used, and where it was moved.
    pub damaged: Vec<(Damage, Key)>,
}

/// Reads the account at a CA; if there is none, generates its key and stores it.
///
/// A damaged key is moved aside and replaced by a new one. An account without its URL is found by
/// its key, if the CA has it.
///
/// # Errors
///
/// When it is run: [`StorageError::Key`] if a key is needed and cannot be generated.
pub fn load_or_make_account(directory: &Url, kind: KeyKind) -> Access<LoadedAccount> {
    let files = Files::new(directory);
    let directory = directory.clone();
    let (reads, lock) = (files.all().to_vec(), locked(&files.folder));
    Access::new(reads, move |mut reading| {
        let (about, key, new_key) = (reading.next(), reading.next(), reading.next());
        let (mut writes, mut damaged) = (Vec::new(), Vec::new());
        let mut spoiled = |place: &Key, text: &Value, damage| {
            let (aside, moved) = move_aside(place, text);
            damaged.push((damage, aside));
            moved
        };
        let mut key_of = |place: &Key, text: Option<Value>, writes: &mut Vec<Write>| {
            let text = text?;
            read_key(&text).map_err(|e| writes.extend(spoiled(place, &text, e))).ok()
        };
        let found = key_of(&files.key, key, &mut writes);
        let new_key_pem = key_of(&files.new_key, new_key, &mut writes);
        let is_new = found.is_none();
        let key_pem = found.map_or_else(|| generate(kind), Ok)?;
        let mut account = StoredAccount::new(directory.clone(), key_pem)?;
        if let Some(pem) = new_key_pem {
            account.set_new_key(pem)?;
        }
        if let Some(text) = about {
            match serde_json::from_slice::<Document>(&text) {
                Ok(document) if document.directory == directory => account.about = document.about,
                _ => writes.extend(spoiled(&files.about, &text, Damage::Json)),
            }
        }
        if is_new {
            // The URL is that of the key that is gone.
            account.forget_account();
            writes.extend(files.writes(&account)?);
        }
        Ok(Decision::new(writes, LoadedAccount { account, is_new, damaged }))
    })
    .may_generate_key()
    .locking(lock)
}

/// Replaces what is stored of an account, or adds it.
///
/// # Errors
///
/// [`StorageError::Encode`]. When it is run: [`StorageError::OtherAccount`] if the storage holds an
/// account at this CA with which this one has no key in common.
pub fn save_account(account: &StoredAccount) -> Result<Access<()>, StorageError> {
    let files = Files::new(&account.directory);
    let writes = files.writes(account)?;
    let (lock, account) = (locked(&files.folder), account.clone());
    let reads = vec![files.key.clone(), files.new_key.clone()];
    Ok(Access::new(reads, move |mut reading| {
        let there = [reading.next(), reading.next()];
        let mut there = there.iter().flatten().filter_map(|text| read_key(text).ok()).peekable();
        let own = [Some(account.key_pem()), account.new_key_pem()];
        let is_own = |key: Zeroizing<String>| {
            own.iter().flatten().any(|own| read_key(own.as_bytes()).as_ref() == Ok(&key))
        };
        if there.peek().is_some() && !there.any(is_own) {
            return Err(StorageError::OtherAccount { key: files.key.clone() });
        }
        Ok(Decision::new(writes.clone(), ()))
    })
    .locking(lock))
}

struct Files {
    folder: Key,
    about: Key,
    key: Key,
    new_key: Key,
}

impl Files {
    fn new(directory: &Url) -> Self {
        let folder = Key::new("accounts").join(&ca(directory));
        Self {
            about: folder.join("account.json"),
            key: folder.join("key.pem"),
            new_key: folder.join("new-key.pem"),
            folder,
        }
    }

    fn all(&self) -> [Key; 3] {
        [&self.about, &self.key, &self.new_key].map(Clone::clone)
    }

    /// A key is written before whatever else depends on it, and the one it replaces goes last.
    fn writes(&self, account: &StoredAccount) -> Result<Vec<Write>, StorageError> {
        let document = Document {
            version: VERSION,
            directory: account.directory.clone(),
            about: account.about.clone(),
        };
        let mut writes = Vec::new();
        if let Some(pem) = account.new_key_pem() {
            writes.push(put_text(&self.new_key, pem));
        }
        writes.push(put_text(&self.key, account.key_pem()));
        writes.push(Write::Put(self.about.clone(), encode(&document)?));
        if account.new_key_pem().is_none() {
            writes.push(Write::Delete(self.new_key.clone()));
        }
        Ok(writes)
    }
}

/// Reads a private key, whatever its line ends.
pub(super) fn read_key(text: &[u8]) -> Result<Zeroizing<String>, Damage> {
    let text = core::str::from_utf8(text).map_err(|_| Damage::NotText)?;
    let der = pem::decode_one(text.as_bytes(), "PRIVATE KEY").map(Zeroizing::new);
    let der = der.map_err(|error| KeyError::Pem(error.to_string()))?;
    Ok(Zeroizing::new(pem::encode("PRIVATE KEY", &der)))
}

const VERSION: u64 = 1;
