//! Micro-benchmarks of the core: `cargo bench -p acme-cost`.

#![allow(missing_docs)] // what the macro makes has none

use std::hint::black_box;

use acme_cost::many_names::ManyNames;
use acme_proto::signer::{Ed25519Key, Es256Key, Es384Key, Es512Key};
use acme_proto::snapshot::Snapshot;
use acme_proto::url::Url;
use acme_proto::wire::{
    Account, Authorization, Challenge, Context, Directory, Order, OrdersList, Problem, RenewalInfo,
};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const DIRECTORY: &str = r#"{"newNonce":"https://ca.test/nonce","newAccount":"https://ca.test/account",
    "newOrder":"https://ca.test/order","revokeCert":"https://ca.test/revoke","keyChange":"https://ca.test/key",
    "renewalInfo":"https://ca.test/renewal","meta":{"termsOfService":"https://ca.test/terms",
    "website":"https://ca.test/","caaIdentities":["ca.test"]}}"#;
const ACCOUNT: &str = r#"{"status":"valid","contact":["mailto:me@example.org"],
    "orders":"https://ca.test/account/1/orders"}"#;
const ORDER: &str = r#"{"status":"pending","expires":"2030-01-01T00:00:00Z","identifiers":[
    {"type":"dns","value":"a.example"},{"type":"dns","value":"b.example"}],
    "authorizations":["https://ca.test/z/1","https://ca.test/z/2"],"finalize":"https://ca.test/order/1/finalize"}"#;
const AUTHORIZATION: &str = r#"{"status":"pending","expires":"2030-01-01T00:00:00Z",
    "identifier":{"type":"dns","value":"a.example"},"challenges":[
    {"type":"http-01","status":"pending","url":"https://ca.test/c/1","token":"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr"},
    {"type":"dns-01","status":"pending","url":"https://ca.test/c/2","token":"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr"},
    {"type":"tls-alpn-01","status":"pending","url":"https://ca.test/c/3","token":"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr"}]}"#;
const CHALLENGE: &str = r#"{"type":"http-01","status":"valid","url":"https://ca.test/c/1",
    "token":"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr","validated":"2030-01-01T00:00:00Z"}"#;
const ORDERS: &str = r#"{"orders":["https://ca.test/order/1","https://ca.test/order/2"]}"#;
const PROBLEM: &str = r#"{"type":"urn:ietf:params:acme:error:malformed","status":400,
    "detail":"the identifier is not one","subproblems":[{"type":"urn:ietf:params:acme:error:malformed",
    "detail":"an underscore","identifier":{"type":"dns","value":"_a.example"}}]}"#;
const RENEWAL_INFO: &str = r#"{"suggestedWindow":{"start":"2030-01-01T00:00:00Z","end":"2030-01-03T00:00:00Z"},
    "explanationURL":"https://ca.test/why"}"#;

/// Measures how each object is parsed.
fn parse(criterion: &mut Criterion) {
    let url: Url = "https://ca.test/".parse().expect("a URL");
    let context = || Context { url: &url, allow_http: false };
    let mut group = criterion.benchmark_group("parse");
    macro_rules! object {
        ($name:ident, $text:ident) => {
            group.throughput(Throughput::Bytes($text.len() as u64));
            group.bench_function(stringify!($name), |bencher| {
                bencher
                    .iter(|| $name::parse(black_box($text.as_bytes()), context()).expect("valid"));
            });
        };
    }
    object!(Directory, DIRECTORY);
    object!(Account, ACCOUNT);
    object!(Order, ORDER);
    object!(Authorization, AUTHORIZATION);
    object!(Challenge, CHALLENGE);
    object!(OrdersList, ORDERS);
    object!(Problem, PROBLEM);
    object!(RenewalInfo, RENEWAL_INFO);
    group.finish();
}

/// Measures the signature of each of the core's own signers, over a message as long as that of a request.
fn sign(criterion: &mut Criterion) {
    let message = [b'x'; 400];
    let mut group = criterion.benchmark_group("sign");
    macro_rules! signer {
        ($name:ident, $octets:literal) => {
            let key = $name::from_scalar(&[1; $octets]).expect("a key");
            group.bench_function(stringify!($name), |bencher| {
                bencher.iter(|| key.sign(black_box(&message)));
            });
        };
    }
    signer!(Es256Key, 32);
    signer!(Es384Key, 48);
    signer!(Ed25519Key, 32);
    let mut scalar = [1; 66];
    scalar[0] = 0; // P-521 has 521 bits
    let key = Es512Key::from_scalar(&scalar).expect("a key");
    group.bench_function("Es512Key", |bencher| bencher.iter(|| key.sign(black_box(&message))));
    group.finish();
}

/// Measures whole issuances without I/O and signatures: requests framed, responses parsed, steps planned.
fn issue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("issue");
    for names in [1, 10, 100, 1000, 10_000] {
        group.throughput(Throughput::Elements(names as u64));
        group.sample_size(if names > 100 { 10 } else { 50 });
        group.bench_with_input(BenchmarkId::from_parameter(names), &names, |bencher, &names| {
            let order = ManyNames::new(names);
            bencher.iter_batched(
                || order.prepare(),
                |server| server.issue(),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// Measures how a snapshot of a hundred names is written and read.
fn snapshot(criterion: &mut Criterion) {
    let snapshot = ManyNames { durable: true, ..ManyNames::new(100) }.prepare().snapshot();
    let text = serde_json::to_string(&snapshot).expect("JSON");
    let mut group = criterion.benchmark_group("snapshot");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("save", |bencher| {
        bencher.iter(|| serde_json::to_string(black_box(&snapshot)).expect("JSON"));
    });
    group.bench_function("load", |bencher| {
        bencher.iter(|| serde_json::from_str::<Snapshot>(black_box(&text)).expect("a snapshot"));
    });
    group.finish();
}

criterion_group!(benches, parse, sign, issue, snapshot);
criterion_main!(benches);
