//! Servers that limit requests and name no time, and those that did not process a request.

use std::time::Duration;

use acme_proto::call::Call;
use acme_proto::flow::Lost;
use acme_proto::http::{Method, Response};
use acme_proto::op::GetDirectory;
use acme_tests::canned_server::CannedServer;
use acme_tests::script::{self, DIRECTORY, Script};
use acme_tests::world::issuance;

fn page(status: u16) -> Response {
    let body = "<html><body><h1>Too many requests</h1></body></html>";
    Response::new(status).with_header("content-type", "text/html").with_body(body)
}

/// Issues to so many names at a server that takes seven requests a second; returns it, and how long that took.
fn issue_slowly(count: usize, refusal: Response) -> (CannedServer, Duration) {
    let names: Vec<String> = (0..count).map(|n| format!("n{n}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut server = CannedServer::obliging(&names);
    server.limit = Some((7, refusal));
    let begin = server.now();
    server.issue(issuance(&names)).expect("a certificate");
    let took = server.now().saturating_duration_since(begin);
    (server, took)
}

#[test]
fn an_order_takes_as_long_as_a_limit_without_a_time_makes_it() {
    for status in [429, 503] {
        for count in [5, 10, 30] {
            let (server, took) = issue_slowly(count, page(status));
            let taken = server.asked.len() - server.refused;
            let least = Duration::from_secs(1) * taken as u32 / 7;
            // covers 8555-6.6-6
            assert!(
                took <= least * 3 / 2 + Duration::from_secs(1),
                "{status}, {count} names: {took:?} for {taken} requests, {} refused",
                server.refused
            );
            assert!(server.refused * 3 <= taken, "{} of {taken} refused", server.refused);
        }
    }
}

#[test]
fn a_refused_request_goes_out_again_with_its_own_nonce() {
    let (server, _) = issue_slowly(10, page(429));
    let fetched = server.count("/newNonce");
    // Each response brings one, and a refusal uses none up.
    assert!(fetched <= 6, "{fetched} nonces, {} refused", server.refused);
    let posts = |asked: &&acme_tests::canned_server::Asked| asked.request.method() == Method::Post;
    let nonces: Vec<String> =
        server.asked.iter().filter(posts).map(|it| it.protected()["nonce"].to_string()).collect();
    let mut distinct = nonces.clone();
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() < nonces.len(), "no nonce was used again");
}

#[test]
fn what_was_not_processed_goes_out_again_at_once() {
    let refused = || Lost::NotProcessed("GOAWAY".into());
    let mut script =
        Script::new().lost(Method::Get, DIRECTORY, refused()).get(DIRECTORY, script::directory());
    script.run(Call::new(GetDirectory)).expect("a directory");
    assert!(script.waits.is_empty(), "{:?}", script.waits);
}
