//! RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 Section 3.3).

use alloc::string::String;
use core::fmt;

use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::sha2::{Digest, Sha256};
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, PrivateKey};
use zeroize::Zeroizing;

use crate::jose::{Algorithm, Jwk, Signature};
use crate::signer::{CryptoRng, InvalidPrivateKey, pkcs8};

/// An RSA private key, which signs with RS256; wiped from memory when dropped.
///
/// Use it for accounts that already have such a key. The `rsa` crate is affected by
/// RUSTSEC-2023-0071: the time that a signature takes may reveal parts of the key to an observer on
/// the network. Choose an elliptic curve for a new account key, and sign elsewhere with an RSA key
/// that must stay secret.
#[derive(Clone)]
pub struct Rs256Key {
    key: PrivateKey,
    public_key: Jwk,
}

impl Rs256Key {
    /// The size of a generated key, in bits.
    pub const GENERATED_BITS: usize = 2048;

    /// Generates a new key of [`GENERATED_BITS`](Self::GENERATED_BITS), which can take seconds.
    pub fn generate<R: CryptoRng>(rng: &mut R) -> Self {
        let key =
            PrivateKey::new(rng, Self::GENERATED_BITS).expect("primes of this size can be found");
        Self::new(key).expect("a generated key has the size asked for")
    }

    /// Parses PKCS #8 in DER.
    ///
    /// # Errors
    ///
    /// Fails if it is something else, has fewer than 2048 bits, or its numbers do not belong
    /// together.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, InvalidPrivateKey> {
        let key = PrivateKey::from_pkcs8_der(der).map_err(|_| InvalidPrivateKey::Pkcs8)?;
        Self::new(key)
    }

    /// Parses PKCS #8 in PEM.
    ///
    /// # Errors
    ///
    /// Fails if the text is not PKCS #8, is encrypted, or the key is unusable.
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, InvalidPrivateKey> {
        Self::from_pkcs8_der(pkcs8::from_pem(text)?.as_bytes())
    }

    /// Parses an RSAPrivateKey in DER (RFC 8017 Appendix A.1.2).
    ///
    /// # Errors
    ///
    /// Fails if it is something else, has fewer than 2048 bits, or its numbers do not belong
    /// together.
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, InvalidPrivateKey> {
        let key = PrivateKey::from_pkcs1_der(der).map_err(|_| InvalidPrivateKey::Pkcs8)?;
        Self::new(key)
    }

    /// Returns the public key.
    pub fn public_key(&self) -> Jwk {
        self.public_key.clone()
    }

    /// Hashes and signs a message.
    pub fn sign(&self, message: &[u8]) -> Signature {
        self.try_sign(message).expect("a key that has signed once signs again")
    }

    /// Returns the key as PKCS #8 in PEM, which is wiped from memory when dropped.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        pkcs8::to_pem(&self.key.to_pkcs8_der().expect("a key can be encoded"))
    }

    /// Checks the size, and signs once to check that the private numbers match the public ones.
    ///
    /// After that, `sign` cannot fail.
    fn new(key: PrivateKey) -> Result<Self, InvalidPrivateKey> {
        let public_key =
            Jwk::rsa(&key.n_bytes(), &key.e_bytes()).map_err(|_| InvalidPrivateKey::Rsa)?;
        let key = Self { key, public_key };
        key.try_sign(b"trial").ok_or(InvalidPrivateKey::Rsa)?;
        Ok(key)
    }

    fn try_sign(&self, message: &[u8]) -> Option<Signature> {
        let scheme = Pkcs1v15Sign::new::<Sha256>();
        let octets = self.key.sign(scheme, &Sha256::digest(message)).ok()?;
        Signature::from_bytes(Algorithm::Rs256, &octets).ok()
    }
}

impl fmt::Debug for Rs256Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rs256Key").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;
    use crate::jose::base64url;
    use crate::x509::asn1;

    /// The key of RFC 7515 Appendix A.2.1: n, e, d, p, q, dp, dq, qi.
    const NUMBERS: [&str; 8] = [
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        "AQAB",
        "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
        "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
        "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
        "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
        "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
        "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
    ];
    const SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

    /// That key as PKCS #1, after `change` has modified its numbers.
    fn pkcs1(change: impl Fn(&mut [Vec<u8>])) -> Vec<u8> {
        let mut numbers = NUMBERS.map(|number| base64url::decode(number).unwrap());
        change(&mut numbers);
        let parts: Vec<Vec<u8>> =
            numbers.iter().map(|number| asn1::unsigned_integer(number)).collect();
        let version = asn1::unsigned_integer(&[]);
        asn1::sequence(&[&version[..], &parts.concat()])
    }

    fn key() -> Rs256Key {
        Rs256Key::from_pkcs1_der(&pkcs1(|_| ())).unwrap()
    }

    // RFC 7515 Appendix A.2.
    #[test]
    fn the_rfc_example_is_reproduced() {
        let input = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA\
            6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        assert_eq!(base64url::encode(key().sign(input.as_bytes()).as_bytes()), SIGNATURE);
        let thumbprint = format!("{}", key().public_key().thumbprint());
        assert_eq!(thumbprint, "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8");
    }

    #[test]
    fn files_round_trip() {
        let read = Rs256Key::from_pkcs8_pem(&key().to_pkcs8_pem()).unwrap();
        assert_eq!(read.public_key(), key().public_key());
        let read = crate::signer::LocalKey::from_pkcs8_pem(&key().to_pkcs8_pem()).unwrap();
        assert_eq!(read.algorithm(), Algorithm::Rs256);
    }

    #[test]
    fn numbers_that_do_not_belong_together_are_refused() {
        // The parser uses n, e, d and the primes, and recomputes the rest.
        for changed in 0..5 {
            let der = pkcs1(|numbers| numbers[changed][1] ^= 0x10);
            assert!(Rs256Key::from_pkcs1_der(&der).is_err(), "number {changed}");
        }
        assert!(Rs256Key::from_pkcs1_der(b"").is_err());
        assert!(Rs256Key::from_pkcs8_der(&pkcs1(|_| ())).is_err());
    }

    #[test]
    fn debug_output_has_no_secret() {
        let text = format!("{:?}", key());
        for secret in &NUMBERS[2..] {
            assert!(!text.contains(secret));
        }
    }
}
