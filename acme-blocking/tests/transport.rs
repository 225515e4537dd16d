//! The default transport against loopback servers.

mod server;

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::Instant;

use acme_blocking::Transport as _;
use acme_blocking::acme_proto::flow::{Lost, Transmit};
use acme_blocking::acme_proto::http::{Method, Request, Response};
use acme_blocking::acme_proto::url::Url;
use server::{Server, Speaks, forward, get, transmit, transport};

fn ok(server: &Server, path: &str) -> Response {
    transport(server.root_pem()).exchange(get(&server.url(path))).expect("an answer")
}

const BOTH: [Speaks; 2] = [Speaks::Plain, Speaks::Tls];

#[test]
fn a_response_arrives_with_status_headers_and_body() {
    for speaks in BOTH {
        let server = Server::start(speaks);
        let response = ok(&server, "/ok");
        assert_eq!((response.status(), response.body()), (200, &b"ok"[..]));
        assert_eq!(response.headers().first("Replay-Nonce"), Some("abc"));
        assert_eq!(response.headers().all("x-many").collect::<Vec<_>>(), ["1", "2"]);
        assert!(!response.is_truncated());
    }
}

#[test]
fn headers_and_body_go_out_unchanged() {
    for speaks in BOTH {
        let server = Server::start(speaks);
        let url = server.url("/echo?a=%2F&b").parse().expect("a URL");
        let request = Request::new(Method::Post, url)
            .with_header("content-type", "application/jose+json")
            .with_header("user-agent", "test/1")
            .with_body(b"{\"payload\":\"\"}".to_vec());
        let response = transport(server.root_pem()).exchange(transmit(request));
        let response = response.expect("an answer");
        let echo = String::from_utf8(response.body().to_vec()).expect("text");
        let mut lines: Vec<&str> = echo.lines().filter(|line| !line.is_empty()).collect();
        // covers 8555-6.4-2
        assert_eq!(lines.remove(0), "POST /echo?a=%2F&b HTTP/1.1");
        lines.sort_unstable();
        let host = format!("host: {}", server.address());
        let content_type = "content-type: application/jose+json";
        let body = "{\"payload\":\"\"}";
        let sent = ["content-length: 14", content_type, &host, "user-agent: test/1", body];
        // covers http-hdr-4
        assert_eq!(lines, sent);
    }
}

#[test]
fn a_request_without_headers_gets_none_but_the_host() {
    let server = Server::start(Speaks::Plain);
    let response = ok(&server, "/echo?a=%2F&b");
    let echo = String::from_utf8_lossy(response.body()).into_owned();
    let expected = format!("GET /echo?a=%2F&b HTTP/1.1\r\nhost: {}\r\n\r\n", server.address());
    assert_eq!(echo, expected);
}

#[test]
fn a_post_without_a_body_says_so() {
    for speaks in BOTH {
        let server = Server::start(speaks);
        let url = server.url("/echo?a=%2F&b").parse().expect("a URL");
        let request = transmit(Request::new(Method::Post, url));
        let response = transport(server.root_pem()).exchange(request).expect("an answer");
        let echo = String::from_utf8_lossy(response.body()).into_owned();
        assert!(echo.lines().any(|line| line == "content-length: 0"), "{echo}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    for (speaks, method) in [(Speaks::Plain, Method::Get), (Speaks::Tls, Method::Post)] {
        let server = Server::start(speaks);
        let url = server.url("/redirect").parse().expect("a URL");
        let body = if method == Method::Post { b"{}".to_vec() } else { Vec::new() };
        let request = transmit(Request::new(method, url).with_body(body));
        let response = transport(server.root_pem()).exchange(request).expect("an answer");
        assert_eq!(response.status(), 302);
        assert_eq!(response.headers().first("location"), Some("/ok"));
        // covers 8555-6.1-10
        assert_eq!((response.body(), server.requests()), (&b"elsewhere"[..], 1));
    }
}

#[test]
fn a_body_beyond_the_limit_is_cut_off_and_marked() {
    for speaks in BOTH {
        let server = Server::start(speaks);
        let response = ok(&server, "/long");
        assert!(response.is_truncated());
        // covers 8555-6.1-11
        assert_eq!(response.body().len(), 1 << 16);
        let nonce = response.headers().first("replay-nonce");
        assert_eq!((response.status(), nonce), (404, Some("abc")));
    }
}

#[test]
fn a_body_of_exactly_the_limit_is_whole() {
    let server = Server::start(Speaks::Tls);
    for body_limit in [100_000, usize::MAX] {
        let transmit = Transmit { body_limit, ..get(&server.url("/long")) };
        let response = transport(server.root_pem()).exchange(transmit).expect("an answer");
        assert_eq!((response.is_truncated(), response.body().len()), (false, 100_000));
    }
}

#[test]
fn a_body_that_stalls_or_drips_is_marked_when_time_is_up() {
    for (speaks, path) in
        [(Speaks::Plain, "/stall"), (Speaks::Tls, "/stall"), (Speaks::Tls, "/drip")]
    {
        let server = Server::start(speaks);
        let time_limit = Duration::from_millis(300);
        let transmit = Transmit { time_limit, ..get(&server.url(path)) };
        let start = Instant::now();
        let response = transport(server.root_pem()).exchange(transmit).expect("an answer");
        assert!(response.is_truncated());
        assert!(response.body().starts_with(b"beginning"));
        let nonce = response.headers().first("replay-nonce");
        assert_eq!((response.status(), nonce), (201, Some("abc")));
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    for speaks in BOTH {
        let server = Server::start(speaks);
        let time_limit = Duration::from_millis(300);
        let transmit = Transmit { time_limit, ..get(&server.url("/never")) };
        let start = Instant::now();
        let result = transport(server.root_pem()).exchange(transmit);
        assert_eq!(result, Err(Lost::TimedOut));
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(server.requests(), 1);
    }
}

#[test]
fn a_server_that_takes_no_handshake_is_given_up_in_time_and_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let url = format!("https://{address}/");
    let transmit = Transmit { time_limit: Duration::from_millis(300), ..get(&url) };
    let result = transport(&server::tls().1).exchange(transmit);
    let expected = format!("no connection in time ({address})");
    assert_eq!(result, Err(Lost::NotSent(expected)));
}

#[test]
fn a_connection_that_breaks_after_the_request_gives_no_answer_and_no_second_try() {
    for speaks in BOTH {
        let server = Server::start(speaks);
        let result = transport(server.root_pem()).exchange(get(&server.url("/break")));
        assert!(matches!(result, Err(Lost::NoResponse(_))), "{result:?}");
        assert_eq!((server.requests(), server.connections()), (1, 1));
    }
}

#[test]
fn a_refused_connection_was_not_sent() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("an address").port()
    };
    let transport = transport(&server::tls().1);
    let result = transport.exchange(get(&format!("https://127.0.0.1:{port}/")));
    let expected = format!("connection refused (127.0.0.1:{port})");
    assert_eq!(result, Err(Lost::NotSent(expected)));
}

#[test]
fn a_name_without_address_was_not_sent() {
    let result = transport(&server::tls().1).exchange(get("https://nowhere.invalid/"));
    let Err(Lost::NotSent(why)) = result else { panic!("{result:?}") };
    assert!(why.starts_with("no address for nowhere.invalid: "), "{why}");
}

#[test]
fn an_untrusted_certificate_is_named_and_nothing_is_sent() {
    let server = Server::start(Speaks::Tls);
    let result = transport(&server::tls().1).exchange(get(&server.url("/")));
    let Err(Lost::Untrusted(why)) = result else { panic!("{result:?}") };
    // covers 8555-6.1-3
    assert!(why.starts_with("the certificate is not signed by a trusted root ("), "{why}");
    assert_eq!(server.requests(), 0);
}

#[test]
fn nothing_is_answered_from_a_cache() {
    for speaks in BOTH {
        let server = Server::start(speaks);
        let transport = transport(server.root_pem());
        for _ in 0..2 {
            transport.exchange(get(&server.url("/cacheable"))).expect("an answer");
        }
        // covers 8555-7.2-4
        assert_eq!(server.requests(), 2);
    }
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let server = Server::start(Speaks::Tls);
    let url = format!("https://127.0.0.2:{}/", server.address().port());
    let listener = TcpListener::bind(("127.0.0.2", server.address().port())).expect("loopback");
    let to = server.address();
    thread::spawn(move || {
        let (outer, _) = listener.accept().expect("a connection");
        forward(outer, to);
    });
    let result = transport(server.root_pem()).exchange(get(&url));
    let Err(Lost::Untrusted(why)) = result else { panic!("{result:?}") };
    assert!(why.starts_with("the certificate is not for the name 127.0.0.2 ("), "{why}");
}

#[test]
fn parallel_requests_share_a_bounded_pool() {
    for speaks in BOTH {
        let server = Server::start(speaks);
        let transport = transport(server.root_pem());
        for _ in 0..2 {
            in_parallel(50, || transport.exchange(get(&server.url("/slow"))));
        }
        assert_eq!(server.requests(), 100);
        assert!(server.connections() <= 16, "{} connections", server.connections());
    }
}

#[test]
fn the_pool_is_as_large_as_was_said() {
    let server = Server::start(Speaks::Tls);
    let transport = transport(server.root_pem()).connections(3);
    in_parallel(12, || transport.exchange(get(&server.url("/slow"))));
    assert!((2..=3).contains(&server.connections()), "{} connections", server.connections());
}

fn in_parallel(count: usize, exchange: impl Fn() -> Result<Response, Lost> + Sync) {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(&exchange)).collect();
        for thread in threads {
            let response = thread.join().expect("no panic").expect("an answer");
            assert_eq!(response.status(), 200);
        }
    });
}

#[test]
fn a_request_that_finds_no_free_connection_in_time_was_not_sent() {
    let server = Server::start(Speaks::Plain);
    let transport = transport(server.root_pem()).connections(1);
    let short = Transmit { time_limit: Duration::from_millis(100), ..get(&server.url("/ok")) };
    thread::scope(|scope| {
        let time_limit = Duration::from_millis(400);
        let long = Transmit { time_limit, ..get(&server.url("/never")) };
        let first = scope.spawn(|| transport.exchange(long));
        thread::sleep(Duration::from_millis(50));
        assert!(matches!(transport.exchange(short), Err(Lost::NotSent(_))));
        assert_eq!(first.join().expect("no panic"), Err(Lost::TimedOut));
    });
}

#[test]
fn requests_one_after_the_other_share_a_connection() {
    for speaks in BOTH {
        let server = Server::start(speaks);
        let transport = transport(server.root_pem());
        for path in ["/ok", "/redirect", "/ok", "/slow", "/ok"] {
            transport.exchange(get(&server.url(path))).expect("an answer");
        }
        assert_eq!((server.requests(), server.connections()), (5, 1));
    }
}

#[test]
fn a_connection_that_the_server_closed_while_it_was_idle_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let transport = transport(&server::tls().1);
    for _ in 0..3 {
        assert_eq!(transport.exchange(get(&url)).expect("an answer").status(), 200);
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_answer_to_head_has_no_body_whatever_its_length_says() {
    let server = Server::start(Speaks::Tls);
    let url = server.url("/ok").parse().expect("a URL");
    let transport = transport(server.root_pem());
    for _ in 0..2 {
        let response = transport.exchange(transmit(Request::new(Method::Head, {
            let url: &Url = &url;
            url.clone()
        })));
        let response = response.expect("an answer");
        assert_eq!(response.headers().first("replay-nonce"), Some("abc"));
        assert!(!response.is_truncated() && response.body().is_empty());
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn the_proxy_of_the_environment_is_asked_for_a_tunnel() {
    // The environment cannot be changed in a process with threads, so the client is another process.
    if let Ok(root_pem) = std::env::var("TEST_ROOT_PEM") {
        let url = std::env::var("TEST_URL").expect("both are set");
        let result = transport(&root_pem).exchange(get(&url));
        return assert_eq!(result.expect("an answer").body(), b"ok");
    }
    let server = Server::start(Speaks::Tls);
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = proxy.local_addr().expect("an address").port();
    let mut client = std::process::Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "the_proxy_of_the_environment_is_asked_for_a_tunnel"])
        .env("HTTPS_PROXY", format!("http://me:secret@127.0.0.1:{port}"))
        .env_remove("https_proxy")
        .env("NO_PROXY", "")
        .env_remove("no_proxy")
        .env("TEST_ROOT_PEM", server.root_pem())
        .env("TEST_URL", "https://behind.test/ok")
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("a process");
    let (mut tunnel, _) = proxy.accept().expect("a connection");
    let mut head = [0; 1024];
    let length = tunnel.read(&mut head).expect("a request");
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    assert!(head.starts_with("CONNECT behind.test:443 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"), "{head}");
    tunnel.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").expect("a connection");
    forward(tunnel, server.address());
    assert!(client.wait().expect("an end").success());
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_body_that_ends_with_its_connection_is_marked_if_that_broke() {
    let server = Server::start(Speaks::Tls);
    let response = ok(&server, "/unsized");
    assert_eq!(response.status(), 200);
    assert_eq!(response.body(), b"beginning");
    assert!(response.is_truncated());
    // Without TLS nobody can tell.
    assert!(!ok(&Server::start(Speaks::Plain), "/unsized").is_truncated());
}

#[test]
fn a_closed_transport_connects_anew() {
    for speaks in BOTH {
        let server = Server::start(speaks);
        let transport = transport(server.root_pem());
        for _ in 0..2 {
            transport.exchange(get(&server.url("/ok"))).expect("an answer");
        }
        assert_eq!(server.connections(), 1);
        transport.close();
        transport.exchange(get(&server.url("/ok"))).expect("an answer");
        assert_eq!(server.connections(), 2);
    }
}

#[test]
fn a_server_that_sends_without_end_is_given_up() {
    let informational = ("", "HTTP/1.1 103 Early Hints\r\nLink: </dir>\r\n\r\n");
    let chunked = "HTTP/1.1 200 OK\r\nReplay-Nonce: abc\r\nTransfer-Encoding: chunked\r\n\r\n";
    let trailers = format!("{chunked}2\r\nok\r\n0\r\n");
    for (beginning, again) in [informational, (&trailers, "X-More: 1\r\n")] {
        let (url, sent) = endless(beginning.into(), again);
        let transmit = Transmit { time_limit: Duration::from_secs(120), ..get(&url) };
        let result = transport(&server::tls().1).exchange(transmit);
        match &result {
            Err(Lost::NoResponse(_)) => {}
            Ok(response) => {
                assert_eq!(response.headers().first("replay-nonce"), Some("abc"));
                assert!(response.is_truncated(), "{response:?}");
            }
            other => panic!("{other:?}"),
        }
        // What is in the buffers of the sockets comes in addition.
        let sent = sent.join().expect("no panic");
        assert!(sent < 32 << 20, "{sent}");
    }
}

/// Answers the first request with an end that repeats until the client hangs up, and then returns
/// how many octets it sent.
fn endless(beginning: String, again: &'static str) -> (String, thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let sent = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        assert!(stream.read(&mut [0; 4096]).expect("a request") > 0);
        stream.write_all(beginning.as_bytes()).expect("sent");
        let again = again.repeat(1000);
        let mut sent = 0;
        while stream.write_all(again.as_bytes()).is_ok() {
            sent += again.len();
        }
        sent
    });
    (url, sent)
}
