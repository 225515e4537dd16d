//! A CA as a few enums: it is cheap, and its whole state can be hashed.

use std::collections::{BTreeMap, BTreeSet};

use acme_proto::flow::Transmit;
use acme_proto::http::{Method, Response};
use acme_proto::identifier::Identifier;
use acme_proto::jose::Jwk;
use acme_proto::signer::{Ed25519Key, Es256Key};
use acme_proto::x509::{Csr, CsrBuilder};

use crate::jws::nonce;
pub(super) use crate::simulate::pem;

/// Where the CA is.
pub(super) const BASE: &str = "https://ca.test";
/// The kinds of challenge that every authorization offers.
pub(super) const KINDS: [&str; 2] = ["http-01", "dns-01"];

/// What every run has in common: made once, for it takes cryptography.
#[derive(Debug)]
pub(super) struct Materials {
    /// The names of the order.
    pub(super) names: Vec<String>,
    /// The public half of the account key.
    pub(super) account_key: Jwk,
    /// The CSR of the user.
    pub(super) csr: Csr,
    /// The certificate for the CSR.
    pub(super) chain: String,
    /// A certificate for the same names and another key.
    pub(super) wrong_key: String,
    /// A certificate for the same key that lacks a name.
    pub(super) wrong_names: String,
}

impl Materials {
    /// Makes a key, a CSR and certificates for these names.
    ///
    /// # Panics
    /// If one is not a name.
    pub(super) fn new(names: &[&str]) -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let other = rcgen::KeyPair::generate().expect("a key");
        let identifiers: Vec<Identifier> =
            names.iter().map(|name| name.parse().expect("a name")).collect();
        let account_key = Ed25519Key::from_scalar(&[1; 32]).expect("32 octets are a key");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let signer = Es256Key::from_pkcs8_der(key.serialized_der()).expect("a key of P-256");
        let builder = CsrBuilder::new(&signer.public_key(), &identifiers);
        let signature = signer.sign(&builder.to_be_signed());
        Self {
            account_key: account_key.public_key(),
            csr: builder.finish(&signature).expect("a CSR"),
            chain: certificate(&key, names.clone()),
            wrong_key: certificate(&other, names.clone()),
            wrong_names: certificate(&key, vec!["other.example".to_owned()]),
            names,
        }
    }
}

fn certificate(key: &rcgen::KeyPair, names: Vec<String>) -> String {
    let params = rcgen::CertificateParams::new(names).expect("names");
    params.self_signed(key).expect("a certificate").pem()
}

/// The status of a challenge.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Proof {
    Pending,
    Processing,
    Valid,
    Invalid,
}

/// How far an order is after its authorizations.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Finalization {
    None,
    Processing,
    Done,
}

/// An order: for each name its challenges, in the order of [`KINDS`].
#[derive(Clone, Debug, Hash)]
struct Order {
    proofs: Vec<[Proof; KINDS.len()]>,
    finalization: Finalization,
}

impl Order {
    fn is_valid(&self, name: usize) -> bool {
        self.proofs[name].contains(&Proof::Valid)
    }

    fn is_invalid(&self) -> bool {
        self.proofs.iter().flatten().any(|proof| *proof == Proof::Invalid)
    }

    fn is_ready(&self) -> bool {
        (0..self.proofs.len()).all(|name| self.is_valid(name))
    }

    fn status(&self) -> &'static str {
        match self.finalization {
            Finalization::Done => "valid",
            Finalization::Processing => "processing",
            Finalization::None if self.is_invalid() => "invalid",
            Finalization::None if self.is_ready() => "ready",
            Finalization::None => "pending",
        }
    }
}

/// What the CA can do by itself.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum Work {
    /// Validates the challenge of that order, name and kind, with this outcome.
    Validate { order: usize, name: usize, kind: usize, passes: bool },
    /// Issues the certificate of that order.
    Issue { order: usize },
}

/// The CA.
#[derive(Clone, Debug, Hash)]
pub(super) struct ModelCa {
    orders: Vec<Order>,
    /// How many nonces each URL gave, which makes them different.
    given: BTreeMap<String, u32>,
    good_nonces: BTreeSet<String>,
    certificates: usize,
}

/// What a processed request came to.
pub(super) struct Processed {
    /// The response.
    pub(super) response: Response,
    /// Whether it created an order.
    pub(super) created_order: bool,
}

impl ModelCa {
    /// Creates a CA without orders.
    pub(super) const fn new() -> Self {
        Self {
            orders: Vec::new(),
            given: BTreeMap::new(),
            good_nonces: BTreeSet::new(),
            certificates: 0,
        }
    }

    /// Returns how many orders there are, and how many of them are invalid.
    pub(super) fn orders(&self) -> (usize, usize) {
        (self.orders.len(), self.orders.iter().filter(|order| order.is_invalid()).count())
    }

    /// Returns how many certificates were issued.
    pub(super) const fn certificates(&self) -> usize {
        self.certificates
    }

    /// Returns what the CA has to do; a validation has two outcomes.
    pub(super) fn work(&self) -> Vec<Work> {
        let mut work = Vec::new();
        for (order, held) in self.orders.iter().enumerate() {
            for (name, proofs) in held.proofs.iter().enumerate() {
                for (kind, proof) in proofs.iter().enumerate() {
                    if *proof == Proof::Processing {
                        let validate = |passes| Work::Validate { order, name, kind, passes };
                        work.extend([validate(true), validate(false)]);
                    }
                }
            }
            if held.finalization == Finalization::Processing {
                work.push(Work::Issue { order });
            }
        }
        work
    }

    /// Does one thing of [`work`](Self::work).
    pub(super) fn perform(&mut self, work: Work) {
        match work {
            Work::Validate { order, name, kind, passes } => {
                let outcome = if passes { Proof::Valid } else { Proof::Invalid };
                self.orders[order].proofs[name][kind] = outcome;
            }
            Work::Issue { order } => self.issue(order),
        }
    }

    fn issue(&mut self, order: usize) {
        self.orders[order].finalization = Finalization::Done;
        self.certificates += 1;
    }

    /// Processes a request; `later` has a finalize answered as `processing`.
    ///
    /// # Panics
    /// If the request is for a URL that the CA never gave.
    pub(super) fn process(
        &mut self,
        transmit: &Transmit,
        all: &Materials,
        later: bool,
    ) -> Processed {
        let request = &transmit.request;
        let path = request.url().as_str().strip_prefix(BASE).expect("a URL of the CA").to_owned();
        let mut created_order = false;
        let response = if request.method() == Method::Post && !self.takes_nonce(transmit) {
            problem(400, "badNonce")
        } else {
            created_order = path == "/newOrder";
            self.route(&path, request, all, later)
        };
        let response =
            if path == "/directory" { response } else { self.with_nonce(response, &path) };
        Processed { response, created_order }
    }

    fn takes_nonce(&mut self, transmit: &Transmit) -> bool {
        nonce(&transmit.request).is_some_and(|nonce| self.good_nonces.remove(&nonce))
    }

    /// Adds a fresh nonce, as the CA adds to a refusal too.
    pub(super) fn with_nonce(&mut self, response: Response, path: &str) -> Response {
        let count = self.given.entry(path.to_owned()).or_default();
        *count += 1;
        let nonce = format!("n{}-{count}", path.replace('/', "-"));
        self.good_nonces.insert(nonce.clone());
        response.with_header("replay-nonce", &nonce)
    }

    fn route(
        &mut self,
        path: &str,
        request: &acme_proto::http::Request,
        all: &Materials,
        later: bool,
    ) -> Response {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let number = |n: usize| parts[n].parse::<usize>().expect("a number");
        match parts[0] {
            "directory" => json(200, directory()),
            "newNonce" => Response::new(200),
            "newOrder" => {
                let proofs = vec![[Proof::Pending; KINDS.len()]; all.names.len()];
                self.orders.push(Order { proofs, finalization: Finalization::None });
                let order = self.orders.len() - 1;
                json(201, self.order(order, all))
                    .with_header("location", &format!("{BASE}/o/{order}"))
            }
            "o" => json(200, self.order(number(1), all)),
            "a" => json(200, self.authorization(number(1), number(2), all)),
            "c" => {
                let (order, name, kind) = (number(1), number(2), number(3));
                let responds = !crate::jws::payload(request).is_empty();
                let proof = &mut self.orders[order].proofs[name][kind];
                if responds && *proof == Proof::Pending {
                    *proof = Proof::Processing;
                }
                let up = format!(r#"<{BASE}/a/{order}/{name}>;rel="up""#);
                json(200, self.challenge(order, name, kind)).with_header("link", &up)
            }
            "f" => self.finalize(number(1), all, later),
            "cert" => pem(&all.chain),
            _ => panic!("{path}"),
        }
    }

    fn finalize(&mut self, order: usize, all: &Materials, later: bool) -> Response {
        if self.orders[order].status() != "ready" {
            return problem(403, "orderNotReady");
        }
        if later {
            self.orders[order].finalization = Finalization::Processing;
        } else {
            self.issue(order);
        }
        json(200, self.order(order, all)).with_header("location", &format!("{BASE}/o/{order}"))
    }

    fn order(&self, order: usize, all: &Materials) -> String {
        let list = |entry: &dyn Fn(usize, &String) -> String| {
            let entries = all.names.iter().enumerate().map(|(n, name)| entry(n, name));
            entries.collect::<Vec<_>>().join(",")
        };
        let status = self.orders[order].status();
        let certificate = if status == "valid" {
            format!(r#""certificate":"{BASE}/cert/{order}","#)
        } else {
            String::new()
        };
        format!(
            r#"{{"status":"{status}",{certificate}"finalize":"{BASE}/f/{order}","identifiers":[{}],"authorizations":[{}]}}"#,
            list(&|_, name| format!(r#"{{"type":"dns","value":"{name}"}}"#)),
            list(&|n, _| format!(r#""{BASE}/a/{order}/{n}""#)),
        )
    }

    fn authorization(&self, order: usize, name: usize, all: &Materials) -> String {
        let proofs = &self.orders[order].proofs[name];
        let status = if proofs.contains(&Proof::Invalid) {
            "invalid"
        } else if proofs.contains(&Proof::Valid) {
            "valid"
        } else {
            "pending"
        };
        let challenges: Vec<String> =
            (0..KINDS.len()).map(|kind| self.challenge(order, name, kind)).collect();
        format!(
            r#"{{"status":"{status}","identifier":{{"type":"dns","value":"{}"}},"challenges":[{}]}}"#,
            all.names[name],
            challenges.join(",")
        )
    }

    fn challenge(&self, order: usize, name: usize, kind: usize) -> String {
        let status = match self.orders[order].proofs[name][kind] {
            Proof::Pending => r#""pending""#,
            Proof::Processing => r#""processing""#,
            Proof::Valid => r#""valid""#,
            Proof::Invalid => {
                r#""invalid","error":{"type":"urn:ietf:params:acme:error:connection","detail":"refused"}"#
            }
        };
        format!(
            r#"{{"type":"{}","url":"{BASE}/c/{order}/{name}/{kind}","token":"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-{order}-{name}-{kind}","status":{status}}}"#,
            KINDS[kind]
        )
    }
}

impl Default for ModelCa {
    fn default() -> Self {
        Self::new()
    }
}

fn directory() -> String {
    let entry = |name| format!(r#""{name}":"{BASE}/{name}""#);
    let entries = ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"].map(entry);
    format!("{{{}}}", entries.join(","))
}

fn json(status: u16, body: String) -> Response {
    Response::new(status).with_header("content-type", "application/json").with_body(body)
}

/// Returns a problem document of an ACME type.
pub(super) fn problem(status: u16, kind: &str) -> Response {
    crate::simulate::problem(status, kind, "as the model says")
}
