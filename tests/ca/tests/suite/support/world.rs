//! The CA's core under a client, without I/O and in virtual time.

use std::cell::RefCell;
use std::rc::Rc;

use acme_testca::{Ca, CaConfig, CaRequest, Delivery, Problem, Validation};

use super::{Answer, Client, Key, Transport, csr, csr_payload};
use serde_json::json;

pub const START: u64 = 1_800_000_000_000;

/// A CA in virtual time, shared by the clients of a test.
#[derive(Clone)]
pub struct World(Rc<RefCell<(Ca, u64)>>);

impl World {
    pub fn new(config: CaConfig) -> Self {
        Self(Rc::new(RefCell::new((Ca::new(config, START).unwrap(), START))))
    }

    pub fn with<R>(&self, change: impl FnOnce(&mut Ca) -> R) -> R {
        change(&mut self.0.borrow_mut().0)
    }

    pub fn pass(&self, millis: u64) {
        self.0.borrow_mut().1 += millis;
    }

    pub fn client(&self) -> Client<Self> {
        self.client_with(Key::es256())
    }

    pub fn client_with(&self, key: Key) -> Client<Self> {
        let url = self.with(|ca| ca.directory_url());
        Client::new(self.clone(), &url, key)
    }

    /// Returns a client that has an account.
    pub fn member(&self) -> Client<Self> {
        let mut client = self.client();
        client.register(json!({})).ok(201);
        client
    }

    /// Settles all validations that wait, and returns them.
    pub fn settle(&self, outcome: impl Fn(&Validation) -> Result<(), Problem>) -> Vec<Validation> {
        let mut state = self.0.borrow_mut();
        let validations = state.0.take_validations();
        for validation in &validations {
            let now = state.1;
            state.0.validated(validation.id, outcome(validation), now);
        }
        validations
    }
}

impl Transport for World {
    fn exchange(&mut self, request: CaRequest) -> Answer {
        let mut state = self.0.borrow_mut();
        let now = state.1;
        let response = state.0.handle(&request, now);
        assert_eq!(response.delivery, Delivery::Answer);
        Answer { status: response.status, headers: response.headers, body: response.body }
    }
}

impl Client<World> {
    /// Makes all authorizations of an order valid.
    pub fn authorize(&mut self, order: &super::Order) {
        for url in order.authorizations() {
            let authorization = self.read(&url).ok(200).json();
            if authorization["status"] == "pending" {
                let challenge = authorization["challenges"][0]["url"].as_str().unwrap().to_owned();
                self.post(&challenge, Some(json!({}))).ok(200);
            }
        }
        self.transport.clone().settle(|_| Ok(()));
    }

    pub fn ready_order(&mut self, names: &[&str]) -> super::Order {
        let order = self.order_for(names);
        self.authorize(&order);
        order
    }

    /// Returns the URL and the PEM of a new certificate.
    pub fn issue(&mut self, names: &[&str]) -> (String, String) {
        self.issue_csr(names, &csr(names))
    }

    pub fn issue_csr(&mut self, names: &[&str], csr: &[u8]) -> (String, String) {
        let order = self.ready_order(names);
        let done = self.post(&order.finalize(), csr_payload(csr)).ok(200).json();
        assert_eq!(done["status"], "valid");
        let url = done["certificate"].as_str().unwrap().to_owned();
        let pem = self.read(&url).ok(200).text();
        (url, pem)
    }
}
