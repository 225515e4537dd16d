//! http-01 and the redirect to HTTPS as services, for HTTP servers of users.

use core::convert::Infallible;
use core::future::{Ready, ready};

use acme_adapter::http01::{Http01Handler, HttpAnswer, HttpsRedirect};
use futures_util::future::Either;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};

/// Answers requests below `/.well-known/acme-challenge/` from a table of challenges, and passes all
/// others to the service that it wraps.
///
/// It is a service of hyper, and with the feature `tower` one of tower. It answers for this server
/// only: where several share a storage, a handler that awaits
/// [`Certificates::answer_http01`](crate::Certificates::answer_http01) answers for all of them.
#[derive(Clone, Debug)]
pub struct Http01Service<S> {
    table: Http01Handler,
    inner: S,
}

impl<S> Http01Service<S> {
    /// Wraps a service.
    pub const fn new(table: Http01Handler, inner: S) -> Self {
        Self { table, inner }
    }

    fn answer<B, R: From<String>>(&self, request: &Request<B>) -> Option<Response<R>> {
        let (method, host) = (request.method().as_str(), host(request));
        Some(response(&self.table.answer(method, host, request.uri().path())?))
    }
}

impl<S, B, R> hyper::service::Service<Request<B>> for Http01Service<S>
where
    S: hyper::service::Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response<R>, S::Error>>, S::Future>;

    fn call(&self, request: Request<B>) -> Self::Future {
        match self.answer(&request) {
            Some(response) => Either::Left(ready(Ok(response))),
            None => Either::Right(self.inner.call(request)),
        }
    }
}

/// Redirects every request to HTTPS, as [`HttpsRedirect`] says.
///
/// It is a service of hyper, and with the feature `tower` one of tower. Wrapped in an
/// [`Http01Service`] it does what
/// [`Http01Listener::bind_and_redirect`](crate::Http01Listener::bind_and_redirect) does.
#[derive(Clone, Copy, Debug, Default)]
pub struct RedirectService {
    redirect: HttpsRedirect,
}

impl RedirectService {
    /// Creates the service.
    pub const fn new(redirect: HttpsRedirect) -> Self {
        Self { redirect }
    }

    fn answer<B>(self, request: &Request<B>) -> Response<String> {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        response(&self.redirect.answer(request.method().as_str(), host(request), target))
    }
}

impl<B> hyper::service::Service<Request<B>> for RedirectService {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(&request)))
    }
}

/// Returns the host that a request is for; `None` if it names none or several.
fn host<B>(request: &Request<B>) -> Option<&str> {
    // The absolute form, and HTTP/2, have it in the URI.
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

fn response<R: From<String>>(answer: &HttpAnswer) -> Response<R> {
    let mut response = Response::new(answer.body().to_owned().into());
    *response.status_mut() = StatusCode::from_u16(answer.status()).unwrap_or_default();
    if let Some((name, value)) = answer.header()
        && let Ok(value) = HeaderValue::from_str(value)
    {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}

#[cfg(feature = "tower")]
mod tower {
    use core::task::{Context, Poll};

    use tower_layer::Layer;
    use tower_service::Service;

    use super::*;

    /// Puts an [`Http01Service`] in front of a service.
    ///
    /// A router of axum takes it as `app.layer(Http01Layer::new(table))`. As an [`Http01Service`], it
    /// answers for this server only.
    ///
    /// ```
    /// # use acme_tokio::{Http01Handler, Http01Layer, Http01Service};
    /// # use tower_layer::Layer;
    /// # fn example<S>(app: S) -> Http01Service<S> {
    /// let table = Http01Handler::new(); // A clone of it is the solver.
    /// let app = Http01Layer::new(table).layer(app);
    /// # app
    /// # }
    /// ```
    #[derive(Clone, Debug)]
    pub struct Http01Layer {
        table: Http01Handler,
    }

    impl Http01Layer {
        /// Answers from this table.
        pub const fn new(table: Http01Handler) -> Self {
            Self { table }
        }
    }

    impl<S> Layer<S> for Http01Layer {
        type Service = Http01Service<S>;

        fn layer(&self, inner: S) -> Self::Service {
            Http01Service::new(self.table.clone(), inner)
        }
    }

    impl<S, B, R> Service<Request<B>> for Http01Service<S>
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: From<String>,
    {
        type Response = Response<R>;
        type Error = S::Error;
        type Future = Either<Ready<Result<Response<R>, S::Error>>, S::Future>;

        fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
            self.inner.poll_ready(context)
        }

        fn call(&mut self, request: Request<B>) -> Self::Future {
            match self.answer(&request) {
                Some(response) => Either::Left(ready(Ok(response))),
                None => Either::Right(self.inner.call(request)),
            }
        }
    }

    impl<B> Service<Request<B>> for RedirectService {
        type Response = Response<String>;
        type Error = Infallible;
        type Future = Ready<Result<Response<String>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<B>) -> Self::Future {
            ready(Ok(self.answer(&request)))
        }
    }
}

#[cfg(feature = "tower")]
pub use self::tower::Http01Layer;
