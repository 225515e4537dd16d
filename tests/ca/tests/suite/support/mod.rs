//! A tiny ACME client, written by hand and apart from everything else, to drive the CA with.

#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

pub mod https;
pub mod keys;
pub mod responders;
pub mod world;

use acme_testca::CaRequest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub use keys::Key;

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A response of the CA, over whatever transport.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).into_iter().next()
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
            .collect()
    }

    pub fn link(&self, relation: &str) -> Option<String> {
        let wanted = format!(";rel=\"{relation}\"");
        let link = self.all("link").into_iter().find(|l| l.ends_with(&wanted))?;
        Some(link.strip_suffix(&wanted)?.trim_matches(['<', '>']).to_owned())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn location(&self) -> String {
        self.header("location").expect("an answer with Location").to_owned()
    }

    /// Returns the problem type without its prefix, after checking that the response is a problem
    /// document.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let document = self.json();
        assert_eq!(document["status"], json!(self.status));
        let kind = document["type"].as_str().unwrap();
        kind.strip_prefix("urn:ietf:params:acme:error:").unwrap().to_owned()
    }

    #[track_caller]
    pub fn refused(&self, status: u16, kind: &str) {
        assert_eq!((self.status, self.problem().as_str()), (status, kind), "{}", self.text());
    }

    #[track_caller]
    pub fn ok(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

pub trait Transport {
    fn exchange(&mut self, request: CaRequest) -> Answer;
}

pub fn get(method: &str, url: &str) -> CaRequest {
    CaRequest::new(method, url).with_header("User-Agent", "acme-testca-tests")
}

/// A JWS to be: everything can be bent before it is signed.
pub struct Jws {
    pub header: Value,
    pub payload: Vec<u8>,
}

impl Jws {
    pub fn sign(&self, key: &Key) -> Value {
        let protected = b64(self.header.to_string());
        let payload = b64(&self.payload);
        let signature = key.sign(format!("{protected}.{payload}").as_bytes());
        json!({ "protected": protected, "payload": payload, "signature": b64(signature) })
    }
}

pub fn post(url: &str, body: &Value) -> CaRequest {
    get("POST", url)
        .with_header("Content-Type", "application/jose+json")
        .with_body(body.to_string())
}

/// A client with one key, which keeps the newest nonce.
pub struct Client<T> {
    pub transport: T,
    pub key: Key,
    pub kid: Option<String>,
    pub directory: Value,
    pub nonce: Option<String>,
}

impl<T: Transport> Client<T> {
    pub fn new(mut transport: T, directory_url: &str, key: Key) -> Self {
        let directory = transport.exchange(get("GET", directory_url)).ok(200).json();
        Self { transport, key, kid: None, directory, nonce: None }
    }

    /// Returns the URL of a resource in the directory.
    pub fn at(&self, resource: &str) -> String {
        self.directory[resource]
            .as_str()
            .unwrap_or_else(|| panic!("no {resource} in the directory"))
            .to_owned()
    }

    pub fn send(&mut self, request: CaRequest) -> Answer {
        let answer = self.transport.exchange(request);
        if let Some(nonce) = answer.header("replay-nonce") {
            self.nonce = Some(nonce.to_owned());
        }
        answer
    }

    pub fn fresh_nonce(&mut self) -> String {
        let url = self.at("newNonce");
        self.send(get("HEAD", &url)).ok(200);
        self.nonce.take().expect("newNonce gives a nonce")
    }

    pub fn next_nonce(&mut self) -> String {
        self.nonce.take().unwrap_or_else(|| self.fresh_nonce())
    }

    /// Returns a right protected header for a request, with kid if there is an account.
    pub fn header(&mut self, url: &str) -> Value {
        let mut header =
            json!({ "alg": self.key.algorithm(), "nonce": self.next_nonce(), "url": url });
        match &self.kid {
            Some(kid) => header["kid"] = json!(kid),
            None => header["jwk"] = self.key.jwk(),
        }
        header
    }

    fn bytes(payload: Option<&Value>) -> Vec<u8> {
        payload.map(|p| p.to_string().into_bytes()).unwrap_or_default()
    }

    pub fn post(&mut self, url: &str, payload: Option<Value>) -> Answer {
        let header = self.header(url);
        self.post_header(url, header, payload)
    }

    /// Posts with a header that a test has bent.
    pub fn post_header(&mut self, url: &str, header: Value, payload: Option<Value>) -> Answer {
        let jws = Jws { header, payload: Self::bytes(payload.as_ref()) };
        let body = jws.sign(&self.key);
        self.send(post(url, &body))
    }

    pub fn read(&mut self, url: &str) -> Answer {
        self.post(url, None)
    }

    pub fn register(&mut self, payload: Value) -> Answer {
        let url = self.at("newAccount");
        let answer = self.post(&url, Some(payload));
        if answer.status == 201 || answer.status == 200 {
            self.kid = Some(answer.location());
        }
        answer
    }

    pub fn order(&mut self, payload: Value) -> Answer {
        let url = self.at("newOrder");
        self.post(&url, Some(payload))
    }

    pub fn order_for(&mut self, names: &[&str]) -> Order {
        let answer = self.order(json!({ "identifiers": identifiers(names) })).ok(201);
        Order { url: answer.location(), object: answer.json() }
    }

    /// Returns the challenge of a type in an authorization.
    pub fn challenge(&mut self, authorization: &str, kind: &str) -> Value {
        let authorization = self.read(authorization).ok(200).json();
        let challenges = authorization["challenges"].as_array().unwrap();
        challenges.iter().find(|c| c["type"] == kind).unwrap_or_else(|| panic!("no {kind}")).clone()
    }

    pub fn key_authorization(&self, challenge: &Value) -> String {
        format!("{}.{}", challenge["token"].as_str().unwrap(), self.key.thumbprint())
    }
}

pub struct Order {
    pub url: String,
    pub object: Value,
}

impl Order {
    pub fn authorizations(&self) -> Vec<String> {
        let list = self.object["authorizations"].as_array().unwrap();
        list.iter().map(|a| a.as_str().unwrap().to_owned()).collect()
    }

    pub fn finalize(&self) -> String {
        self.object["finalize"].as_str().unwrap().to_owned()
    }
}

pub fn identifiers(names: &[&str]) -> Value {
    let one = |name: &&str| {
        let kind = if name.parse::<std::net::IpAddr>().is_ok() { "ip" } else { "dns" };
        json!({ "type": kind, "value": name })
    };
    Value::Array(names.iter().map(one).collect())
}

/// Returns a certificate request with a fresh key.
pub fn csr(names: &[&str]) -> Vec<u8> {
    csr_with(names, &rcgen::KeyPair::generate().unwrap())
}

pub fn csr_with(names: &[&str], key: &rcgen::KeyPair) -> Vec<u8> {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.serialize_request(key).unwrap().der().to_vec()
}

pub fn csr_payload(csr: &[u8]) -> Option<Value> {
    Some(json!({ "csr": b64(csr) }))
}

/// Returns the certificates of a PEM file as DER.
pub fn certificates(pem: &str) -> Vec<Vec<u8>> {
    x509_parser::pem::Pem::iter_from_buffer(pem.as_bytes()).map(|p| p.unwrap().contents).collect()
}

/// Returns the certID of RFC 9773 of a certificate.
pub fn certificate_id(der: &[u8]) -> String {
    use x509_parser::extensions::ParsedExtension;
    let (_, certificate) = x509_parser::parse_x509_certificate(der).unwrap();
    let aki = certificate.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(aki) => {
            aki.key_identifier.as_ref().map(|k| k.0.to_vec())
        }
        _ => None,
    });
    format!("{}.{}", b64(aki.unwrap()), b64(certificate.raw_serial()))
}
