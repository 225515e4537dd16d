use acme_proto::challenge::Challenge;

use super::*;

/// Only an issuance makes challenges; this is one that was saved.
fn challenge(kind: &str, identifier: (&str, &str), token: &str) -> Challenge {
    let (identifier, value) = identifier;
    let json = format!(
        r#"{{"authorization": "https://ca.example/authz/{value}", "url": "https://ca.example/chall/{value}",
            "identifier": {{"type": "{identifier}", "value": "{value}"}}, "kind": "{kind}",
            "token": "{token}", "thumbprint": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}"#
    );
    serde_json::from_str(&json).expect("a challenge")
}

fn dns(name: &str, token: &str) -> Challenge {
    challenge("http-01", ("dns", name), token)
}

const PATH: &str = "/.well-known/acme-challenge/token";
const BODY: &str = "token.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn a_challenge_is_answered_from_insert_to_remove_and_both_are_idempotent() {
    let (table, challenge) = (Http01Handler::new(), dns("example.org", "token"));
    assert_eq!(table.respond(Some("example.org"), PATH), None);
    for _ in 0..2 {
        table.insert(&challenge);
        assert_eq!(table.respond(Some("example.org"), PATH).as_deref(), Some(BODY));
    }
    for _ in 0..2 {
        table.clone().remove(&challenge);
        assert!(table.is_empty());
    }
}

#[test]
fn another_path_is_not_answered() {
    let table = Http01Handler::new();
    table.insert(&dns("example.org", "token"));
    for path in ["/", "/.well-known/acme-challenge/", "/.well-known/acme-challenge/tokens", ""] {
        assert_eq!(table.respond(Some("example.org"), path), None, "{path}");
    }
}

#[test]
fn another_kind_is_not_published() {
    let table = Http01Handler::new();
    table.insert(&challenge("dns-01", ("dns", "example.org"), "token"));
    assert!(table.is_empty());
}

#[test]
fn behind_a_redirect_the_host_may_be_another() {
    let table = Http01Handler::new();
    table.insert(&dns("example.org", "token"));
    for host in [None, Some("validation.example.net"), Some("")] {
        assert_eq!(table.respond(host, PATH).as_deref(), Some(BODY));
    }
}

#[test]
fn of_several_names_on_one_path_the_one_in_the_host_header_stays_until_removed() {
    let table = Http01Handler::new();
    let challenges = [dns("a.example", "token"), dns("b.example", "token")];
    challenges.iter().for_each(|challenge| table.insert(challenge));
    table.remove(&challenges[0]);
    assert_eq!(table.respond(Some("b.example"), PATH).as_deref(), Some(BODY));
    table.remove(&challenges[1]);
    assert_eq!(table.respond(Some("b.example"), PATH), None);
}

#[test]
fn hosts_compare_without_case_port_brackets_and_spelling() {
    for (host, header) in [
        ("example.org", "EXAMPLE.org:80"),
        ("example.org", "example.org."),
        ("2001:db8::1", "[2001:db8::1]"),
        ("2001:db8::1", "[2001:DB8:0:0::1]:80"),
        ("192.0.2.1", "192.0.2.1:8080"),
    ] {
        assert_eq!(canonical(host_of(header)), canonical(host), "{header}");
    }
}

fn answer(table: &Http01Handler, head: &str) -> String {
    String::from_utf8(table.answer_request(head.as_bytes())).expect("text")
}

#[test]
fn a_whole_request_gets_a_whole_response() {
    let table = Http01Handler::new();
    table.insert(&challenge("http-01", ("ip", "2001:db8::1"), "token"));
    let get = format!("GET {PATH} HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        BODY.len()
    );
    assert_eq!(answer(&table, &get), format!("{head}{BODY}"));
    assert_eq!(answer(&table, &get.replace("GET", "HEAD")), head);
    let absolute = format!("GET http://[2001:db8::1]{PATH}?x=1 HTTP/1.0\r\n\r\n");
    assert!(answer(&table, &absolute).ends_with(BODY));
}

#[test]
fn whatever_else_is_asked_is_refused() {
    let table = Http01Handler::new();
    table.insert(&dns("example.org", "token"));
    for (head, status) in [
        (format!("POST {PATH} HTTP/1.1\r\n\r\n"), "405"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "404"),
        (format!("GET  {PATH} HTTP/1.1\r\n\r\n"), "400"),
        (format!("GET {PATH}\r\n\r\n"), "400"),
        (format!("GET {PATH} HTTP/2\r\n\r\n"), "400"),
        ("\u{16}\u{3}\u{1}".to_owned(), "400"),
        (String::new(), "400"),
    ] {
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer(&table, &head).starts_with(&expected), "{head:?}");
    }
    assert!(table.answer_request(b"GET /\xff HTTP/1.1\r\n\r\n").starts_with(b"HTTP/1.1 400 "));
}

#[test]
fn a_redirecting_listener_answers_challenges_and_redirects_the_rest() {
    let (table, redirect) = (Http01Handler::new(), HttpsRedirect::new().with_port(8443));
    table.insert(&dns("example.org", "token"));
    let ask = |head: &str| {
        let answer = table.answer_or_redirect(head.as_bytes(), &redirect);
        String::from_utf8(answer).expect("text")
    };
    let host = "Host: example.org:8080\r\n";
    assert!(ask(&format!("GET {PATH} HTTP/1.1\r\n{host}\r\n")).ends_with(BODY));
    let redirected = "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://example.org:8443/a?b\r\n\
                      Content-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(ask(&format!("GET /a?b HTTP/1.1\r\n{host}\r\n")), redirected);
    assert_eq!(ask("HEAD http://example.org/a?b HTTP/1.1\r\nHost: other\r\n\r\n"), redirected);
    let below = "/.well-known/acme-challenge/";
    for (head, status) in [
        (format!("GET {below}other HTTP/1.1\r\n{host}\r\n"), "404"),
        (format!("POST {PATH} HTTP/1.1\r\n{host}\r\n"), "405"),
        (format!("POST / HTTP/1.1\r\n{host}\r\n"), "405"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\n{host}{host}\r\n"), "400"),
        (format!("GET https://evil.example/ HTTP/1.1\r\n{host}\r\n"), "400"),
        (format!("GET /a\nb HTTP/1.1\r\n{host}\r\n"), "400"),
        ("\u{16}\u{3}\u{1}".to_owned(), "400"),
    ] {
        let answer = ask(&head);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head:?}: {answer}");
        assert!(!answer.contains("ocation"), "{answer}");
    }
}
