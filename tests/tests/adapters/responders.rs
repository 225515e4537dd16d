//! What answers validations, in both adapters, as anyone on the network meets it (RFC 8555 section 8.3, RFC 8737,
//! RFC 8738).

use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant};

use acme_proto::challenge::Challenge;
use acme_tests::responders::{
    Responder, Seen, TlsClient, USERS_NAME, ask, http_listeners, published, tls_listeners,
    tls_servers,
};

const NAME: &str = "a.example";
const ACME: &str = "acme-tls/1";

fn validate(responder: &Responder, name: &str) -> Result<Seen, String> {
    TlsClient::offering(&[ACME]).connect(responder.address, name)
}

/// Returns the challenge with the key authorization of another account: same path, another body.
fn of_another_account(challenge: &Challenge) -> Challenge {
    let mut json = serde_json::to_value(challenge).expect("JSON");
    json["thumbprint"] = serde_json::json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    serde_json::from_value(json).expect("a challenge")
}

fn has_digest(seen: &Seen, challenge: &Challenge) -> bool {
    let digest = challenge.tls_alpn_01().expect("tls-alpn-01").digest;
    seen.certificate.windows(32).any(|window| window == digest)
}

#[test]
fn the_certificate_is_shown_to_a_validation_of_its_name_and_to_nobody_else() {
    let challenge = published(NAME, "tls-alpn-01");
    for listener in tls_listeners() {
        listener.present(&challenge);
        let seen = validate(&listener, NAME).expect("a handshake");
        // covers 8737-3-6
        assert!(has_digest(&seen, &challenge), "{}", listener.name);
        let others: [(&[&str], &str); 6] = [
            (&[], NAME),
            (&["h2"], NAME),
            (&["h2", ACME], NAME),
            (&[ACME, "h2"], NAME),
            (&[ACME], "b.a.example"),
            (&[ACME], "127.0.0.1"),
        ];
        for (alpn, name) in others {
            let shown = TlsClient::offering(alpn).connect(listener.address, name);
            // covers 8737-3-6
            assert!(shown.is_err(), "{}: {alpn:?} {name}: {shown:?}", listener.name);
        }
        listener.clean_up(&challenge);
        let after = validate(&listener, NAME);
        // covers 8737-3-12
        assert!(after.is_err(), "{}: {after:?}", listener.name);
    }
}

#[test]
fn a_server_of_the_users_own_answers_validations_and_goes_on_with_its_own() {
    let challenge = published(NAME, "tls-alpn-01");
    for server in tls_servers() {
        server.present(&challenge);
        let seen = validate(&server, NAME).expect("a handshake");
        let right = seen.alpn.as_deref() == Some(ACME.as_bytes()) && seen.names == [NAME];
        // covers 8737-3-7
        assert!(right, "{}: {seen:?}", server.name);
        // covers 8737-3-6
        assert!(has_digest(&seen, &challenge), "{}", server.name);
        let others: [(&[&str], Option<&[u8]>); 3] =
            [(&["h2"], Some(b"h2")), (&["http/1.1"], Some(b"http/1.1")), (&[], None)];
        for (alpn, chosen) in others {
            let seen =
                TlsClient::offering(alpn).connect(server.address, NAME).expect("a handshake");
            let own = seen.names == [USERS_NAME] && seen.alpn.as_deref() == chosen;
            // covers 8737-3-7
            assert!(own, "{}: {alpn:?}: {seen:?}", server.name);
        }
    }
}

#[test]
fn acme_tls_is_for_validations_only() {
    let challenge = published(NAME, "tls-alpn-01");
    for server in tls_servers() {
        server.present(&challenge);
        for name in ["b.example", USERS_NAME] {
            // The user's own resolver has a certificate for everyone.
            let seen = validate(&server, name);
            // covers 8737-4-1, 8737-5-1
            assert!(seen.is_err(), "{}: {name}: {seen:?}", server.name);
        }
        server.clean_up(&challenge);
        let seen = validate(&server, NAME);
        // covers 8737-5-1
        assert!(seen.is_err(), "only what is made for a challenge: {seen:?}");
    }
}

#[test]
fn the_name_that_is_asked_for_may_be_in_any_case() {
    let challenge = published(NAME, "tls-alpn-01");
    for listener in tls_listeners() {
        listener.present(&challenge);
        for name in ["A.EXAMPLE", "a.Example"] {
            let seen = validate(&listener, name).expect("a handshake");
            assert!(seen.sent_name, "{name} went out as it is");
            // covers 8737-3-8
            assert!(has_digest(&seen, &challenge), "{}: {name}", listener.name);
        }
    }
}

#[test]
fn after_the_handshake_nothing_is_said_and_the_connection_closed() {
    let challenge = published(NAME, "tls-alpn-01");
    for listener in tls_listeners() {
        listener.present(&challenge);
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let client = TlsClient::offering(&[ACME]).version(version);
            let seen = client.connect(listener.address, NAME).expect("a handshake");
            let what = (listener.name, version);
            // covers 8737-4-2
            assert!(seen.data.is_empty(), "{what:?}: {seen:?}");
            assert!(seen.closed, "{what:?}: {seen:?}");
            // covers 8737-3-10
            assert!(has_digest(&seen, &challenge), "{what:?}: {seen:?}");
        }
    }
}

#[test]
fn an_address_is_found_by_its_reverse_name() {
    let addresses = [
        ("192.0.2.1", "1.2.0.192.in-addr.arpa"),
        ("2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
    ];
    for (address, reverse) in addresses {
        let challenge = published(address, "tls-alpn-01");
        for listener in tls_listeners() {
            listener.present(&challenge);
            let seen = validate(&listener, reverse).expect("a handshake");
            let ip: IpAddr = address.parse().expect("an address");
            // covers 8738-6-2
            assert!(has_digest(&seen, &challenge), "{}: {seen:?}", listener.name);
            // covers 8738-6-1
            assert_eq!(seen.addresses, [ip], "{seen:?}");
            assert!(seen.names.is_empty(), "{seen:?}");
        }
    }
}

#[test]
fn http_01_is_answered_over_plain_http_with_the_body_and_nothing_else() {
    let challenge = published(NAME, "http-01");
    let http = challenge.http_01().expect("http-01");
    for listener in http_listeners() {
        listener.present(&challenge);
        let answer = ask(listener.address, NAME, &http.path);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        // covers 8555-8.3-3
        assert!(head.starts_with("HTTP/1.1 200 "), "{}: {head}", listener.name);
        // covers 8555-8.3-1
        assert_eq!(body, http.body, "{}: {body}", listener.name);
        // covers 8555-8.3-4
        assert!(head.contains("application/octet-stream"), "{head}");
        listener.clean_up(&challenge);
        let after = ask(listener.address, NAME, &http.path);
        // covers 8555-8.3-5
        assert!(after.starts_with("HTTP/1.1 404 "), "{}: {after}", listener.name);
    }
}

#[test]
fn http_01_answers_for_the_address_as_it_stands_in_a_host_header() {
    for (address, hosts) in [
        ("192.0.2.1", ["192.0.2.1", "192.0.2.1:80"]),
        ("2001:db8::1", ["[2001:db8::1]", "[2001:DB8:0::1]:80"]),
    ] {
        let challenge = published(address, "http-01");
        let other = of_another_account(&published(NAME, "http-01"));
        let http = challenge.http_01().expect("http-01");
        for listener in http_listeners() {
            listener.present(&other);
            listener.present(&challenge);
            for host in hosts {
                let answer = ask(listener.address, host, &http.path);
                let right = answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&http.body);
                // covers 8738-5-1
                assert!(right, "{}: {host}: {answer}", listener.name);
            }
        }
    }
}

#[test]
fn no_token_is_answered_that_was_not_published() {
    let challenge = published(NAME, "http-01");
    let path = challenge.http_01().expect("http-01").path;
    let (base, token) = path.rsplit_once('/').expect("a path");
    for listener in http_listeners() {
        listener.present(&challenge);
        for other in ["x", "", "../x", "%2e%2e", "a<script>", &token[1..], &format!("{token}a")] {
            let answer = ask(listener.address, NAME, &format!("{base}/{other}"));
            let refused = answer.starts_with("HTTP/1.1 404 ");
            let silent = other.is_empty() || !answer.contains(other);
            // covers 8555-8.3-6
            assert!(refused, "{}: {answer}", listener.name);
            assert!(silent, "{}: {answer}", listener.name);
            // covers 8555-8.3-7
            assert!(refused, "{}: {answer}", listener.name);
            assert!(silent, "{}: {answer}", listener.name);
            // covers 8555-11.3-1
            assert!(refused, "{}: {answer}", listener.name);
        }
    }
}

#[test]
fn http_01_redirects_nobody_and_serves_no_files() {
    for listener in http_listeners() {
        for path in
            ["/", "/index.html", "/.well-known/acme-challenge/../../etc/passwd", "//b.example/"]
        {
            let answer = ask(listener.address, NAME, path);
            let bare = answer.starts_with("HTTP/1.1 404 ") && answer.ends_with("\r\n\r\n");
            // covers 8555-10.2-1
            assert!(bare, "{path}: {answer}");
            assert!(!answer.contains("ocation:"), "{path}: {answer}");
            // covers 8555-10.2-2
            assert!(bare, "{}: {path}: {answer}", listener.name);
        }
    }
}

#[test]
fn strangers_that_keep_silent_delay_no_validation() {
    let (http, tls) = (published(NAME, "http-01"), published(NAME, "tls-alpn-01"));
    let path = http.http_01().expect("http-01").path;
    let silent = |address| -> Vec<TcpStream> {
        (0..300).map(|_| TcpStream::connect(address).expect("a connection")).collect()
    };
    for listener in http_listeners() {
        listener.present(&http);
        let strangers = silent(listener.address);
        let start = Instant::now();
        let answer = ask(listener.address, NAME, &path);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{}: {answer}", listener.name);
        assert!(start.elapsed() < SOON, "{}: {:?}", listener.name, start.elapsed());
        drop(strangers);
    }
    for listener in tls_listeners() {
        listener.present(&tls);
        let strangers = silent(listener.address);
        let start = Instant::now();
        let seen = validate(&listener, NAME).expect("a handshake");
        assert!(has_digest(&seen, &tls), "{}", listener.name);
        assert!(start.elapsed() < SOON, "{}: {:?}", listener.name, start.elapsed());
        drop(strangers);
    }
}

/// Less than the time after which the listeners close a connection that keeps silent.
const SOON: Duration = Duration::from_secs(5);
