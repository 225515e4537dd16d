//! The server of the README, made by `tests/build.rs`, and the same one with acme-blocking.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use acme_proto::x509::Certificate;
use acme_tests::child::Killed;
use acme_tests::responders::TlsClient;
use acme_tests::{scratch, short_lived_ca};

const NAME: &str = "example.org";

#[test]
fn the_servers_of_ten_lines_serve_at_once_and_renew() {
    for adapter in ["acme-tokio", "acme-blocking"] {
        let (ca, folder) = (short_lived_ca(Duration::from_secs(6)), scratch("readme"));
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        drop(socket);
        ca.set_tls_port(address.port());
        let root = folder.path().join("root.pem");
        fs::write(&root, ca.root_pem()).expect("a file");
        let server = Command::new(env!("CARGO_BIN_EXE_alive"))
            .args(["serve", adapter])
            .arg(folder.path().join("state"))
            .args([&address.to_string(), ca.directory_url()])
            .arg(&root)
            .stdin(Stdio::null())
            .spawn()
            .expect("a server");
        let server = Killed(server);
        let (client, end) = (TlsClient::offering(&["http/1.1"]), Instant::now());
        let end = end + Duration::from_secs(60);
        let mut certificates = Vec::new();
        while certificates.len() < 3 {
            assert!(Instant::now() < end, "{adapter}: {} certificates", certificates.len());
            match client.try_connect(address, NAME) {
                Ok(seen) => {
                    let read = Certificate::parse(seen.certificate.clone()).expect("a certificate");
                    assert!(acme_adapter::clock::wall() < read.not_after(), "{adapter}: expired");
                    if certificates.last() != Some(&seen.certificate) {
                        certificates.push(seen.certificate);
                    }
                }
                // Before it listens.
                Err(error) => assert!(certificates.is_empty(), "{adapter}: {error}"),
            }
            thread::sleep(Duration::from_millis(50));
        }
        drop(server);
        assert_eq!(ca.account_objects()[0]["contact"][0], "mailto:me@example.org");
    }
}
