//! Which servers the default transport trusts, directly and behind a proxy.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::{env, io, thread};

use super::adapter::{Transport as _, transport};
use acme_proto::flow::Lost;
use acme_tests::tls_server::{Identity, TlsServer, get};
use rcgen::{BasicConstraints, CertificateParams, IsCa, SanType};

/// Marks the certificate as that of a CA, as `openssl req -x509` does.
fn ca(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

#[tokio::test]
async fn the_very_certificate_that_was_given_as_a_root_is_accepted() {
    let server = TlsServer::start(Identity::new(ca));
    let response = transport(server.pem()).exchange(get(&server.url("/ok"))).await;
    assert_eq!(response.expect("a response").status(), 200);
}

#[tokio::test]
async fn a_certificate_that_was_given_as_a_root_counts_by_its_name_validity_and_key() {
    let other_name = |params: &mut CertificateParams| {
        ca(params);
        params.subject_alt_names = vec![SanType::DnsName("other.test".try_into().expect("a name"))];
    };
    let expired = |params: &mut CertificateParams| {
        ca(params);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    };
    let not_yet = |params: &mut CertificateParams| {
        ca(params);
        params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    };
    for (identity, words) in [
        (Identity::new(other_name), "is not for the name"),
        (Identity::new(expired), "has expired"),
        (Identity::new(not_yet), "is not valid yet"),
        (Identity::with_another_key(ca), "is not signed by"),
    ] {
        let server = TlsServer::start(identity);
        let result = transport(server.pem()).exchange(get(&server.url("/ok"))).await;
        let Err(Lost::Untrusted(why)) = result else { panic!("{words}: {result:?}") };
        assert!(why.contains(words), "{why}");
        assert_eq!(server.requests(), 0);
    }
}

#[tokio::test]
async fn a_certificate_of_a_ca_that_was_not_given_is_called_that() {
    let server = TlsServer::start(Identity::new(ca));
    let result = transport(Identity::default().pem()).exchange(get(&server.url("/ok"))).await;
    let Err(Lost::Untrusted(why)) = result else { panic!("{result:?}") };
    let words = "the certificate is that of a CA, and not one of the given roots (";
    assert!(why.starts_with(words), "{why}");
}

#[tokio::test]
async fn a_server_whose_key_ring_does_not_know_is_explained() {
    // The alert of a server that has a key on P-521, and no other.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}/", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 40]);
        let _ = stream.read(&mut [0; 4096]);
    });
    let result = transport(Identity::default().pem()).exchange(get(&url)).await;
    let Err(Lost::NotSent(why)) = result else { panic!("{result:?}") };
    let words = "the server refused the TLS handshake (handshake failure); if its key is P-521: ";
    assert!(why.starts_with(words), "{why}");
    assert!(why.contains("`aws-lc-rs`"), "{why}");
}

#[tokio::test]
async fn a_failure_behind_a_proxy_names_the_proxy() {
    // The environment cannot be changed in a process with threads, so the client is another process.
    if let Ok(proxy) = env::var("TEST_PROXY") {
        let no_root = Identity::default();
        for kind in ["blocked", "not sent", "not trusted"] {
            let result = transport(no_root.pem()).exchange(get("https://behind.test/ok")).await;
            let lost = result.expect_err("no way").to_string();
            assert!(lost.starts_with(&format!("{kind}: proxy {proxy}: ")), "{lost}");
        }
        let root = env::var("TEST_ROOT").expect("the root");
        let result = transport(&root).exchange(get("https://behind.test/break")).await;
        let lost = result.expect_err("no response").to_string();
        assert!(lost.starts_with(&format!("no response: proxy {proxy}: ")), "{lost}");
        return;
    }
    let server = TlsServer::start(Identity::default());
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = proxy.local_addr().expect("an address").to_string();
    let (_, module) = module_path!().split_once("::").expect("the program's name");
    let client = Command::new(env::current_exe().expect("a path"))
        .args(["--exact", &format!("{module}::a_failure_behind_a_proxy_names_the_proxy")])
        .env("HTTPS_PROXY", &address)
        .env_remove("https_proxy")
        .env("NO_PROXY", "")
        .env_remove("no_proxy")
        .env("TEST_PROXY", &address)
        .env("TEST_ROOT", server.pem())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let open = "HTTP/1.1 200 Connected\r\n\r\n";
    let no_tls = format!("{open}220 mail.test\r\n");
    for answer in ["HTTP/1.1 407 Who are you?\r\n\r\n", &no_tls, open, open] {
        let (mut tunnel, _) = proxy.accept().expect("a connection");
        assert!(tunnel.read(&mut [0; 1024]).expect("a request") > 0);
        tunnel.write_all(answer.as_bytes()).expect("a connection");
        if answer == open {
            forward(tunnel, TcpStream::connect(server.address()).expect("a connection"));
        }
    }
    let output = client.wait_with_output().expect("an end");
    let output = (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned());
    assert!(output.0, "{}", output.1);
    assert!(output.1.contains("1 passed"), "{}", output.1);
}

/// Passes octets on, both ways, until one side ends.
fn forward(mut outer: TcpStream, mut inner: TcpStream) {
    let mut back = (inner.try_clone().expect("a socket"), outer.try_clone().expect("a socket"));
    thread::spawn(move || {
        let _ = io::copy(&mut back.0, &mut back.1);
        let _ = back.1.shutdown(std::net::Shutdown::Both);
    });
    let _ = io::copy(&mut outer, &mut inner);
}
