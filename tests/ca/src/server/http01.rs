//! http-01 (RFC 8555 Section 8.3, RFC 8738 Section 4).

use core::net::{IpAddr, SocketAddr};
use core::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::shared::Shared;
use crate::authority::{Identifier, Problem, Validation};

const MOST_REDIRECTS: usize = 5;
const MOST_BYTES: usize = 8 * 1024;

pub(crate) async fn validate(shared: &Shared, validation: &Validation) -> Result<(), Problem> {
    let mut host = validation.identifier.clone();
    let mut path = format!("/.well-known/acme-challenge/{}", validation.token);
    for _ in 0..=MOST_REDIRECTS {
        let response = get(shared, &host, &path).await?;
        if !response.status().is_redirection() {
            return check(response, &host, validation).await;
        }
        (host, path) = redirect(&response, &host, shared.http_port.load(Ordering::Relaxed))?;
    }
    Err(connection(format!("{host}: more than {MOST_REDIRECTS} redirects")))
}

async fn get(
    shared: &Shared,
    host: &Identifier,
    path: &str,
) -> Result<Response<Incoming>, Problem> {
    let port = shared.http_port.load(Ordering::Relaxed);
    let address = SocketAddr::new(shared.address_of(host).await?, port);
    let failed =
        |what: &str, error: String| connection(format!("{host}: {what} {address}: {error}"));
    let stream = TcpStream::connect(address)
        .await
        .map_err(|e| failed("cannot connect to", e.to_string()))?;
    let _ = stream.set_nodelay(true);
    let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| failed("no HTTP with", e.to_string()))?;
    tokio::spawn(driver);
    let request = Request::get(path)
        .header(header::HOST, host_header(host))
        .header(header::USER_AGENT, concat!("acme-testca/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|e| failed("no request for", e.to_string()))?;
    sender.send_request(request).await.map_err(|e| failed("no answer from", e.to_string()))
}

async fn check(
    response: Response<Incoming>,
    host: &Identifier,
    validation: &Validation,
) -> Result<(), Problem> {
    let status = response.status();
    if status != StatusCode::OK {
        return Err(Problem::unauthorized(format!(
            "{host} answered {status} to the request for the key authorization"
        )));
    }
    let body = Limited::new(response.into_body(), MOST_BYTES)
        .collect()
        .await
        .map_err(|_| {
            connection(format!("{host}: the answer broke off or is longer than {MOST_BYTES} bytes"))
        })?
        .to_bytes();
    // Section 8.3: white space at the end is ignored, and nothing else.
    if body.trim_ascii_end() == validation.key_authorization.as_bytes() {
        return Ok(());
    }
    let start = String::from_utf8_lossy(&body[..body.len().min(60)]).escape_default().to_string();
    Err(Problem::new(
        403,
        "incorrectResponse",
        format!(
            "{host} served {start:?}, which is not the key authorization {:?}",
            validation.key_authorization
        ),
    ))
}

/// Returns the target of a redirect: another name or path, always by HTTP and at the port that
/// stands for 80.
fn redirect(
    response: &Response<Incoming>,
    host: &Identifier,
    port: u16,
) -> Result<(Identifier, String), Problem> {
    let refuse = |why: String| connection(format!("{host}: the redirect {why}"));
    let location = response
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| refuse("has no Location".to_owned()))?;
    let uri: Uri = location.parse().map_err(|_| refuse(format!("to {location:?} is not a URL")))?;
    let path = uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let Some(target) = uri.host() else {
        return Ok((host.clone(), path));
    };
    if uri.scheme_str() != Some("http") {
        return Err(refuse(format!("to {location:?} is not to http")));
    }
    if uri.port_u16().is_some_and(|p| p != 80 && p != port) {
        return Err(refuse(format!("to {location:?} is to another port")));
    }
    let plain = target.trim_start_matches('[').trim_end_matches(']');
    let target =
        plain.parse().map_or_else(|_| Identifier::Dns(plain.to_ascii_lowercase()), Identifier::Ip);
    Ok((target, path))
}

fn host_header(host: &Identifier) -> String {
    match host {
        Identifier::Ip(IpAddr::V6(address)) => format!("[{address}]"),
        other => other.value(),
    }
}

fn connection(detail: String) -> Problem {
    Problem::new(400, "connection", detail)
}
