//! Failures of rustls in words. Its own text has names of variants, lists in the form of `Debug`, and octets of object
//! identifiers.

use core::error::Error as StdError;
use std::io;

use acme_proto::time::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error};

/// Returns the failure of rustls that an error is or holds.
pub(crate) fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.downcast_ref().or_else(|| held?.downcast_ref())
}

/// Describes the failure.
pub(crate) fn of(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(fault) => format!("the certificate {}", certificate(fault)),
        Error::AlertReceived(alert) => {
            format!("the server refused the TLS handshake ({})", spaced(&format!("{alert:?}")))
        }
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerSentOversizedRecord => "what the server sends is not TLS".into(),
        Error::PeerIncompatible(why) => {
            format!("the server has no TLS in common: {}", spaced(&format!("{why:?}")))
        }
        Error::PeerMisbehaved(why) => {
            format!("the server breaks the rules of TLS: {}", spaced(&format!("{why:?}")))
        }
        Error::NoCertificatesPresented => "the server has no certificate".into(),
        Error::DecryptError => "TLS failed: what arrived was changed on the way".into(),
        Error::General(why) => format!("TLS failed: {why}"),
        other => format!("TLS failed: {}", spaced(&format!("{other:?}"))),
    }
}

fn certificate(fault: &CertificateError) -> String {
    match fault {
        CertificateError::BadEncoding => "is malformed".into(),
        CertificateError::Expired => "has expired".into(),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("expired at {}, and here it is {}", at(*not_after), at(*time))
        }
        CertificateError::NotValidYet => "is not valid yet".into(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("is not valid before {}, and here it is {}", at(*not_before), at(*time))
        }
        CertificateError::Revoked => "is revoked".into(),
        CertificateError::UnknownIssuer => "is not issued by a trusted root".into(),
        // A root of the same name with another key.
        CertificateError::BadSignature => "is not signed by a trusted root".into(),
        CertificateError::UnhandledCriticalExtension => "has an unknown critical extension".into(),
        CertificateError::NotValidForName => "is for another name".into(),
        CertificateError::NotValidForNameContext { expected, .. } => {
            format!("is not for the name {}", expected.to_str())
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not for servers".into()
        }
        CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id, ..
        } if signature_algorithm_id.ends_with(ECDSA_WITH_SHA512) => by_p521(),
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            public_key_algorithm_id,
            ..
        } if contains(public_key_algorithm_id, SECP521R1) => by_p521(),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed by an algorithm that the crypto provider does not know".into()
        }
        // A fault of webpki, whose type rustls does not export.
        CertificateError::Other(other) => match spaced(&format!("{:?}", other.0)).as_str() {
            "ca used as end entity" => "is that of a CA, and not one of the given roots".into(),
            fault => format!("cannot be used: {fault}"),
        },
        other => format!("cannot be used: {}", spaced(&format!("{other:?}"))),
    }
}

fn by_p521() -> String {
    format!("is signed by a key on P-521: {P521_ADVICE}")
}

fn contains(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}

fn at(time: UnixTime) -> Timestamp {
    Timestamp::from_unix_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

/// Makes words of the name of a variant, and drops what it holds.
fn spaced(debug: &str) -> String {
    let name = debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && words.ends_with(|before: char| before.is_ascii_lowercase()) {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// What the provider ring cannot check.
pub(crate) const P521_ADVICE: &str =
    "the crypto provider ring does not know P-521; build with the feature `aws-lc-rs` and use that";

/// The end of 1.2.840.10045.4.3.4 (RFC 5758 section 3.2), which is what P-521 signs by.
const ECDSA_WITH_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
/// 1.3.132.0.35 (RFC 5480 section 2.1.1.1).
const SECP521R1: &[u8] = &[0x2b, 0x81, 4, 0, 0x23];

#[cfg(test)]
mod tests {
    use rustls::OtherError;
    use rustls::{AlertDescription, PeerIncompatible};

    use super::*;

    fn of_certificate(fault: CertificateError) -> String {
        of(&fault.into())
    }

    #[test]
    fn a_signature_by_p521_is_explained_and_others_are_named_without_octets() {
        let unknown = |id: &[u8]| CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: id.to_vec(),
            supported_algorithms: Vec::new(),
        };
        let for_key = CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: ECDSA_WITH_SHA512.to_vec(),
            public_key_algorithm_id: [&[6, 5], SECP521R1].concat(),
        };
        for fault in [unknown(ECDSA_WITH_SHA512), for_key] {
            let words = of_certificate(fault);
            assert!(words.contains("P-521") && words.contains("`aws-lc-rs`"), "{words}");
        }
        let words = of_certificate(unknown(&[1, 2, 3]));
        assert_eq!(
            words,
            "the certificate is signed by an algorithm that the crypto provider does not know"
        );
    }

    #[test]
    fn no_text_is_that_of_debug() {
        let other = CertificateError::Other(OtherError(std::sync::Arc::new(io::Error::other("x"))));
        let alert = Error::AlertReceived(AlertDescription::HandshakeFailure);
        let incompatible = Error::PeerIncompatible(PeerIncompatible::NoSignatureSchemesInCommon);
        for (error, words) in [
            (other.into(), "the certificate cannot be used: custom"),
            (alert, "the server refused the TLS handshake (handshake failure)"),
            (incompatible, "the server has no TLS in common: no signature schemes in common"),
            (Error::FailedToGetCurrentTime, "TLS failed: failed to get current time"),
        ] {
            assert_eq!(of(&error), words);
        }
        let second = UnixTime::since_unix_epoch(core::time::Duration::from_secs(1));
        let expired = CertificateError::ExpiredContext { time: second, not_after: second };
        assert_eq!(
            of_certificate(expired),
            "the certificate expired at 1970-01-01T00:00:01Z, and here it is 1970-01-01T00:00:01Z"
        );
    }
}
