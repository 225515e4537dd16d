//! The ready-made listeners and handlers of both adapters, and clients that look at them as a validating CA does.

mod adapters;
mod tls;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use acme_proto::challenge::Challenge;
use acme_proto::issuance::IssuanceEvent;
use serde_json::json;

use crate::canned_server::{CannedServer, authorization, challenge, object};
use crate::world::issuance;

pub use adapters::{Responder, http_listeners, tls_listeners, tls_servers};
pub use tls::{Seen, TlsClient, USERS_NAME};

/// Returns the challenge that an issuance for this name is asked to publish.
///
/// # Panics
/// If the kind does not suit the name.
pub fn published(name: &str, kind: &str) -> Challenge {
    let mut script = CannedServer::obliging(&[name]);
    let mut pending = authorization("pending", name, 1);
    pending["challenges"] = json!([challenge("pending", kind, 1)]);
    script.on("/authz/1", [object(&pending)]);
    script.issue(issuance(&[name])).expect("a certificate");
    let provision = |event: &IssuanceEvent| match event {
        IssuanceEvent::Provision(challenge) => Some(challenge.clone()),
        _ => None,
    };
    script.events.iter().find_map(provision).expect("a challenge")
}

/// Sends a request over plain HTTP, and returns the whole answer.
///
/// # Panics
/// If there is no connection.
pub fn ask(address: SocketAddr, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket option");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}
