//! An order of 100 names at a CA that enforces the limits on requests that Let's Encrypt publishes.
//!
//! `core::parallel` shows the same in virtual time, to the millisecond. Here the requests take their time on the way, and
//! a busy machine reorders them: that none is refused holds however late they arrive.

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

/// Checks that no request was refused.
fn check(ca: &TestCa) {
    let requests = ca.requests();
    let refused = requests.iter().find(|request| request.status == 429);
    assert!(refused.is_none(), "of {} requests: {refused:?}", requests.len());
    assert_eq!(ca.certificates_issued(), 1);
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
        check(ca);
    }};
}

#[test]
fn by_default_acme_tokio_is_never_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ca = ca();
    runtime.expect("a runtime").block_on(async { issue!(acme_tokio, [.await], [.await], &ca) });
}

#[test]
fn by_default_acme_blocking_is_never_refused() {
    let ca = ca();
    issue!(acme_blocking, [], [.run()], &ca);
}
