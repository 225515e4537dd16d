#![allow(clippy::unwrap_used)]

use alloc::format;
use alloc::string::{String, ToString};

use super::*;

const ED1: &str =
    r#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const ED2: &str =
    r#"{"crv":"Ed25519","kty":"OKP","x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}"#;
const P256: &str = r#"{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const P521: &str = r#"{"crv":"P-521","kty":"EC","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;
const RSA_7638: &str = r#"{"e":"AQAB","kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}"#;
const RSA_A2: &str = r#"{"e":"AQAB","kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
const X_ZERO: &str = r#"{"crv":"P-256","kty":"EC","x":"AFVDiUrz0A7X10Cr29dclrBod7eH219w7qeLkKjXwAo","y":"u0yFo9jqKe-q-iRAaRLdhNWxTcMr9lbvbGvVil2UP5I"}"#;
const Y_ZERO: &str = r#"{"crv":"P-256","kty":"EC","x":"mGriUG8f8QTQQjCGHY9LSY9LxMbQCbMPdUTcEpuC0o0","y":"ADzMwKZGDgrjKKTZfTx7YdhvxiicGJ8lJREMRBuwfpc"}"#;

const ALL: [&str; 8] = [ED1, ED2, P256, P521, RSA_7638, RSA_A2, X_ZERO, Y_ZERO];

/// The value of a member of one of the above.
fn member(json: &str, name: &str) -> Vec<u8> {
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    base64url::decode(value[name].as_str().unwrap()).unwrap()
}

fn thumbprint(json: &str) -> String {
    Jwk::from_json(json).unwrap().thumbprint().to_string()
}

#[test]
fn thumbprints_match_the_known_answers() {
    // covers 7638-3-1, 7638-3.4-1
    assert_eq!(thumbprint(RSA_7638), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    // covers 7638-3.2-1
    assert_eq!(thumbprint(ED1), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(thumbprint(ED2), "FtIu-VbGrfe_KB6CH7GNwODB72MNxj_ml11dEvO-7kk");
    assert_eq!(thumbprint(P256), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    assert_eq!(thumbprint(P521), "u5YUSjQ2-2chBi51NSk3t3g7IM4o2KYcnPqPtCNGd3U");
    assert_eq!(thumbprint(RSA_A2), "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8");
}

#[test]
fn leading_zeros_of_coordinates_are_kept() {
    // covers 8555-8.1-4
    assert_eq!(thumbprint(X_ZERO), "7Yxe6c_3bAa6kiaK1G-BZmi9EeNsUmlcbdnrtLeuK4E");
    assert_eq!(thumbprint(Y_ZERO), "WZsjbh58q8kl1WsGShqtiycImZtCgGbukDn4RAacMig");
}

#[test]
fn leading_zeros_of_rsa_numbers_are_removed() {
    let mut padded = alloc::vec![0];
    padded.extend(member(RSA_7638, "n"));
    let n = base64url::encode(&padded);
    assert!(n.starts_with("ANL8e2oK"));
    let json = format!(r#"{{"kty":"RSA","n":"{n}","e":"AAEAAQ"}}"#);
    let jwk = Jwk::from_json(&json).unwrap();
    // covers 7518-6.3.1-1
    assert_eq!(jwk.to_json(), RSA_7638);
    // covers 8555-8.1-3
    assert_eq!(jwk.thumbprint().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn the_canonical_form_and_serde_round_trip() {
    for json in ALL {
        let jwk = Jwk::from_json(json).unwrap();
        // covers 7638-3.2-1, 7638-3.3-1
        assert_eq!(jwk.to_json(), json);
        assert_eq!(serde_json::to_string(&jwk).unwrap(), json);
        assert_eq!(serde_json::from_str::<Jwk>(json).unwrap(), jwk);
    }
}

// The example key of RFC 7638 Section 3.1 has `alg` and `kid` too.
#[test]
fn optional_members_and_their_order_change_nothing() {
    let members = RSA_7638.trim_matches(['{', '}']);
    let json = format!(r#"{{"alg":"RS256", "kid":"2011-04-29", "use":"sig", {members} }}"#);
    // covers 7517-4-1
    assert_eq!(Jwk::from_json(&json).unwrap(), Jwk::from_json(RSA_7638).unwrap());
}

#[test]
fn private_and_symmetric_keys_are_refused() {
    let private = ED1.replace('}', r#","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#);
    // covers 8555-6.2-15, 8037-2-1
    assert_eq!(Jwk::from_json(&private), Err(InvalidJwk::Private));
    for name in ["p", "q", "dp", "dq", "qi"] {
        let private = RSA_7638.replace('}', &format!(r#","{name}":"AQ"}}"#));
        // covers 7517-9.2-1
        assert_eq!(Jwk::from_json(&private), Err(InvalidJwk::Private));
    }
    assert_eq!(Jwk::from_json(r#"{"kty":"oct","k":"AQ"}"#), Err(InvalidJwk::Private));
}

#[test]
fn coordinates_of_another_length_are_refused() {
    let x = base64url::encode(&member(X_ZERO, "x")[1..]);
    let short = X_ZERO.replace("AFVDiUrz0A7X10Cr29dclrBod7eH219w7qeLkKjXwAo", &x);
    let wrong = InvalidJwk::Length { member: "x", expected: 32, found: 31 };
    // covers 7518-6.2.1.2-1
    assert_eq!(Jwk::from_json(&short), Err(wrong));
    let curve = P256.replace("P-256", "P-384");
    let wrong = InvalidJwk::Length { member: "x", expected: 48, found: 32 };
    assert_eq!(Jwk::from_json(&curve), Err(wrong));
}

#[test]
fn rsa_keys_must_have_2048_bits_and_an_odd_exponent() {
    let mut n = member(RSA_7638, "n");
    // covers 7518-3.3-1
    assert_eq!(Jwk::rsa(&n[..128], &[3]), Err(InvalidJwk::RsaSize { bits: 1024 }));
    assert_eq!(Jwk::rsa(&n, &[2]), Err(InvalidJwk::RsaExponent));
    assert_eq!(Jwk::rsa(&n, &[0, 1]), Err(InvalidJwk::RsaExponent));
    assert_eq!(Jwk::rsa(&n, &[]), Err(InvalidJwk::RsaExponent));
    assert!(Jwk::rsa(&n, &[3]).is_ok());
    n[0] = 0x7f;
    // covers 7518-3.3-1
    assert_eq!(Jwk::rsa(&n, &[3]), Err(InvalidJwk::RsaSize { bits: 2047 }));
    assert_eq!(Jwk::rsa(&[0; 300], &[3]), Err(InvalidJwk::RsaSize { bits: 0 }));
}

#[test]
fn incomplete_unknown_and_malformed_keys_are_refused() {
    let cases = [
        ("", InvalidJwk::Json),
        ("[]", InvalidJwk::Json),
        (r#"{"kty":1}"#, InvalidJwk::Json),
        (r#"{"kty":"EC","kty":"EC"}"#, InvalidJwk::Json),
        ("{}", InvalidJwk::Missing("kty")),
        (r#"{"kty":"EC"}"#, InvalidJwk::Missing("crv")),
        (r#"{"kty":"OKP","crv":"Ed25519"}"#, InvalidJwk::Missing("x")),
        (r#"{"kty":"OKP","crv":"Ed25519","x":"AA=="}"#, InvalidJwk::Base64("x")),
        (r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#, InvalidJwk::UnsupportedKey),
        (r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#, InvalidJwk::UnsupportedKey),
        (r#"{"kty":"ec","crv":"P-256"}"#, InvalidJwk::UnsupportedKey),
    ];
    for (json, error) in cases {
        // covers 7517-4.1-1
        assert_eq!(Jwk::from_json(json), Err(error), "{json}");
    }
}

#[test]
fn the_key_decides_the_algorithm() {
    let algorithm = |json| Jwk::from_json(json).unwrap().algorithm();
    // covers 7518-3.4-3
    assert_eq!(algorithm(P256), Algorithm::Es256);
    assert_eq!(algorithm(P521), Algorithm::Es512);
    assert_eq!(algorithm(ED1), Algorithm::EdDsa);
    assert_eq!(algorithm(RSA_A2), Algorithm::Rs256);
    assert_eq!(Jwk::ec_p384(&[1; 48], &[2; 48]).algorithm(), Algorithm::Es384);
}

#[test]
fn spki_and_constructors_round_trip() {
    let others = [Jwk::ec_p384(&[1; 48], &[2; 48]), Jwk::ec_p521(&[0; 66], &[2; 66])];
    let keys = ALL.iter().map(|json| Jwk::from_json(json).unwrap()).chain(others);
    for jwk in keys {
        assert_eq!(Jwk::from_spki_der(&jwk.to_spki_der()).unwrap(), jwk);
    }
    let (x, y) = (member(P256, "x"), member(P256, "y"));
    let jwk = Jwk::ec_p256(&x.clone().try_into().unwrap(), &y.clone().try_into().unwrap());
    assert_eq!(jwk.to_json(), P256);
    let point = [&[4][..], &x, &y].concat();
    assert_eq!(Jwk::from_sec1(Algorithm::Es256, &point).unwrap(), jwk);
    // RFC 5480: id-ecPublicKey, prime256v1, uncompressed point.
    let head = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
    let hex: String = jwk.to_spki_der().iter().map(|octet| format!("{octet:02x}")).collect();
    assert!(hex.starts_with(head));
}

#[test]
fn points_in_other_forms_are_refused() {
    let compressed = [&[2][..], &[1; 32]].concat();
    let refused = Jwk::from_sec1(Algorithm::Es256, &compressed);
    assert_eq!(refused, Err(InvalidJwk::CompressedPoint));
    assert_eq!(Jwk::from_sec1(Algorithm::Es256, &[]), Err(InvalidJwk::CompressedPoint));
    let short = Jwk::from_sec1(Algorithm::Es256, &[4; 64]);
    let wrong = InvalidJwk::Length { member: "point", expected: 64, found: 63 };
    assert_eq!(short, Err(wrong));
    let rsa = Jwk::from_sec1(Algorithm::Rs256, &[4; 65]);
    assert_eq!(rsa, Err(InvalidJwk::UnsupportedKey));
}

#[test]
fn damaged_spki_is_an_error_and_never_a_panic() {
    for json in ALL {
        let der = Jwk::from_json(json).unwrap().to_spki_der();
        for end in 0..der.len() {
            assert!(Jwk::from_spki_der(&der[..end]).is_err());
        }
        for at in 0..der.len() {
            let mut damaged = der.clone();
            damaged[at] ^= 0x55;
            // Some damaged keys still parse, as another key. None may equal the original.
            assert_ne!(Jwk::from_spki_der(&damaged).ok(), Jwk::from_json(json).ok(), "{at}");
        }
    }
}
