//! ZeroSSL's credentials: minted at a stand-in for its interface, used at a CA that demands them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use acme_testca::TestCa;
use acme_tokio::zerossl::{EabCredentials, EabRequest, MintError};

use crate::both::{on_blocking, on_tokio};

const KEY: &[u8] = b"a key of at least thirty-two octets";
const KEY_TEXT: &str = "YSBrZXkgb2YgYXQgbGVhc3QgdGhpcnR5LXR3byBvY3RldHM";

type Minted = Result<EabCredentials, MintError>;

/// Answers one request, and returns its head and body.
fn stand_in(status: &'static str, body: String) -> (String, JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut head).expect("a line"), 0, "{head}");
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok()).flatten()
        });
        let mut sent = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut sent).expect("the body");
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        reader.get_mut().write_all(answer.as_bytes()).expect("it is taken");
        (head, String::from_utf8(sent).expect("text"))
    });
    (base, thread)
}

fn ca() -> TestCa {
    let ca = TestCa::builder().external_account("kid-1", KEY).require_external_account(true);
    ca.start().expect("a CA")
}

/// Mints with `acme-tokio`, and registers with what comes of it.
fn by_tokio(ca: &TestCa, request: &EabRequest) -> Minted {
    use acme_tokio::zerossl;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = on_tokio::ca::builder(ca).connect().await.expect("a client");
        let minted = zerossl::mint(&client, request).await?;
        let (kid, mac_key) = minted.clone().into_parts();
        let register = client.register().external_account(kid, mac_key.as_str());
        register.await.expect("the CA takes them");
        Ok(minted)
    })
}

/// Does the same with `acme-blocking`.
fn by_blocking(ca: &TestCa, request: &EabRequest) -> Minted {
    use acme_blocking::zerossl;
    let client = on_blocking::ca::builder(ca).connect().expect("a client");
    let minted = zerossl::mint(&client, request)?;
    let (kid, mac_key) = minted.clone().into_parts();
    let register = client.register().external_account(kid, mac_key.as_str());
    register.run().expect("the CA takes them");
    Ok(minted)
}

const ADAPTERS: [fn(&TestCa, &EabRequest) -> Minted; 2] = [by_tokio, by_blocking];

fn success() -> String {
    format!(r#"{{"success":true,"eab_kid":"kid-1","eab_hmac_key":"{KEY_TEXT}"}}"#)
}

#[test]
fn credentials_by_address_serve_a_registration() {
    let ca = ca();
    for adapter in ADAPTERS {
        let (base, server) = stand_in("200 OK", success());
        let request = EabRequest::by_email("me+a@example.org").expect("an address");
        let minted =
            adapter(&ca, &request.with_base_url(&base).expect("a URL")).expect("credentials");
        assert_eq!(minted.kid(), "kid-1");
        let (head, body) = server.join().expect("no panic");
        assert!(head.starts_with("POST /acme/eab-credentials-email HTTP/1.1\r\n"), "{head}");
        assert!(head.to_lowercase().contains("application/x-www-form-urlencoded"), "{head}");
        assert_eq!(body, "email=me%2Ba%40example.org");
    }
}

#[test]
fn credentials_by_access_key_serve_a_registration() {
    let ca = ca();
    for adapter in ADAPTERS {
        let (base, server) = stand_in("200 OK", success());
        let request = EabRequest::by_access_key("0123abc/").expect("a key");
        adapter(&ca, &request.with_base_url(&base).expect("a URL")).expect("credentials");
        let (head, _) = server.join().expect("no panic");
        let line = "POST /acme/eab-credentials?access_key=0123abc%2F HTTP/1.1\r\n";
        assert!(head.starts_with(line), "{head}");
        assert!(head.to_lowercase().contains("content-length: "), "{head}");
    }
}

#[test]
fn a_refusal_and_a_lost_answer_are_typed_and_show_no_access_key() {
    let ca = ca();
    for adapter in ADAPTERS {
        let body = r#"{"success":false,"error":{"code":2900,"type":"invalid_access_key"}}"#;
        let (base, server) = stand_in("401 Unauthorized", body.into());
        let request = EabRequest::by_access_key("tops3cret").expect("a key");
        let error =
            adapter(&ca, &request.clone().with_base_url(&base).expect("a URL")).expect_err("a no");
        server.join().expect("no panic");
        let kind = "invalid_access_key".to_owned();
        assert_eq!(error, MintError::Refused { code: Some(2900), kind });

        let error = adapter(&ca, &request.with_base_url("http://127.0.0.1:1").expect("a URL"));
        let error = error.expect_err("nobody listens there");
        assert!(matches!(error, MintError::Lost(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains("tops3cret"), "{error}");
    }
}
