//! What the clones of a client share.

use std::sync::Arc;

use acme_adapter::client_state::{ClientState, signed};
use acme_adapter::driver::Arrival;
use acme_proto::flow::{SignFailed, SignRequest, Transmit};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

use crate::signer::{BoxSigner, Signer};
use crate::transport::{BoxTransport, Transport};

pub(crate) struct Shared {
    pub(crate) state: Arc<ClientState>,
    pub(crate) transport: BoxTransport,
    signer: Option<BoxSigner>,
    account: Mutex<()>,
}

impl Shared {
    pub(crate) fn new(
        state: ClientState,
        transport: BoxTransport,
        signer: Option<BoxSigner>,
    ) -> Self {
        Self { state: Arc::new(state), transport, signer, account: Mutex::default() }
    }

    /// Locks the account while it is registered or its key is changed. The second of two callers
    /// finds what the first one did.
    pub(crate) async fn lock_account(&self) -> MutexGuard<'_, ()> {
        self.account.lock().await
    }

    /// Sends a request and reports the exchange to the observer.
    pub(crate) async fn exchange(&self, transmit: Transmit) -> Arrival {
        let exchange = self.state.begin_exchange(&transmit);
        let start = Instant::now();
        let result = self.transport.exchange(transmit).await;
        Arrival::Input(self.state.end_exchange(exchange, start.elapsed(), result))
    }

    /// Passes a request to the user's signer, within its time limit.
    pub(crate) async fn sign(&self, request: SignRequest) -> Arrival {
        let result = match &self.signer {
            Some(signer) => timeout(request.time_limit, signer.sign(&request))
                .await
                .unwrap_or_else(|_| Err(SignFailed::Failed(TOO_SLOW.into()))),
            None => Err(SignFailed::UnknownKey),
        };
        Arrival::Input(signed(request.id, result))
    }
}

const TOO_SLOW: &str = "no signature within the time limit";
