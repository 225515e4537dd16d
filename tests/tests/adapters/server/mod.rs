//! Servers with the resolver and the listeners of both adapters, as their clients meet them.

#[cfg(target_os = "linux")]
mod files;
mod fixture;
mod http;
mod stopping;

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use acme_adapter::resolver::CertificateResolver;
use acme_tests::responders::{Seen, TlsClient, published};
use acme_tokio::ProviderKey;

use self::fixture::{HELLO, RSA_ONLY, Server, ecdsa, plain_servers, provider, rsa, servers};

fn get(server: &Server, name: &str) -> Result<Seen, String> {
    TlsClient::offering(&["http/1.1"]).connect(server.address, name)
}

/// Returns the first name in the certificate that a client gets, which says which one it is.
fn shown(server: &Server, name: &str) -> Option<String> {
    let seen = get(server, name).ok()?;
    assert_eq!(seen.data, HELLO, "{}: {name}", server.name);
    seen.names.into_iter().next()
}

fn install(server: &Server, id: &str, names: &[&str]) {
    server.resolver.install(id, names, ecdsa(names));
}

#[test]
fn a_client_gets_the_certificate_of_its_name_or_of_the_wildcard_above_or_the_default() {
    for server in plain_servers() {
        install(&server, "wild", &["*.example.org", "example.org"]);
        install(&server, "www", &["www.example.org"]);
        install(&server, "other", &["other.example"]);
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(shown(&server, name).as_deref(), expected, "{}: {name}", server.name);
        };
        check("www.example.org", Some("www.example.org"));
        check("WWW.EXAMPLE.org", Some("www.example.org"));
        check("api.example.org", Some("*.example.org"));
        check("example.org", Some("*.example.org"));
        for name in ["a.b.example.org", "unknown.example", "127.0.0.1"] {
            check(name, None);
        }
        server.resolver.set_default("other");
        for name in ["a.b.example.org", "unknown.example", "127.0.0.1"] {
            check(name, Some("other.example"));
        }
        check("api.example.org", Some("*.example.org"));
        server.resolver.remove("www");
        check("www.example.org", Some("*.example.org"));
        server.resolver.clear_default();
        check("unknown.example", None);
    }
}

#[test]
fn a_client_that_knows_only_rsa_gets_rsa_and_the_others_ecdsa() {
    for server in plain_servers() {
        let names = &["both.example"][..];
        server.resolver.install("rsa", names, rsa(&["rsa.example"]));
        server.resolver.install("ecdsa", names, ecdsa(&["ecdsa.example"]));
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let client = TlsClient::offering(&[]).version(version);
            let seen = client.connect(server.address, "both.example").expect("a handshake");
            assert_eq!(seen.names, ["ecdsa.example"], "{}: {version:?}", server.name);
            let client = TlsClient::offering(&[]).version(version).verifying(RSA_ONLY);
            let seen = client.connect(server.address, "both.example").expect("a handshake");
            assert_eq!(seen.names, ["rsa.example"], "{}: {version:?}", server.name);
        }
    }
}

#[test]
fn certificates_are_exchanged_while_clients_connect_and_no_handshake_fails() {
    for server in plain_servers() {
        let generations = [ecdsa(&["first.example"]), ecdsa(&["second.example"])];
        let swap = |turn: usize| {
            server.resolver.install("id", ["a.example"], Arc::clone(&generations[turn % 2]));
        };
        swap(0);
        let done = AtomicBool::new(false);
        let (swaps, names) = thread::scope(|scope| {
            let swapping = scope.spawn(|| {
                (1..)
                    .inspect(|turn| swap(*turn))
                    .take_while(|_| !done.load(Ordering::Acquire))
                    .count()
            });
            let connect = || (0..50).map(|_| shown(&server, "a.example")).collect::<Vec<_>>();
            let clients: Vec<_> = (0..4).map(|_| scope.spawn(connect)).collect();
            let names: Vec<_> =
                clients.into_iter().flat_map(|client| client.join().expect("no panic")).collect();
            done.store(true, Ordering::Release);
            (swapping.join().expect("no panic"), names)
        });
        assert!(swaps > 0, "{}: {swaps}", server.name);
        let whole = |name: &Option<String>| {
            matches!(name.as_deref(), Some("first.example" | "second.example"))
        };
        assert!(names.iter().all(whole), "{}: {names:?}", server.name);
        swap(1);
        assert_eq!(shown(&server, "a.example").as_deref(), Some("second.example"));
    }
}

#[test]
fn validations_are_answered_on_the_same_port_and_closed() {
    let challenge = published("a.example", "tls-alpn-01");
    let digest = challenge.tls_alpn_01().expect("tls-alpn-01").digest;
    for server in plain_servers() {
        install(&server, "a", &["a.example"]);
        server.resolver.set_default("a");
        let validate = |name| TlsClient::offering(&["acme-tls/1"]).connect(server.address, name);
        let unpublished = validate("a.example");
        assert!(unpublished.is_err(), "{}: {unpublished:?}", server.name);
        let now = acme_adapter::clock::wall();
        server.resolver.challenges().insert(&challenge, now).expect("a certificate");
        let seen = validate("a.example").expect("a handshake");
        assert_eq!(seen.alpn.as_deref(), Some(&b"acme-tls/1"[..]), "{}", server.name);
        assert!(seen.certificate.windows(32).any(|window| window == digest), "{}", server.name);
        assert!(seen.data.is_empty() && seen.closed, "{}: {seen:?}", server.name);
        // It is for validations alone, and those get nothing else.
        assert_eq!(shown(&server, "a.example").as_deref(), Some("a.example"));
        let with_others = TlsClient::offering(&["acme-tls/1", "http/1.1"]);
        let seen = with_others.connect(server.address, "a.example").expect("a handshake");
        assert_eq!(seen.alpn.as_deref(), Some(&b"http/1.1"[..]), "{}", server.name);
        assert_eq!(seen.data, HELLO);
        assert!(validate("b.example").is_err(), "{}", server.name);
    }
}

#[test]
fn strangers_that_keep_silent_delay_nobody() {
    // More than the places for handshakes.
    const STRANGERS: usize = 60;
    let few = 40;
    for server in servers(|b| b.max_handshakes(few), |b| b.max_handshakes(few)) {
        install(&server, "a", &["a.example"]);
        let strangers: Vec<TcpStream> = (0..STRANGERS)
            .map(|_| TcpStream::connect(server.address).expect("a connection"))
            .collect();
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(shown(&server, "a.example").as_deref(), Some("a.example"));
        }
        // Less than the time limit of a handshake, which ends theirs.
        assert!(start.elapsed() < Duration::from_secs(5), "{}: {:?}", server.name, start.elapsed());
        drop(strangers);
    }
}

#[test]
fn a_stranger_is_gone_after_the_time_limit() {
    let limit = Duration::from_millis(50);
    for server in servers(|b| b.time_limit(limit), |b| b.time_limit(limit)) {
        let mut stranger = TcpStream::connect(server.address).expect("a connection");
        stranger.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket option");
        let end = std::io::Read::read(&mut stranger, &mut [0]);
        let closed = end.as_ref().map_or_else(
            |error| error.kind() == std::io::ErrorKind::ConnectionReset,
            |read| *read == 0,
        );
        assert!(closed, "{}: {end:?}", server.name);
    }
}

#[test]
fn no_time_limit_of_a_handshake_is_too_long() {
    let limit = Duration::MAX;
    let tokio = |b: acme_tokio::TlsListenerBuilder| {
        b.time_limit(limit).on_miss(|_| std::future::ready(())).miss_time_limit(limit)
    };
    for server in servers(tokio, |b| b.time_limit(limit).on_miss(|_| {})) {
        install(&server, "default", &["default.example"]);
        server.resolver.set_default("default");
        let shown = shown(&server, "new.example");
        assert_eq!(shown.as_deref(), Some("default.example"), "{}", server.name);
    }
}

#[test]
fn a_certificate_can_be_obtained_during_the_handshake() {
    let (started, obtaining) = mpsc::channel();
    let (go_on, wait) = mpsc::channel();
    let wait = Arc::new(Mutex::new(wait));
    // The hooks need the resolver, which there is only afterwards.
    let resolver = Arc::new(Mutex::new(None::<CertificateResolver>));
    let obtain = {
        let resolver = Arc::clone(&resolver);
        move |name: &str| {
            started.send(name.to_owned()).expect("the test goes on");
            wait.lock().expect("no panic").recv().expect("the test goes on");
            let resolver = resolver.lock().expect("no panic").clone().expect("a resolver");
            resolver.install(name, [name], ecdsa(&[name]));
        }
    };
    let on_tokio = obtain.clone();
    let on_tokio = move |name: String| {
        let obtain = on_tokio.clone();
        async move {
            let waiting = tokio::task::spawn_blocking(move || obtain(&name));
            waiting.await.expect("no panic");
        }
    };
    for server in servers(|b| b.on_miss(on_tokio), |b| b.on_miss(obtain)) {
        *resolver.lock().expect("no panic") = Some(server.resolver.clone());
        install(&server, "known", &["known.example"]);
        server.resolver.set_default("known");
        thread::scope(|scope| {
            let first = scope.spawn(|| shown(&server, "NEW.example"));
            assert_eq!(obtaining.recv().as_deref(), Ok("new.example"), "{}", server.name);
            // Handshakes for other names go on meanwhile. They call no hook, and neither does one without a name.
            for name in ["known.example", "127.0.0.1"] {
                assert_eq!(shown(&server, name).as_deref(), Some("known.example"));
            }
            go_on.send(()).expect("it waits");
            let first = first.join().expect("no panic");
            assert_eq!(first.as_deref(), Some("new.example"), "{}", server.name);
        });
        assert_eq!(shown(&server, "new.example").as_deref(), Some("new.example"));
        assert!(obtaining.try_recv().is_err(), "{}: it was obtained once", server.name);
    }
}

#[test]
fn a_client_is_not_kept_waiting_for_a_certificate_without_end() {
    let [server, _] = servers(
        |b| b.on_miss(|_| std::future::pending()).miss_time_limit(Duration::from_millis(20)),
        |b| b,
    );
    install(&server, "default", &["default.example"]);
    server.resolver.set_default("default");
    assert_eq!(shown(&server, "new.example").as_deref(), Some("default.example"));
}

#[test]
fn without_protocols_every_client_is_accepted_and_with_some_only_theirs() {
    let none: [&str; 0] = [];
    for server in servers(|b| b.alpn(none), |b| b.alpn(none)) {
        install(&server, "a", &["a.example"]);
        let seen = TlsClient::offering(&["imap"]).connect(server.address, "a.example");
        let seen = seen.expect("a handshake");
        assert_eq!((seen.alpn, &seen.data[..]), (None, HELLO), "{}", server.name);
    }
    let two = ["h2", "http/1.1"];
    for server in servers(|b| b.alpn(two), |b| b.alpn(two)) {
        install(&server, "a", &["a.example"]);
        let alpn = |offered: &[&str]| {
            TlsClient::offering(offered).connect(server.address, "a.example").map(|seen| seen.alpn)
        };
        assert_eq!(alpn(&["http/1.1", "h2"]), Ok(Some(b"h2".to_vec())), "{}", server.name);
        assert_eq!(alpn(&[]), Ok(None), "{}", server.name);
        assert!(alpn(&["imap"]).is_err(), "{}", server.name);
    }
}

#[test]
fn a_configuration_of_the_caller_serves_all_but_validations() {
    let challenge = published("a.example", "tls-alpn-01");
    // It asks for a client certificate, which no CA has.
    let resolver = CertificateResolver::new(&provider());
    let roots = rustls::RootCertStore { roots: vec![] };
    let anchor = ecdsa(&["root.example"]).cert[0].clone();
    let mut roots = roots;
    roots.add(anchor).expect("a root");
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider());
    let config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_cert_resolver(Arc::new(resolver.clone()));
    let config = Arc::new(config);
    resolver.install("a", ["a.example"], ecdsa(&["a.example"]));
    let (for_tokio, for_blocking) = (Arc::clone(&config), config);
    for server in servers(|b| b.config(for_tokio), |b| b.config(for_blocking)) {
        let now = acme_adapter::clock::wall();
        server.resolver.challenges().insert(&challenge, now).expect("a certificate");
        TlsClient::offering(&["acme-tls/1"])
            .connect(server.address, "a.example")
            .expect("validated");
        let refused = get(&server, "a.example");
        // With TLS 1.3 the client learns of it after its own end of the handshake.
        assert!(refused.map_or(true, |seen| seen.data.is_empty()), "{}", server.name);
    }
}

#[test]
fn a_chain_is_installed_with_its_own_key_and_under_its_own_names() {
    let key = ProviderKey::generate(acme_tokio::KeyKind::Es256).expect("a key");
    let other = ProviderKey::generate(acme_tokio::KeyKind::Es256).expect("a key");
    let ca = acme_testca::TestCa::builder().start().expect("a CA");
    let runtime = fixture::runtime();
    let chain = runtime.block_on(async {
        use acme_tokio::{AccountKey, Client, Http01Listener, KeyKind, Roots};
        let client = Client::builder(ca.directory_url())
            .key(AccountKey::generate(KeyKind::Es256).expect("a key"))
            .roots(Roots::Pem(ca.root_pem().into()));
        let client = client.connect().await.expect("a client");
        client.register().await.expect("an account");
        let solver = Http01Listener::bind("127.0.0.1:0").await.expect("a port");
        ca.set_http_port(solver.local_addr().port());
        let names = ["www.example.test", "example.test"];
        let issued = client.issue(names).key(&key).solver(&solver).await.expect("issued");
        issued.chain().clone()
    });
    for server in plain_servers() {
        server.resolver.install_chain("a", &chain, &other).expect_err("the key of another");
        assert!(server.resolver.is_empty());
        server.resolver.install_chain("a", &chain, &key).expect("its key");
        for name in ["www.example.test", "example.test"] {
            let seen = get(&server, name).expect("a handshake");
            assert_eq!(seen.certificate, chain.leaf().as_der(), "{}", server.name);
        }
        assert!(get(&server, "other.example.test").is_err());
    }
}

#[test]
fn validations_are_answered_while_nobody_accepts() {
    let challenge = published("a.example", "tls-alpn-01");
    let resolver = CertificateResolver::new(&provider());
    let now = acme_adapter::clock::wall();
    resolver.challenges().insert(&challenge, now).expect("a certificate");
    let runtime = fixture::runtime();
    let on_tokio = acme_tokio::TlsListener::bind("127.0.0.1:0", &resolver);
    let on_tokio = runtime.block_on(on_tokio).expect("a port");
    let on_blocking = acme_blocking::TlsListener::bind("127.0.0.1:0", &resolver).expect("a port");
    for address in [on_tokio.local_addr(), on_blocking.local_addr()] {
        let client = TlsClient::offering(&["acme-tls/1"]);
        assert!(client.connect(address, "a.example").expect("a handshake").closed, "{address}");
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).expect("a connection")
}
