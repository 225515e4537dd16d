//! The examples of both adapters and of acme-testca, as they stand, against acme-testca.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use acme_testca::TestCa;
use acme_tests::child::{ScratchDir, example};
use acme_tests::responders::TlsClient;
use acme_tests::short_lived_ca;

/// Starts an example in `dir`, with `ca` as the CA that it trusts and orders from.
fn start(name: &str, ca: &TestCa, dir: &ScratchDir) -> Child {
    let root = dir.write("root.pem", ca.root_pem());
    Command::new(example(name))
        .args(["example.test", ca.directory_url()])
        .env("SSL_CERT_FILE", root)
        .env("HTTP01_ADDRESS", format!("127.0.0.1:{}", ca.http_port()))
        .current_dir(dir.work())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example starts")
}

/// Waits for the end, which must be a certificate.
fn finish(child: Child, dir: &ScratchDir) {
    let output = child.wait_with_output().expect("the example ends");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", output.status);
    let chain = fs::read_to_string(dir.file("cert.pem")).expect("the chain");
    assert!(chain.starts_with("-----BEGIN CERTIFICATE-----"), "{chain}");
}

/// Runs an http-01 example twice: the second run uses the account and the key of the first.
fn issues_twice(name: &str) {
    let (ca, dir) = (TestCa::start(), ScratchDir::new());
    finish(start(name, &ca, &dir), &dir);
    let read = |file: &str| fs::read_to_string(dir.file(file)).expect("a key");
    let keys = [read("account-key.pem"), read("key.pem")];
    finish(start(name, &ca, &dir), &dir);
    assert_eq!([read("account-key.pem"), read("key.pem")], keys);
    assert_eq!(ca.account_objects().len(), 1);
    assert_eq!(ca.certificates_issued(), 2);
}

/// Does what the dns-01 example asks of a person.
fn issues_by_hand(name: &str) {
    let (ca, dir) = (TestCa::start(), ScratchDir::new());
    let mut child = start(name, &ca, &dir);
    let lines = BufReader::new(child.stdout.take().expect("standard output is a pipe")).lines();
    let mut published = Vec::new();
    for line in lines {
        let line = line.expect("text");
        let Some((record, value)) = line.split_once(". TXT ") else { continue };
        let value = value.trim_matches('"');
        if let Some(record) = record.strip_prefix("Remove this record: ") {
            assert!(ca.clear_txt(record, value), "{record} is published");
            continue;
        }
        ca.set_txt(record, value);
        published.push(record.to_owned());
        let input = child.stdin.as_mut().expect("standard input is a pipe");
        input.write_all(b"\n").expect("the example reads");
    }
    finish(child, &dir);
    assert_eq!(published, ["_acme-challenge.example.test"]);
    assert_eq!(ca.published_txt().values().flatten().count(), 0);
}

/// Lets a server renew its certificate under the eyes of a client.
fn serves_and_renews(name: &str) {
    serve_and_renew(name, 1);
}

/// Lets two servers share a folder: what one of them obtains, both show.
fn shares_a_folder(name: &str) {
    serve_and_renew(name, 2);
}

fn serve_and_renew(name: &str, number: usize) {
    let ca = short_lived_ca(Duration::from_secs(6));
    let dir = ScratchDir::new();
    let root = dir.write("root.pem", ca.root_pem());
    let start_one = || {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        // At the last one, whichever of them orders.
        ca.set_tls_port(address.port());
        drop(socket);
        let server = Command::new(example(name))
            .args(["example.test", ca.directory_url()])
            .env("SSL_CERT_FILE", &root)
            .env("TLS_ADDRESS", address.to_string())
            .current_dir(dir.work())
            .stdin(Stdio::null())
            .spawn()
            .expect("the example starts");
        (server, address)
    };
    let start = Instant::now();
    let servers: Vec<_> = (0..number).map(|_| start_one()).collect();
    let client = TlsClient::offering(&["http/1.1"]);
    let mut shown = vec![Vec::new(); number];
    while shown.iter().any(|certificates| certificates.len() < 3) {
        assert!(start.elapsed() < Duration::from_secs(60), "{name}: {shown:?}");
        for ((_, address), certificates) in servers.iter().zip(&mut shown) {
            match client.try_connect(*address, "example.test") {
                Ok(seen) => {
                    assert!(seen.data.ends_with(b"hello\n"), "{name}: {:?}", seen.data);
                    if certificates.last() != Some(&seen.certificate) {
                        certificates.push(seen.certificate);
                    }
                }
                // Before it listens.
                Err(error) => assert!(certificates.is_empty(), "{name}: {error}"),
            }
        }
        thread::sleep(Duration::from_millis(50));
    }
    // One at the start and one each half lifetime, by what is rounded in the certificate.
    let most = start.elapsed().as_secs() / 2 + 2;
    let issued = ca.certificates_issued() as u64;
    assert!(issued <= most, "{name}: {issued} issued, at most {most}");
    for (mut server, _) in servers {
        server.kill().expect("it is running");
        server.wait().expect("it has ended");
    }
}

/// Lets a loop without a server renew its certificate.
fn renews(name: &str) {
    let ca = short_lived_ca(Duration::from_secs(6));
    let dir = ScratchDir::new();
    let mut child = start(name, &ca, &dir);
    let end = Instant::now() + Duration::from_secs(60);
    while ca.certificates_issued() < 3 {
        assert!(Instant::now() < end, "{name}: {} certificates", ca.certificates_issued());
        assert!(child.try_wait().expect("a child").is_none(), "{name} has ended");
        thread::sleep(Duration::from_millis(50));
    }
    child.kill().expect("it is running");
    child.wait().expect("it has ended");
    assert!(dir.file("renewal.json").exists());
}

macro_rules! examples {
    ($($test:ident: $issue:ident($name:literal);)*) => {$(
        #[test]
        fn $test() {
            $issue($name);
        }
    )*};
}
examples! {
    tokio_http01: issues_twice("http01");
    tokio_raw_loop: issues_twice("raw-loop");
    tokio_remote_signer: issues_twice("remote-signer");
    tokio_dns01_by_hand: issues_by_hand("dns01-by-hand");
    tokio_server: serves_and_renews("server");
    blocking_server: serves_and_renews("server-blocking");
    tokio_servers_with_one_folder: shares_a_folder("server");
    blocking_servers_with_one_folder: shares_a_folder("server-blocking");
    blocking_renew_loop: renews("renew-loop-blocking");
    blocking_http01: issues_twice("http01-blocking");
    blocking_raw_loop: issues_twice("raw-loop-blocking");
    blocking_remote_signer: issues_twice("remote-signer-blocking");
    blocking_dns01_by_hand: issues_by_hand("dns01-by-hand-blocking");
}

#[test]
fn a_server_of_axum_renews_with_an_embedded_ca() {
    let output = Command::new(example("testca-axum")).output().expect("the example starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", output.status);
    assert!(String::from_utf8_lossy(&output.stdout).contains("\nrenewed\n"));
}
