//! Keys and certificates for servers that are given what they issue under.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::web_ca::parameters;

/// A root and an intermediate.
#[derive(Clone, Debug)]
pub(super) struct IssuingCa {
    root: String,
    root_key: String,
    intermediate: String,
    intermediate_key: String,
}

impl IssuingCa {
    /// Makes new keys and certificates.
    ///
    /// # Panics
    ///
    /// If the system has no randomness.
    pub(super) fn generate() -> Self {
        Self::try_generate().expect("the parameters are valid and there is randomness")
    }

    pub(super) fn root_pem(&self) -> &str {
        &self.root
    }

    pub(super) fn root_key_pem(&self) -> &str {
        &self.root_key
    }

    pub(super) fn intermediate_pem(&self) -> &str {
        &self.intermediate
    }

    pub(super) fn intermediate_key_pem(&self) -> &str {
        &self.intermediate_key
    }

    fn try_generate() -> Result<Self, rcgen::Error> {
        let (root_key, key) = (KeyPair::generate()?, KeyPair::generate()?);
        let root = authority("acme-tests issuing root", BasicConstraints::Unconstrained)?;
        let root_pem = root.self_signed(&root_key)?.pem();
        let root_key_pem = root_key.serialize_pem();
        let mut intermediate =
            authority("acme-tests issuing intermediate", BasicConstraints::Constrained(0))?;
        intermediate.use_authority_key_identifier_extension = true;
        let intermediate = intermediate.signed_by(&key, &Issuer::new(root, root_key))?;
        Ok(Self {
            root: root_pem,
            root_key: root_key_pem,
            intermediate: intermediate.pem(),
            intermediate_key: key.serialize_pem(),
        })
    }
}

fn authority(name: &str, depth: BasicConstraints) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = parameters(name, Vec::new())?;
    parameters.is_ca = IsCa::Ca(depth);
    parameters.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    Ok(parameters)
}
