//! Conversion between hyper's requests and responses and those of the core.

use core::convert::Infallible;
use core::future::pending;
use core::time::Duration;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::answer::{Answer, End};
use super::record::ExchangeRecord;
use super::shared::Shared;
use super::watched::Written;
use super::{management, validate};
use crate::authority::{CaRequest, CaResponse, Delivery};

const MOST_BYTES: usize = 128 * 1024;

/// The state of one connection that its requests share.
pub(crate) struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) number: u64,
    pub(crate) written: Arc<Written>,
    /// Closes the connection at once.
    pub(crate) close: Arc<Notify>,
}

impl Connection {
    /// Answers a request, or closes the connection if a fault demands it.
    pub(crate) async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Answer>, Infallible> {
        self.shared.enter();
        let mut end = End {
            shared: Arc::clone(&self.shared),
            written: Arc::clone(&self.written),
            record: None,
        };
        let version = version(request.version());
        let Some(mut request) = read(request).await else {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, end));
        };
        request.connection = self.number;
        if management::is_for(&request) {
            let (status, body) = management::handle(&self.shared, &request);
            return Ok(json(status, body, end));
        }
        sleep_if(self.shared.latency()).await;
        let (response, validations) = self.shared.handle(&request);
        validate::spawn(&self.shared, validations);
        let mut record = self.record(&request, &response, version);
        self.shared.processed(&mut record);
        sleep_if(Duration::from_millis(response.delay_millis)).await;
        if response.delivery == Delivery::Drop {
            drop(end);
            self.close.notify_one();
            // Any response would go out before the connection is closed.
            return pending().await;
        }
        end.record = Some(record);
        Ok(answer(response, end))
    }

    fn record(
        &self,
        request: &CaRequest,
        response: &CaResponse,
        version: &'static str,
    ) -> ExchangeRecord {
        ExchangeRecord {
            number: 0,
            method: request.method.clone(),
            path: request.path().to_owned(),
            kind: response.kind,
            status: response.status,
            problem: response.problem.clone(),
            delivered: response.delivery == Delivery::Answer,
            millis: self.shared.elapsed(),
            connection: self.number,
            version,
            user_agent: request.header("user-agent").map(str::to_owned),
            accept_language: request.header("accept-language").map(str::to_owned),
            request_bytes: request.body.len(),
            response_bytes: response.body.len(),
        }
    }
}

/// Reads a whole request. `None` if its body is too long or incomplete.
async fn read(request: Request<Incoming>) -> Option<CaRequest> {
    let (parts, body) = request.into_parts();
    let host = parts.headers.get(header::HOST).and_then(|h| h.to_str().ok());
    // HTTP/2 has the authority in the URI, HTTP/1.1 in the header field `Host`.
    let authority = parts.uri.authority().map(|a| a.as_str()).or(host).unwrap_or_default();
    let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    let mut own = CaRequest::new(parts.method.as_str(), format!("https://{authority}{path}"));
    for (name, value) in &parts.headers {
        own = own.with_header(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
    }
    let body = Limited::new(body, MOST_BYTES).collect().await.ok()?;
    Some(own.with_body(body.to_bytes()))
}

fn answer(response: CaResponse, end: End) -> Response<Answer> {
    let mut out = Response::new(Answer::new(response.body, end));
    *out.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            out.headers_mut().append(name, value);
        }
    }
    out
}

fn json(status: u16, body: String, end: End) -> Response<Answer> {
    let mut out = Response::new(Answer::new(body.into_bytes(), end));
    *out.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    out.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    out
}

fn plain(status: StatusCode, end: End) -> Response<Answer> {
    let mut out = Response::new(Answer::new(Vec::new(), end));
    *out.status_mut() = status;
    out
}

async fn sleep_if(duration: Duration) {
    if !duration.is_zero() {
        sleep(duration).await;
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}
