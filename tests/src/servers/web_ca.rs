//! A certificate authority for the HTTPS endpoints of servers on loopback.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// A root, and a certificate under it for `localhost` and 127.0.0.1.
#[derive(Clone, Debug)]
pub struct WebCa {
    root: String,
    certificate: String,
    key: String,
}

impl WebCa {
    /// Makes new keys and certificates.
    ///
    /// # Panics
    ///
    /// If the system has no randomness.
    pub fn generate() -> Self {
        Self::try_generate().expect("the parameters are valid and there is randomness")
    }

    /// Returns the root certificate as PEM.
    pub fn root_pem(&self) -> &str {
        &self.root
    }

    /// Returns the server's certificate as PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// Returns the server's key as PKCS#8 PEM.
    pub fn key_pem(&self) -> &str {
        &self.key
    }

    fn try_generate() -> Result<Self, rcgen::Error> {
        let root_key = KeyPair::generate()?;
        let mut root = parameters("acme-tests web root", Vec::new())?;
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root_pem = root.self_signed(&root_key)?.pem();

        let key = KeyPair::generate()?;
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut leaf = parameters("acme-tests web server", names)?;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let certificate = leaf.signed_by(&key, &Issuer::new(root, &root_key))?;
        Ok(Self { root: root_pem, certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

pub(super) fn parameters(
    name: &str,
    names: Vec<String>,
) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = date_time_ymd(2025, 1, 1);
    parameters.not_after = date_time_ymd(2049, 1, 1);
    Ok(parameters)
}
