//! Servers of both adapters that obtain, serve and renew their own certificates.

mod faults;
mod handover;
mod on_tokio;
mod readme;
mod searches;
pub(crate) mod site;
mod storage_down;
mod validations;
mod wishes;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use acme_adapter::clock;
use acme_adapter::keeper::{CertificateEventKind, CertificateState};
use acme_adapter::tls::Roots;
use acme_proto::renewal::LifecycleEvent;
use acme_proto::x509::Certificate;
use acme_testca::{ChallengeKind, FaultAction, FaultRule, Faults, TestCa};
use acme_tests::{scratch, short_lived_ca};
use serde_json::Value;

use self::site::{Site, Wanted};

pub(crate) const A_WHILE: Duration = Duration::from_secs(120);

#[test]
fn a_new_server_has_its_certificate_at_the_first_handshake() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("first"));
        let wanted = Wanted::new(folder.path(), &ca, &[&["a.example", "www.a.example"]]);
        let site = start(&wanted);
        // The handshake waits until the certificate is there.
        let seen = site.get("www.a.example").expect("a handshake");
        assert_eq!(seen.names, ["a.example", "www.a.example"], "{}", site.adapter);
        assert_eq!(seen.data, b"hello");
        let health = site.health();
        assert!(health.is_healthy, "{health:#?}");
        assert_eq!(health.certificates[0].state, CertificateState::Valid);
        assert_eq!(ca.certificates_issued(), 1);
    }
}

#[test]
fn what_is_stored_is_served_at_once_and_not_ordered_again() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("stored"));
        let wanted = Wanted::new(folder.path(), &ca, &[&["a.example"]]);
        let first = start(&wanted).get("a.example").expect("a handshake");
        let site = start(&wanted);
        let second = site.get("a.example").expect("a handshake");
        assert_eq!(first.certificate, second.certificate, "{}", site.adapter);
        assert_eq!(site.count(|kind| matches!(kind, CertificateEventKind::Loaded { .. })), 1);
        assert_eq!(ca.certificates_issued(), 1);
        // One account for both processes.
        assert_eq!(ca.account_objects().len(), 1);
    }
}

#[test]
fn a_certificate_is_renewed_before_it_expires_under_connections_that_never_fail() {
    for start in Site::EACH {
        let ca = short_lived_ca(Duration::from_secs(6));
        let folder = scratch("renewed");
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
        let mut certificates = Vec::new();
        while certificates.len() < 4 {
            let seen = site.get("a.example").expect("a handshake");
            let read = Certificate::parse(seen.certificate.clone()).expect("a certificate");
            assert!(clock::wall() < read.not_after(), "{}: it has expired", site.adapter);
            if certificates.last() != Some(&seen.certificate) {
                certificates.push(seen.certificate);
            }
        }
        // Each order replaced the certificate before it, or none could be named.
        site.wait_for_renewals(4, A_WHILE);
        assert!(site.health().is_healthy);
    }
}

#[test]
fn a_ca_that_is_away_delays_nobody_and_the_server_recovers_by_itself() {
    for start in Site::EACH {
        let ca = short_lived_ca(Duration::from_secs(4));
        let folder = scratch("away");
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
        site.get("a.example").expect("a handshake");
        let unavailable = FaultRule::next(FaultAction::unavailable(None)).times(usize::MAX);
        ca.set_faults(Faults::none().with(unavailable));
        let is_expired = |kind: &CertificateEventKind| {
            matches!(kind, CertificateEventKind::Lifecycle(LifecycleEvent::Expired { .. }))
        };
        site.wait_for(1, A_WHILE, is_expired);
        // The old certificate is better than none, and health says so.
        site.get("a.example").expect("a handshake");
        assert_eq!(site.health().certificates[0].state, CertificateState::Expired);
        assert!(!site.health().is_healthy);
        ca.set_faults(Faults::none());
        site.wait_for_renewals(2, Duration::from_secs(60));
    }
}

#[test]
fn the_second_ca_steps_in_with_an_account_of_its_own() {
    for start in Site::EACH {
        let (first, second, folder) = (TestCa::start(), TestCa::start(), scratch("second"));
        first.configure(|config| {
            config.blocked_names.insert("a.example".to_owned());
        });
        let mut wanted = Wanted::new(folder.path(), &first, &[&["a.example"]]);
        wanted.cas.push(&second);
        let site = start(&wanted);
        site.get("a.example").expect("a handshake");
        assert_eq!((first.certificates_issued(), second.certificates_issued()), (0, 1));
        assert_eq!((first.account_objects().len(), second.account_objects().len()), (1, 1));
        let health = site.health();
        let directory = health.certificates[0].directory.as_ref().expect("a directory");
        assert_eq!(directory.as_str(), second.directory_url());
    }
}

#[test]
fn an_account_that_the_ca_has_lost_is_registered_anew_with_the_same_key() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("lost"));
        let wanted = Wanted::new(folder.path(), &ca, &[&["a.example"]]);
        let site = start(&wanted);
        site.get("a.example").expect("a handshake");
        let key = ca.account_objects()[0]["key"].clone();
        ca.forget_accounts();
        assert!(site.order_now("a.example"));
        site.wait_for_renewals(2, A_WHILE);
        let is_lost = |kind: &CertificateEventKind| {
            matches!(kind, CertificateEventKind::Lifecycle(LifecycleEvent::AccountLost { .. }))
        };
        assert_eq!(site.count(is_lost), 1, "{}", site.adapter);
        assert_eq!(ca.account_objects().last().expect("an account")["key"], key);
    }
}

#[test]
fn names_are_added_and_removed_while_the_server_runs() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("names"));
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
        site.get("a.example").expect("a handshake");
        site.add(&["b.example", "c.example"]);
        let seen = site.get("c.example").expect("a handshake");
        assert_eq!(seen.names, ["b.example", "c.example"], "{}", site.adapter);
        assert!(site.remove("b.example"));
        assert!(!site.remove("b.example"));
        // The default certificate, which is the first one.
        assert_eq!(site.get("c.example").expect("a handshake").names, ["a.example"]);
        let names: Vec<_> = site.health().certificates.into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["a.example"]);
    }
}

#[test]
fn a_certificate_for_other_names_than_are_wanted_is_served_and_replaced() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("other-names"));
        let narrow = Wanted::new(folder.path(), &ca, &[&["a.example"]]);
        start(&narrow).get("a.example").expect("a handshake");
        let wide = Wanted::new(folder.path(), &ca, &[&["a.example", "b.example"]]);
        let site = start(&wide);
        site.wait_for_renewals(1, A_WHILE);
        let seen = site.get("b.example").expect("a handshake");
        assert_eq!(seen.names, ["a.example", "b.example"], "{}", site.adapter);
        assert_eq!(ca.certificates_issued(), 2);
    }
}

#[test]
fn handshakes_cause_certificates_only_where_that_is_allowed_and_one_order_for_each_name() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("on-demand"));
        let mut wanted = Wanted::new(folder.path(), &ca, &[&["a.example"]]);
        wanted.on_demand = vec!["b.example".to_owned()];
        let site = start(&wanted);
        site.get("a.example").expect("a handshake");
        thread::scope(|scope| {
            let all: Vec<_> = (0..5).map(|_| scope.spawn(|| site.get("b.example"))).collect();
            for one in all {
                let seen = one.join().expect("no panic").expect("a handshake");
                assert_eq!(seen.names, ["b.example"], "{}", site.adapter);
            }
        });
        // Nobody waits for a name that is not allowed.
        assert_eq!(site.get("c.example").expect("a handshake").names, ["a.example"]);
        assert_eq!(ca.certificates_issued(), 2);
    }
}

#[test]
fn two_processes_on_one_folder_issue_each_name_once() {
    for start in Site::EACH {
        let ca = short_lived_ca(Duration::from_secs(6));
        let (folder, start_time) = (scratch("two"), Instant::now());
        // The CA validates at the port of the second one, whichever of them orders.
        let wanted = Wanted::new(folder.path(), &ca, &[&["a.example"]]);
        let (one, other) = (start(&wanted), start(&wanted));
        for site in [&one, &other] {
            site.get("a.example").expect("a handshake");
            site.wait_for_renewals(3, A_WHILE);
        }
        // One at the start and one each half lifetime, which is less than three seconds by what is
        // rounded in the certificate, whichever of them ordered.
        let most = start_time.elapsed().as_secs() / 2 + 2;
        let issued = ca.certificates_issued() as u64;
        assert!(issued <= most, "{}: {issued} issued, at most {most}", one.adapter);
    }
}

#[test]
fn files_that_were_damaged_or_removed_are_replaced() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("damaged"));
        let wanted = Wanted::new(folder.path(), &ca, &[&["a.example"]]);
        start(&wanted).get("a.example").expect("a handshake");
        let files = folder.path().join("certificates/a.example");
        for file in ["bundle.pem", "cert.pem", "key.pem"] {
            fs::write(files.join(file), "-----BEGIN NOTHING-----").expect("a file");
        }
        let site = start(&wanted);
        site.wait_for_renewals(1, A_WHILE);
        assert_eq!(site.count(|kind| matches!(kind, CertificateEventKind::Damaged { .. })), 1);
        // Handshakes show it before it is stored. While it runs, what is missing is written from memory.
        let end = Instant::now() + A_WHILE;
        while !files.join("bundle.pem").exists() {
            assert!(Instant::now() < end, "{}: it is not stored", site.adapter);
            thread::sleep(Duration::from_millis(20));
        }
        fs::remove_file(files.join("bundle.pem")).expect("a file");
        site.add(&["b.example"]);
        site.get("b.example").expect("a handshake");
        let end = Instant::now() + A_WHILE;
        while !files.join("bundle.pem").exists() {
            assert!(Instant::now() < end, "{}: it is not stored again", site.adapter);
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(ca.certificates_issued(), 3);
    }
}

#[test]
fn a_server_that_ends_in_the_middle_of_an_order_goes_on_with_it() {
    for start in Site::EACH {
        // No validation ends while the first server runs.
        let delay = Duration::from_secs(3);
        let ca = TestCa::builder().validation_delay(delay).start().expect("a CA");
        let folder = scratch("middle");
        let wanted = Wanted::new(folder.path(), &ca, &[&["a.example"]]);
        let site = start(&wanted);
        let is_ordering = |kind: &CertificateEventKind| {
            matches!(kind, CertificateEventKind::Lifecycle(LifecycleEvent::Renewing { .. }))
        };
        site.wait_for(1, A_WHILE, is_ordering);
        let order = folder.path().join("orders/a.example.json");
        let end = Instant::now() + A_WHILE;
        while !order.exists() {
            assert!(Instant::now() < end, "{}: no order is stored", site.adapter);
            thread::sleep(Duration::from_millis(20));
        }
        drop(site);
        assert!(order.exists());
        let site = start(&wanted);
        site.get("a.example").expect("a handshake");
        assert_eq!(ca.order_objects().len(), 1, "{}", site.adapter);
        site.wait_for_renewals(1, A_WHILE);
        site.shutdown();
        assert!(!order.exists());
    }
}

#[test]
fn what_cannot_be_used_is_refused_at_the_start() {
    let start = |names: &[&str], ca: Option<&str>| {
        let mut builder = acme_blocking::Certificates::in_memory().names(names.iter().copied());
        if let Some(ca) = ca {
            builder = builder.ca(ca);
        }
        builder.prepare().expect_err("an error").to_string()
    };
    let ca = Some("https://ca.example/directory");
    assert!(start(&["a.example"], None).contains("name one with ca(..)"));
    assert!(start(&[], ca).contains("at least one name"));
    assert!(start(&["a..example"], ca).contains("a..example"));
    assert!(start(&["a.example"], Some("not a URL")).contains("not a URL"));
}

#[test]
fn health_is_json_without_secrets() {
    let (ca, folder) = (TestCa::start(), scratch("health"));
    let site = Site::blocking(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
    site.get("a.example").expect("a handshake");
    let json: Value = serde_json::from_str(&site.health().to_json()).expect("JSON");
    assert_eq!(json["isHealthy"], true);
    assert_eq!(json["certificates"][0]["name"], "a.example");
    assert_eq!(json["certificates"][0]["state"], "valid");
    assert!(json["certificates"][0]["renewAt"].is_string());
    assert!(!json.to_string().contains("PRIVATE"));
}

#[test]
fn http01_is_answered_on_a_port_of_its_own_and_everything_else_is_redirected() {
    let start = || {
        let ca = TestCa::builder().challenges([ChallengeKind::Http01]).start().expect("a CA");
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        ca.set_http_port(address.port());
        (ca, address)
    };
    let redirects = |address: SocketAddr| {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.write_all(b"GET /x?y HTTP/1.1\r\nHost: a.example\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
        assert!(answer.contains("https://a.example/x?y\r\n"), "{answer}");
    };
    let (ca, address) = start();
    let roots = Roots::Pem(ca.root_pem().into());
    let certificates = acme_blocking::Certificates::in_memory()
        .ca(ca.directory_url())
        .names(["a.example"])
        .client(move |client| client.roots(roots.clone()))
        .start()
        .expect("certificates");
    let listener = certificates.listen_http(address).expect("a listener");
    assert!(certificates.obtained("a.example", A_WHILE));
    redirects(listener.local_addr());
    certificates.shutdown();

    let (ca, address) = start();
    let roots = Roots::Pem(ca.root_pem().into());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let listener = runtime.block_on(async {
        let certificates = acme_tokio::Certificates::in_memory()
            .ca(ca.directory_url())
            .names(["a.example"])
            .client(move |client| client.roots(roots.clone()))
            .start()
            .await
            .expect("certificates");
        let listener = certificates.listen_http(address).await.expect("a listener");
        certificates.obtained("a.example").await;
        listener
    });
    redirects(listener.local_addr());
}

#[test]
fn a_certificate_of_a_ca_that_is_no_longer_in_use_is_replaced_at_once() {
    for start in Site::EACH {
        let (staging, real, folder) = (TestCa::start(), TestCa::start(), scratch("staging"));
        start(&Wanted::new(folder.path(), &staging, &[&["a.example"]]))
            .get("a.example")
            .expect("a handshake");
        let site = start(&Wanted::new(folder.path(), &real, &[&["a.example"]]));
        site.wait_for_renewals(1, A_WHILE);
        assert_eq!(real.certificates_issued(), 1, "{}", site.adapter);
    }
}

#[test]
fn a_name_that_is_wanted_twice_or_no_more_causes_no_order() {
    for start in Site::EACH {
        let (ca, folder) = (TestCa::start(), scratch("twice"));
        let names = ["a.example", "b.example", "a.example"];
        start(&Wanted::new(folder.path(), &ca, &[&names])).get("a.example").expect("a handshake");
        start(&Wanted::new(folder.path(), &ca, &[&names])).get("a.example").expect("a handshake");
        let site = start(&Wanted::new(folder.path(), &ca, &[&["a.example"]]));
        site.get("a.example").expect("a handshake");
        assert_eq!(ca.certificates_issued(), 1, "{}", site.adapter);
    }
}

#[test]
fn a_port_that_is_taken_causes_no_order() {
    let (ca, taken) = (TestCa::start(), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let address = taken.local_addr().expect("an address");
    let certificates = acme_blocking::Certificates::in_memory()
        .ca(ca.directory_url())
        .names(["a.example"])
        .start()
        .expect("certificates");
    certificates.listen(address).expect_err("the port is taken");
    assert!(!certificates.obtained("a.example", Duration::from_millis(300)));
    assert_eq!(ca.requests().len(), 0);
}

#[test]
fn a_function_that_panics_ends_no_renewal() {
    let ca = TestCa::start();
    let roots = Roots::Pem(ca.root_pem().into());
    let panics = AtomicBool::new(true);
    let certificates = acme_blocking::Certificates::in_memory()
        .ca(ca.directory_url())
        .names(["a.example"])
        .names(["b.example"])
        .client(move |client| client.roots(roots.clone()))
        .on_event(move |event| {
            assert!(
                &*event.name != "a.example" || !panics.swap(false, Ordering::SeqCst),
                "on purpose"
            );
        })
        .start()
        .expect("certificates");
    let listener = certificates.listen("127.0.0.1:0").expect("a listener");
    ca.set_tls_port(listener.local_addr().port());
    assert!(certificates.obtained("b.example", A_WHILE));
    certificates.shutdown();
}
