//! The keys of TSIG, and BIND's files of them.

use core::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use acme_proto::jose::{InvalidMacKey, MacAlgorithm, MacKey};
use zeroize::Zeroizing;

use super::name::DnsName;

/// A key that a DNS server shares with this client, to sign updates (RFC 8945); wiped from memory when dropped.
///
/// ```
/// # use acme_adapter::dns_update::TsigKey;
/// let text = r#"key "acme.example.org" { algorithm hmac-sha256; secret "c2VjcmV0IHNlY3JldCBzZWNyZXQ="; };"#;
/// let key = TsigKey::parse(text)?;
/// assert_eq!(key.name(), "acme.example.org");
/// # Ok::<(), acme_adapter::dns_update::InvalidTsigKey>(())
/// ```
#[derive(Clone)]
pub struct TsigKey {
    name: DnsName,
    algorithm: TsigAlgorithm,
    secret: MacKey,
}

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TsigAlgorithm {
    /// `hmac-sha256`, which every server has.
    HmacSha256,
    /// `hmac-sha384`.
    HmacSha384,
    /// `hmac-sha512`.
    HmacSha512,
}

impl TsigKey {
    /// Makes a key from its name and its secret in base64, as servers' configurations have them.
    ///
    /// # Errors
    /// [`InvalidTsigKey`]: the name is no domain name, or the secret is not base64.
    pub fn new(name: &str, algorithm: TsigAlgorithm, secret: &str) -> Result<Self, InvalidTsigKey> {
        let name = DnsName::parse(name).ok_or(InvalidTsigKey::Name)?;
        let secret = MacKey::from_base64(secret).map_err(InvalidTsigKey::Secret)?;
        Ok(Self { name, algorithm, secret })
    }

    /// Loads the key in a file in BIND's syntax, which `tsig-keygen` writes.
    ///
    /// # Errors
    /// [`TsigKeyError`] names the file: it cannot be read, everyone may read it, or it holds something other than one
    /// key.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, TsigKeyError> {
        let path = path.as_ref();
        let io = |source| TsigKeyError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        check_mode(path, &file).map_err(io)??;
        // The whole capacity up front: a buffer that grows would leave copies of the secret in freed memory.
        let mut text = Zeroizing::new(String::with_capacity(MAX_LEN + 1));
        file.take(MAX_LEN as u64 + 1).read_to_string(&mut text).map_err(io)?;
        let wrong = |source| TsigKeyError::Key { path: path.to_owned(), source };
        if text.len() > MAX_LEN {
            return Err(wrong(InvalidTsigKey::TooLong));
        }
        Self::parse(&text).map_err(wrong)
    }

    /// Parses one key in BIND's syntax: `key "NAME" { algorithm hmac-sha256; secret "BASE64"; };`.
    ///
    /// # Errors
    /// [`InvalidTsigKey`] says what is wrong, and in which line.
    pub fn parse(text: &str) -> Result<Self, InvalidTsigKey> {
        let mut words = Words { rest: text, line: 1 };
        match words.next()? {
            None => return Err(InvalidTsigKey::NoKey),
            Some(word) if word.eq_ignore_ascii_case("key") => {}
            Some(_) => return Err(words.wrong()),
        }
        let name = words.next()?.ok_or_else(|| words.wrong())?;
        words.expect("{")?;
        let (mut algorithm, mut secret) = (None, None);
        loop {
            let word = words.next()?.ok_or_else(|| words.wrong())?;
            let field = match word {
                "}" => break,
                "algorithm" => &mut algorithm,
                "secret" => &mut secret,
                _ => return Err(words.wrong()),
            };
            *field = Some(words.next()?.ok_or_else(|| words.wrong())?);
            words.expect(";")?;
        }
        let end = match words.next()? {
            Some(";") => words.next()?,
            other => other,
        };
        match end {
            None => {}
            Some(word) if word.eq_ignore_ascii_case("key") => {
                return Err(InvalidTsigKey::SeveralKeys);
            }
            Some(_) => return Err(words.wrong()),
        }
        let algorithm = algorithm.ok_or(InvalidTsigKey::NoAlgorithm)?.parse()?;
        Self::new(name, algorithm, secret.ok_or(InvalidTsigKey::NoSecret)?)
    }

    /// Returns its name, without a final dot.
    pub fn name(&self) -> String {
        self.name.to_string()
    }

    /// Returns how it signs.
    pub const fn algorithm(&self) -> TsigAlgorithm {
        self.algorithm
    }

    pub(super) const fn wire_name(&self) -> &DnsName {
        &self.name
    }

    pub(super) fn mac(&self, message: &[u8]) -> Vec<u8> {
        let algorithm = match self.algorithm {
            TsigAlgorithm::HmacSha256 => MacAlgorithm::Hs256,
            TsigAlgorithm::HmacSha384 => MacAlgorithm::Hs384,
            TsigAlgorithm::HmacSha512 => MacAlgorithm::Hs512,
        };
        self.secret.sign(algorithm, message)
    }
}

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsigKey")
            .field("name", &self.name)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl TsigAlgorithm {
    /// Returns its name, without a final dot.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }

    pub(super) fn wire_name(self) -> DnsName {
        DnsName::parse(self.as_str()).expect("the names of algorithms are domain names")
    }
}

impl fmt::Display for TsigAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TsigAlgorithm {
    type Err = InvalidTsigKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let all = [Self::HmacSha256, Self::HmacSha384, Self::HmacSha512];
        let named = |algorithm: &Self| algorithm.as_str().eq_ignore_ascii_case(text);
        all.into_iter().find(named).ok_or(InvalidTsigKey::Algorithm)
    }
}

/// Why a key of TSIG cannot be used; the secret is never quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTsigKey {
    /// There is nothing.
    #[error(
        "there is no key: it must read key \"NAME\" {{ algorithm hmac-sha256; secret \"BASE64\"; }};"
    )]
    NoKey,
    /// It is not in BIND's syntax.
    #[error(
        "line {line} is not in BIND's syntax: it must read key \"NAME\" {{ algorithm hmac-sha256; secret \"BASE64\"; }};"
    )]
    Syntax {
        /// The line, counted from 1.
        line: usize,
    },
    /// There is more than one key.
    #[error("there are several keys: leave only the one to use")]
    SeveralKeys,
    /// The text is too long.
    #[error("it is too long for one key")]
    TooLong,
    /// The name is no domain name.
    #[error("the name of the key is no domain name: copy it from the server's configuration")]
    Name,
    /// There is no algorithm.
    #[error("the key has no algorithm: add the one of the server's configuration")]
    NoAlgorithm,
    /// The algorithm is not known here.
    #[error(
        "the key's algorithm is none of hmac-sha256, hmac-sha384 and hmac-sha512: make a key with one of them"
    )]
    Algorithm,
    /// There is no secret.
    #[error("the key has no secret: add the one of the server's configuration")]
    NoSecret,
    /// The secret is no base64.
    #[error("the secret of the key is unusable: copy it from the server's configuration")]
    Secret(#[source] InvalidMacKey),
}

/// Why the key in a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TsigKeyError {
    /// The file cannot be read; the cause is the operating system's error.
    #[error("TSIG key file {}: check that it can be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// Every user of the system may read or change the file.
    #[error(
        "TSIG key file {0} is open to every user of this system (mode {mode:04o}): chmod 600 {0}, and make a new key if others use it",
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file holds something other than one usable key.
    #[error("TSIG key file {}: no usable key", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: InvalidTsigKey,
    },
}

/// Refuses a file that everyone may read or write; a group may, such as the one that DNS servers run under.
#[cfg(unix)]
fn check_mode(path: &Path, file: &File) -> io::Result<Result<(), TsigKeyError>> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = file.metadata()?.permissions().mode() & 0o7777;
    Ok(match mode & 0o007 {
        0 => Ok(()),
        _ => Err(TsigKeyError::Exposed { path: path.to_owned(), mode }),
    })
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &File) -> io::Result<Result<(), TsigKeyError>> {
    Ok(Ok(()))
}

/// Words, quoted or not, and single `{`, `}` and `;`, without comments.
struct Words<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Words<'t> {
    fn next(&mut self) -> Result<Option<&'t str>, InvalidTsigKey> {
        self.skip()?;
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        if first == '"' {
            let (word, _) = self.rest[1..].split_once(['"', '\n']).ok_or_else(|| self.wrong())?;
            self.advance(word.len() + 1);
            if !self.rest.starts_with('"') {
                return Err(self.wrong());
            }
            self.advance(1);
            return Ok(Some(word));
        }
        let ends = |c: char| c.is_whitespace() || "{};\"#".contains(c);
        let length = match self.rest.find(ends) {
            Some(0) => first.len_utf8(),
            Some(length) => length,
            None => self.rest.len(),
        };
        let word = &self.rest[..length];
        self.advance(length);
        Ok(Some(word))
    }

    fn expect(&mut self, word: &str) -> Result<(), InvalidTsigKey> {
        match self.next()? {
            Some(found) if found == word => Ok(()),
            _ => Err(self.wrong()),
        }
    }

    /// Skips white space and the three kinds of comments.
    fn skip(&mut self) -> Result<(), InvalidTsigKey> {
        loop {
            let start = self.rest.len() - self.rest.trim_start().len();
            self.advance(start);
            if self.rest.starts_with('#') || self.rest.starts_with("//") {
                self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                let end = self.rest[2..].find("*/").ok_or_else(|| self.wrong())?;
                self.advance(end + 4);
            } else {
                return Ok(());
            }
        }
    }

    fn advance(&mut self, length: usize) {
        let (passed, rest) = self.rest.split_at(length);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }

    const fn wrong(&self) -> InvalidTsigKey {
        InvalidTsigKey::Syntax { line: self.line }
    }
}

/// A key has about 200 octets; some users keep notes above theirs.
const MAX_LEN: usize = 64 * 1024;
