//! How requests reach the server: a trait, and the default over hyper.

mod dial;
mod hyper;
mod io;
mod lost;
mod pool;

use core::future::Future;
use std::sync::Arc;

use acme_adapter::error::Error;
use acme_adapter::settings::ClientSettings;
use acme_proto::flow::{Lost, Transmit};
use acme_proto::http::Response;
use rustls::crypto::CryptoProvider;

use crate::BoxFuture;

pub use self::hyper::HyperTransport;

/// Carries one request to the server and brings its answer back.
///
/// The request goes out exactly as it is: no header changed, no redirect followed, nothing sent twice.
/// All of that is decided elsewhere, by the core. An implementation
///
/// - gives up after [`Transmit::time_limit`], with [`Lost::TimedOut`] while there is no status yet, and
///   with the [truncated](Response::truncated) answer afterwards, so that its status and nonce survive;
/// - accepts [`Transmit::body_limit`] octets of body, and marks an answer that is longer as truncated;
/// - says [`Lost::NotSent`] only where the server provably did not process the request;
/// - trusts the certificates it should, for the core cannot check that.
///
/// The methods may be written as `async fn`. `&T`, `Arc<T>` and `Box<T>` are transports too, and
/// [`DynTransport`] is the form for trait objects.
pub trait Transport: Send + Sync {
    /// Sends the request and waits for the answer.
    ///
    /// # Errors
    /// Says how the exchange ended without an answer.
    fn exchange(&self, transmit: Transmit) -> impl Future<Output = Result<Response, Lost>> + Send;

    /// Returns what the `User-Agent` header says of this transport, such as `hyper/1`.
    fn product(&self) -> &str;

    /// Closes the connections that are not in use; by default it does nothing.
    fn close(&self) {}
}

/// The form of [`Transport`] for trait objects: `Arc<dyn DynTransport>` is a [`Transport`].
///
/// Every [`Transport`] implements it; nobody needs to do so by hand.
pub trait DynTransport: Send + Sync {
    /// Does what [`Transport::exchange`] does.
    fn dyn_exchange(&self, transmit: Transmit) -> BoxFuture<'_, Result<Response, Lost>>;

    /// Does what [`Transport::product`] does.
    fn dyn_product(&self) -> &str;

    /// Does what [`Transport::close`] does.
    fn dyn_close(&self);
}

impl<T: Transport> DynTransport for T {
    fn dyn_exchange(&self, transmit: Transmit) -> BoxFuture<'_, Result<Response, Lost>> {
        Box::pin(self.exchange(transmit))
    }

    fn dyn_product(&self) -> &str {
        self.product()
    }

    fn dyn_close(&self) {
        self.close();
    }
}

impl Transport for dyn DynTransport + '_ {
    fn exchange(&self, transmit: Transmit) -> impl Future<Output = Result<Response, Lost>> + Send {
        self.dyn_exchange(transmit)
    }

    fn product(&self) -> &str {
        self.dyn_product()
    }

    fn close(&self) {
        self.dyn_close();
    }
}

acme_adapter::forward! {
    Transport {
        fn exchange(&self, transmit: Transmit) -> impl Future<Output = Result<Response, Lost>> + Send;
        fn product(&self) -> &str;
        fn close(&self);
    }
}

pub(crate) type BoxTransport = Box<dyn DynTransport>;

/// Makes the transport of a client that was given none.
pub(crate) fn default_transport(
    provider: &Arc<CryptoProvider>,
    settings: &ClientSettings,
) -> Result<BoxTransport, Error> {
    let transport = HyperTransport::new(provider, &settings.roots)?;
    Ok(Box::new(transport.http1_connections(settings.connections())))
}
