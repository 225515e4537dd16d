//! A private key in a file of its own: loaded if the file is there, generated and stored if it is
//! not.
//!
//! The file is PKCS#8 PEM, mode 0600, as OpenSSL and web servers read it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use zeroize::Zeroizing;

use crate::atomic::{self, Visibility};
use crate::keys::{AccountKey, KeyError, KeyKind, ProviderKey, default_provider, generate};

impl AccountKey {
    /// Loads the key in a file, or generates one and stores it there first.
    ///
    /// The key is on stable storage before this returns, so that no crash can leave an account
    /// whose key is lost. An existing file is never changed; its key may be of another kind than
    /// `kind`.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`] names the file: it cannot be read or written, or holds something other than
    /// one private key.
    pub fn load_or_generate(path: impl AsRef<Path>, kind: KeyKind) -> Result<Self, KeyFileError> {
        let path = path.as_ref();
        let pem = load_or_generate(path, kind)?;
        Self::from_pem(&pem).map_err(|source| KeyFileError::key(path, source))
    }
}

impl ProviderKey {
    /// Loads the key in a file into the default provider, or generates one and stores it there
    /// first.
    ///
    /// The key is on stable storage before this returns, so that no crash can leave a certificate
    /// whose key is lost. An existing file is never changed; its key may be of another kind than
    /// `kind`.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`] names the file: it cannot be read or written, or holds a key that the
    /// provider cannot use.
    pub fn load_or_generate(path: impl AsRef<Path>, kind: KeyKind) -> Result<Self, KeyFileError> {
        let path = path.as_ref();
        let pem = load_or_generate(path, kind)?;
        let load = |provider: Arc<CryptoProvider>| Self::from_pkcs8_pem(&pem, &provider);
        default_provider().and_then(load).map_err(|source| KeyFileError::key(path, source))
    }
}

/// Why the key in a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be read or written; the cause is the operating system's error.
    #[error("key file {}: check that it and its directory can be read and written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The file holds something other than a usable private key, or no key can be generated.
    #[error("key file {}: no usable key; name another file, or move this one away", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with the key.
        source: KeyError,
    },
}

impl KeyFileError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    fn key(path: &Path, source: KeyError) -> Self {
        Self::Key { path: path.to_owned(), source }
    }
}

fn load_or_generate(path: &Path, kind: KeyKind) -> Result<Zeroizing<String>, KeyFileError> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found.map_err(|source| KeyFileError::io(path, source)),
    }
    let pem = generate(kind).map_err(|source| KeyFileError::key(path, source))?;
    match atomic::create(path, pem.as_bytes(), Visibility::Secret) {
        Ok(()) => Ok(pem),
        // Another process was faster. Its key counts, since it may be registered by now.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(path).map_err(|source| KeyFileError::io(path, source))
        }
        Err(source) => Err(KeyFileError::io(path, source)),
    }
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    // The whole capacity up front: a buffer that grows would leave copies of the key in freed
    // memory.
    let mut text = Zeroizing::new(String::with_capacity(MAX_LEN + 1));
    File::open(path)?.take(MAX_LEN as u64 + 1).read_to_string(&mut text)?;
    if text.len() > MAX_LEN {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too long for a private key"));
    }
    Ok(text)
}

/// A 4096-bit RSA key in PEM has about 3,300 octets; some users keep notes above theirs.
const MAX_LEN: usize = 64 * 1024;
