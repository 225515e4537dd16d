//! Measures one order of N names at the test CA with added latency, through each adapter, as Markdown.
//!
//! `cargo run --release -p acme-tests --bin hundred -- [NAMES] [LATENCY_MS]`

use std::time::{Duration, Instant};

use acme_proto::policy::{Policy, Rates};
use acme_testca::TestCa;
use acme_tests::polite;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>().expect("a number"));
    let names = arguments.next().unwrap_or(100);
    let latency = Duration::from_millis(arguments.next().unwrap_or(100));
    println!(
        "{names} names, {} ms added latency, new account, connecting included\n",
        latency.as_millis()
    );
    let bound = latency.as_secs_f64() * 3.0 + polite::bound(names, latency.as_secs_f64());
    println!(
        "No client within the limits that Let's Encrypt publishes is done before {bound:.2} s.\n"
    );
    println!("| adapter | policy | wall | round trips | requests | connections | in flight |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut wide = Policy::default();
    wide.max_in_flight = 100;
    wide.rates = Rates::unlimited();
    for (label, policy) in [("default", Policy::default()), ("100 wide, no rate limits", wide)] {
        for (adapter, run) in [("acme-tokio", by_tokio as Run), ("acme-blocking", by_blocking)] {
            let ca = TestCa::builder().latency(latency).start().expect("a CA");
            let all: Vec<String> = (0..names).map(|n| format!("n{n}.example.test")).collect();
            let start = Instant::now();
            run(&ca, &all, policy.clone());
            let wall = start.elapsed();
            let depth = wall.as_secs_f64() / latency.as_secs_f64().max(0.001);
            println!(
                "| {adapter} | {label} | {:.2} s | {depth:.1} | {} | {} | {} |",
                wall.as_secs_f64(),
                ca.requests().len(),
                ca.connections(),
                ca.max_in_flight()
            );
        }
    }
}

type Run = fn(&TestCa, &[String], Policy);

fn by_tokio(ca: &TestCa, names: &[String], policy: Policy) {
    use acme_tokio::{AccountKey, Client, Http01Listener, KeyKind, ProviderKey, Roots};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = Client::builder(ca.directory_url())
            .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
            .roots(Roots::Pem(ca.root_pem().into()))
            .policy(policy)
            .connect()
            .await
            .expect("a client");
        client.register().await.expect("an account");
        let http = Http01Listener::bind("127.0.0.1:0").await.expect("a port");
        ca.set_http_port(http.local_addr().port());
        let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
        let issued = client.issue(names.iter()).key(&key).solver(&http).await.expect("issued");
        assert_eq!(issued.chain().leaf().dns_names().len(), names.len());
    });
}

fn by_blocking(ca: &TestCa, names: &[String], policy: Policy) {
    use acme_blocking::{AccountKey, Client, Http01Listener, KeyKind, ProviderKey, Roots};
    let client = Client::builder(ca.directory_url())
        .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
        .roots(Roots::Pem(ca.root_pem().into()))
        .policy(policy)
        .connect()
        .expect("a client");
    client.register().run().expect("an account");
    let http = Http01Listener::bind("127.0.0.1:0").expect("a port");
    ca.set_http_port(http.local_addr().port());
    let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
    let issued = client.issue(names.iter()).key(&key).solver(&http).run().expect("issued");
    assert_eq!(issued.chain().leaf().dns_names().len(), names.len());
}
