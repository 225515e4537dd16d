//! What every run has in common: made once, for it takes cryptography.

use std::collections::BTreeMap;

use acme_proto::identifier::Identifier;
use acme_proto::jose::{Jwk, Thumbprint, base64url};
use acme_proto::signer::{Ed25519Key, Es256Key};
use acme_proto::x509::{Csr, CsrBuilder};

/// How many issuances a run has at most.
pub(super) const MOST_WISHES: usize = 6;
/// How many names an order has at most.
pub(super) const MOST_NAMES: usize = 3;
/// The account keys: the first one, and the one of a key change.
pub(super) const KEYS: [u8; 2] = [1, 2];

/// A certificate that somebody wants.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The names, sorted.
    pub(super) names: Vec<String>,
    pub(super) identifiers: Vec<Identifier>,
    pub(super) csr: Csr,
    /// The CSR as finalize sends it.
    pub(super) csr_text: String,
    pub(super) chain: String,
    /// A chain for the same names and another key.
    pub(super) wrong_key: String,
    /// A chain for the same key and another name.
    pub(super) wrong_names: String,
}

/// Keys, CSRs and certificates.
#[derive(Debug)]
pub struct Materials {
    wanted: Vec<Wanted>,
    keys: Vec<(u8, Jwk, Thumbprint)>,
    by_x: BTreeMap<String, u8>,
}

impl Default for Materials {
    fn default() -> Self {
        Self::new()
    }
}

impl Materials {
    /// Makes them.
    ///
    /// # Panics
    /// Never: the names are names, and the keys are keys.
    pub fn new() -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let other = rcgen::KeyPair::generate().expect("a key");
        let signer = Es256Key::from_pkcs8_der(key.serialized_der()).expect("a key of P-256");
        let each = (0..MOST_WISHES).flat_map(|wish| (1..=MOST_NAMES).map(move |n| (wish, n)));
        let wanted = each.map(|(wish, count)| wanted(&names(wish, count), &signer, &key, &other));
        let mut by_x = BTreeMap::new();
        let mut account_key = |byte: u8| {
            let jwk = Ed25519Key::from_scalar(&[byte; 32]).expect("32 octets").public_key();
            let json = serde_json::to_value(&jwk).expect("JSON");
            by_x.insert(json["x"].as_str().expect("an Ed25519 key has x").to_owned(), byte);
            let thumbprint = jwk.thumbprint();
            (byte, jwk, thumbprint)
        };
        let keys = KEYS.map(&mut account_key).into();
        Self { wanted: wanted.collect(), keys, by_x }
    }

    pub(super) fn wanted(&self, wish: usize, count: usize) -> &Wanted {
        &self.wanted[wish * MOST_NAMES + count - 1]
    }

    pub(super) fn key(&self, byte: u8) -> &Jwk {
        &self.keys.iter().find(|(own, ..)| *own == byte).expect("one of KEYS").1
    }

    /// Returns which key has this thumbprint.
    pub(super) fn by_thumbprint(&self, thumbprint: &Thumbprint) -> Option<u8> {
        self.keys.iter().find(|(.., own)| own == thumbprint).map(|(byte, ..)| *byte)
    }

    /// Returns which key has this public half.
    pub(super) fn by_x(&self, x: &str) -> Option<u8> {
        self.by_x.get(x).copied()
    }
}

/// The first name is the wish's own, the others show shared and wildcard authorizations.
fn names(wish: usize, count: usize) -> Vec<String> {
    let all = [format!("w{wish}.example"), "shared.example".into(), format!("*.w{wish}.example")];
    let mut names = all[..count].to_vec();
    names.sort();
    names
}

fn wanted(
    names: &[String],
    signer: &Es256Key,
    key: &rcgen::KeyPair,
    other: &rcgen::KeyPair,
) -> Wanted {
    let identifiers: Vec<Identifier> =
        names.iter().map(|name| name.parse().expect("a name")).collect();
    let builder = CsrBuilder::new(&signer.public_key(), &identifiers);
    let signature = signer.sign(&builder.to_be_signed());
    let csr = builder.finish(&signature).expect("a CSR");
    let certificate = |names: Vec<String>, key: &rcgen::KeyPair| {
        let params = rcgen::CertificateParams::new(names).expect("names");
        params.self_signed(key).expect("a certificate").pem()
    };
    Wanted {
        csr_text: base64url::encode(csr.as_der()),
        csr,
        chain: certificate(names.to_vec(), key),
        wrong_key: certificate(names.to_vec(), other),
        wrong_names: certificate(vec!["other.example".into()], key),
        identifiers,
        names: names.to_vec(),
    }
}
