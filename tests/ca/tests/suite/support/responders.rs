//! What clients put up for the CA to look at: web servers, TLS servers, DNS servers.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use ring::digest::{SHA256, digest};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection, Stream};

/// A web server that gives the same raw answer to everything, and remembers the heads of requests.
pub struct Web {
    pub address: SocketAddr,
    pub heads: Arc<Mutex<Vec<String>>>,
}

impl Web {
    /// `answer` gets the path and returns the raw response.
    pub fn start(
        ip: impl Into<std::net::IpAddr>,
        port: u16,
        answer: impl Fn(&str) -> String + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((ip.into(), port)).unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while reader.read_line(&mut head).is_ok_and(|n| n > 2) {}
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                seen.lock().unwrap().push(head);
                let _ = stream.write_all(answer(&path).as_bytes());
            }
        });
        Self { address, heads }
    }

    /// Serves one body at one path and 404 elsewhere.
    pub fn file(ip: impl Into<std::net::IpAddr>, port: u16, path: String, body: String) -> Self {
        Self::start(ip, port, move |asked| {
            if asked == path { ok(&body) } else { response("404 Not Found", "", "") }
        })
    }
}

pub fn ok(body: &str) -> String {
    response("200 OK", "", body)
}

pub fn response(status: &str, header: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{header}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// The error of a certificate for tls-alpn-01.
#[derive(Default, Clone)]
pub struct Alpn {
    pub names: Vec<String>,
    pub key_authorization: String,
    pub not_critical: bool,
    pub no_extension: bool,
    pub other_protocol: bool,
    pub signed_by_other: bool,
}

impl Alpn {
    pub fn new(name: &str, key_authorization: &str) -> Self {
        Self {
            names: vec![name.to_owned()],
            key_authorization: key_authorization.to_owned(),
            ..Self::default()
        }
    }

    fn certificate(&self) -> (Vec<u8>, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(self.names.clone()).unwrap();
        let mut extension = CustomExtension::new_acme_identifier(
            digest(&SHA256, self.key_authorization.as_bytes()).as_ref(),
        );
        extension.set_criticality(!self.not_critical);
        if !self.no_extension {
            params.custom_extensions.push(extension);
        }
        let certificate = if self.signed_by_other {
            let other = KeyPair::generate().unwrap();
            let issuer = rcgen::Issuer::from_params(&params, &other);
            params.signed_by(&key, &issuer).unwrap()
        } else {
            params.self_signed(&key).unwrap()
        };
        (certificate.der().to_vec(), key.serialize_der())
    }

    /// Starts a TLS server that remembers the server names it was asked for.
    pub fn start(&self, ip: impl Into<std::net::IpAddr>, port: u16) -> Arc<Mutex<Vec<String>>> {
        let (certificate, key) = self.certificate();
        let provider = rustls::crypto::ring::default_provider();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
        let key = provider.key_provider.load_private_key(key).unwrap();
        // `with_single_cert` would refuse the critical extension that it does not know.
        let certified = SingleCertAndKey::from(CertifiedKey::new(vec![certificate.into()], key));
        let names = Arc::new(Mutex::new(Vec::new()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Remembering { certified, names: Arc::clone(&names) }));
        if !self.other_protocol {
            config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
        }
        let listener = TcpListener::bind((ip.into(), port)).unwrap();
        let config = Arc::new(config);
        thread::spawn(move || {
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let _ = Stream::new(&mut connection, &mut socket).flush();
                let _ = connection.complete_io(&mut socket);
            }
        });
        names
    }
}

/// Remembers each server name before the handshake goes on: after it, the CA may have ended the validation already.
#[derive(Debug)]
struct Remembering {
    certified: SingleCertAndKey,
    names: Arc<Mutex<Vec<String>>>,
}

impl ResolvesServerCert for Remembering {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.names.lock().unwrap().push(hello.server_name().unwrap_or_default().to_owned());
        self.certified.resolve(hello)
    }
}

/// A DNS server on loopback with a fixed set of records.
pub fn dns(
    records: impl Fn(&str, RecordType) -> Option<Vec<RData>> + Send + 'static,
) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let query = Message::from_vec(&buffer[..length]).unwrap();
            let question = query.queries[0].clone();
            let mut answer =
                Message::new(query.metadata.id, MessageType::Response, query.metadata.op_code);
            let name = question.name().to_ascii().to_ascii_lowercase();
            match records(&name, question.query_type()) {
                Some(data) => {
                    for data in data {
                        answer.add_answer(Record::from_rdata(question.name().clone(), 60, data));
                    }
                }
                None => answer.metadata.response_code = ResponseCode::NXDomain,
            }
            answer.add_query(question);
            socket.send_to(&answer.to_vec().unwrap(), peer).unwrap();
        }
    });
    address
}

pub fn a(octets: [u8; 4]) -> RData {
    RData::A(A(octets.into()))
}

pub fn txt(value: &str) -> RData {
    RData::TXT(TXT::new(vec![value.to_owned()]))
}

pub fn cname(target: &str) -> RData {
    RData::CNAME(CNAME(Name::from_ascii(target).unwrap()))
}
