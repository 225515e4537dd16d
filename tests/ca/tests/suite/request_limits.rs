//! A client that sends more requests than the CA takes.

use crate::support::world::World;
use crate::support::{b64, get};
use acme_testca::{CaConfig, RequestLimits};
use serde_json::json;

fn world(limits: RequestLimits) -> World {
    let mut config = CaConfig::default();
    config.request_limits = Some(limits);
    World::new(config)
}

#[test]
fn the_eleventh_nonce_at_once_is_refused_with_a_time_and_without_a_nonce() {
    let world = world(RequestLimits::lets_encrypt());
    let mut client = world.client();
    let url = client.at("newNonce");
    for _ in 0..10 {
        client.send(get("HEAD", &url)).ok(200);
    }
    let refusal = client.send(get("GET", &url));
    refusal.refused(429, "rateLimited");
    assert_eq!(refusal.header("Retry-After"), Some("1"));
    assert_eq!(refusal.header("Replay-Nonce"), None);
    let page = refusal.link("help").unwrap();
    assert_eq!(client.send(get("GET", &page)).status, 200);
    world.pass(1000);
    for _ in 0..10 {
        client.send(get("HEAD", &url)).ok(200);
    }
    assert_eq!(client.send(get("HEAD", &url)).status, 429);
}

#[test]
fn a_post_beyond_the_limit_is_not_processed_and_its_nonce_is_exchanged_for_another() {
    let world = world(RequestLimits::lets_encrypt());
    let mut client = world.member();
    let url = client.kid.clone().unwrap();
    for _ in 0..125 {
        client.read(&url).ok(200);
    }
    let header = client.header(&url);
    let gone = json!({ "status": "deactivated" });
    let refusal = client.post_header(&url, header.clone(), Some(gone));
    refusal.refused(429, "rateLimited");
    let other = refusal.header("Replay-Nonce").unwrap();
    assert!(header["nonce"] != json!(other));
    world.pass(1000);
    assert_eq!(client.read(&url).ok(200).json()["status"], "valid");
    client.post_header(&url, header, None).refused(400, "badNonce");
    // Who sends what nobody can have signed learns that first.
    let mut unsigned = client.header(&url);
    unsigned["nonce"] = json!(b64("made up"));
    client.post_header(&url, unsigned, None).refused(400, "badNonce");
}

#[test]
fn one_limit_for_all_requests_counts_them_together() {
    let world = world(RequestLimits::together(7, 7));
    let mut client = world.client(); // which reads the directory
    let url = client.at("newNonce");
    for _ in 0..6 {
        client.send(get("HEAD", &url)).ok(200);
    }
    assert_eq!(client.send(get("HEAD", &url)).status, 429);
    assert_eq!(client.send(get("GET", "https://ca.test/directory")).status, 429);
    world.pass(143);
    client.send(get("GET", "https://ca.test/directory")).ok(200);
    assert_eq!(client.send(get("HEAD", &url)).status, 429);
}
