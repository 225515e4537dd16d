//! Which servers the default transport trusts, directly and behind a proxy.

mod server;

use acme_proto::flow::Lost;
use acme_tokio::Transport as _;
use server::{Server, Speaks, get, transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn the_very_certificate_that_was_given_as_a_root_is_accepted() {
    for speaks in [Speaks::Http1, Speaks::Http2] {
        let (config, root_pem) = server::tls_with(speaks, ca, false);
        let server = Server::start_with(speaks, (config, root_pem)).await;
        let response = transport(server.root_pem()).exchange(get(&server.url("/ok"))).await;
        assert_eq!(response.expect("an answer").status(), 200);
    }
}

/// Marks the certificate as that of a CA, as `openssl req -x509` does.
fn ca(params: &mut rcgen::CertificateParams) {
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
}

#[tokio::test]
async fn a_certificate_that_was_given_as_a_root_counts_by_its_name_validity_and_key() {
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
        (server::tls_with(Speaks::Http2, other_name, false), "is not for the name"),
        (server::tls_with(Speaks::Http2, expired, false), "has expired"),
        (server::tls_with(Speaks::Http2, not_yet, false), "is not valid yet"),
        (server::tls_with(Speaks::Http2, ca, true), "is not signed by"),
    ] {
        let server = Server::start_with(Speaks::Http2, tls).await;
        let result = transport(server.root_pem()).exchange(get(&server.url("/ok"))).await;
        let Err(Lost::Untrusted(why)) = result else { panic!("{words}: {result:?}") };
        assert!(why.contains(words), "{why}");
        assert_eq!(server.requests(), 0);
    }
}

#[tokio::test]
async fn a_certificate_of_a_ca_that_was_not_given_is_called_that() {
    let server =
        Server::start_with(Speaks::Http2, server::tls_with(Speaks::Http2, ca, false)).await;
    let result = transport(&server::tls(Speaks::Http2).1).exchange(get(&server.url("/ok"))).await;
    let Err(Lost::Untrusted(why)) = result else { panic!("{result:?}") };
    let words = "the certificate is that of a CA, and not one of the given roots (";
    assert!(why.starts_with(words), "{why}");
}

#[tokio::test]
async fn a_server_whose_key_ring_does_not_know_is_explained() {
    // The alert of a server that has a key on P-521, and no other.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 40]).await;
        let _ = stream.read(&mut [0; 4096]).await;
    });
    let result = transport(&server::tls(Speaks::Http2).1).exchange(get(&url)).await;
    let Err(Lost::NotSent(why)) = result else { panic!("{result:?}") };
    let words = "the server refused the TLS handshake (handshake failure); if its key is P-521: ";
    assert!(why.starts_with(words) && why.contains("`aws-lc-rs`"), "{why}");
}

#[tokio::test]
async fn a_failure_behind_a_proxy_names_the_proxy() {
    // The environment cannot be changed in a process with threads, so the client is another process.
    if let Ok(proxy) = std::env::var("TEST_PROXY") {
        let (_, root_pem) = server::tls(Speaks::Http2);
        for kind in ["blocked", "not sent", "not trusted"] {
            let result = transport(&root_pem).exchange(get("https://behind.test/ok")).await;
            let lost = result.expect_err("no way").to_string();
            assert!(lost.starts_with(&format!("{kind}: proxy {proxy}: ")), "{lost}");
        }
        let root_pem = std::env::var("TEST_ROOT").expect("the root");
        let result = transport(&root_pem).exchange(get("https://behind.test/break")).await;
        let lost = result.expect_err("no response").to_string();
        assert!(lost.starts_with(&format!("no response: proxy {proxy}: ")), "{lost}");
        return;
    }
    let server = Server::start(Speaks::Http2).await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = proxy.local_addr().expect("an address").to_string();
    let mut client = tokio::process::Command::new(std::env::current_exe().expect("a path"))
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
        let (mut tunnel, _) = proxy.accept().await.expect("a connection");
        assert!(tunnel.read(&mut [0; 1024]).await.expect("a request") > 0);
        tunnel.write_all(answer.as_bytes()).await.expect("a connection");
        if answer == open {
            let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
            let _ = tokio::io::copy_bidirectional(&mut tunnel, &mut stream).await;
        }
    }
    assert!(client.wait().await.expect("a status").success());
}
