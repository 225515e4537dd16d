//! The limit: issues one certificate and does nothing in sequence that need not be, without a policy, a retry or a check.
//!
//! LIMIT=h2 uses one HTTP/2 connection, LIMIT=h1 at most 32 HTTP/1.1 connections. Polls follow each other at once, so it
//! sends more of them than any CA would like.

mod network;

use std::error::Error;
use std::sync::Mutex;
use std::time::Duration;
use std::{env, fs};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use futures_util::future::try_join_all;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING as ES256, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::network::{Network, Reply};

/// Between two polls, so that a server on the same machine has time to work.
const PAUSE: Duration = Duration::from_millis(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let names: Vec<String> = env::args().skip(1).collect();
    let directory = env::var("ACME_DIRECTORY")?;
    let wide = env::var("LIMIT")? == "h2";
    let network = Network::new(&directory, &fs::read(env::var("ACME_ROOT")?)?, wide)?;
    let directory: Value = serde_json::from_slice(&network.get(&directory).await?.body)?;
    let client = Client::new(&network, text(&directory, "newNonce"))?;

    client.fetch_nonce().await?;
    let consent = json!({ "termsOfServiceAgreed": true });
    let account = client.post(text(&directory, "newAccount"), Some(&consent), None).await?;
    let account = account.location.ok_or("no account URL")?;

    let identifiers: Vec<_> =
        names.iter().map(|name| json!({ "type": "dns", "value": name })).collect();
    let identifiers = json!({ "identifiers": identifiers });
    let nonces = try_join_all((1..names.len()).map(|_| client.fetch_nonce()));
    let new_order = client.post(text(&directory, "newOrder"), Some(&identifiers), Some(&account));
    let (order, _) = futures_util::future::try_join(new_order, nonces).await?;
    let order_url = order.location.ok_or("no order URL")?;
    let order: Value = serde_json::from_slice(&order.body)?;

    let authorizations = order["authorizations"].as_array().ok_or("no authorizations")?;
    let prove = |url: &Value| client.prove(url.as_str().unwrap_or_default().to_owned(), &account);
    try_join_all(authorizations.iter().map(prove)).await?;
    client.poll(&order_url, &account, "ready").await?;

    let key = rcgen::KeyPair::generate()?;
    let csr = rcgen::CertificateParams::new(names)?.serialize_request(&key)?;
    let csr = json!({ "csr": BASE64URL.encode(csr.der()) });
    client.post(text(&order, "finalize"), Some(&csr), Some(&account)).await?;
    let order = client.poll(&order_url, &account, "valid").await?;
    let chain = client.post(text(&order, "certificate"), None, Some(&account)).await?;
    fs::write(env::var("CHAIN")?, chain.body)?;
    Ok(())
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_default()
}

struct Client<'a> {
    network: &'a Network,
    new_nonce: &'a str,
    nonces: Mutex<Vec<String>>,
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl<'a> Client<'a> {
    fn new(network: &'a Network, new_nonce: &'a str) -> Result<Self, Box<dyn Error>> {
        let random = SystemRandom::new();
        let refused = |_| "ring makes no key";
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ES256, &random).map_err(refused)?;
        let key = EcdsaKeyPair::from_pkcs8(&ES256, pkcs8.as_ref(), &random)
            .map_err(|_| "ring takes its own keys")?;
        Ok(Self { network, new_nonce, nonces: Mutex::default(), key, random })
    }

    async fn fetch_nonce(&self) -> Result<(), Box<dyn Error>> {
        let reply = self.network.head(self.new_nonce).await?;
        self.keep(&reply);
        Ok(())
    }

    fn keep(&self, reply: &Reply) {
        let nonces = self.nonces.lock();
        nonces.expect("no thread panics").extend(reply.nonce.clone());
    }

    async fn post(
        &self,
        url: &str,
        payload: Option<&Value>,
        account: Option<&str>,
    ) -> Result<Reply, Box<dyn Error>> {
        let nonce = self.nonces.lock().expect("no thread panics").pop().ok_or("no nonce")?;
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let header = match account {
            Some(account) => json!({ "alg": "ES256", "kid": account, "nonce": nonce, "url": url }),
            None => json!({ "alg": "ES256", "nonce": nonce, "url": url, "jwk": {
                "kty": "EC", "crv": "P-256", "x": BASE64URL.encode(x), "y": BASE64URL.encode(y),
            }}),
        };
        let protected = BASE64URL.encode(header.to_string());
        let payload = payload.map_or_else(String::new, |p| BASE64URL.encode(p.to_string()));
        let message = format!("{protected}.{payload}");
        let signature = self.key.sign(&self.random, message.as_bytes());
        let signature = BASE64URL.encode(signature.map_err(|_| "ring does not sign")?);
        let body = json!({ "protected": protected, "payload": payload, "signature": signature });
        let reply = self.network.post(url, body.to_string()).await?;
        self.keep(&reply);
        if reply.status >= 300 {
            return Err(String::from_utf8_lossy(&reply.body).into());
        }
        Ok(reply)
    }

    async fn prove(&self, url: String, account: &str) -> Result<(), Box<dyn Error>> {
        let authorization = self.post(&url, None, Some(account)).await?;
        let authorization: Value = serde_json::from_slice(&authorization.body)?;
        let challenges = authorization["challenges"].as_array().ok_or("no challenges")?;
        let http = challenges.iter().find(|challenge| challenge["type"] == "http-01");
        let url = text(http.ok_or("no http-01")?, "url");
        self.post(url, Some(&json!({})), Some(account)).await.map(drop)
    }

    /// Reads the order until it has this status.
    async fn poll(&self, url: &str, account: &str, status: &str) -> Result<Value, Box<dyn Error>> {
        loop {
            let order = self.post(url, None, Some(account)).await?;
            let order: Value = serde_json::from_slice(&order.body)?;
            match text(&order, "status") {
                found if found == status => return Ok(order),
                "invalid" => return Err(order.to_string().into()),
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}
