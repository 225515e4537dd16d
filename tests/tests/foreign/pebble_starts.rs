//! Pebble can be installed, started, configured and stopped.

use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use acme_tests::servers::{Pebble, PebbleOptions, get};

fn directory(pebble: &Pebble) -> serde_json::Value {
    let body = get(pebble.directory_url(), pebble.root_pem()).expect("Pebble answers");
    serde_json::from_str(&body).expect("the directory is JSON")
}

#[test]
fn the_directory_has_new_order() {
    let pebble = Pebble::start(PebbleOptions::default());
    let url = directory(&pebble)["newOrder"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    assert!(pebble.issuer_root_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(pebble.root_file().is_file() && pebble.issuer_root_file().is_file());
    assert!(pebble.log().contains("reject 5% of good nonces"), "{}", pebble.log());

    let (directory, root) = (pebble.directory_url().to_owned(), pebble.root_pem().to_owned());
    drop(pebble);
    assert!(get(&directory, &root).is_err());
}

#[test]
fn the_options_reach_pebble() {
    let options = PebbleOptions::default()
        .nonce_reject(50)
        .authz_reuse(70)
        .strict(true)
        .external_account("kid-1", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
        .alternate_roots(1)
        .retry_after(2);
    let pebble = Pebble::start(options);
    assert_eq!(directory(&pebble)["meta"]["externalAccountRequired"], true);
    for line in ["reject 50% of good nonces", "identifier 70% of the time", "strict mode"] {
        assert!(pebble.log().contains(line), "{}", pebble.log());
    }
    assert_ne!(pebble.alternate_root_pem(1), pebble.issuer_root_pem());
}

#[test]
fn txt_values_of_one_name_are_set_and_cleaned_up_one_by_one() {
    let pebble = Pebble::start(PebbleOptions::default());
    let hook = |action: &str, value: &str| {
        let line =
            format!("{} {action} _acme-challenge.example.org {value}", pebble.dns_hook_command());
        let mut words = line.split(' ');
        let status = Command::new(words.next().unwrap()).args(words).status().unwrap();
        assert!(status.success());
    };
    let txt = || txt_values(&pebble, "_acme-challenge.example.org");

    hook("present", "wildcard");
    hook("present", "base");
    hook("present", "base");
    assert_eq!(txt(), ["wildcard", "base"]);
    hook("cleanup", "wildcard");
    assert!(txt().contains(&"base".to_owned()));
    assert_eq!(pebble.published_txt(), [("_acme-challenge.example.org".into(), "base".into())]);
    hook("cleanup", "base");
    assert_eq!(txt(), Vec::<String>::new());
    assert_eq!(pebble.published_txt(), []);

    pebble.set_txt("example.org", "one");
    assert_eq!(txt_values(&pebble, "example.org"), ["one"]);
    pebble.clear_txt("example.org");
    assert_eq!(txt_values(&pebble, "example.org"), Vec::<String>::new());
}

/// Asks Pebble's DNS server for the TXT values of a name, in a packet made and read by hand.
fn txt_values(pebble: &Pebble, name: &str) -> Vec<String> {
    let mut query = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).expect("a label is short"));
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 16, 0, 1]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("five seconds are a time");
    socket.send_to(&query, pebble.dns_server()).expect("loopback delivers");
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).expect("challtestsrv answers");

    let mut values = Vec::new();
    let mut rest = &answer[query.len()..length];
    for _ in 0..u16::from_be_bytes([answer[6], answer[7]]) {
        let name = if rest[0] >= 0xc0 { 2 } else { query.len() - 16 };
        let data = name + 10;
        let end = data + usize::from(u16::from_be_bytes([rest[data - 2], rest[data - 1]]));
        values.push(String::from_utf8(rest[data + 1..end].to_vec()).expect("the value is ASCII"));
        rest = &rest[end..];
    }
    values
}
