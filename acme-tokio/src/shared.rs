//! What the clones of a client share.

use std::sync::Arc;

use acme_adapter::client_state::ClientState;
use acme_adapter::driver::Arrival;
use acme_adapter::locked;
use acme_proto::flow::{Input, SignFailed, SignRequest, Transmit};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout};

use crate::signer::{BoxSigner, Signer};
use crate::transport::{BoxTransport, Transport};

pub(crate) struct Shared {
    pub(crate) state: Arc<ClientState>,
    pub(crate) transport: BoxTransport,
    signer: Option<BoxSigner>,
    account: Arc<Mutex<()>>,
}

/// The lock of the account, which is released while a function of the user runs: that may use the client.
pub(crate) struct AccountLock {
    account: Arc<Mutex<()>>,
    guard: std::sync::Mutex<Option<OwnedMutexGuard<()>>>,
}

impl AccountLock {
    pub(crate) fn release(&self) {
        drop(locked(&self.guard).take());
    }

    pub(crate) async fn lock_again(&self) {
        let guard = Arc::clone(&self.account).lock_owned().await;
        *locked(&self.guard) = Some(guard);
    }
}

impl Shared {
    pub(crate) fn new(
        state: ClientState,
        transport: BoxTransport,
        signer: Option<BoxSigner>,
    ) -> Self {
        Self { state: Arc::new(state), transport, signer, account: Arc::default() }
    }

    /// Locks the account for a registration or a key change, until the guard is dropped.
    ///
    /// A second caller waits, and then sees the result of the first. The lock is open while a function of the user runs.
    pub(crate) async fn lock_account(&self) -> Arc<AccountLock> {
        let account = Arc::clone(&self.account);
        let lock = AccountLock { account, guard: std::sync::Mutex::default() };
        lock.lock_again().await;
        Arc::new(lock)
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
        Arrival::Input(Input::signed(request.id, result))
    }
}

const TOO_SLOW: &str = "no signature within the time limit";
