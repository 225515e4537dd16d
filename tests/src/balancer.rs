//! A CA of several machines behind a balancer: a nonce holds only at the machine that gave it.
//!
//! Machines are found by connection, or by a cookie. It has a directory, nonces and one account, over TLS.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use acme_proto::jose::base64url;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// How a request finds its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// Each connection leads to another machine, and stays with it.
    Connection,
    /// The cookie names the machine; a request without one goes to the next. A connection ends with its response.
    Cookie,
}

/// A balancer that runs as long as the test program.
pub struct Balancer {
    base: String,
    root_pem: String,
    state: Arc<State>,
}

struct State {
    found_by: FoundBy,
    machines: AtomicUsize,
    refused: AtomicUsize,
    given: AtomicUsize,
    open: Mutex<BTreeSet<String>>,
}

impl Balancer {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// If loopback does not work.
    pub fn start(found_by: FoundBy) -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("PEM");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a certificate with its key");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("https://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State {
            found_by,
            machines: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            given: AtomicUsize::new(0),
            open: Mutex::default(),
        });
        let balancer = Self { base, root_pem: certificate.pem(), state };
        let (base, state) = (balancer.base.clone(), Arc::clone(&balancer.state));
        let config = Arc::new(config);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("a connection");
                let tls = ServerConnection::new(Arc::clone(&config)).expect("a configuration");
                let (state, base) = (Arc::clone(&state), base.clone());
                thread::spawn(move || state.serve(&base, StreamOwned::new(tls, stream)));
            }
        });
        balancer
    }

    /// Returns the URL of the directory.
    pub fn directory_url(&self) -> String {
        format!("{}/directory", self.base)
    }

    /// Returns the URL of the account.
    pub fn account_url(&self) -> String {
        format!("{}/account/1", self.base)
    }

    /// Returns the root of its certificate.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// Returns how many requests were refused because of their nonce.
    pub fn refused(&self) -> usize {
        self.state.refused.load(Ordering::SeqCst)
    }

    /// Returns how many machines were found.
    pub fn machines(&self) -> usize {
        self.state.machines.load(Ordering::SeqCst)
    }
}

impl State {
    fn serve(&self, base: &str, mut stream: StreamOwned<ServerConnection, TcpStream>) {
        let mut machine = match self.found_by {
            FoundBy::Connection => Some(self.next_machine()),
            FoundBy::Cookie => None,
        };
        while let Ok((head, body)) = read_request(&mut stream) {
            let named = head.lines().find_map(|line| line.strip_prefix("cookie: node="));
            let at = machine.or_else(|| named?.parse().ok());
            let at = at.unwrap_or_else(|| self.next_machine());
            // Parallel requests meet, so that they take several connections.
            thread::sleep(Duration::from_millis(10));
            let (status, body) = self.respond(base, &head, &body, at);
            let nonce = format!("{at}-{}", self.given.fetch_add(1, Ordering::SeqCst));
            self.open.lock().expect("no panic").insert(nonce.clone());
            let mut response = format!(
                "HTTP/1.1 {status}\r\nReplay-Nonce: {nonce}\r\nContent-Length: {}\r\n",
                body.len()
            );
            if self.found_by == FoundBy::Cookie {
                response += &format!("Set-Cookie: node={at}; Path=/; Secure; HttpOnly\r\n");
                response += "Connection: close\r\n";
            } else {
                machine = Some(at);
            }
            let kind = if status.starts_with('4') { "problem+json" } else { "json" };
            response += &format!("Content-Type: application/{kind}\r\n\r\n");
            let body = if head.starts_with("head ") { "" } else { &body };
            let sent = stream.write_all((response + body).as_bytes());
            if sent.and_then(|()| stream.flush()).is_err() || self.found_by == FoundBy::Cookie {
                stream.conn.send_close_notify();
                let _ = stream.flush();
                return;
            }
        }
    }

    fn next_machine(&self) -> usize {
        self.machines.fetch_add(1, Ordering::SeqCst)
    }

    fn respond(&self, base: &str, head: &str, body: &[u8], at: usize) -> (&'static str, String) {
        if head.starts_with("get /directory ") {
            let directory = json!({
                "newNonce": format!("{base}/nonce"),
                "newAccount": format!("{base}/account"),
                "newOrder": format!("{base}/order"),
                "revokeCert": format!("{base}/revoke"),
                "keyChange": format!("{base}/key"),
            });
            return ("200 OK", directory.to_string());
        }
        if !head.starts_with("post ") {
            return ("200 OK", String::new());
        }
        let nonce = nonce_of(body).unwrap_or_default();
        let is_own = nonce.starts_with(&format!("{at}-"));
        if is_own && self.open.lock().expect("no panic").remove(&nonce) {
            return ("200 OK", json!({ "status": "valid" }).to_string());
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        let problem = json!({ "type": "urn:ietf:params:acme:error:badNonce", "detail": nonce });
        ("400 Bad Request", problem.to_string())
    }
}

fn nonce_of(body: &[u8]) -> Option<String> {
    let jws: Value = serde_json::from_slice(body).ok()?;
    let protected = base64url::decode(jws.get("protected")?.as_str()?).ok()?;
    let protected: Value = serde_json::from_slice(&protected).ok()?;
    Some(protected.get("nonce")?.as_str()?.to_owned())
}

/// Reads a head, in lower case, and a body.
fn read_request(stream: &mut impl Read) -> io::Result<(String, Vec<u8>)> {
    let (mut head, mut octet) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet)?;
        head.extend(octet);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}
