use acme_proto::call::Call;
use acme_proto::flow::{Flow as _, Input, Output};
use acme_proto::http::Response;
use acme_proto::jose::{Algorithm, MacAlgorithm};
use acme_proto::op::GetAccount;
use acme_proto::session::Session;
use acme_proto::time::Timestamp;
use acme_proto::url::Url;

use super::*;
use crate::keys::KeyKind;

/// Only flows ask for signatures; this is such a request, with its parts replaced.
fn request(role: KeyRole, algorithm: SignatureAlgorithm) -> SignRequest {
    let url = |path: &str| Url::parse(&format!("https://ca.example/{path}")).expect("a URL");
    let mut session = Session::new(url("directory"), 0)
        .with_account_key(key().public_key().clone())
        .with_account_url(url("account"));
    let mut call = Call::new(GetAccount);
    loop {
        match call.poll_output(&mut session, Timestamp::UNIX_EPOCH) {
            Output::Transmit(transmit) => {
                let directory = r#"{"newNonce": "https://ca.example/nonce"}"#;
                let response =
                    Response::new(200).with_header("replay-nonce", "AAAA").with_body(directory);
                let input = Input::Response(transmit.id, response);
                call.handle_input(&mut session, input, Timestamp::UNIX_EPOCH).expect("its id");
            }
            Output::Sign(request) => {
                return SignRequest {
                    key: role,
                    algorithm,
                    message: b"message".to_vec(),
                    ..request
                };
            }
            Output::Notice(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn key() -> ProviderKey {
    ProviderKey::generate(KeyKind::Es256).expect("a key")
}

const ES256: SignatureAlgorithm = SignatureAlgorithm::Jws(Algorithm::Es256);

#[test]
fn the_key_with_the_thumbprint_answers_while_the_account_changes_keys() {
    let (old, new) = (key(), key());
    let mut keyring = Keyring::new();
    keyring.set_account_key(old.clone());
    keyring.add_new_account_key(new.clone());
    for key in [&old, &new] {
        for role in [KeyRole::Account(*key.thumbprint()), KeyRole::NewAccount(*key.thumbprint())] {
            let signature = keyring.answer(&request(role, ES256)).expect("a signature");
            assert_eq!(signature.as_bytes().len(), 64);
        }
    }
}

#[test]
fn keys_answer_only_in_their_role() {
    let (account, certificate) = (key(), key());
    let mut keyring = Keyring::new();
    keyring.set_account_key(account.clone());
    keyring.add_certificate_key(certificate.clone());
    for role in [
        KeyRole::Account(*certificate.thumbprint()),
        KeyRole::Certificate(*account.thumbprint()),
        KeyRole::Account(*key().thumbprint()),
    ] {
        assert_eq!(keyring.answer(&request(role, ES256)), Err(SignFailed::UnknownKey));
    }
    let role = KeyRole::Certificate(*certificate.thumbprint());
    keyring.answer(&request(role, ES256)).expect("a signature");
}

#[test]
fn a_mac_is_made_with_the_key_of_the_identifier() {
    let mut keyring = Keyring::new();
    let mac_key = MacKey::from_bytes(vec![7; 32]).expect("a key");
    keyring.add_external("kid-1", mac_key.clone());
    let mac = SignatureAlgorithm::Mac(MacAlgorithm::Hs256);
    let role = KeyRole::ExternalAccount("kid-1".into());
    let answer = keyring.answer(&request(role.clone(), mac)).expect("a MAC");
    assert_eq!(answer.as_bytes(), mac_key.sign(MacAlgorithm::Hs256, b"message"));
    let other = KeyRole::ExternalAccount("kid-2".into());
    assert_eq!(keyring.answer(&request(other, mac)), Err(SignFailed::UnknownKey));
    assert_eq!(keyring.answer(&request(role, ES256)), Err(SignFailed::UnsupportedAlgorithm));
}

#[test]
fn debug_shows_no_mac_key() {
    let mut keyring = Keyring::new();
    keyring
        .add_external("kid-1", MacKey::from_bytes(b"secretsecretsecret".to_vec()).expect("a key"));
    let shown = format!("{keyring:?}");
    assert!(shown.contains("kid-1") && !shown.contains("secret"), "{shown}");
}
