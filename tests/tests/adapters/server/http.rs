//! HTTP over the listeners: axum, the services for challenges, and the redirect to HTTPS.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;

use acme_adapter::resolver::CertificateResolver;
use acme_tests::responders::{TlsClient, ask, published};
use acme_tokio::{
    Http01Handler, Http01Layer, Http01Service, HttpsRedirect, PeerAddr, RedirectService,
    TlsListener,
};
use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;

use super::connect;
use super::fixture::{ecdsa, provider, runtime};

const NAME: &str = "a.example";

#[test]
fn axum_serves_over_the_listener_and_knows_its_clients() {
    let resolver = CertificateResolver::new(&provider());
    resolver.install("a", [NAME], ecdsa(&[NAME]));
    let runtime = runtime();
    let listener = runtime.block_on(TlsListener::bind("127.0.0.1:0", &resolver)).expect("a port");
    let address = listener.local_addr();
    let app = Router::new().route(
        "/",
        get(|ConnectInfo(peer): ConnectInfo<PeerAddr>| async move { peer.get().ip().to_string() }),
    );
    let app = app.into_make_service_with_connect_info::<PeerAddr>();
    runtime.spawn(async move { axum::serve(listener, app).await });
    let seen = TlsClient::offering(&["h2", "http/1.1"]).connect(address, NAME);
    let seen = seen.expect("a handshake");
    // axum speaks HTTP/2 only with a feature, so that it is not offered unasked.
    assert_eq!(seen.alpn.as_deref(), Some(&b"http/1.1"[..]));
    let data = String::from_utf8(seen.data).expect("text");
    assert!(data.starts_with("HTTP/1.1 200 ") && data.contains("127.0.0.1"), "{data}");
}

#[test]
fn hyper_serves_over_the_listener() {
    let resolver = CertificateResolver::new(&provider());
    resolver.install("a", [NAME], ecdsa(&[NAME]));
    let runtime = runtime();
    let listener = runtime.block_on(TlsListener::bind("127.0.0.1:0", &resolver));
    let mut listener = listener.expect("a port");
    let address = listener.local_addr();
    runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await;
            let service = RedirectService::new(HttpsRedirect::new());
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(hyper_util::rt::TokioIo::new(stream), service),
            );
        }
    });
    let seen = TlsClient::offering(&["http/1.1"]).connect(address, NAME).expect("a handshake");
    assert!(seen.data.starts_with(b"HTTP/1.1 308 "), "{:?}", String::from_utf8_lossy(&seen.data));
}

/// Serves an app of axum over plain HTTP.
fn serve(runtime: &tokio::runtime::Runtime, app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0");
    let listener = runtime.block_on(listener).expect("a port");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(async move { axum::serve(listener, app).await });
    address
}

/// Sends a GET after which the connection is closed.
fn close_after(address: SocketAddr, method: &str, host: &str, target: &str) -> String {
    let mut stream = connect(address);
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn the_layer_answers_challenges_and_passes_the_rest_on() {
    let challenge = published(NAME, "http-01");
    let http = challenge.http_01().expect("http-01");
    let (runtime, table) = (runtime(), Http01Handler::new());
    let app = Router::new().route("/", get(|| async { "the app" }));
    let address = serve(
        &runtime,
        app.fallback(|| async { "the rest" }).layer(Http01Layer::new(table.clone())),
    );
    let ask = |method: &str, path: &str| close_after(address, method, NAME, path);
    assert!(ask("GET", &http.path).starts_with("HTTP/1.1 404 "), "nothing is published");
    table.insert(&challenge);
    let answer = ask("GET", &http.path);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&http.body), "{answer}");
    assert!(answer.contains("content-type: application/octet-stream\r\n"), "{answer}");
    let head = ask("HEAD", &http.path);
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(ask("POST", &http.path).starts_with("HTTP/1.1 405 "));
    assert!(ask("GET", "/").ends_with("the app"));
    assert!(ask("POST", "/other").ends_with("the rest"));
    assert!(ask("GET", "/.well-known/other").ends_with("the rest"));
}

fn check_redirect(name: &str, address: SocketAddr, path: &str, body: &str) {
    let answer = close_after(address, "GET", NAME, path);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(body), "{name}: {answer}");
    let host = format!("{NAME}:8080");
    for method in ["GET", "HEAD"] {
        let answer = close_after(address, method, &host, "/a?b=c").to_lowercase();
        assert!(answer.starts_with("http/1.1 308 "), "{name}: {answer}");
        assert!(
            answer.contains("\r\nlocation: https://a.example:8443/a?b=c\r\n"),
            "{name}: {answer}"
        );
    }
    for (method, host, target, status) in [
        ("POST", NAME, "/", "405"),
        ("GET", "user@b.example", "/", "400"),
        ("GET", "a.example/..", "/", "400"),
        ("GET", NAME, "/.well-known/acme-challenge/other", "404"),
    ] {
        let answer = close_after(address, method, host, target);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {host}: {answer}");
        assert!(!answer.to_lowercase().contains("location"), "{name}: {answer}");
    }
    let elsewhere = close_after(address, "GET", NAME, "//b.example/");
    assert!(elsewhere.contains("https://a.example:8443//b.example/"), "{name}: {elsewhere}");
}

#[test]
fn everything_but_challenges_is_redirected_to_https() {
    let challenge = published(NAME, "http-01");
    let http = challenge.http_01().expect("http-01");
    let redirect = HttpsRedirect::new().with_port(8443);
    let (runtime, table) = (runtime(), Http01Handler::new());
    table.insert(&challenge);
    // The services, in a server of tower and in one of hyper.
    let app = Router::new().fallback_service(RedirectService::new(redirect));
    let address = serve(&runtime, app.layer(Http01Layer::new(table.clone())));
    check_redirect("tower", address, &http.path, &http.body);
    let service = Http01Service::new(table, RedirectService::new(redirect));
    check_redirect("hyper", serve_hyper(&runtime, service), &http.path, &http.body);
    // The listeners.
    let listener = acme_tokio::Http01Listener::bind_and_redirect("127.0.0.1:0", redirect);
    let listener = runtime.block_on(listener).expect("a port");
    listener.handler().insert(&challenge);
    check_redirect("acme-tokio", listener.local_addr(), &http.path, &http.body);
    let listener = acme_blocking::Http01Listener::bind_and_redirect("127.0.0.1:0", redirect);
    let listener = listener.expect("a port");
    listener.handler().insert(&challenge);
    check_redirect("acme-blocking", listener.local_addr(), &http.path, &http.body);
    let (table, address) = (Http01Handler::new(), "127.0.0.1:0");
    let listener = acme_tokio::Http01Listener::bind_with(address, table.clone(), Some(redirect));
    let listener = runtime.block_on(listener).expect("a port");
    table.insert(&challenge);
    check_redirect("a table of the caller", listener.local_addr(), &http.path, &http.body);
    // Without a redirect they say nothing.
    let listener = acme_blocking::Http01Listener::bind("127.0.0.1:0").expect("a port");
    assert!(ask(listener.local_addr(), NAME, "/").starts_with("HTTP/1.1 404 "));
}

fn serve_hyper(
    runtime: &tokio::runtime::Runtime,
    service: Http01Service<RedirectService>,
) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0");
    let listener = runtime.block_on(listener).expect("a port");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let io = hyper_util::rt::TokioIo::new(stream);
            let connection = hyper::server::conn::http1::Builder::new();
            let connection = connection.serve_connection(io, service.clone());
            tokio::spawn(async move { connection.await.map_err(drop).or(Ok::<_, Infallible>(())) });
        }
    });
    address
}
