//! An order of 100 names at a CA that enforces the limits on requests that Let's Encrypt publishes.
//!
//! `core::parallel` shows the same in virtual time, to the millisecond. Here the requests take their time on the way, and
//! a busy machine reorders them: that none is refused holds if they arrive within two seconds.

use core::time::Duration;

use acme_testca::{RequestLimits, TestCa};

const NAMES: usize = 100;

fn ca() -> TestCa {
    let ca = TestCa::builder().request_limits(RequestLimits::lets_encrypt());
    ca.latency(Duration::from_millis(20)).start().expect("a CA")
}

fn names() -> Vec<String> {
    (0..NAMES).map(|n| format!("n{n}.example.test")).collect()
}

/// Issues until no request is refused, three times at most: where the machine stalls for two seconds while requests are
/// on their way, some are.
fn check(mut issue: impl FnMut(&TestCa)) {
    let refused: Vec<_> = (0..3)
        .map(|_| {
            let ca = ca();
            issue(&ca);
            assert_eq!(ca.certificates_issued(), 1);
            ca.requests().iter().filter(|request| request.status == 429).count()
        })
        .inspect(|refused| println!("refused: {refused}"))
        .take_while(|refused| *refused > 0)
        .collect();
    assert!(refused.len() < 3, "{refused:?}");
}

/// Writes one adapter's order; `$end` awaits a method, and `$run` a builder.
macro_rules! issue {
    ($adapter:ident, [$($end:tt)*], [$($run:tt)*], $ca:expr) => {{
        use $adapter::{AccountKey, Client, Http01Listener, KeyKind, ProviderKey, Roots};
        let ca: &TestCa = $ca;
        let client = Client::builder(ca.directory_url())
            .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
            .roots(Roots::Pem(ca.root_pem().into()))
            .connect()$($end)*
            .expect("a client");
        client.register()$($run)*.expect("an account");
        let http = Http01Listener::bind(("127.0.0.1", ca.http_port()))$($end)*.expect("a port");
        let key = ProviderKey::generate(KeyKind::Es256).expect("a key");
        let issued = client.issue(names()).key(&key).solver(&http)$($run)*.expect("a certificate");
        assert_eq!(issued.chain().leaf().dns_names().len(), NAMES);
    }};
}

#[test]
fn by_default_acme_tokio_is_never_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    check(|ca| runtime.block_on(async { issue!(acme_tokio, [.await], [.await], ca) }));
}

#[test]
fn by_default_acme_blocking_is_never_refused() {
    check(|ca| issue!(acme_blocking, [], [.run()], ca));
}
