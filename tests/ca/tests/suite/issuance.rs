//! Certificates over HTTPS, with every challenge validated for real.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::https::{Https, client};
use crate::support::responders::{self, Alpn, Web};
use crate::support::{Client, Order, b64, certificates, csr, csr_payload};
use acme_testca::{ChallengeKind, TestCa};
use ring::digest::{SHA256, digest};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::{Value, json};

/// Tells the CA to validate and returns the authorization once it is final.
fn validate(client: &mut Client<Https>, authorization: &str, kind: &str) -> Value {
    let challenge = client.challenge(authorization, kind);
    client.post(challenge["url"].as_str().unwrap(), Some(json!({}))).ok(200);
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let object = client.read(authorization).ok(200).json();
        if object["status"] != "pending" {
            return object;
        }
        assert!(Instant::now() < end, "{object}");
        sleep(Duration::from_millis(10));
    }
}

/// Returns the problem type in the failed challenge of an authorization.
fn problem(authorization: &Value) -> String {
    assert_eq!(authorization["status"], "invalid", "{authorization}");
    let failed = authorization["challenges"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["status"] == "invalid")
        .unwrap();
    failed["error"]["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
}

fn finish(client: &mut Client<Https>, order: &Order, names: &[&str]) -> String {
    let done = client.post(&order.finalize(), csr_payload(&csr(names))).ok(200);
    assert_eq!(done.location(), order.url);
    let done = done.json();
    assert_eq!(done["status"], "valid");
    let answer = client.read(done["certificate"].as_str().unwrap()).ok(200);
    assert_eq!(answer.header("content-type"), Some("application/pem-certificate-chain"));
    answer.text()
}

fn start() -> (TestCa, Client<Https>) {
    let ca = TestCa::start();
    let mut client = client(&ca);
    client.register(json!({})).ok(201);
    (ca, client)
}

fn path(challenge: &Value) -> String {
    format!("/.well-known/acme-challenge/{}", challenge["token"].as_str().unwrap())
}

fn txt_value(key_authorization: &str) -> String {
    b64(digest(&SHA256, key_authorization.as_bytes()))
}

/// Asserts that a client which trusts the CA's root accepts the chain for this name.
#[track_caller]
fn assert_trusted(ca: &TestCa, chain: &str, name: &str) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.root_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let chain: Vec<CertificateDer<'_>> =
        certificates(chain).into_iter().map(CertificateDer::from).collect();
    let name = ServerName::try_from(name).unwrap();
    let result =
        verifier.unwrap().verify_server_cert(&chain[0], &chain[1..], &name, &[], UnixTime::now());
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn http_01_issues_a_certificate() {
    let (ca, mut client) = start();
    let order = client.order_for(&["example.test"]);
    let authorization = order.authorizations()[0].clone();
    let challenge = client.challenge(&authorization, "http-01");
    let body = format!("{} \r\n", client.key_authorization(&challenge));
    let web = Web::file(Ipv4Addr::LOCALHOST, ca.http_port(), path(&challenge), body);
    assert_eq!(validate(&mut client, &authorization, "http-01")["status"], "valid");
    let head = web.heads.lock().unwrap()[0].to_ascii_lowercase();
    assert!(head.contains("\r\nhost: example.test\r\n"), "{head}");
    let chain = finish(&mut client, &order, &["example.test"]);
    assert_trusted(&ca, &chain, "example.test");
    assert_eq!(ca.certificates_issued(), 1);
    let validations = ca.validations();
    assert_eq!((validations.len(), validations[0].kind), (1, ChallengeKind::Http01));
    assert_eq!(validations[0].problem, None);
}

#[test]
fn dns_01_issues_a_certificate_for_a_wildcard_and_its_base() {
    let (ca, mut client) = start();
    let names = ["example.test", "*.example.test"];
    let order = client.order_for(&names);
    let mut values = Vec::new();
    for authorization in order.authorizations() {
        let challenge = client.challenge(&authorization, "dns-01");
        let value = txt_value(&client.key_authorization(&challenge));
        assert!(ca.set_txt("_acme-challenge.Example.test.", &value));
        values.push(value);
    }
    for authorization in order.authorizations() {
        let object = validate(&mut client, &authorization, "dns-01");
        assert_eq!(object["status"], "valid");
        assert_eq!(object["identifier"]["value"], "example.test");
    }
    let chain = finish(&mut client, &order, &names);
    assert_trusted(&ca, &chain, "other.example.test");
    assert_eq!(ca.published_txt()["_acme-challenge.example.test"], values);
    for value in &values {
        assert!(ca.clear_txt("_acme-challenge.example.test", value));
        assert!(!ca.clear_txt("_acme-challenge.example.test", value));
    }
    assert!(ca.published_txt().is_empty());
}

#[test]
fn tls_alpn_01_issues_a_certificate() {
    let (ca, mut client) = start();
    let order = client.order_for(&["example.test"]);
    let authorization = order.authorizations()[0].clone();
    let challenge = client.challenge(&authorization, "tls-alpn-01");
    let names = Alpn::new("example.test", &client.key_authorization(&challenge))
        .start(Ipv4Addr::LOCALHOST, ca.tls_port());
    assert_eq!(validate(&mut client, &authorization, "tls-alpn-01")["status"], "valid");
    assert_eq!(*names.lock().unwrap(), ["example.test"]);
    let chain = finish(&mut client, &order, &["example.test"]);
    assert_trusted(&ca, &chain, "example.test");
}

#[test]
fn an_address_is_validated_where_it_points_by_http_01() {
    let (ca, mut client) = start();
    let order = client.order_for(&["127.0.0.7"]);
    let authorization = order.authorizations()[0].clone();
    let challenge = client.challenge(&authorization, "http-01");
    let body = client.key_authorization(&challenge);
    let web = Web::file(Ipv4Addr::new(127, 0, 0, 7), ca.http_port(), path(&challenge), body);
    assert_eq!(validate(&mut client, &authorization, "http-01")["status"], "valid");
    assert!(web.heads.lock().unwrap()[0].to_ascii_lowercase().contains("\r\nhost: 127.0.0.7\r\n"));
    let chain = finish(&mut client, &order, &["127.0.0.7"]);
    assert_trusted(&ca, &chain, "127.0.0.7");
}

#[test]
fn an_address_is_validated_by_tls_alpn_01_under_its_reverse_name() {
    let (ca, mut client) = start();
    let order = client.order_for(&["127.0.0.8"]);
    let authorization = order.authorizations()[0].clone();
    let challenge = client.challenge(&authorization, "tls-alpn-01");
    let names = Alpn::new("127.0.0.8", &client.key_authorization(&challenge))
        .start(Ipv4Addr::new(127, 0, 0, 8), ca.tls_port());
    assert_eq!(validate(&mut client, &authorization, "tls-alpn-01")["status"], "valid");
    assert_eq!(*names.lock().unwrap(), ["8.0.0.127.in-addr.arpa"]);
}

#[test]
fn an_ipv6_address_is_asked_for_in_brackets() {
    let (ca, mut client) = start();
    if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("this machine has no IPv6 loopback: nothing to show");
        return;
    }
    let order = client.order_for(&["::1"]);
    let authorization = order.authorizations()[0].clone();
    let challenge = client.challenge(&authorization, "http-01");
    let body = client.key_authorization(&challenge);
    let web = Web::file(Ipv6Addr::LOCALHOST, ca.http_port(), path(&challenge), body);
    assert_eq!(validate(&mut client, &authorization, "http-01")["status"], "valid");
    assert!(web.heads.lock().unwrap()[0].to_ascii_lowercase().contains("\r\nhost: [::1]\r\n"));
    assert_trusted(&ca, &finish(&mut client, &order, &["::1"]), "::1");
}

#[test]
fn nobody_listening_is_a_connection_problem_that_the_order_explains() {
    let (_ca, mut client) = start();
    let order = client.order_for(&["a.test", "b.test"]);
    assert_eq!(
        problem(&validate(&mut client, &order.authorizations()[0], "http-01")),
        "connection"
    );
    let object = client.read(&order.url).ok(200).json();
    assert_eq!(object["status"], "invalid");
    assert_eq!(object["error"]["type"], "urn:ietf:params:acme:error:connection");
    let subproblems = object["error"]["subproblems"].as_array().unwrap();
    assert_eq!(subproblems.len(), 1);
    assert_eq!(subproblems[0]["identifier"], json!({ "type": "dns", "value": "a.test" }));
    client
        .post(&order.finalize(), csr_payload(&csr(&["a.test", "b.test"])))
        .refused(403, "orderNotReady");
}

/// Returns the problem of an http-01 validation against raw answers.
fn http_problem(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let (ca, mut client) = start();
    let order = client.order_for(&["example.test"]);
    let _web = Web::start(Ipv4Addr::LOCALHOST, ca.http_port(), answer);
    problem(&validate(&mut client, &order.authorizations()[0], "http-01"))
}

#[test]
fn a_wrong_http_answer_is_refused() {
    assert_eq!(http_problem(|_| responders::response("404 Not Found", "", "")), "unauthorized");
    assert_eq!(http_problem(|_| responders::ok("something else")), "incorrectResponse");
    assert_eq!(http_problem(|_| responders::ok(&"x".repeat(100_000))), "connection");
    assert_eq!(http_problem(|_| "gibberish\r\n\r\n".to_owned()), "connection");
}

#[test]
fn redirects_that_loop_or_leave_http_are_refused() {
    let redirect = |to: &str| responders::response("302 Found", &format!("Location: {to}\r\n"), "");
    let to = |target: &'static str| move |_: &str| redirect(target);
    for target in
        ["/again", "https://example.test/x", "http://example.test:81/x", "ftp://example.test/x"]
    {
        assert_eq!(http_problem(to(target)), "connection", "{target}");
    }
    assert_eq!(http_problem(|_| responders::response("302 Found", "", "")), "connection");
}

#[test]
fn a_redirect_to_another_http_url_is_followed() {
    let (ca, mut client) = start();
    let order = client.order_for(&["example.test"]);
    let authorization = order.authorizations()[0].clone();
    let challenge = client.challenge(&authorization, "http-01");
    let body = client.key_authorization(&challenge);
    let web = Web::start(Ipv4Addr::LOCALHOST, ca.http_port(), move |path| match path {
        "/moved?to=here" => responders::ok(&body),
        _ => responders::response(
            "301 Moved Permanently",
            "Location: http://other.test/moved?to=here\r\n",
            "",
        ),
    });
    assert_eq!(validate(&mut client, &authorization, "http-01")["status"], "valid");
    assert!(web.heads.lock().unwrap()[1].to_ascii_lowercase().contains("\r\nhost: other.test\r\n"));
}

#[test]
fn a_silent_server_ends_in_a_connection_problem_after_the_time_limit() {
    let ca = TestCa::builder().validation_timeout(Duration::from_millis(200)).start().unwrap();
    let mut client = client(&ca);
    client.register(json!({})).ok(201);
    let order = client.order_for(&["example.test"]);
    let _silent = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, ca.http_port())).unwrap();
    assert_eq!(
        problem(&validate(&mut client, &order.authorizations()[0], "http-01")),
        "connection"
    );
}

/// Returns the problem of a tls-alpn-01 validation against a certificate that is bent.
fn alpn_problem(bend: impl Fn(&mut Alpn)) -> String {
    let (ca, mut client) = start();
    let order = client.order_for(&["example.test"]);
    let authorization = order.authorizations()[0].clone();
    let challenge = client.challenge(&authorization, "tls-alpn-01");
    let mut alpn = Alpn::new("example.test", &client.key_authorization(&challenge));
    bend(&mut alpn);
    alpn.start(Ipv4Addr::LOCALHOST, ca.tls_port());
    problem(&validate(&mut client, &authorization, "tls-alpn-01"))
}

#[test]
fn a_wrong_tls_alpn_certificate_is_refused() {
    assert_eq!(alpn_problem(|a| a.key_authorization.push('x')), "incorrectResponse");
    assert_eq!(alpn_problem(|a| a.names.push("b.test".to_owned())), "incorrectResponse");
    assert_eq!(alpn_problem(|a| a.names[0] = "b.test".to_owned()), "incorrectResponse");
    assert_eq!(alpn_problem(|a| a.not_critical = true), "incorrectResponse");
    assert_eq!(alpn_problem(|a| a.no_extension = true), "incorrectResponse");
    assert_eq!(alpn_problem(|a| a.signed_by_other = true), "incorrectResponse");
    assert_eq!(alpn_problem(|a| a.other_protocol = true), "unauthorized");
}

#[test]
fn a_server_without_tls_is_a_tls_problem() {
    let (ca, mut client) = start();
    let order = client.order_for(&["example.test"]);
    let _web = Web::start(Ipv4Addr::LOCALHOST, ca.tls_port(), |_| responders::ok(""));
    assert_eq!(problem(&validate(&mut client, &order.authorizations()[0], "tls-alpn-01")), "tls");
}

#[test]
fn a_missing_txt_record_is_a_dns_problem_and_a_wrong_one_an_incorrect_response() {
    let (ca, mut client) = start();
    let order = client.order_for(&["a.test", "b.test"]);
    assert_eq!(problem(&validate(&mut client, &order.authorizations()[0], "dns-01")), "dns");
    ca.set_txt("_acme-challenge.b.test", "wrong");
    assert_eq!(
        problem(&validate(&mut client, &order.authorizations()[1], "dns-01")),
        "incorrectResponse"
    );
}

/// Returns the final authorization of a name validated through a DNS server of the test's own.
fn with_dns(
    kind: &str,
    records: impl Fn(&str, hickory_proto::rr::RecordType, &str) -> Option<Vec<hickory_proto::rr::RData>>
    + Send
    + 'static,
) -> Value {
    let value = Arc::new(std::sync::Mutex::new(String::new()));
    let shown = Arc::clone(&value);
    let server = responders::dns(move |name, kind| records(name, kind, &shown.lock().unwrap()));
    let ca = TestCa::builder()
        .dns(server)
        .validation_timeout(Duration::from_millis(800))
        .start()
        .unwrap();
    let mut client = client(&ca);
    client.register(json!({})).ok(201);
    let order = client.order_for(&["example.test"]);
    let authorization = order.authorizations()[0].clone();
    let challenge = client.challenge(&authorization, kind);
    let key_authorization = client.key_authorization(&challenge);
    *value.lock().unwrap() = txt_value(&key_authorization);
    let _web =
        Web::file(Ipv4Addr::new(127, 0, 0, 9), ca.http_port(), path(&challenge), key_authorization);
    validate(&mut client, &authorization, kind)
}

#[test]
fn txt_records_are_asked_of_the_configured_server_and_aliases_followed() {
    let object = with_dns("dns-01", |name, _, value| match name {
        "_acme-challenge.example.test." => Some(vec![responders::cname("elsewhere.test.")]),
        "elsewhere.test." => Some(vec![responders::txt("another"), responders::txt(value)]),
        _ => None,
    });
    assert_eq!(object["status"], "valid", "{object}");
}

#[test]
fn addresses_are_asked_of_the_configured_server() {
    let object = with_dns("http-01", |_, kind, _| {
        (kind == hickory_proto::rr::RecordType::A).then(|| vec![responders::a([127, 0, 0, 9])])
    });
    assert_eq!(object["status"], "valid", "{object}");
}

#[test]
fn a_name_that_the_server_does_not_know_is_looked_for_on_loopback_and_has_no_txt() {
    assert_eq!(problem(&with_dns("http-01", |_, _, _| None)), "connection");
    assert_eq!(problem(&with_dns("dns-01", |_, _, _| None)), "dns");
    let endless = with_dns("dns-01", |_, _, _| Some(vec![responders::cname("loop.test.")]));
    assert_eq!(problem(&endless), "dns");
}
