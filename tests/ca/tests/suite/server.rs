//! The listener: protocols, records, hooks, faults on the wire, and management.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::https::{Https, client, client_config};
use crate::support::{Client, Transport, get};
use acme_testca::{ExchangePhase, FaultAction, FaultRule, Faults, RequestKind, RetryAfter, TestCa};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};

#[test]
fn it_listens_on_loopback_and_stops_when_dropped() {
    let ca = TestCa::start();
    assert!(ca.address().ip().is_loopback());
    assert_ne!(ca.http_port(), ca.tls_port());
    let address = ca.address();
    client(&ca);
    drop(ca);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn an_address_in_use_is_an_error() {
    let ca = TestCa::start();
    let error = TestCa::builder().listen(ca.address()).start().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn a_time_lapse_divides_the_lifetimes_of_certificates_and_of_nothing_else() {
    let (day, untouched) = (Duration::from_secs(86_400), acme_testca::CaConfig::default());
    let ca = TestCa::builder()
        .time_lapse(86_400)
        .profile("short", "six days", 6 * day)
        .profile("hour", "an hour", day / 24)
        .start()
        .unwrap();
    ca.configure(|config| {
        assert_eq!(config.certificate_lifetime, 90_000);
        assert_eq!(config.profiles["short"].lifetime, 6_000);
        assert_eq!(config.profiles["hour"].lifetime, 1_000, "at least a second");
        assert_eq!(config.renewal_info_retry_after, Some(RetryAfter::Seconds(1)));
        assert_eq!(config.order_lifetime, untouched.order_lifetime);
        assert_eq!(config.authorization_lifetime, untouched.authorization_lifetime);
        assert_eq!(config.nonce_lifetime, untouched.nonce_lifetime);
    });
}

#[test]
fn two_at_once_do_not_meet() {
    let (one, two) = (TestCa::start(), TestCa::start());
    client(&one).register(json!({})).ok(201);
    assert_eq!(two.requests().len(), 0);
    assert_ne!(one.root_pem(), two.root_pem());
}

#[test]
fn it_answers_under_localhost_too() {
    let ca = TestCa::start();
    let mut transport = Https::new(ca.root_pem());
    let url = format!("https://localhost:{}/directory", ca.address().port());
    let directory = transport.exchange(get("GET", &url)).ok(200).json();
    assert!(directory["newNonce"].as_str().unwrap().starts_with("https://127.0.0.1:"));
}

#[test]
fn the_host_in_its_urls_can_be_chosen() {
    let ca = TestCa::builder().host("localhost").start().unwrap();
    assert!(ca.directory_url().starts_with("https://localhost:"));
    client(&ca).register(json!({})).ok(201);
}

#[test]
fn exchanges_are_recorded() {
    let ca = TestCa::start();
    let mut client = client(&ca);
    client.register(json!({})).ok(201);
    client.order(json!({})).refused(400, "malformed");
    let records = ca.requests();
    let seen: Vec<_> =
        records.iter().map(|r| (r.method.as_str(), r.kind.as_str(), r.status)).collect();
    assert_eq!(
        seen,
        [
            ("GET", "directory", 200),
            ("HEAD", "newNonce", 200),
            ("POST", "newAccount", 201),
            ("POST", "newOrder", 400)
        ]
    );
    assert_eq!(records[3].problem.as_deref(), Some("malformed"));
    assert_eq!(records[3].path, "/new-order");
    assert_eq!(records[3].user_agent.as_deref(), Some("acme-testca-tests"));
    assert_eq!((records[3].version, records[3].connection, records[3].number), ("HTTP/1.1", 4, 4));
    assert!(records[2].request_bytes > 100 && records[2].response_bytes > 20);
    assert_eq!(ca.connections(), 4);
    ca.clear_log();
    assert!(ca.requests().is_empty());
}

/// Fetches the directory several times at once over one HTTP/2 connection.
fn over_http2(ca: &TestCa, times: usize) -> Vec<u16> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = client_config(ca.root_pem(), &[b"h2"]);
        let socket = tokio::net::TcpStream::connect(ca.address()).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream =
            tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, driver) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(driver);
        let tasks: Vec<_> = (0..times)
            .map(|_| {
                let mut sender = sender.clone();
                let request = http::Request::get(ca.directory_url())
                    .header("user-agent", "h2")
                    .body(Empty::<Bytes>::new())
                    .unwrap();
                tokio::spawn(async move {
                    let response = sender.send_request(request).await.unwrap();
                    let status = response.status().as_u16();
                    response.into_body().collect().await.unwrap();
                    status
                })
            })
            .collect();
        let mut statuses = Vec::new();
        for task in tasks {
            statuses.push(task.await.unwrap());
        }
        statuses
    })
}

#[test]
fn http_2_carries_many_requests_at_once_on_one_connection() {
    let ca = TestCa::builder().latency(Duration::from_millis(100)).start().unwrap();
    assert_eq!(over_http2(&ca, 20), [200; 20]);
    assert_eq!((ca.connections(), ca.max_in_flight()), (1, 20));
    assert_eq!(ca.requests()[0].version, "HTTP/2.0");
}

#[test]
fn http_2_can_be_switched_off() {
    let ca = TestCa::builder().http2(false).start().unwrap();
    let config = client_config(ca.root_pem(), &[b"h2"]);
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = std::net::TcpStream::connect(ca.address()).unwrap();
    assert!(connection.complete_io(&mut socket).is_err());
}

#[test]
fn latency_can_be_changed_at_run_time() {
    let ca = TestCa::start();
    let mut client = client(&ca);
    ca.set_latency(Duration::from_millis(120));
    let start = Instant::now();
    client.fresh_nonce();
    assert!(start.elapsed() >= Duration::from_millis(120));
}

type Seen = Arc<Mutex<Vec<(ExchangePhase, RequestKind, u64)>>>;

fn watched() -> (TestCa, Seen) {
    let seen: Seen = Arc::default();
    let log = Arc::clone(&seen);
    let ca = TestCa::builder()
        .on_exchange(move |phase, record| {
            log.lock().unwrap().push((phase, record.kind, record.number))
        })
        .start()
        .unwrap();
    (ca, seen)
}

/// Waits for the hook, which may come an instant after the client has its response.
fn wait_for(seen: &Seen, length: usize) -> Vec<(ExchangePhase, RequestKind, u64)> {
    let end = Instant::now() + Duration::from_secs(5);
    while seen.lock().unwrap().len() < length && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(2));
    }
    seen.lock().unwrap().clone()
}

#[test]
fn the_hook_is_called_before_and_after_each_answer() {
    use ExchangePhase::{Answered, Processed};
    let (ca, seen) = watched();
    let mut client = client(&ca);
    client.fresh_nonce();
    let expected = [
        (Processed, RequestKind::Directory, 1),
        (Answered, RequestKind::Directory, 1),
        (Processed, RequestKind::NewNonce, 2),
        (Answered, RequestKind::NewNonce, 2),
    ];
    assert_eq!(wait_for(&seen, 4), expected);
}

#[test]
fn the_hook_is_called_twice_for_each_exchange_of_http_2() {
    let (ca, seen) = watched();
    over_http2(&ca, 10);
    let seen = wait_for(&seen, 20);
    for phase in [ExchangePhase::Processed, ExchangePhase::Answered] {
        let mut numbers: Vec<u64> =
            seen.iter().filter(|(p, _, _)| *p == phase).map(|(_, _, n)| *n).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=10).collect::<Vec<u64>>(), "{phase:?}");
    }
}

#[test]
fn a_dropped_answer_closes_the_connection_and_is_never_answered() {
    let (ca, seen) = watched();
    let mut client = client(&ca);
    wait_for(&seen, 2);
    ca.set_faults(Faults::none().with(FaultRule::next(FaultAction::DropAfter)));
    let request = get("HEAD", &client.at("newNonce"));
    assert!(client.transport.try_exchange(&request).is_none());
    client.send(request).ok(200);
    let seen = wait_for(&seen, 5);
    assert_eq!(
        seen[2..].iter().map(|(p, _, n)| (*p, *n)).collect::<Vec<_>>(),
        [
            (ExchangePhase::Processed, 2),
            (ExchangePhase::Processed, 3),
            (ExchangePhase::Answered, 3)
        ]
    );
    let records = ca.requests();
    assert_eq!((records[1].delivered, records[1].status, records[2].delivered), (false, 200, true));
}

#[test]
fn a_delayed_answer_comes_late() {
    let ca = TestCa::builder()
        .faults(Faults::none().with(FaultRule::next(FaultAction::Delay(150))))
        .start()
        .unwrap();
    let start = Instant::now();
    client(&ca);
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[test]
fn a_body_that_is_too_long_is_refused() {
    let ca = TestCa::start();
    let mut client = client(&ca);
    let url = client.at("newAccount");
    let request = get("POST", &url)
        .with_header("Content-Type", "application/jose+json")
        .with_body(vec![b'x'; 140_000]);
    assert_eq!(client.transport.exchange(request).status, 413);
}

#[test]
fn the_clock_can_be_put_forward() {
    let ca = TestCa::start();
    let mut client = client(&ca);
    client.register(json!({})).ok(201);
    let order = client.order_for(&["a.test"]);
    ca.advance_clock(Duration::from_secs(8 * 86_400));
    client.nonce = None;
    assert_eq!(client.read(&order.url).ok(200).json()["status"], "invalid");
}

fn manage(client: &mut Client<Https>, base: &str, path: &str, body: &str) -> (u16, Value) {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let answer = client
        .transport
        .exchange(get(method, &format!("{base}/management/{path}")).with_body(body));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    (answer.status, answer.json())
}

#[test]
fn txt_records_are_managed_over_https() {
    let ca = TestCa::start();
    let mut client = client(&ca);
    let base = ca.directory_url().trim_end_matches("/directory").to_owned();
    let record = r#"{"host":"_acme-challenge.Example.test.","value":"one"}"#;
    assert_eq!(manage(&mut client, &base, "set-txt", record), (200, json!({})));
    assert_eq!(manage(&mut client, &base, "set-txt", record), (200, json!({})));
    assert_eq!(
        manage(&mut client, &base, "set-txt", &record.replace("one", "two")),
        (200, json!({}))
    );
    assert_eq!(
        manage(&mut client, &base, "txt", ""),
        (200, json!({ "_acme-challenge.example.test": ["one", "two"] }))
    );
    assert_eq!(manage(&mut client, &base, "clear-txt", record), (200, json!({ "removed": true })));
    assert_eq!(manage(&mut client, &base, "clear-txt", record), (200, json!({ "removed": false })));
    assert_eq!(ca.published_txt().into_values().collect::<Vec<_>>(), [["two"]]);
    for (path, body, status) in [
        ("set-txt", "", 405),
        ("set-txt", "{}", 400),
        ("clear-txt", "x", 400),
        ("other", "", 404),
        ("txt", "{}", 405),
    ] {
        let (got, answer) = manage(&mut client, &base, path, body);
        assert_eq!(got, status, "{path} {body}");
        assert!(answer["error"].is_string());
    }
    assert_eq!(ca.requests().len(), 1);
}
