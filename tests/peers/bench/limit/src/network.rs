//! HTTP over one connection or a few, all to the same server.

use std::error::Error;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Method;
use hyper::client::conn::{http1, http2};
use hyper::header::{CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, Semaphore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const CONNECTIONS: usize = 32;

pub struct Network {
    authority: String,
    tls: TlsConnector,
    kind: Kind,
}

enum Kind {
    One(OnceCell<http2::SendRequest<Full<Bytes>>>),
    Few { idle: Mutex<Vec<http1::SendRequest<Full<Bytes>>>>, permits: Semaphore },
}

pub struct Reply {
    pub status: u16,
    pub nonce: Option<String>,
    pub location: Option<String>,
    pub body: Bytes,
}

impl Network {
    pub fn new(directory: &str, root: &[u8], wide: bool) -> Result<Self, Box<dyn Error>> {
        let authority = directory.split('/').nth(2).ok_or("no URL")?.to_owned();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(root)?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![if wide { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        let few = || Kind::Few { idle: Mutex::default(), permits: Semaphore::new(CONNECTIONS) };
        let kind = if wide { Kind::One(OnceCell::new()) } else { few() };
        Ok(Self { authority, tls: TlsConnector::from(Arc::new(tls)), kind })
    }

    pub async fn get(&self, url: &str) -> Result<Reply, Box<dyn Error>> {
        self.exchange(Method::GET, url, Bytes::new()).await
    }

    pub async fn head(&self, url: &str) -> Result<Reply, Box<dyn Error>> {
        self.exchange(Method::HEAD, url, Bytes::new()).await
    }

    pub async fn post(&self, url: &str, body: String) -> Result<Reply, Box<dyn Error>> {
        self.exchange(Method::POST, url, body.into()).await
    }

    async fn exchange(
        &self,
        method: Method,
        url: &str,
        body: Bytes,
    ) -> Result<Reply, Box<dyn Error>> {
        let request = hyper::Request::builder()
            .method(method)
            .header(USER_AGENT, "limit")
            .header(CONTENT_TYPE, "application/jose+json");
        match &self.kind {
            Kind::One(connection) => {
                let request = request.uri(url).body(Full::new(body))?;
                let mut sender = connection.get_or_try_init(|| self.connect_h2()).await?.clone();
                sender.ready().await?;
                reply(sender.send_request(request).await?).await
            }
            Kind::Few { idle, permits } => {
                let path = &url
                    [url.find(&self.authority).ok_or("another server")? + self.authority.len()..];
                let request =
                    request.uri(path).header(HOST, &self.authority).body(Full::new(body))?;
                let _permit = permits.acquire().await?;
                let kept = idle.lock().expect("no thread panics").pop();
                let mut sender = match kept {
                    Some(sender) => sender,
                    None => self.connect_h1().await?,
                };
                sender.ready().await?;
                let reply = reply(sender.send_request(request).await?).await?;
                idle.lock().expect("no thread panics").push(sender);
                Ok(reply)
            }
        }
    }

    async fn connect(&self) -> Result<TokioIo<TlsStream<TcpStream>>, Box<dyn Error>> {
        let tcp = TcpStream::connect(&self.authority).await?;
        tcp.set_nodelay(true)?;
        let host = self.authority.split(':').next().unwrap_or_default().to_owned();
        Ok(TokioIo::new(self.tls.connect(ServerName::try_from(host)?, tcp).await?))
    }

    async fn connect_h2(&self) -> Result<http2::SendRequest<Full<Bytes>>, Box<dyn Error>> {
        let stream = self.connect().await?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn connect_h1(&self) -> Result<http1::SendRequest<Full<Bytes>>, Box<dyn Error>> {
        let (sender, connection) = http1::handshake(self.connect().await?).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

async fn reply(response: hyper::Response<hyper::body::Incoming>) -> Result<Reply, Box<dyn Error>> {
    let header =
        |name| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let (nonce, location) = (header("replay-nonce"), header(LOCATION.as_str()));
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    Ok(Reply { status, nonce, location, body })
}
