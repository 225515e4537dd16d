//! Which threads a client's work runs on.

use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use acme_blocking::{AccountKey, Client, KeyKind, Policy, Transport};
use acme_proto::flow::{Lost, Transmit};
use acme_proto::http::Response;

/// A CA that is only a directory, and notes who asks.
#[derive(Default)]
struct Directory(Mutex<Vec<ThreadId>>);

impl Transport for Directory {
    fn exchange(&self, transmit: Transmit) -> Result<Response, Lost> {
        self.0.lock().expect("no panic").push(thread::current().id());
        assert!(transmit.request.url().as_str().ends_with("/directory"), "there is no other URL");
        let url = |name: &str| format!("\"{name}\":\"https://acme.example.org/{name}\"");
        let names = ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"];
        let body = format!("{{{}}}", names.map(url).join(","));
        Ok(Response::new(200).with_header("content-type", "application/json").with_body(body))
    }

    fn product(&self) -> &str {
        "directory/0"
    }
}

fn connect(transport: Arc<Directory>) -> Client {
    let mut policy = Policy::default();
    policy.tries = 1;
    Client::builder("https://acme.example.org/directory")
        .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
        .transport(transport)
        .policy(policy)
        .connect()
        .expect("a client")
}

#[test]
fn a_single_operation_runs_in_the_calling_thread() {
    let transport = Arc::new(Directory::default());
    connect(transport.clone()).directory().expect("a directory");
    let here = thread::current().id();
    assert_eq!(*transport.0.lock().expect("no panic"), [here, here]);
}

#[test]
fn a_transport_that_panics_gives_no_answer() {
    let client = connect(Arc::default());
    let error = client.register().run().expect_err("there is no newNonce").to_string();
    assert!(error.contains("the transport panicked: there is no other URL"), "{error}");
}
