use std::net::{TcpListener, TcpStream};
use std::thread;

use acme_proto::x509::Certificate;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ServerConnection, SignatureScheme,
};

use super::*;
use crate::clock;

fn challenge(kind: &str, value: &str) -> Challenge {
    let json = format!(
        r#"{{"authorization": "https://ca.example/authz", "url": "https://ca.example/chall",
            "identifier": {{"type": "{kind}", "value": "{value}"}}, "kind": "tls-alpn-01",
            "token": "token", "thumbprint": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}"#
    );
    serde_json::from_str(&json).expect("a challenge")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Shakes hands as a validating server does; returns the certificate and the protocol.
fn shake_hands(
    server: &Arc<ServerConfig>,
    name: &str,
    alpn: &[&[u8]],
) -> Result<(Certificate, Option<Vec<u8>>), rustls::Error> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let server = Arc::clone(server);
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut tls = ServerConnection::new(server).expect("a configuration");
        while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
    });
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut tls = ClientConnection::new(Arc::new(config), name).expect("a configuration");
    let mut stream = TcpStream::connect(address).expect("a connection");
    while tls.is_handshaking() {
        if let Err(error) = tls.complete_io(&mut stream) {
            let inner = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
            let error = inner.cloned().unwrap_or_else(|| rustls::Error::General(error.to_string()));
            drop(stream);
            thread.join().expect("no panic");
            return Err(error);
        }
    }
    drop(stream);
    thread.join().expect("no panic");
    let certificate = tls.peer_certificates().expect("a certificate")[0].to_vec();
    let certificate = Certificate::parse(certificate).expect("a certificate");
    Ok((certificate, tls.alpn_protocol().map(<[u8]>::to_vec)))
}

#[test]
fn taking_a_challenge_back_leaves_another_one_of_the_same_name() {
    let first = challenge("dns", "example.org");
    let second = serde_json::to_string(&first).expect("JSON").replace("/chall", "/another");
    let second = serde_json::from_str(&second).expect("a challenge");
    let resolver = TlsAlpn01Resolver::new(&provider());
    let server = resolver.server_config().expect("a configuration");
    let validate = || shake_hands(&server, "example.org", &[ACME_TLS_ALPN]);
    for challenge in [&first, &second, &second] {
        resolver.insert(challenge, clock::wall()).expect("a certificate");
    }
    resolver.remove(&first);
    validate().expect("the second is published");
    resolver.remove(&second);
    validate().expect_err("nothing is published");
    assert!(resolver.is_empty());
}

#[test]
fn a_validation_finds_the_certificate_of_the_challenge() {
    let resolver = TlsAlpn01Resolver::new(&provider());
    let challenge = challenge("dns", "example.org");
    resolver.insert(&challenge, clock::wall()).expect("a certificate");
    let config = resolver.server_config().expect("a configuration");
    for name in ["example.org", "EXAMPLE.org"] {
        let (certificate, protocol) =
            shake_hands(&config, name, &[ACME_TLS_ALPN]).expect("a handshake");
        assert_eq!(certificate.dns_names(), ["example.org"]);
        assert_eq!(protocol.as_deref(), Some(ACME_TLS_ALPN));
        let digest = challenge.tls_alpn_01().expect("tls-alpn-01").digest;
        let der = certificate.as_der();
        assert!(der.windows(32).any(|window| window == digest), "the digest is in the certificate");
        assert!(
            certificate.not_before() < clock::wall() && clock::wall() < certificate.not_after()
        );
    }
    resolver.remove(&challenge);
    assert!(resolver.is_empty());
    shake_hands(&config, "example.org", &[ACME_TLS_ALPN]).expect_err("nothing is published");
}

#[test]
fn an_address_is_asked_for_by_its_reverse_name() {
    for (address, name) in [
        ("192.0.2.1", "1.2.0.192.in-addr.arpa"),
        ("2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
    ] {
        let resolver = TlsAlpn01Resolver::new(&provider());
        resolver.insert(&challenge("ip", address), clock::wall()).expect("a certificate");
        let config = resolver.server_config().expect("a configuration");
        let (certificate, _) = shake_hands(&config, name, &[ACME_TLS_ALPN]).expect("a handshake");
        let address: core::net::IpAddr = address.parse().expect("an address");
        assert_eq!(certificate.ip_addresses(), [address]);
    }
}

#[test]
fn a_client_that_is_no_validation_gets_nothing() {
    let resolver = TlsAlpn01Resolver::new(&provider());
    resolver.insert(&challenge("dns", "example.org"), clock::wall()).expect("a certificate");
    let config = resolver.server_config().expect("a configuration");
    let none: [&[u8]; 0] = [];
    for alpn in [&none[..], &[b"h2".as_slice()], &[ACME_TLS_ALPN, b"h2"]] {
        shake_hands(&config, "example.org", alpn).expect_err("no validation");
    }
    shake_hands(&config, "example.net", &[ACME_TLS_ALPN]).expect_err("another name");
}

#[test]
fn everyone_else_gets_what_the_servers_own_resolver_says() {
    #[derive(Debug)]
    struct Own(TlsAlpn01Resolver);
    impl ResolvesServerCert for Own {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            self.0
                .certificates
                .load()
                .values()
                .next()?
                .last()
                .map(|(_, certificate)| Arc::clone(certificate))
        }
    }
    let own = TlsAlpn01Resolver::new(&provider());
    own.insert(&challenge("dns", "own.example"), clock::wall()).expect("a certificate");
    let resolver = TlsAlpn01Resolver::new(&provider()).around(Arc::new(Own(own)));
    let mut config = (*resolver.server_config().expect("a configuration")).clone();
    config.cert_resolver = Arc::new(resolver.clone());
    config.alpn_protocols.push(b"h2".to_vec());
    let config = Arc::new(config);
    resolver.insert(&challenge("dns", "example.org"), clock::wall()).expect("a certificate");
    let (certificate, protocol) =
        shake_hands(&config, "example.org", &[b"h2"]).expect("a handshake");
    assert_eq!(
        (certificate.dns_names(), protocol),
        (&["own.example".to_owned()][..], Some(b"h2".to_vec()))
    );
    let (certificate, _) =
        shake_hands(&config, "example.org", &[ACME_TLS_ALPN]).expect("a handshake");
    assert_eq!(certificate.dns_names(), ["example.org"]);
}

/// Trusts everyone, as a validation does: it looks at the certificate afterwards.
#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        // webpki knows no acmeIdentifier, which is critical, so it gets to see the key alone.
        let certificate = Certificate::parse(certificate.to_vec()).expect("a certificate");
        let key = SubjectPublicKeyInfoDer::from(certificate.spki_der());
        rustls::crypto::verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
