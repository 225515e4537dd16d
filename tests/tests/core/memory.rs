//! What an issuance keeps in memory under servers that send as much as they can.

use acme_cost::counting::peak;
use acme_proto::http::Response;
use acme_tests::canned_server::{BASE, CannedServer, authorization, challenge, object, order};
use acme_tests::scenario::world_page::most_of;
use acme_tests::world::issuance;
use serde_json::{Value, json};

/// What an issuance may have in memory at once.
const MOST: i64 = 16 << 20;
const NAMES: usize = 60;
/// How long an authorization may be, and how long an order.
const LIMIT: usize = 256 * 1024;
const LIMIT_OF_ORDER: usize = 1 << 20;

/// Text that fills a response, nearly.
fn long() -> String {
    "x".repeat(LIMIT - 2000)
}

/// Puts an array of as many of these small values as there is room for in the place of `"MANY"`.
///
/// The text is made here, for as a value it would take as much memory here as in the client.
fn unfolding(object: &Value, entry: &str, limit: usize) -> Response {
    let entries = vec![entry; (limit - 2000) / (entry.len() + 1)].join(",");
    let text = object.to_string().replace("\"MANY\"", &format!("[{entries}]"));
    Response::new(200).with_header("content-type", "application/json").with_body(text)
}

/// Issues for many names whose authorizations `change` changes; returns the error and the peak of memory.
fn attacked(change: impl Fn(&mut Value) -> Option<Response>) -> (String, i64) {
    let names: Vec<String> = (0..NAMES).map(|number| format!("n{number}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut script = CannedServer::obliging(&names);
    script.on("/order/1", [object(&order("pending", &names)), object(&order("ready", &names))]);
    for (index, name) in names.iter().enumerate() {
        let mut attack = authorization("pending", name, index + 1);
        let response = change(&mut attack).unwrap_or_else(|| object(&attack));
        script.on(&format!("/authz/{}", index + 1), [response]);
    }
    // The bodies of the server are there before.
    let (result, peak) = peak(|| script.issue(issuance(&names)));
    (result.map_or_else(|error| error.to_string(), |_| "a certificate".into()), peak)
}

/// Changes an authorization, or answers in its place.
type Attack = fn(&mut Value) -> Option<Response>;

fn unfolding_in(authorization: &mut Value, entry: &str) -> Option<Response> {
    authorization["challenges"][0]["x"] = json!("MANY");
    Some(unfolding(authorization, entry, LIMIT))
}

#[test]
fn members_that_unfold_and_texts_that_are_long_take_no_more_than_16_mib() {
    let attacks: [(&str, Attack); 11] = [
        ("nothing: an order of 60 names", |_| None),
        ("authorizations with a long member", |a| {
            a["challenges"][0]["x"] = json!(long());
            None
        }),
        ("authorizations with a long reason", |a| {
            a["challenges"][0]["error"] = json!({ "detail": long() });
            None
        }),
        ("authorizations with a long type of challenge", |a| {
            let mut other = challenge("pending", "x", 9);
            other["type"] = json!(long());
            a["challenges"].as_array_mut().expect("an array").push(other);
            None
        }),
        ("authorizations with many challenges", |a| {
            let url = |n: usize| format!("{BASE}/challenge/{}{n}", "x".repeat(1900));
            for n in 0..60 {
                let mut other = challenge("pending", &"x".repeat(1000), n);
                other["url"] = json!(url(n));
                a["challenges"].as_array_mut().expect("an array").push(other);
            }
            None
        }),
        ("authorizations full of empty objects", |a| unfolding_in(a, "{}")),
        ("authorizations full of objects of one member", |a| unfolding_in(a, "{\"\":0}")),
        ("authorizations full of objects with all the text that their number needs", |a| {
            unfolding_in(a, &format!("{{\"a\":\"{}\"}}", "x".repeat(70)))
        }),
        ("authorizations full of numbers", |a| unfolding_in(a, "0")),
        ("authorizations full of texts", |a| unfolding_in(a, "\"\"")),
        ("authorizations full of arrays", |a| unfolding_in(a, "[[]]")),
    ];
    for (name, attack) in attacks {
        let (end, peak) = attacked(attack);
        println!("{name}: {} KiB, {end:.120}", peak / 1024);
        assert!(peak <= most_of(name).min(MOST), "{name}: {peak} octets, {end:.200}");
    }
}

#[test]
fn an_order_that_unfolds_takes_no_more_than_16_mib() {
    let object_of = |octets: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(octets));
    let entries = [
        ("an order full of numbers", "0"),
        ("an order full of empty objects", "{}"),
        ("an order full of texts", "\"\""),
        ("an order full of objects with less text than their number needs", &object_of(40)),
        ("an order full of objects with all the text that their number needs", &object_of(71)),
        ("an order full of objects with more text", &object_of(200)),
    ];
    for (name, entry) in entries {
        let mut script = CannedServer::obliging(&["a.example"]);
        let mut ready = order("ready", &["a.example"]);
        ready["x"] = json!("MANY");
        script.on("/order/1", [unfolding(&ready, entry, LIMIT_OF_ORDER)]);
        let (result, peak) = peak(|| script.issue(issuance(&["a.example"])));
        println!("{name}: {} KiB, {result:.120?}", peak / 1024);
        assert!(peak <= most_of(name).min(MOST), "{name}: {peak} octets, {result:.200?}");
    }
}
