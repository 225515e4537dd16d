//! What the clones of a client share.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use acme_adapter::client_state::ClientState;
use acme_adapter::driver::Arrival;
use acme_adapter::locked;
use acme_proto::flow::{Input, SignFailed, SignRequest, Transmit};

use crate::signer::{BoxSigner, Signer};
use crate::transport::{BoxTransport, Transport};
use crate::workers::Workers;

pub(crate) struct Shared {
    pub(crate) state: Arc<ClientState>,
    pub(crate) transport: BoxTransport,
    /// Carry out what flows need not wait for when they end.
    pub(crate) workers: Workers<'static>,
    signer: Option<BoxSigner>,
    account: Arc<Account>,
}

/// Whether the account is being registered or its key changed, and who waits for the end of that.
#[derive(Default)]
struct Account {
    is_locked: Mutex<bool>,
    freed: Condvar,
}

/// The lock of the account, which is released while a function of the user runs: that may use the client.
pub(crate) struct AccountLock(Arc<Account>);

impl AccountLock {
    /// Runs a function of the user without the lock.
    pub(crate) fn unlocked<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Locks again, also after a panic.
        struct Again<'a>(&'a AccountLock);
        impl Drop for Again<'_> {
            fn drop(&mut self) {
                self.0.lock();
            }
        }
        self.release();
        let _again = Again(self);
        work()
    }

    fn lock(&self) {
        let is_free = locked(&self.0.is_locked);
        let free = self.0.freed.wait_while(is_free, |is_locked| *is_locked);
        *free.unwrap_or_else(PoisonError::into_inner) = true;
    }

    fn release(&self) {
        *locked(&self.0.is_locked) = false;
        self.0.freed.notify_one();
    }
}

impl Drop for AccountLock {
    fn drop(&mut self) {
        self.release();
    }
}

impl Shared {
    pub(crate) fn new(
        state: ClientState,
        transport: BoxTransport,
        signer: Option<BoxSigner>,
    ) -> Self {
        let (workers, account) = (Workers::detached(), Arc::default());
        Self { state: Arc::new(state), transport, workers, signer, account }
    }

    /// Locks the account for a registration or a key change, until the guard is dropped.
    ///
    /// A second caller waits, and then sees the result of the first. The lock is open while a function of the user runs.
    pub(crate) fn lock_account(&self) -> Arc<AccountLock> {
        let lock = AccountLock(Arc::clone(&self.account));
        lock.lock();
        Arc::new(lock)
    }

    /// Sends a request and reports the exchange to the observer.
    pub(crate) fn exchange(&self, transmit: Transmit) -> Arrival {
        let exchange = self.state.begin_exchange(&transmit);
        let start = Instant::now();
        let result = self.transport.exchange(transmit);
        Arrival::Input(self.state.end_exchange(exchange, start.elapsed(), result))
    }

    /// Calls the user's signer.
    pub(crate) fn sign(&self, request: &SignRequest) -> Arrival {
        let signer = self.signer.as_ref().ok_or(SignFailed::UnknownKey);
        Arrival::Input(Input::signed(request.id, signer.and_then(|signer| signer.sign(request))))
    }
}
