//! Boulder's keys and certificates: one CA for its services among themselves, two for what it issues.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P384_SHA384,
};

use super::super::web_ca::parameters;

/// The services that present a certificate to each other, by the name in it without its domain.
const SERVICES: [&str; 8] = ["ca", "nonce", "publisher", "ra", "rva", "sa", "va", "wfe"];

/// The roots under which Boulder issues, that of the default chain first, as PEM.
pub(super) type Roots = [String; 2];

/// A Certificate Transparency log: what its server and its users are given.
pub(super) struct Log {
    /// Its private key, as base64.
    pub(super) secret: String,
    /// Its public key, as base64.
    pub(super) public: String,
    /// The hash of its public key, as base64.
    pub(super) id: String,
}

/// Writes the certificate and key of each service to `NAME.pem` and `NAME.key`, and their root to `services.pem`.
pub(super) fn write_services(dir: &Path) -> Result<(), String> {
    let root_key = KeyPair::generate().map_err(text)?;
    let root = authority("acme-tests Boulder services", BasicConstraints::Constrained(0))?;
    write(dir, "services.pem", &root.self_signed(&root_key).map_err(text)?.pem())?;
    let root = Issuer::new(root, root_key);
    let own = SERVICES.map(|name| (name, vec![format!("{name}.boulder")]));
    let by_address = ["doh", "redis"].map(|name| (name, vec!["127.0.0.1".to_owned()]));
    for (name, names) in own.into_iter().chain(by_address) {
        let key = KeyPair::generate().map_err(text)?;
        let mut leaf = parameters(name, names).map_err(text)?;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = leaf.signed_by(&key, &root).map_err(text)?;
        write(dir, &format!("{name}.pem"), &certificate.pem())?;
        write(dir, &format!("{name}.key"), &key.serialize_pem())?;
    }
    Ok(())
}

/// Writes an issuer for each kind of key, `issuer-ec` and `issuer-rsa`, under a root of that kind, and the first one a
/// second time under the root of the other, `issuer-cross`: the certificates that end users see have two chains.
pub(super) fn write_issuers(dir: &Path) -> Result<Roots, String> {
    let (ec_root, ec_pem) = write_root(dir, "ec")?;
    let (rsa_root, rsa_pem) = write_root(dir, "rsa")?;
    for (kind, signers) in
        [("ec", &[("ec", &ec_root), ("cross", &rsa_root)][..]), ("rsa", &[("rsa", &rsa_root)][..])]
    {
        let key = key_pair(kind)?;
        let issuer =
            authority(&format!("acme-tests Boulder {kind}"), BasicConstraints::Constrained(0))?;
        write(dir, &format!("issuer-{kind}.key"), &key.serialize_pem())?;
        for (name, root) in signers {
            let certificate = issuer.signed_by(&key, root).map_err(text)?;
            write(dir, &format!("issuer-{name}.pem"), &certificate.pem())?;
        }
    }
    Ok([ec_pem, rsa_pem])
}

fn write_root(dir: &Path, kind: &str) -> Result<(Issuer<'static, KeyPair>, String), String> {
    let key = key_pair(kind)?;
    let name = format!("acme-tests Boulder root {kind}");
    let root = authority(&name, BasicConstraints::Unconstrained)?;
    let pem = root.self_signed(&key).map_err(text)?.pem();
    write(dir, &format!("root-{kind}.pem"), &pem)?;
    Ok((Issuer::new(root, key), pem))
}

/// Makes the key of a log.
pub(super) fn log() -> Result<Log, String> {
    let key = KeyPair::generate().map_err(text)?.serialize_pem();
    let pkey = |line: &str| openssl(line, key.as_bytes());
    let public = pkey("pkey -pubout -outform DER")?;
    let id = openssl("dgst -sha256 -binary", &public)?;
    let base64 = |octets: &[u8]| -> Result<String, String> {
        Ok(String::from_utf8_lossy(&openssl("base64 -A", octets)?).into_owned())
    };
    // The server of the logs reads no PKCS#8, which is what `-traditional` is against.
    let secret = base64(&pkey("pkey -traditional -outform DER")?)?;
    Ok(Log { secret, public: base64(&public)?, id: base64(&id)? })
}

/// A key of Let's Encrypt's kinds: P-384, or RSA with 2048 bits.
fn key_pair(kind: &str) -> Result<KeyPair, String> {
    if kind == "ec" {
        return KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).map_err(text);
    }
    // ring, which rcgen signs with, generates no RSA keys.
    let pem = openssl("genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048", &[])?;
    KeyPair::from_pem(&String::from_utf8_lossy(&pem)).map_err(text)
}

fn authority(name: &str, depth: BasicConstraints) -> Result<CertificateParams, String> {
    let mut parameters = parameters(name, Vec::new()).map_err(text)?;
    parameters.is_ca = IsCa::Ca(depth);
    parameters.use_authority_key_identifier_extension = true;
    parameters.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
    ];
    Ok(parameters)
}

/// Runs OpenSSL with an input, and returns its output.
fn openssl(line: &str, input: &[u8]) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("openssl {line}: {error}");
    let mut command = Command::new("openssl");
    command.args(line.split(' ').map(OsStr::new)).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("openssl {line}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn write(dir: &Path, name: &str, content: &str) -> Result<(), String> {
    fs::write(dir.join(name), content).map_err(text)
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
