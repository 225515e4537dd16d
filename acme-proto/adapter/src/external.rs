//! The credentials of an external account (RFC 8555 section 7.3.4).

use core::fmt;

use acme_proto::jose::{MacAlgorithm, MacKey};
use acme_proto::session::ExternalAccount;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::keyring::Keyring;

/// The key identifier of an external account, and its MAC key unless a signer holds it.
#[derive(Clone)]
pub struct ExternalBinding {
    kid: String,
    mac_key: Option<Zeroizing<String>>,
}

impl ExternalBinding {
    /// Creates a binding from the CA's credentials; the MAC key is base64 or base64url text.
    pub fn new(kid: impl Into<String>, mac_key: impl Into<String>) -> Self {
        Self { kid: kid.into(), mac_key: Some(Zeroizing::new(mac_key.into())) }
    }

    /// Leaves the MAC key with a signer, which finds it by the key identifier.
    pub fn by_signer(kid: impl Into<String>) -> Self {
        Self { kid: kid.into(), mac_key: None }
    }

    /// Adds the MAC key to the keyring, and returns the rest for the session.
    ///
    /// # Errors
    ///
    /// For a key identifier that is not printable ASCII, and a MAC key that is not base64 text.
    pub fn install(
        &self,
        algorithm: MacAlgorithm,
        keyring: &mut Keyring,
    ) -> Result<ExternalAccount, Error> {
        let account = ExternalAccount::new(&self.kid)?.with_algorithm(algorithm);
        if let Some(text) = &self.mac_key {
            keyring.add_external(self.kid.as_str(), MacKey::from_base64(text)?);
        }
        Ok(account)
    }
}

impl fmt::Debug for ExternalBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalBinding").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_shows_no_secret_and_names_what_is_wrong() {
        let good = ExternalBinding::new("kid-1", "c2VjcmV0c2VjcmV0");
        assert!(!format!("{good:?}").contains("c2VjcmV0"));
        let mut keyring = Keyring::new();
        assert!(good.install(MacAlgorithm::Hs256, &mut keyring).is_ok());
        assert!(format!("{keyring:?}").contains("kid-1"));
        let bad = ExternalBinding::new("kid-1", "not base64!");
        let error = bad.install(MacAlgorithm::Hs256, &mut keyring).expect_err("no base64");
        assert!(matches!(error, Error::MacKey(_)), "{error}");
        let bad = ExternalBinding::by_signer("");
        bad.install(MacAlgorithm::Hs256, &mut keyring).expect_err("no key identifier");
    }
}
