//! The default transport against loopback servers.

mod server;

use core::time::Duration;
use std::time::Instant;

use acme_proto::flow::{Lost, Transmit};
use acme_proto::http::{Method, Request, Response};
use acme_tokio::Transport as _;
use futures_util::future::join_all;
use server::{Server, Speaks, get, transmit, transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn ok(server: &Server, path: &str) -> Response {
    transport(server.root_pem()).exchange(get(&server.url(path))).await.expect("an answer")
}

const ALL: [Speaks; 3] = [Speaks::Plain, Speaks::Http1, Speaks::Http2];

#[tokio::test]
async fn a_response_arrives_with_status_headers_and_body() {
    for speaks in ALL {
        let server = Server::start(speaks).await;
        let response = ok(&server, "/ok").await;
        assert_eq!((response.status(), response.body()), (200, &b"ok"[..]));
        assert_eq!(response.headers().first("Replay-Nonce"), Some("abc"));
        assert_eq!(response.headers().all("x-many").collect::<Vec<_>>(), ["1", "2"]);
        assert!(!response.is_truncated());
    }
}

#[tokio::test]
async fn headers_and_body_go_out_unchanged() {
    for speaks in ALL {
        let server = Server::start(speaks).await;
        let request =
            Request::new(Method::Post, server.url("/echo?a=%2F&b").parse().expect("a URL"))
                .with_header("content-type", "application/jose+json")
                .with_header("user-agent", "test/1")
                .with_body(b"{\"payload\":\"\"}".to_vec());
        let transport = transport(server.root_pem());
        let response = transport.exchange(transmit(request)).await.expect("an answer");
        let echo = String::from_utf8(response.body().to_vec()).expect("text");
        let mut lines: Vec<&str> = echo.lines().collect();
        // covers 8555-6.4-2
        assert!(lines.remove(0).ends_with("/echo?a=%2F&b"), "{echo}");
        let host = format!("host: {}", server.url("").trim_start_matches("https://"));
        lines.retain(|line| *line != host.replace("http://", ""));
        lines.sort_unstable();
        let content_length = "content-length: 14";
        let content_type = "content-type: application/jose+json";
        // covers http-hdr-4
        assert_eq!(
            lines,
            [content_length, content_type, "user-agent: test/1", "{\"payload\":\"\"}"]
        );
    }
}

#[tokio::test]
async fn a_post_without_a_body_says_so() {
    for speaks in ALL {
        let server = Server::start(speaks).await;
        let url = server.url("/echo").parse().expect("a URL");
        let request = transmit(Request::new(Method::Post, url));
        let response = transport(server.root_pem()).exchange(request).await.expect("an answer");
        let echo = String::from_utf8_lossy(response.body()).into_owned();
        assert!(echo.lines().any(|line| line == "content-length: 0"), "{echo}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for speaks in ALL {
        let server = Server::start(speaks).await;
        let response = ok(&server, "/redirect").await;
        assert_eq!(response.status(), 302);
        assert_eq!(response.headers().first("location"), Some("/ok"));
        // covers 8555-6.1-10
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_cut_off_and_marked() {
    for speaks in ALL {
        let server = Server::start(speaks).await;
        let response = ok(&server, "/long").await;
        assert!(response.is_truncated());
        // covers 8555-6.1-11
        assert_eq!(response.body().len(), 1 << 16);
        assert_eq!(
            (response.status(), response.headers().first("replay-nonce")),
            (404, Some("abc"))
        );
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_whole() {
    let server = Server::start(Speaks::Http2).await;
    let transmit = Transmit { body_limit: 100_000, ..get(&server.url("/long")) };
    let response = transport(server.root_pem()).exchange(transmit).await.expect("an answer");
    assert_eq!((response.is_truncated(), response.body().len()), (false, 100_000));
}

#[tokio::test]
async fn a_body_that_stalls_is_marked_when_time_is_up() {
    for speaks in ALL {
        let server = Server::start(speaks).await;
        let time_limit = Duration::from_millis(300);
        let transmit = Transmit { time_limit, ..get(&server.url("/stall")) };
        let start = Instant::now();
        let response = transport(server.root_pem()).exchange(transmit).await.expect("an answer");
        assert!(response.is_truncated());
        assert_eq!(
            (response.status(), response.headers().first("replay-nonce")),
            (201, Some("abc"))
        );
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_in_time() {
    for speaks in ALL {
        let server = Server::start(speaks).await;
        let time_limit = Duration::from_millis(300);
        let transmit = Transmit { time_limit, ..get(&server.url("/never")) };
        let result = transport(server.root_pem()).exchange(transmit).await;
        assert_eq!(result, Err(Lost::TimedOut));
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_gives_no_answer_and_no_second_try() {
    for speaks in ALL {
        let server = Server::start(speaks).await;
        let result = transport(server.root_pem()).exchange(get(&server.url("/break"))).await;
        assert!(matches!(result, Err(Lost::NoResponse(_))), "{result:?}");
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("an address").port()
    };
    let result = transport(&server::tls(Speaks::Http2).1)
        .exchange(get(&format!("https://127.0.0.1:{port}/")))
        .await;
    let Err(Lost::NotSent(why)) = result else { panic!("{result:?}") };
    assert_eq!(why, format!("connection refused (127.0.0.1:{port})"));
}

#[tokio::test]
async fn a_name_without_address_was_not_sent() {
    let transport = transport(&server::tls(Speaks::Http2).1);
    let result = transport.exchange(get("https://nowhere.invalid/")).await;
    let Err(Lost::NotSent(why)) = result else { panic!("{result:?}") };
    assert!(why.starts_with("no address for nowhere.invalid: "), "{why}");
}

#[tokio::test]
async fn an_untrusted_certificate_is_named_and_nothing_is_sent() {
    let server = Server::start(Speaks::Http2).await;
    let other_root = server::tls(Speaks::Http2).1;
    let result = transport(&other_root).exchange(get(&server.url("/"))).await;
    let Err(Lost::Untrusted(why)) = result else { panic!("{result:?}") };
    // covers 8555-6.1-3
    assert!(why.starts_with("the certificate is not signed by a trusted root ("), "{why}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn nothing_is_answered_from_a_cache() {
    for speaks in ALL {
        let server = Server::start(speaks).await;
        let transport = transport(server.root_pem());
        for _ in 0..2 {
            transport.exchange(get(&server.url("/cacheable"))).await.expect("an answer");
        }
        // covers 8555-7.2-4
        assert_eq!(server.requests(), 2);
    }
}

#[tokio::test]
async fn a_hundred_parallel_requests_share_one_http2_connection() {
    let server = Server::start(Speaks::Http2).await;
    let transport = transport(server.root_pem());
    let requests = (0..100).map(|_| transport.exchange(get(&server.url("/slow"))));
    for result in join_all(requests).await {
        assert_eq!(result.expect("an answer").status(), 200);
    }
    assert_eq!((server.requests(), server.connections()), (100, 1));
}

#[tokio::test]
async fn parallel_requests_over_http1_share_a_bounded_pool() {
    for speaks in [Speaks::Plain, Speaks::Http1] {
        let server = Server::start(speaks).await;
        let transport = transport(server.root_pem());
        for _ in 0..2 {
            let requests = (0..50).map(|_| transport.exchange(get(&server.url("/slow"))));
            for result in join_all(requests).await {
                assert_eq!(result.expect("an answer").status(), 200);
            }
        }
        assert_eq!(server.requests(), 100);
        assert!(server.connections() <= 16, "{} connections", server.connections());
    }
}

#[tokio::test]
async fn the_pool_of_http1_connections_is_as_large_as_was_said() {
    let server = Server::start(Speaks::Http1).await;
    let transport = transport(server.root_pem()).http1_connections(3);
    let requests = (0..12).map(|_| transport.exchange(get(&server.url("/slow"))));
    for result in join_all(requests).await {
        result.expect("an answer");
    }
    assert!((2..=3).contains(&server.connections()), "{} connections", server.connections());
}

#[tokio::test]
async fn requests_one_after_the_other_share_a_connection() {
    for speaks in ALL {
        let server = Server::start(speaks).await;
        let transport = transport(server.root_pem());
        for _ in 0..5 {
            transport.exchange(get(&server.url("/ok"))).await.expect("an answer");
        }
        assert_eq!((server.requests(), server.connections()), (5, 1));
    }
}

#[tokio::test]
async fn parallel_requests_share_one_failure_to_connect() {
    let server = Server::start(Speaks::Http2).await;
    let transport = transport(&server::tls(Speaks::Http2).1);
    let requests = (0..100).map(|_| transport.exchange(get(&server.url("/"))));
    for result in join_all(requests).await {
        assert!(matches!(result, Err(Lost::Untrusted(_))), "{result:?}");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_answer_to_head_has_no_body_whatever_its_length_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let head = b"HTTP/1.1 204 No Content\r\nReplay-Nonce: xyz\r\nContent-Length: 7\r\n\r\n";
        stream.write_all(head).await.expect("a connection");
        core::future::pending::<()>().await;
    });
    let url = format!("http://{address}/new-nonce").parse().expect("a URL");
    let transport = transport(&server::tls(Speaks::Http2).1);
    let response = transport.exchange(transmit(Request::new(Method::Head, url))).await;
    let response = response.expect("an answer");
    assert_eq!(response.headers().first("replay-nonce"), Some("xyz"));
    assert!(!response.is_truncated() && response.body().is_empty());
}

#[tokio::test]
async fn a_refused_stream_was_not_processed() {
    let url = http2_server(|mut connection| async move {
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            respond.send_reset(h2::Reason::REFUSED_STREAM);
        }
    });
    let (url, root_pem) = url.await;
    let result = transport(&root_pem).exchange(get(&url)).await;
    assert!(matches!(result, Err(Lost::NotProcessed(_))), "{result:?}");
}

#[tokio::test]
async fn a_stream_above_the_last_one_of_a_goaway_was_not_processed_and_one_below_may_have_been() {
    for reason in [h2::Reason::NO_ERROR, h2::Reason::ENHANCE_YOUR_CALM] {
        let (url, root_pem) = goaway_after_two_requests(reason).await;
        let transport = transport(&root_pem);
        let results = [transport.exchange(get(&url)), transport.exchange(get(&url))];
        let mut lost: Vec<Lost> =
            join_all(results).await.into_iter().map(|r| r.expect_err("no response")).collect();
        // Either may have been the first stream.
        lost.sort_by_key(|lost| matches!(lost, Lost::NotProcessed(_)));
        assert!(matches!(lost[..], [Lost::NoResponse(_), Lost::NotProcessed(_)]), "{lost:?}");
        // The next one finds another connection, although nobody has waited.
        assert_eq!(transport.exchange(get(&url)).await.expect("an answer").status(), 200);
    }
}

/// Starts an HTTP/2 server whose first connection ends when two requests have come: with a GOAWAY that names the
/// first one as the last. The others respond.
async fn goaway_after_two_requests(reason: h2::Reason) -> (String, String) {
    let (config, root_pem) = server::tls(Speaks::Http2);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(config);
        let (stream, _) = listener.accept().await.expect("a connection");
        say_goodbye(acceptor.accept(stream).await.expect("TLS"), reason).await;
        let (stream, _) = listener.accept().await.expect("a connection");
        let stream = acceptor.accept(stream).await.expect("TLS");
        let mut connection: Http2Connection = h2::server::handshake(stream).await.expect("HTTP/2");
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            respond.send_response(hyper::Response::new(()), true).expect("a stream");
        }
    });
    (url, root_pem)
}

/// Writes the frames by hand: h2 names the last stream that it has handed out.
async fn say_goodbye(mut stream: tokio_rustls::server::TlsStream<TcpStream>, reason: h2::Reason) {
    stream.read_exact(&mut [0; 24]).await.expect("the preface");
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream.write_all(&settings).await.expect("sent");
    let mut requests = 0;
    while requests < 2 {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await.expect("its payload");
        requests += usize::from(head[3] == 1); // HEADERS
    }
    let mut goaway = vec![0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    goaway.extend(u32::from(reason).to_be_bytes());
    stream.write_all(&goaway).await.expect("sent");
    stream.shutdown().await.expect("sent");
}

#[tokio::test]
async fn a_stream_reset_for_another_reason_may_have_been_processed() {
    let url = http2_server(|mut connection| async move {
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            respond.send_reset(h2::Reason::INTERNAL_ERROR);
        }
    });
    let (url, root_pem) = url.await;
    let result = transport(&root_pem).exchange(get(&url)).await;
    assert!(matches!(result, Err(Lost::NoResponse(_))), "{result:?}");
}

#[tokio::test]
async fn after_a_server_has_gone_away_the_next_request_finds_a_new_connection() {
    let url = http2_server(|mut connection| async move {
        let Some(Ok((_, mut respond))) = connection.accept().await else { return };
        respond.send_response(hyper::Response::new(()), true).expect("a stream");
        connection.graceful_shutdown();
        while connection.accept().await.is_some() {}
    });
    let (url, root_pem) = url.await;
    let transport = transport(&root_pem);
    for _ in 0..3 {
        let mut result = transport.exchange(get(&url)).await;
        if let Err(Lost::NotProcessed(_)) = result {
            result = transport.exchange(get(&url)).await; // the farewell crossed the request
        }
        assert_eq!(result.expect("an answer").status(), 200);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_proxy_of_the_environment_is_asked_for_a_tunnel() {
    // The environment cannot be changed in a process with threads, so the client is another process.
    if let Ok(root_pem) = std::env::var("TEST_ROOT_PEM") {
        let url = std::env::var("TEST_URL").expect("both are set");
        let result = transport(&root_pem).exchange(get(&url)).await;
        return assert_eq!(result.expect("an answer").body(), b"ok");
    }
    let server = Server::start(Speaks::Http2).await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = proxy.local_addr().expect("an address").port();
    let mut client = tokio::process::Command::new(std::env::current_exe().expect("a path"))
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
    let (mut tunnel, _) = proxy.accept().await.expect("a connection");
    let mut head = [0; 1024];
    let length = tunnel.read(&mut head).await.expect("a request");
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    assert!(head.starts_with("CONNECT behind.test:443 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"), "{head}");
    tunnel.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.expect("a connection");
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    let _ = tokio::io::copy_bidirectional(&mut tunnel, &mut stream).await;
    assert!(client.wait().await.expect("a status").success());
}

type Http2Connection =
    h2::server::Connection<tokio_rustls::server::TlsStream<TcpStream>, bytes::Bytes>;

/// Starts an HTTP/2 server that treats each connection as scripted; returns its URL and root.
async fn http2_server<F>(serve: fn(Http2Connection) -> F) -> (String, String)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (config, root_pem) = server::tls(Speaks::Http2);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let acceptor = tokio_rustls::TlsAcceptor::from(config.clone());
            let stream = acceptor.accept(stream).await.expect("TLS");
            let connection = h2::server::handshake(stream).await.expect("HTTP/2");
            tokio::spawn(serve(connection));
        }
    });
    (url, root_pem)
}

#[tokio::test]
async fn a_closed_transport_connects_anew() {
    for speaks in ALL {
        let server = Server::start(speaks).await;
        let transport = transport(server.root_pem());
        for _ in 0..2 {
            transport.exchange(get(&server.url("/ok"))).await.expect("an answer");
        }
        assert_eq!(server.connections(), 1);
        transport.close();
        transport.exchange(get(&server.url("/ok"))).await.expect("an answer");
        assert_eq!(server.connections(), 2);
    }
}

#[tokio::test]
async fn a_server_that_sends_without_end_is_given_up() {
    let informational = ("", "HTTP/1.1 103 Early Hints\r\nLink: </dir>\r\n\r\n");
    let chunked = "HTTP/1.1 200 OK\r\nReplay-Nonce: abc\r\nTransfer-Encoding: chunked\r\n\r\n";
    let trailers = format!("{chunked}2\r\nok\r\n0\r\n");
    for (beginning, again) in [informational, (&trailers, "X-More: 1\r\n")] {
        let (url, sent) = endless(beginning.into(), again).await;
        let transmit = Transmit { time_limit: Duration::from_secs(120), ..get(&url) };
        let result = transport(&server::tls(Speaks::Plain).1).exchange(transmit).await;
        match &result {
            Err(Lost::NoResponse(why)) => assert!(why.contains("without end"), "{why}"),
            Ok(response) => {
                assert_eq!(response.headers().first("replay-nonce"), Some("abc"));
                assert!(response.is_truncated(), "{response:?}");
            }
            other => panic!("{other:?}"),
        }
        // What is in the buffers of the sockets comes in addition.
        let sent = sent.await.expect("no panic");
        assert!(sent < 32 << 20, "{sent}");
    }
}

/// Answers the first request with an end that repeats until the client hangs up, and then returns
/// how many octets it sent.
async fn endless(
    beginning: String,
    again: &'static str,
) -> (String, tokio::task::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let sent = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        assert!(stream.read(&mut [0; 4096]).await.expect("a request") > 0);
        stream.write_all(beginning.as_bytes()).await.expect("sent");
        let again = again.repeat(1000);
        let mut sent = 0;
        while stream.write_all(again.as_bytes()).await.is_ok() {
            sent += again.len();
        }
        sent
    });
    (url, sent)
}

#[tokio::test]
async fn informational_responses_without_end_are_given_up_over_http2() {
    let url = http2_server(|mut connection| async move {
        let Some(Ok((_, mut respond))) = connection.accept().await else { return };
        tokio::spawn(async move {
            let hints = || hyper::Response::builder().status(103).body(()).expect("a response");
            loop {
                for _ in 0..1000 {
                    if respond.send_informational(hints()).is_err() {
                        return;
                    }
                }
                tokio::task::yield_now().await;
            }
        });
        while connection.accept().await.is_some() {}
    });
    let (url, root_pem) = url.await;
    let transmit = Transmit { time_limit: Duration::from_secs(120), ..get(&url) };
    let result = transport(&root_pem).exchange(transmit).await;
    let Err(Lost::NoResponse(why)) = result else { panic!("{result:?}") };
    assert!(why.contains("without end"), "{why}");
}
