//! Key authorizations (RFC 8555 Section 8.1).

use alloc::format;
use alloc::string::String;
use core::fmt;

use sha2::{Digest, Sha256};

use crate::jose::{Thumbprint, base64url};
use crate::token::Token;

/// The value that binds a challenge's token to an account key.
///
/// It consists of the token as received, a dot, and the thumbprint of the account key. It is not a
/// secret: http-01 publishes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyAuthorization(String);

impl KeyAuthorization {
    /// Joins a token and the thumbprint of the account key.
    pub fn new(token: &Token, thumbprint: &Thumbprint) -> Self {
        Self(format!("{}.{thumbprint}", token.as_str()))
    }

    /// Returns the text, which is the entire body of the http-01 resource (RFC 8555 Section 8.3).
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the SHA-256 digest, which tls-alpn-01 puts into a certificate (RFC 8737 Section 3).
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// Returns the digest in base64url, which is the TXT record of dns-01 (RFC 8555 Section 8.4).
    pub fn txt_value(&self) -> String {
        base64url::encode(&self.digest())
    }
}

impl fmt::Display for KeyAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {

    use super::*;

    const HTTP: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
    const DNS: &str = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";
    const ED1: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    const P256: &str = "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U";
    const RSA: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";

    fn authorization(token: &str, thumbprint: &str) -> KeyAuthorization {
        let token = Token::parse(token).unwrap();
        KeyAuthorization::new(&token, &Thumbprint::parse(thumbprint).unwrap())
    }

    #[test]
    fn token_and_thumbprint_are_joined_by_a_dot() {
        // covers 8555-8.1-1, 8555-8.1-2
        assert_eq!(
            authorization(HTTP, P256).as_str(),
            "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
        );
    }

    // The tokens are those of RFC 8555 Sections 8.3 and 8.4. ED1 is the key of RFC 8037 Appendix
    // A.2, P256 that of RFC 7515 Appendix A.3, RSA that of RFC 7638 Section 3.1.
    #[test]
    fn digests_match_the_known_answers() {
        let known = [
            (HTTP, ED1, "lAV291d372xyXVEZRY9j2FQ8g1TYpOaJr620CiahePA"),
            (HTTP, P256, "ZaJgFtIV4WA0t2MzN7kbSk0sfRd2GZjaxRqaSTAK6lI"),
            (HTTP, RSA, "ZTRx1Ckl1-tM05o5zaizTTA0yUy5AGereMgSNWC6Ll8"),
            (DNS, ED1, "n3rztfDtTAOtlye7bRdUvjki3axVOyRSzxwYAVFuQag"),
            (DNS, P256, "TsRKynps8WR2t_mg14_-b9KAPI5z6dVS6CzKil2SuXU"),
            (DNS, RSA, "_cC5rvB9vM8qzT3MTBcTeVpQwtbNypBXyQnE4fhM9QQ"),
        ];
        for (token, thumbprint, value) in known {
            let authorization = authorization(token, thumbprint);
            assert_eq!(authorization.txt_value(), value);
            assert_eq!(base64url::encode(&authorization.digest()), value);
        }
        assert_eq!(authorization(HTTP, P256).digest()[..4], [0x65, 0xa2, 0x60, 0x16]);
    }
}
