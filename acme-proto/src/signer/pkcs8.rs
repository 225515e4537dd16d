//! PKCS #8 files (RFC 5208, RFC 5958, PEM label of RFC 7468 Section 10).

use alloc::string::String;

use der::SecretDocument;
use der::pem::LineEnding;
use zeroize::Zeroizing;

const LABEL: &str = "PRIVATE KEY";

/// The private key is unusable. The source of the key is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPrivateKey {
    /// The text is not one PEM block.
    #[error("private key is not PEM")]
    Pem,
    /// The PEM block is of another kind, or encrypted.
    #[error(
        "PEM block is not an unencrypted PKCS #8 \"PRIVATE KEY\" \
         (`openssl pkcs8 -topk8 -nocrypt` converts others)"
    )]
    Label,
    /// The octets are not a PKCS #8 structure with a key of this algorithm.
    #[error("not a PKCS #8 private key of the expected algorithm")]
    Pkcs8,
    /// The octets are not a private scalar of this algorithm.
    #[error("private scalar has the wrong length or is out of range")]
    Scalar,
    /// The modulus of an RSA key has a size that is not accepted, or its numbers are inconsistent.
    #[error("RSA key is smaller than 2048 bits, too large, or inconsistent")]
    Rsa,
    /// No enabled algorithm uses this kind of key.
    #[error("private key is of a kind that is not supported or not enabled")]
    Unsupported,
}

/// Decodes the block of a PEM file.
pub(super) fn from_pem(text: &str) -> Result<SecretDocument, InvalidPrivateKey> {
    let (label, document) = SecretDocument::from_pem(text).map_err(|_| InvalidPrivateKey::Pem)?;
    if label != LABEL {
        return Err(InvalidPrivateKey::Label);
    }
    Ok(document)
}

/// Writes a PEM file.
pub(super) fn to_pem(document: &SecretDocument) -> Zeroizing<String> {
    document.to_pem(LABEL, LineEnding::LF).expect("a private key is far below the limits of PEM")
}
