//! The directories of public CAs.

/// Let's Encrypt.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// The staging environment of Let's Encrypt: generous limits, and roots that nobody trusts.
pub const LETS_ENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// ZeroSSL, which demands external account binding.
pub const ZEROSSL: &str = "https://acme.zerossl.com/v2/DV90";

/// Google Trust Services, which demands external account binding.
pub const GOOGLE: &str = "https://dv.acme-v02.api.pki.goog/directory";

/// The staging environment of Google Trust Services, which has external accounts of its own.
pub const GOOGLE_STAGING: &str = "https://dv.acme-v02.test-api.pki.goog/directory";

/// SSL.com, which demands external account binding; for certificates with RSA keys.
pub const SSL_COM_RSA: &str = "https://acme.ssl.com/sslcom-dv-rsa";

/// SSL.com, which demands external account binding; for certificates with ECDSA keys.
pub const SSL_COM_ECC: &str = "https://acme.ssl.com/sslcom-dv-ecc";

/// Actalis, which demands external account binding.
pub const ACTALIS: &str = "https://acme-api.actalis.com/acme/directory";

/// All of them.
pub(crate) const ALL: [&str; 8] = [
    LETS_ENCRYPT,
    LETS_ENCRYPT_STAGING,
    ZEROSSL,
    GOOGLE,
    GOOGLE_STAGING,
    SSL_COM_RSA,
    SSL_COM_ECC,
    ACTALIS,
];

#[cfg(test)]
mod tests {
    use acme_proto::url::Url;

    use super::*;

    #[test]
    fn every_directory_is_an_https_url_and_named_once() {
        assert!(ALL.iter().all(|text| Url::parse(text).is_ok_and(|url| url.is_https())));
        assert_eq!(ALL.iter().collect::<std::collections::BTreeSet<_>>().len(), ALL.len());
    }
}
