//! What other clients have stored, in the layouts in which they store it, with keys made here.

use std::fs;
use std::path::{Path, PathBuf};

use acme_adapter::keys::{AccountKey, KeyError, KeyKind, ProviderKey, default_provider};
use acme_adapter::storage::import::{
    Import, ImportProblem, ImportedAccount, InvalidKeyText, Unusable, acme_sh, certbot, certmagic,
    lego, pkcs8_from_jwk, pkcs8_from_pem,
};
use acme_adapter::storage::layout::Damage;
use acme_adapter::storage::{MemoryStorage, layout, run};
use acme_proto::pem;
use acme_proto::url::Url;
use acme_testca::TestCa;
use acme_tests::child::ScratchDir;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
};
use serde_json::{Value, json};

use crate::both::on_tokio::ca::{builder, certificate_key};
use crate::both::on_tokio::issue::{http01, names};

const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
const RSA: &[u8] = include_bytes!("../../ca/tests/suite/files/rsa-2048.key.der");

/// Returns the elements of DER, by tag and content.
fn elements(mut der: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let [tag, length, rest @ ..] = der {
        let (length, rest) = match usize::from(*length) {
            short @ 0..=127 => (short, rest),
            long => {
                let (octets, rest) = rest.split_at(long - 128);
                (octets.iter().fold(0, |sum, octet| sum * 256 + usize::from(*octet)), rest)
            }
        };
        found.push((*tag, &rest[..length]));
        der = &rest[length..];
    }
    found
}

/// Returns the key inside of PKCS#8, as RFC 5915 has it.
fn sec1(pair: &KeyPair) -> Vec<u8> {
    let pkcs8 = pair.serialized_der();
    elements(elements(pkcs8)[0].1)[2].1.to_vec()
}

/// Returns the key as OpenSSL and Go write it: with the curve inside.
fn sec1_pem(pair: &KeyPair) -> String {
    let der = sec1(pair);
    let inside = elements(elements(&der)[0].1);
    let curve: &[u8] = &[0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let mut new = vec![2, 1, 1, 4, 32];
    new.extend_from_slice(inside[1].1);
    new.extend_from_slice(curve);
    let public = inside.iter().find(|(tag, _)| *tag == 0xa1).expect("a public key").1;
    new.extend_from_slice(&[0xa1, u8::try_from(public.len()).expect("it is short")]);
    new.extend_from_slice(public);
    let mut all = vec![0x30, u8::try_from(new.len()).expect("it is short")];
    all.extend_from_slice(&new);
    pem::encode("EC PRIVATE KEY", &all)
}

fn base64url(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

fn rsa_jwk() -> Value {
    let numbers = elements(elements(RSA)[0].1);
    let mut jwk = json!({"kty": "RSA"});
    let members = ["", "n", "e", "d", "p", "q", "dp", "dq", "qi"];
    for ((_, number), member) in numbers.iter().zip(members).skip(1) {
        let number = if number[0] == 0 { &number[1..] } else { number };
        jwk[member] = base64url(number).into();
    }
    jwk
}

fn ec_jwk(pair: &KeyPair, name: &str, length: usize) -> Value {
    let der = sec1(pair);
    let inside = elements(elements(&der)[0].1);
    let public = inside.iter().find(|(tag, _)| *tag == 0xa1).expect("a public key").1;
    let point = &elements(public)[0].1[2..];
    let (x, y) = point.split_at(length);
    json!({"kty": "EC", "crv": name, "d": base64url(inside[1].1), "x": base64url(x), "y": base64url(y)})
}

fn public(pem: &str) -> acme_proto::jose::Jwk {
    let provider = default_provider().expect("a provider");
    ProviderKey::from_pkcs8_pem(pem, &provider).expect("a key").public_key().clone()
}

fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().expect("a folder")).expect("created");
    fs::write(path, content).expect("written");
}

/// A certificate for these names, and its key in SEC 1 PEM.
fn certificate(names: &[&str]) -> (String, KeyPair) {
    let pair = KeyPair::generate().expect("a key");
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let params = CertificateParams::new(names).expect("names");
    (params.self_signed(&pair).expect("a certificate").pem(), pair)
}

fn account<'a>(import: &'a Import, place: &str) -> &'a ImportedAccount {
    import.accounts.iter().find(|account| account.place == place).expect("an account")
}

fn problems(import: &Import, root: &Path) -> Vec<(String, String)> {
    let one = |problem: &ImportProblem| {
        let path = problem.path().strip_prefix(root).expect("below the root");
        (path.to_str().expect("text").to_owned(), problem.reason().to_string())
    };
    import.problems.iter().map(one).collect()
}

/// Returns every file with its content: an import changes none.
fn content(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut folders = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path)
            } else {
                found.push((path.clone(), fs::read(path).unwrap_or_default()))
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_key_is_the_same_in_every_form() {
    let rsa =
        public(&pkcs8_from_pem(pem::encode("RSA PRIVATE KEY", RSA).as_bytes()).expect("PKCS#1"));
    let jwk = rsa_jwk().to_string();
    let from_jwk = pkcs8_from_jwk(jwk.as_bytes()).expect("a JWK");
    assert_eq!(public(&from_jwk), rsa);
    assert_eq!(pkcs8_from_pem(from_jwk.as_bytes()).expect("PKCS#8"), from_jwk);

    let p256 = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    let expected = public(&p256.serialize_pem());
    let with_parameters = format!(
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{}",
        sec1_pem(&p256)
    );
    for text in [
        p256.serialize_pem(),
        sec1_pem(&p256),
        with_parameters,
        pem::encode("EC PRIVATE KEY", &sec1(&p256)),
    ] {
        assert_eq!(public(&pkcs8_from_pem(text.as_bytes()).expect("a key")), expected);
    }
    for (algorithm, name, length) in
        [(&PKCS_ECDSA_P256_SHA256, "P-256", 32), (&PKCS_ECDSA_P384_SHA384, "P-384", 48)]
    {
        let pair = KeyPair::generate_for(algorithm).expect("a key");
        let jwk = ec_jwk(&pair, name, length).to_string();
        assert_eq!(
            public(&pkcs8_from_jwk(jwk.as_bytes()).expect("a JWK")),
            public(&pair.serialize_pem())
        );
    }

    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    let expected = public(&ed25519.serialize_pem());
    let renamed = ed25519.serialize_pem().replace("PRIVATE KEY", "ED25519 PRIVATE KEY");
    assert_eq!(public(&pkcs8_from_pem(renamed.as_bytes()).expect("a key")), expected);
    let seed = elements(&sec1(&ed25519))[0].1.to_vec();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "d": base64url(&seed), "x": "AA"}).to_string();
    assert_eq!(public(&pkcs8_from_jwk(jwk.as_bytes()).expect("a JWK")), expected);
}

#[test]
fn what_is_no_usable_key_is_named() {
    let p256 = KeyPair::generate().expect("a key");
    let pem = p256.serialize_pem();
    let cases: [(String, InvalidKeyText); 8] = [
        (String::new(), InvalidKeyText::Pem),
        (pem.clone() + &pem, InvalidKeyText::Pem),
        (pem.clone() + &sec1_pem(&p256), InvalidKeyText::Pem),
        (pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), InvalidKeyText::Encrypted),
        (
            sec1_pem(&p256).replacen("-\n", "-\nProc-Type: 4,ENCRYPTED\n", 1),
            InvalidKeyText::Encrypted,
        ),
        (pem::encode("EC PRIVATE KEY", &sec1(&p256)[..40]), InvalidKeyText::Der),
        (pem::encode("RSA PRIVATE KEY", &RSA[..RSA.len() - 1]), InvalidKeyText::Der),
        (pem::encode("PRIVATE KEY", b"x"), InvalidKeyText::Der),
    ];
    for (text, expected) in cases {
        assert_eq!(pkcs8_from_pem(text.as_bytes()), Err(expected), "{text}");
    }
    let good = ec_jwk(&p256, "P-256", 32);
    let changed = |member: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[member] = value;
        pkcs8_from_jwk(jwk.to_string().as_bytes()).expect_err("no key")
    };
    for (member, value) in [
        ("d", Value::Null),
        ("d", json!(base64url(&[1; 33]))),
        ("x", json!("not base64url!")),
        ("y", json!(7)),
        ("d", json!("A".repeat(3000))),
    ] {
        assert_eq!(changed(member, value), InvalidKeyText::Jwk, "{member}");
    }
    for (member, value) in [("crv", "secp256k1"), ("kty", "oct"), ("crv", "P-192")] {
        assert_eq!(changed(member, value.into()), InvalidKeyText::Kind);
    }
    // The public half is another key's.
    let other = ec_jwk(&KeyPair::generate().expect("a key"), "P-256", 32);
    let mut mixed = good.clone();
    mixed["x"] = other["x"].clone();
    mixed["y"] = other["y"].clone();
    let error = pkcs8_from_jwk(mixed.to_string().as_bytes()).expect_err("two keys");
    assert!(matches!(error, InvalidKeyText::Refused(KeyError::Refused(_))), "{error}");
    let mut rsa = rsa_jwk();
    rsa.as_object_mut().expect("an object").remove("qi");
    assert_eq!(pkcs8_from_jwk(rsa.to_string().as_bytes()), Err(InvalidKeyText::Jwk));
    assert_eq!(pkcs8_from_jwk(b"{}"), Err(InvalidKeyText::Jwk));
}

/// Writes two accounts and a damaged one, and returns the key of the second.
fn certbot_accounts(root: &Path) -> KeyPair {
    let accounts = root.join("accounts");
    let first = accounts.join("acme-v02.api.letsencrypt.org/directory/0123456789abcdef");
    write(first.join("private_key.json"), rsa_jwk().to_string());
    write(
        first.join("regr.json"),
        r#"{"body": {"contact": ["mailto:me@example.org"]}, "uri": "https://acme-v02.api.letsencrypt.org/acme/acct/7"}"#,
    );
    write(
        first.join("meta.json"),
        r#"{"creation_dt": "2026-01-01T00:00:00Z", "creation_host": "a"}"#,
    );
    let pair = KeyPair::generate().expect("a key");
    let second = accounts.join("localhost:14000/acme/dir/aa");
    write(second.join("private_key.json"), ec_jwk(&pair, "P-256", 32).to_string());
    write(second.join("regr.json"), r#"{"body": {}, "uri": "http://localhost:14000/acct/1"}"#);
    write(accounts.join("bad.example/directory/bb/private_key.json"), r#"{"kty": "RSA"}"#);
    pair
}

/// Writes a certificate behind links, one without a key, and one with another key.
fn certbot_certificates(root: &Path) {
    let (good, key) = certificate(&["example.org", "www.example.org"]);
    for (file, text) in [
        ("fullchain", good.clone()),
        ("privkey", key.serialize_pem()),
        ("cert", good.clone()),
        ("chain", good.clone()),
    ] {
        write(root.join(format!("archive/example.org/{file}1.pem")), text);
        fs::create_dir_all(root.join("live/example.org")).expect("created");
        #[cfg(unix)]
        std::os::unix::fs::symlink(
            format!("../../archive/example.org/{file}1.pem"),
            root.join(format!("live/example.org/{file}.pem")),
        )
        .expect("a link");
    }
    write(
        root.join("renewal/example.org.conf"),
        format!(
            "version = 3.1.0\ncert = /x\n[renewalparams]\naccount = 01\nserver = {LETS_ENCRYPT}\n"
        ),
    );
    write(root.join("live/README"), "text");
    write(root.join("live/half/fullchain.pem"), good);
    write(root.join("live/mixed/fullchain.pem"), certificate(&["mixed.example"]).0);
    write(root.join("live/mixed/privkey.pem"), key.serialize_pem());
}

#[test]
fn certbot_accounts_and_certificates_are_read_and_damaged_ones_are_named() {
    let dir = ScratchDir::new();
    let root = dir.path().join("letsencrypt");
    let pair = certbot_accounts(&root);
    certbot_certificates(&root);

    let before = content(&root);
    let import = certbot(&root);
    assert_eq!(content(&root), before);
    let found = account(&import, "acme-v02.api.letsencrypt.org/directory");
    assert_eq!(found.directory.as_ref().map(|url| url.as_str()), Some(LETS_ENCRYPT));
    assert_eq!(
        found.url.as_ref().map(|url| url.as_str()),
        Some("https://acme-v02.api.letsencrypt.org/acme/acct/7")
    );
    assert_eq!(found.contacts, ["mailto:me@example.org"]);
    assert!(!format!("{found:?}").contains("PRIVATE"));
    let found = account(&import, "localhost:14000/acme/dir");
    assert_eq!(
        found.directory.as_ref().map(|url| url.as_str()),
        Some("http://localhost:14000/acme/dir")
    );
    assert_eq!(public(&found.key_pem), public(&pair.serialize_pem()));
    let [one] = &import.certificates[..] else { panic!("{import:?}") };
    assert_eq!((one.name.as_str(), one.certificate.identifiers().len()), ("example.org", 2));
    assert_eq!(one.certificate.directory().map(|url| url.as_str()), Some(LETS_ENCRYPT));
    let named = problems(&import, &root);
    let paths: Vec<&str> = named.iter().map(|(path, _)| path.as_str()).collect();
    let expected = [
        "accounts/bad.example/directory/bb/private_key.json",
        "live/half/privkey.pem",
        "live/mixed/fullchain.pem",
    ];
    assert_eq!(paths, expected);
    assert!(matches!(import.problems[2].reason(), Unusable::Certificate(Damage::OtherKey)));
}

#[test]
fn lego_accounts_of_version_4_and_5_and_certificates_are_read() {
    let dir = ScratchDir::new();
    let root = dir.path().join("lego");
    let pair = KeyPair::generate().expect("a key");
    let four = root.join("accounts/acme-v02.api.letsencrypt.org/me@example.org");
    write(
        four.join("account.json"),
        r#"{"email": "me@example.org", "registration": {"body": {"status": "valid", "contact": ["mailto:me@example.org"]}, "uri": "https://acme-v02.api.letsencrypt.org/acme/acct/8"}}"#,
    );
    write(four.join("keys/me@example.org.key"), sec1_pem(&pair));
    let five = root.join("accounts/localhost_14000/noemail@example.com");
    write(
        five.join("account.json"),
        r#"{"id": "noemail@example.com", "email": "you@example.org", "server": "https://localhost:14000/dir", "keyType": "RSA2048", "registration": {"status": "valid", "accountURL": "https://localhost:14000/my-account/1"}}"#,
    );
    write(five.join("noemail@example.com.key"), pem::encode("RSA PRIVATE KEY", RSA));
    write(root.join("accounts/bad.example/a@b/keys/a@b.key"), "nothing");
    write(root.join("accounts/ca.example_14000/a@b/keys/a@b.key"), sec1_pem(&pair));
    let certificates = root.join("certificates");
    let (leaf, key) = certificate(&["*.example.org"]);
    write(certificates.join("_.example.org.crt"), format!("{leaf}{}", certificate(&["issuer"]).0));
    write(certificates.join("_.example.org.key"), sec1_pem(&key));
    write(certificates.join("_.example.org.issuer.crt"), certificate(&["issuer"]).0);
    write(
        certificates.join("_.example.org.json"),
        r#"{"domain": "*.example.org", "certUrl": "https://ca.example/cert/1"}"#,
    );
    let (leaf, key) = certificate(&["alone.example"]);
    write(certificates.join("alone.example.crt"), leaf);
    write(certificates.join("alone.example.key"), sec1_pem(&key));
    write(certificates.join("alone.example.issuer.crt"), certificate(&["issuer"]).0);
    write(certificates.join("csr.example.crt"), certificate(&["csr.example"]).0);

    let before = content(&root);
    let import = lego(&root);
    assert_eq!(content(&root), before);
    let found = account(&import, "acme-v02.api.letsencrypt.org");
    assert_eq!(found.directory.as_ref().map(|url| url.as_str()), Some(LETS_ENCRYPT));
    assert_eq!(
        found.url.as_ref().map(|url| url.as_str()),
        Some("https://acme-v02.api.letsencrypt.org/acme/acct/8")
    );
    assert_eq!(public(&found.key_pem), public(&pair.serialize_pem()));
    let found = account(&import, "localhost_14000");
    let directory = found.directory.as_ref().map(|url| url.as_str());
    assert_eq!(directory, Some("https://localhost:14000/dir"));
    assert_eq!(found.contacts, ["mailto:you@example.org"]);
    assert_eq!(
        found.url.as_ref().map(|url| url.as_str()),
        Some("https://localhost:14000/my-account/1")
    );
    assert_eq!(account(&import, "ca.example_14000").directory, None);
    let names: Vec<(&str, usize)> = import
        .certificates
        .iter()
        .map(|one| (one.name.as_str(), one.certificate.chain().certificates().len()))
        .collect();
    assert_eq!(names, [("*.example.org", 2), ("alone.example", 2)]);
    let paths: Vec<String> = problems(&import, &root).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["accounts/bad.example/a@b/keys/a@b.key", "certificates/csr.example.key"]);
}

#[test]
fn acme_sh_accounts_and_certificates_are_read() {
    let dir = ScratchDir::new();
    let root = dir.path().join("acme.sh");
    let pair = KeyPair::generate().expect("a key");
    let ca = root.join("ca/acme-v02.api.letsencrypt.org/directory");
    write(ca.join("account.key"), sec1_pem(&pair));
    write(ca.join("account.json"), r#"{"status": "valid", "contact": ["mailto:me@example.org"]}"#);
    write(
        ca.join("ca.conf"),
        "CA_KEY_HASH='x='\nACCOUNT_URL='https://acme-v02.api.letsencrypt.org/acme/acct/9'\n",
    );
    let ca = root.join("ca/localhost/dir");
    write(ca.join("account.key"), pem::encode("RSA PRIVATE KEY", RSA));
    write(
        ca.join("ca.conf"),
        "ACCOUNT_URL='https://localhost:14000/my-account/2'\nCA_EMAIL='__ACME_BASE64__START_eW91QGV4YW1wbGUub3Jn__ACME_BASE64__END_'\n",
    );
    write(root.join("ca/bad.example/directory/account.key"), "");
    write(root.join("acme.sh"), "#!/usr/bin/env sh\n");
    write(root.join("dnsapi/dns_cf.sh"), "");
    let (leaf, key) = certificate(&["*.example.org", "example.org"]);
    let folder = root.join("*.example.org_ecc");
    write(
        folder.join("*.example.org.conf"),
        format!("Le_Domain='*.example.org'\nLe_API='{LETS_ENCRYPT}'\n"),
    );
    write(folder.join("*.example.org.key"), sec1_pem(&key));
    write(folder.join("fullchain.cer"), leaf);
    write(root.join("pending.example/pending.example.conf"), "Le_Domain='pending.example'\n");

    let before = content(&root);
    let import = acme_sh(&root);
    assert_eq!(content(&root), before);
    let found = account(&import, "acme-v02.api.letsencrypt.org/directory");
    assert_eq!(found.directory.as_ref().map(|url| url.as_str()), Some(LETS_ENCRYPT));
    assert_eq!(found.contacts, ["mailto:me@example.org"]);
    let found = account(&import, "localhost/dir");
    assert_eq!(
        found.directory.as_ref().map(|url| url.as_str()),
        Some("https://localhost:14000/dir")
    );
    assert_eq!(found.contacts, ["mailto:you@example.org"]);
    let [one] = &import.certificates[..] else { panic!("{import:?}") };
    assert_eq!(one.name, "*.example.org");
    assert_eq!(one.certificate.directory().map(|url| url.as_str()), Some(LETS_ENCRYPT));
    let paths: Vec<String> = problems(&import, &root).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["ca/bad.example/directory/account.key"]);
}

#[test]
fn certmagic_accounts_and_certificates_are_read() {
    let dir = ScratchDir::new();
    let root = dir.path().join("caddy");
    let pair = KeyPair::generate().expect("a key");
    let user = root.join("acme/acme-v02.api.letsencrypt.org-directory/users/me@example.org");
    write(
        user.join("me.json"),
        r#"{"status": "valid", "contact": ["mailto:me@example.org"], "termsOfServiceAgreed": true, "orders": "", "location": "https://acme-v02.api.letsencrypt.org/acme/acct/10"}"#,
    );
    write(user.join("me.key"), sec1_pem(&pair));
    let user = root.join("acme/localhost-14000-my-dir/users/default");
    write(user.join("default.json"), "{");
    write(user.join("default.key"), sec1_pem(&pair));
    write(root.join("acme/bad.example-directory/users/default/default.key"), "x");
    let (leaf, key) = certificate(&["*.example.org"]);
    let site = root.join("certificates/localhost-14000-my-dir/wildcard_.example.org");
    write(site.join("wildcard_.example.org.crt"), leaf);
    write(site.join("wildcard_.example.org.key"), sec1_pem(&key));
    write(
        site.join("wildcard_.example.org.json"),
        r#"{"sans": ["*.example.org"], "issuer_data": {"url": "https://localhost:14000/cert/1", "ca": "https://localhost:14000/my/dir"}}"#,
    );
    let site = root.join("certificates/localhost-14000-my-dir/half.example");
    write(site.join("half.example.key"), sec1_pem(&key));

    let before = content(&root);
    let import = certmagic(&root);
    assert_eq!(content(&root), before);
    let found = account(&import, "acme-v02.api.letsencrypt.org-directory");
    assert_eq!(found.directory.as_ref().map(|url| url.as_str()), Some(LETS_ENCRYPT));
    assert_eq!(
        found.url.as_ref().map(|url| url.as_str()),
        Some("https://acme-v02.api.letsencrypt.org/acme/acct/10")
    );
    let found = account(&import, "localhost-14000-my-dir");
    assert_eq!(
        found.directory.as_ref().map(|url| url.as_str()),
        Some("https://localhost:14000/my/dir")
    );
    assert_eq!(found.url, None);
    let [one] = &import.certificates[..] else { panic!("{import:?}") };
    assert_eq!(one.name, "*.example.org");
    let paths: Vec<String> = problems(&import, &root).into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        paths,
        [
            "certificates/localhost-14000-my-dir/half.example/half.example.crt",
            "acme/bad.example-directory/users/default/default.key"
        ]
    );
}

#[test]
fn a_folder_that_is_not_there_is_the_only_problem() {
    let dir = ScratchDir::new();
    let missing = dir.path().join("missing");
    for import in [certbot(&missing), lego(&missing), acme_sh(&missing), certmagic(&missing)] {
        assert_eq!((import.accounts.len(), import.certificates.len()), (0, 0));
        assert!(matches!(&import.problems[..], [one] if matches!(one.reason(), Unusable::Io(_))));
    }
}

/// Writes an account in the layouts of all four clients, and returns what each of them has.
fn in_every_layout(
    dir: &ScratchDir,
    ca: &TestCa,
    uri: &str,
    ec: Option<&KeyPair>,
) -> Vec<(&'static str, Import)> {
    let root = |name: &str| dir.path().join(name);
    let pem = ec.map_or_else(|| pem::encode("RSA PRIVATE KEY", RSA), sec1_pem);
    let jwk = ec.map_or_else(rsa_jwk, |pair| ec_jwk(pair, "P-256", 32));
    let directory = Url::parse(ca.directory_url()).expect("a URL");
    let (authority, path) = (directory.authority(), directory.path_and_query());

    let folder = root("certbot").join(format!("accounts/{authority}{path}/0a"));
    write(folder.join("private_key.json"), jwk.to_string());
    write(folder.join("regr.json"), json!({"body": {}, "uri": uri}).to_string());
    let user = format!("accounts/{}/me@example.org", authority.replace(':', "_"));
    let folder = root("lego4").join(&user);
    write(folder.join("keys/me@example.org.key"), &pem);
    write(
        folder.join("account.json"),
        json!({"email": "me@example.org", "registration": {"body": {}, "uri": uri}}).to_string(),
    );
    let folder = root("lego5").join(&user).join("EC256");
    write(folder.join("me@example.org.key"), &pem);
    write(
        folder.join("account.json"),
        json!({"server": ca.directory_url(), "registration": {"accountURL": uri}}).to_string(),
    );
    let folder = root("acme.sh").join(format!("ca/{}{path}", directory.host()));
    write(folder.join("account.key"), &pem);
    write(folder.join("ca.conf"), format!("ACCOUNT_URL='{uri}'\n"));
    let place = format!("{authority}{path}").replace([':', '/'], "-");
    let folder = root("certmagic").join(format!("acme/{place}/users/default"));
    write(folder.join("default.key"), &pem);
    write(folder.join("default.json"), json!({"location": uri}).to_string());
    vec![
        ("certbot", certbot(root("certbot"))),
        ("lego 4", lego(root("lego4"))),
        ("lego 5", lego(root("lego5"))),
        ("acme.sh", acme_sh(root("acme.sh"))),
        ("certmagic", certmagic(root("certmagic"))),
    ]
}

#[tokio::test]
async fn an_imported_account_of_each_client_is_stored_and_used_to_issue() {
    for ec in [None, Some(KeyPair::generate().expect("a key"))] {
        let (ca, dir) = (TestCa::start(), ScratchDir::new());
        let rsa = || pem::encode("RSA PRIVATE KEY", RSA);
        let pem = ec.as_ref().map_or_else(rsa, KeyPair::serialize_pem);
        let key = pkcs8_from_pem(pem.as_bytes()).expect("a key");
        let key = AccountKey::from_pem(&key).expect("a key");
        let theirs = builder(&ca).key(key).connect().await.expect("a client");
        theirs.register().run().await.expect("an account");
        let uri = theirs.account_url().expect("a URL");
        let http = http01(&ca).await;
        for (client, import) in in_every_layout(&dir, &ca, uri.as_str(), ec.as_ref()) {
            let [found] = &import.accounts[..] else { panic!("{client}: {import:?}") };
            assert_eq!(found.url.as_ref(), Some(&uri), "{client}");
            let directory = Url::parse(ca.directory_url()).expect("a URL");
            if matches!(client, "certbot" | "lego 5" | "acme.sh") {
                assert_eq!(found.directory.as_ref(), Some(&directory), "{client}");
            }
            let storage = MemoryStorage::new();
            let stored = found.to_stored_at(directory.clone()).expect("an account");
            run(&storage, layout::save_account(&stored).expect("an operation")).expect("saved");
            let load = layout::load_or_make_account(&directory, KeyKind::Es256);
            let loaded = run(&storage, load).expect("an account");
            assert!(!loaded.is_new, "{client}");
            assert_eq!(loaded.account.account(), Some(&uri), "{client}");
            let ours = builder(&ca).key(&loaded.account).connect().await.expect("a client");
            let entry = ours.register().run().await.expect("the account");
            assert_eq!(*entry.url(), uri, "{client}");
            let issued = ours.issue(["example.test"]).key(&certificate_key()).solver(&http).run();
            assert_eq!(names(&issued.await.expect("a certificate")), ["example.test"], "{client}");
        }
        assert_eq!((ca.account_objects().len(), ca.certificates_issued()), (1, 5));
    }
}
