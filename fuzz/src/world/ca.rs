//! A CA that follows the input: mostly correct, and sometimes wrong in every way that the input
//! can choose.

use std::collections::BTreeMap;

use acme_proto::flow::Lost;
use acme_proto::header;
use acme_proto::http::{Method, Request, Response};
use acme_proto::identifier::Identifier;
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::certificate;
use crate::bytes::Bytes;

/// The origin of every URL of the CA.
pub(crate) const ORIGIN: &str = "https://ca.example";

/// The state of a CA with one account.
#[derive(Debug)]
pub(crate) struct Ca {
    /// The names of its certificates.
    pub(crate) names: Vec<Identifier>,
    /// The key of its certificates, as SubjectPublicKeyInfo.
    pub(crate) spki: Vec<u8>,
    /// New orders use the authorizations of the first one.
    pub(crate) reuses: bool,
    /// The directory has terms of service, and demands an external account.
    pub(crate) terms: bool,
    pub(crate) external: bool,
    /// The nonces that were sent, and how often each. A faulty CA repeats some.
    pub(crate) nonces: BTreeMap<String, usize>,
    orders: Vec<Order>,
    authorizations: Vec<Authorization>,
    counter: u64,
}

#[derive(Debug)]
struct Order {
    status: &'static str,
    authorizations: Vec<usize>,
}

#[derive(Debug)]
struct Authorization {
    name: Identifier,
    status: &'static str,
    challenges: Vec<Challenge>,
}

#[derive(Debug)]
struct Challenge {
    kind: &'static str,
    status: &'static str,
    failed: bool,
}

impl Ca {
    pub(crate) fn new(names: Vec<Identifier>, spki: Vec<u8>) -> Self {
        Self {
            names,
            spki,
            reuses: false,
            terms: false,
            external: false,
            nonces: BTreeMap::new(),
            orders: Vec::new(),
            authorizations: Vec::new(),
            counter: 0,
        }
    }

    /// Answers a request, or loses it or its response.
    pub(crate) fn answer(
        &mut self,
        request: &Request,
        bytes: &mut Bytes<'_>,
    ) -> Result<Response, Lost> {
        let fault = bytes.below(48);
        let before = match fault {
            24 => return Err(Lost::NotSent("refused".into())),
            25 => return Err(Lost::TimedOut),
            26 => Some(answer::problem(400, "badNonce")),
            27 | 28 => Some(answer::any_problem(bytes)),
            29 => Some(Answer::raw(answer::status(bytes), bytes.some(200))),
            30 => Some(Answer::raw(429, b"<html>Too Many Requests\x1b[2J</html>")),
            _ => None,
        };
        let mut answer = match before {
            Some(answer) => answer,
            None => self.process(request, bytes),
        };
        let mut nonce = bytes.below(16) != 15;
        match fault {
            31 => return Err(Lost::NoResponse("reset".into())),
            32 => answer.truncated = true,
            33 => answer.status = answer::status(bytes),
            34..=37 => answer.mutate(bytes),
            38..=40 => answer.odd_header(bytes),
            41 => answer.body = self.process(request, bytes).body,
            42 => answer.body = self.any_object(bytes).body,
            43 => nonce = false,
            _ => {}
        }
        if request.method() == Method::Head {
            answer.body.clear();
        }
        if nonce {
            let repeated = bytes.below(32) == 31;
            self.counter += u64::from(!repeated);
            answer.headers.push(("Replay-Nonce".into(), format!("nonce-{}", self.counter)));
        }
        let response = answer.into_response();
        if let Some(nonce) = header::replay_nonce(response.headers()) {
            *self.nonces.entry(nonce.as_str().into()).or_default() += 1;
        }
        Ok(response)
    }

    fn process(&mut self, request: &Request, bytes: &mut Bytes<'_>) -> Answer {
        let path = request.url().as_str().strip_prefix(ORIGIN).unwrap_or("/elsewhere");
        let path = path.split('?').next().unwrap_or(path);
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let number = |at: usize| parts.get(at).and_then(|text| text.parse::<usize>().ok());
        match (parts.first().copied().unwrap_or(""), number(1), parts.get(2).copied()) {
            ("directory", ..) => Answer::json(200, &self.directory()),
            ("nonce" | "key", ..) => Answer::raw(200, b""),
            ("account", ..) => self.account(bytes),
            ("order", None, _) => self.new_order(bytes),
            ("order", Some(order), None) => self.read_order(order, bytes),
            ("order", Some(order), Some("finalize")) => self.finalize(order, bytes),
            ("authz", Some(index), _) => self.read_authorization(index, bytes),
            ("chall", Some(index), Some(_)) => self.respond(index, number(2).unwrap_or(0), bytes),
            ("cert", Some(_), _) => self.certificate(bytes),
            ("orders", ..) => {
                Answer::json(200, &json!({ "orders": [format!("{ORIGIN}/order/0")] }))
            }
            _ => answer::problem(404, "malformed"),
        }
    }

    fn directory(&self) -> Value {
        let mut directory = json!({
            "newNonce": format!("{ORIGIN}/nonce"),
            "newAccount": format!("{ORIGIN}/account"),
            "newOrder": format!("{ORIGIN}/order"),
            "revokeCert": format!("{ORIGIN}/revoke"),
            "keyChange": format!("{ORIGIN}/key"),
            "meta": { "profiles": { "classic": "the usual" }, "externalAccountRequired": self.external },
        });
        if self.terms {
            directory["meta"]["termsOfService"] = json!(format!("{ORIGIN}/terms"));
        }
        directory
    }

    fn account(&self, bytes: &mut Bytes<'_>) -> Answer {
        let status = bytes.pick(&["valid", "valid", "deactivated", "revoked"]);
        let orders = format!("{ORIGIN}/orders/1");
        Answer::json(bytes.pick(&[201, 200, 409]), &json!({ "status": status, "orders": orders }))
            .header("Location", &format!("{ORIGIN}/account/1"))
    }

    fn new_order(&mut self, bytes: &mut Bytes<'_>) -> Answer {
        let authorizations = match self.orders.first() {
            Some(first) if self.reuses => first.authorizations.clone(),
            _ => self.names.clone().iter().map(|name| self.new_authorization(name)).collect(),
        };
        for index in &authorizations {
            if self.authorizations[*index].status == "invalid" {
                self.authorizations[*index] =
                    Authorization::new(&self.names[*index % self.names.len()]);
            }
        }
        self.orders.push(Order { status: "pending", authorizations });
        let index = self.orders.len() - 1;
        self.read_order(index, bytes).header("Location", &format!("{ORIGIN}/order/{index}"))
    }

    fn new_authorization(&mut self, name: &Identifier) -> usize {
        self.authorizations.push(Authorization::new(name));
        self.authorizations.len() - 1
    }

    fn read_order(&mut self, index: usize, bytes: &mut Bytes<'_>) -> Answer {
        let Some(order) = self.orders.get_mut(index) else {
            return answer::problem(404, "malformed");
        };
        let mut of_order = order.authorizations.iter().filter_map(|a| self.authorizations.get(*a));
        let all_valid = of_order.clone().all(|a| a.status == "valid");
        let lost = of_order.any(|a| a.status == "invalid");
        let fate = bytes.below(8);
        match order.status {
            "pending" if lost && fate < 7 => order.status = "invalid",
            "pending" if all_valid && fate < 7 => order.status = "ready",
            "processing" if fate < 4 => order.status = "valid",
            "processing" if fate == 4 => order.status = "invalid",
            _ => {}
        }
        self.show_order(index, bytes)
    }

    fn show_order(&self, index: usize, bytes: &mut Bytes<'_>) -> Answer {
        let order = &self.orders[index];
        let names = self.names.iter().map(|n| json!({ "type": n.kind(), "value": n.value() }));
        let urls = order.authorizations.iter().map(|a| format!("{ORIGIN}/authz/{a}"));
        let mut object = json!({
            "status": order.status,
            "expires": "2099-01-01T00:00:00Z",
            "identifiers": names.collect::<Vec<_>>(),
            "authorizations": urls.collect::<Vec<_>>(),
            "finalize": format!("{ORIGIN}/order/{index}/finalize"),
        });
        if order.status == "valid" && bytes.below(8) != 7 {
            object["certificate"] = json!(format!("{ORIGIN}/cert/{index}"));
        }
        if order.status == "invalid" {
            object["error"] = json!({ "type": answer::urn("caa"), "detail": "no" });
        }
        Answer::json(if bytes.below(4) == 3 { 201 } else { 200 }, &object)
    }

    fn finalize(&mut self, index: usize, bytes: &mut Bytes<'_>) -> Answer {
        let Some(order) = self.orders.get_mut(index) else {
            return answer::problem(404, "malformed");
        };
        if order.status != "ready" {
            return answer::problem(403, "orderNotReady");
        }
        order.status = match bytes.below(8) {
            4 | 5 => "processing",
            6 => "ready",
            7 => return answer::problem(403, "orderNotReady"),
            _ => "valid",
        };
        self.show_order(index, bytes)
    }

    fn read_authorization(&mut self, index: usize, bytes: &mut Bytes<'_>) -> Answer {
        let Some(held) = self.authorizations.get_mut(index) else {
            return answer::problem(404, "malformed");
        };
        if let Some(challenge) = held.challenges.iter_mut().find(|c| c.status == "processing") {
            match bytes.below(4) {
                0 | 1 => (challenge.status, held.status) = ("valid", "valid"),
                2 => (challenge.status, held.status) = ("invalid", "invalid"),
                _ => {}
            }
        }
        let base = held.name.base();
        let count = held.challenges.len();
        let challenges: Vec<Value> = (0..count).map(|i| held.challenge(index, i)).collect();
        Answer::json(
            200,
            &json!({
                "status": held.status,
                "expires": "2099-01-01T00:00:00Z",
                "identifier": { "type": base.kind(), "value": base.value() },
                "wildcard": held.name.is_wildcard(),
                "challenges": challenges,
            }),
        )
    }

    fn respond(&mut self, index: usize, which: usize, bytes: &mut Bytes<'_>) -> Answer {
        let Some(held) = self.authorizations.get_mut(index) else {
            return answer::problem(404, "malformed");
        };
        let Some(challenge) = held.challenges.get_mut(which) else {
            return answer::problem(404, "malformed");
        };
        if challenge.status != "pending" {
            return answer::problem(400, "malformed");
        }
        challenge.failed = false;
        match bytes.below(8) {
            4 | 7 => challenge.status = "processing",
            5 => (challenge.status, held.status, challenge.failed) = ("invalid", "invalid", true),
            6 => challenge.failed = true,
            _ => (challenge.status, held.status) = ("valid", "valid"),
        }
        Answer::json(200, &held.challenge(index, which))
    }

    /// Returns the certificate chain that an honest CA issues.
    pub(crate) fn chain(&self) -> String {
        certificate::chain(&self.names, &self.spki)
    }

    fn certificate(&self, bytes: &mut Bytes<'_>) -> Answer {
        let pem = match bytes.below(8) {
            5 => certificate::chain(&self.names[1..], &self.spki),
            6 => certificate::chain(&self.names, b"\x30\x00"),
            7 => certificate::chain(&self.names, &self.spki) + "-----BEGIN X-----\n",
            _ => certificate::chain(&self.names, &self.spki).repeat(2),
        };
        Answer::raw(200, pem.as_bytes()).header("Content-Type", "application/pem-certificate-chain")
    }

    /// Answers with an object that was not requested.
    fn any_object(&mut self, bytes: &mut Bytes<'_>) -> Answer {
        let index = bytes.below(4);
        match bytes.below(5) {
            0 => Answer::json(200, &self.directory()),
            1 => self.read_order(index, bytes),
            2 => self.read_authorization(index, bytes),
            3 => self.account(bytes),
            _ => self.certificate(bytes),
        }
    }
}

impl Authorization {
    fn new(name: &Identifier) -> Self {
        let kinds: &[&'static str] = match name {
            Identifier::Ip(_) => &["http-01", "tls-alpn-01"],
            name if name.is_wildcard() => &["dns-01"],
            _ => &["http-01", "dns-01", "tls-alpn-01", "dns-persist-01"],
        };
        let new = |kind: &&'static str| Challenge { kind, status: "pending", failed: false };
        Self { name: name.clone(), status: "pending", challenges: kinds.iter().map(new).collect() }
    }

    fn challenge(&self, index: usize, which: usize) -> Value {
        let challenge = &self.challenges[which];
        let mut object = json!({
            "type": challenge.kind,
            "url": format!("{ORIGIN}/chall/{index}/{which}"),
            "status": challenge.status,
            "token": format!("token-of-more-than-128-bits-{index}-{which}"),
        });
        if challenge.failed {
            object["error"] = json!({ "type": answer::urn("connection"), "detail": "no route" });
        }
        object
    }
}
