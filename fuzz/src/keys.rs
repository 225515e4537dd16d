use acme_adapter::keys::{AccountKey, check_pkcs8_pem};
use acme_adapter::storage::import::{pkcs8_from_jwk, pkcs8_from_pem};
use acme_proto::jose::Jwk;

use crate::check;

/// Reads private keys in PEM and JWK, and public keys in JSON and DER, of any content.
///
/// # Panics
///
/// If a key that was read cannot be written and read, or an error repeats what it has read.
pub fn keys(data: &[u8]) {
    for read in [pkcs8_from_pem(data), pkcs8_from_jwk(data)] {
        match read {
            Err(error) => check::is_plain(&error),
            Ok(pem) => {
                assert_eq!(check_pkcs8_pem(&pem), Ok(()));
                let key = AccountKey::from_pem(&pem).expect("a key");
                assert_eq!(*key.to_pem(), *pem);
                let again = pkcs8_from_pem(pem.as_bytes());
                assert_eq!(again.as_deref().ok(), Some(&*pem), "it changes when it is read again");
            }
        }
    }
    if let Ok(text) = core::str::from_utf8(data) {
        if let Err(error) = check_pkcs8_pem(text) {
            check::is_plain(&error);
        }
        match Jwk::from_json(text) {
            Err(error) => check::is_plain(&error),
            Ok(jwk) => same(&jwk),
        }
    }
    match Jwk::from_spki_der(data) {
        Err(error) => check::is_plain(&error),
        Ok(jwk) => same(&jwk),
    }
}

fn same(jwk: &Jwk) {
    assert_eq!(Jwk::from_json(&jwk.to_json()).as_ref(), Ok(jwk));
    assert_eq!(Jwk::from_spki_der(&jwk.to_spki_der()).as_ref(), Ok(jwk));
}
