//! A loopback HTTP server with a route for each way of answering, well or badly.

#![allow(dead_code, reason = "each test program uses its own part")]

use core::convert::Infallible;
use core::future::pending;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use acme_proto::flow::Transmit;
use acme_proto::http::{Method, Request as AcmeRequest};
use acme_proto::url::Url;
use acme_tokio::{HyperTransport, Roots};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a server speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// HTTP/1.1 without TLS.
    Plain,
    /// HTTP/1.1 over TLS.
    Http1,
    /// HTTP/2 over TLS.
    Http2,
}

/// A server that runs as long as the runtime does.
pub(crate) struct Server {
    address: SocketAddr,
    speaks: Speaks,
    root_pem: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) async fn start(speaks: Speaks) -> Self {
        let (config, root_pem) = tls(speaks);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            speaks,
            root_pem,
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let (connections, requests) = (server.connections.clone(), server.requests.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, speaks, config.clone(), requests.clone()));
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.speaks == Speaks::Plain { "http" } else { "https" };
        format!("{scheme}://localhost:{}{path}", self.address.port())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// How many connections were opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many requests came in so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Makes a TLS configuration with a certificate for localhost, and its root.
pub(crate) fn tls(speaks: Speaks) -> (Arc<ServerConfig>, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let names = ["localhost", "127.0.0.1", "behind.test"].map(str::to_owned);
    let params = rcgen::CertificateParams::new(names).expect("names");
    let certificate = params.self_signed(&key).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("PEM");
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate with its key");
    config.alpn_protocols = match speaks {
        Speaks::Http2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        _ => vec![b"http/1.1".to_vec()],
    };
    (Arc::new(config), certificate.pem())
}

async fn serve(
    stream: TcpStream,
    speaks: Speaks,
    config: Arc<ServerConfig>,
    requests: Arc<AtomicUsize>,
) {
    stream.set_nodelay(true).expect("a socket option");
    if speaks == Speaks::Plain {
        return speak(stream, false, requests).await;
    }
    // A handshake that takes its time, so that parallel requests meet it under way.
    tokio::time::sleep(Duration::from_millis(20)).await;
    if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
        speak(stream, speaks == Speaks::Http2, requests).await;
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    http2: bool,
    requests: Arc<AtomicUsize>,
) {
    let io = TokioIo::new(stream);
    let service = service_fn(move |request| {
        requests.fetch_add(1, Ordering::SeqCst);
        route(request)
    });
    if http2 {
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(io, service).await;
    } else {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
    }
}

async fn route(request: Request<Incoming>) -> Result<Response<Chunks>, std::io::Error> {
    let answer = Response::builder().header("replay-nonce", "abc").header("x-many", "1");
    let answer = answer.header("x-many", "2");
    let (answer, chunks) = match request.uri().path() {
        "/redirect" => (answer.status(302).header("location", "/ok"), Chunks::of(b"elsewhere")),
        "/cacheable" => (answer.header("cache-control", "max-age=3600"), Chunks::of(b"ok")),
        "/long" => (answer.status(404), Chunks::of(&[b'x'; 100_000])),
        "/stall" => (answer.status(201), Chunks { stall: true, ..Chunks::of(b"beginning") }),
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(50)).await;
            (answer, Chunks::of(b"slow"))
        }
        "/never" => pending().await,
        "/break" => return Err(std::io::Error::other("broken on purpose")),
        "/echo" => (answer, Chunks::of(&echo(request).await)),
        _ => (answer, Chunks::of(b"ok")),
    };
    Ok(answer.body(chunks).expect("a response"))
}

/// The request as text, one header a line, then the body.
async fn echo(request: Request<Incoming>) -> Vec<u8> {
    let (head, mut body) = request.into_parts();
    let mut text = format!("{} {}\n", head.method, head.uri);
    for (name, value) in &head.headers {
        text += &format!("{name}: {}\n", value.to_str().expect("text"));
    }
    let mut text = text.into_bytes();
    while let Some(frame) = core::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        text.extend_from_slice(frame.expect("a frame").data_ref().expect("data"));
    }
    text
}

/// A body in chunks, which may never end.
pub(crate) struct Chunks {
    chunks: VecDeque<Bytes>,
    stall: bool,
}

impl Chunks {
    fn of(octets: &[u8]) -> Self {
        let chunks = octets.chunks(4096).map(Bytes::copy_from_slice).collect();
        Self { chunks, stall: false }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.chunks.pop_front() {
            None if self.stall => Poll::Pending,
            next => Poll::Ready(next.map(|chunk| Ok(Frame::data(chunk)))),
        }
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    rustls::crypto::ring::default_provider().into()
}

pub(crate) fn transport(root_pem: &str) -> HyperTransport {
    HyperTransport::new(&provider(), &Roots::Pem(root_pem.into())).expect("a transport")
}

pub(crate) fn get(url: &str) -> Transmit {
    transmit(AcmeRequest::new(Method::Get, url.parse().expect("a URL")))
}

/// Only flows give out ids; this is the first request of one, with its parts replaced.
pub(crate) fn transmit(request: AcmeRequest) -> Transmit {
    use acme_proto::{call::Call, flow::Flow, flow::Output, op, session::Session, time::Timestamp};
    let directory: Url = "https://localhost/".parse().expect("a URL");
    let mut session = Session::new(directory, 0);
    let mut call = Call::new(op::GetDirectory);
    let output = call.poll_output(&mut session, Timestamp::UNIX_EPOCH);
    let Output::Transmit(transmit) = output else { panic!("no request: {output:?}") };
    Transmit { request, time_limit: Duration::from_secs(10), body_limit: 1 << 16, ..transmit }
}
