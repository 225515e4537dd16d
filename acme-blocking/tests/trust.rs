//! Which servers the default transport trusts, directly and behind a proxy.

mod server;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use acme_blocking::Transport as _;
use acme_blocking::acme_proto::flow::Lost;
use server::{Server, Speaks, forward, get, transport};

#[test]
fn the_very_certificate_that_was_given_as_a_root_is_accepted() {
    let server = Server::start_with(Speaks::Tls, server::tls_with(ca, false));
    let response = transport(server.root_pem()).exchange(get(&server.url("/ok")));
    assert_eq!(response.expect("an answer").status(), 200);
}

/// Marks the certificate as that of a CA, as `openssl req -x509` does.
fn ca(params: &mut rcgen::CertificateParams) {
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
}

#[test]
fn a_certificate_that_was_given_as_a_root_counts_by_its_name_validity_and_key() {
    let other_name = |params: &mut rcgen::CertificateParams| {
        ca(params);
        params.subject_alt_names =
            vec![rcgen::SanType::DnsName("other.test".try_into().expect("a name"))];
    };
    let expired = |params: &mut rcgen::CertificateParams| {
        ca(params);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    };
    let not_yet = |params: &mut rcgen::CertificateParams| {
        ca(params);
        params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    };
    for (tls, words) in [
        (server::tls_with(other_name, false), "is not for the name"),
        (server::tls_with(expired, false), "has expired"),
        (server::tls_with(not_yet, false), "is not valid yet"),
        (server::tls_with(ca, true), "is not signed by"),
    ] {
        let server = Server::start_with(Speaks::Tls, tls);
        let result = transport(server.root_pem()).exchange(get(&server.url("/ok")));
        let Err(Lost::Untrusted(why)) = result else { panic!("{words}: {result:?}") };
        assert!(why.contains(words), "{why}");
        assert_eq!(server.requests(), 0);
    }
}

#[test]
fn a_certificate_of_a_ca_that_was_not_given_is_called_that() {
    let server = Server::start_with(Speaks::Tls, server::tls_with(ca, false));
    let result = transport(&server::tls().1).exchange(get(&server.url("/ok")));
    let Err(Lost::Untrusted(why)) = result else { panic!("{result:?}") };
    let words = "the certificate is that of a CA, and not one of the given roots (";
    assert!(why.starts_with(words), "{why}");
}

#[test]
fn a_server_whose_key_ring_does_not_know_is_explained() {
    // The alert of a server that has a key on P-521, and no other.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 40]);
        let _ = stream.read(&mut [0; 4096]);
    });
    let result = transport(&server::tls().1).exchange(get(&url));
    let Err(Lost::NotSent(why)) = result else { panic!("{result:?}") };
    let words = "the server refused the TLS handshake (handshake failure); if its key is P-521: ";
    assert!(why.starts_with(words) && why.contains("`aws-lc-rs`"), "{why}");
}

#[test]
fn a_failure_behind_a_proxy_names_the_proxy() {
    // The environment cannot be changed in a process with threads, so the client is another process.
    if let Ok(proxy) = std::env::var("TEST_PROXY") {
        let (_, root_pem) = server::tls();
        for kind in ["blocked", "not sent", "not trusted"] {
            let result = transport(&root_pem).exchange(get("https://behind.test/ok"));
            let lost = result.expect_err("no way").to_string();
            assert!(lost.starts_with(&format!("{kind}: proxy {proxy}: ")), "{lost}");
        }
        let root_pem = std::env::var("TEST_ROOT").expect("the root");
        let result = transport(&root_pem).exchange(get("https://behind.test/break"));
        let lost = result.expect_err("no response").to_string();
        assert!(lost.starts_with(&format!("no response: proxy {proxy}: ")), "{lost}");
        return;
    }
    let server = Server::start(Speaks::Tls);
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = proxy.local_addr().expect("an address").to_string();
    let mut client = std::process::Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "a_failure_behind_a_proxy_names_the_proxy"])
        .env("HTTPS_PROXY", &address)
        .env_remove("https_proxy")
        .env("NO_PROXY", "")
        .env_remove("no_proxy")
        .env("TEST_PROXY", &address)
        .env("TEST_ROOT", server.root_pem())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("a process");
    let open = "HTTP/1.1 200 Connected\r\n\r\n";
    let no_tls = format!("{open}220 mail.test\r\n");
    for answer in ["HTTP/1.1 407 Who are you?\r\n\r\n", &no_tls, open, open] {
        let (mut tunnel, _) = proxy.accept().expect("a connection");
        assert!(tunnel.read(&mut [0; 1024]).expect("a request") > 0);
        tunnel.write_all(answer.as_bytes()).expect("a connection");
        if answer == open {
            forward(tunnel, server.address());
        }
    }
    assert!(client.wait().expect("an end").success());
}
