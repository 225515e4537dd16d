//! What the clones of a client share.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Instant;

use acme_adapter::client_state::ClientState;
use acme_adapter::driver::Arrival;
use acme_adapter::locked;
use acme_proto::flow::{Input, SignFailed, SignRequest, Transmit};
use acme_proto::jose::Signature;

use crate::signer::{BoxSigner, Signer};
use crate::transport::{BoxTransport, Transport};

pub(crate) struct Shared {
    pub(crate) state: Arc<ClientState>,
    pub(crate) transport: BoxTransport,
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
        Self { state: Arc::new(state), transport, signer, account: Arc::default() }
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

    /// Calls the user's signer on a new thread, and stops waiting for it at the time limit.
    ///
    /// The signer itself cannot be interrupted. Its thread ends when the signer returns.
    pub(crate) fn sign(self: Arc<Self>, request: SignRequest) -> Arrival {
        let (id, limit) = (request.id, request.time_limit);
        let (send, receive) = mpsc::channel();
        let sign = move || drop(send.send(self.sign_now(&request)));
        let failed = |why: String| Err(SignFailed::Failed(why));
        let result = match Builder::new().name("acme-sign".into()).spawn(sign) {
            Ok(_) => receive.recv_timeout(limit).unwrap_or_else(|error| match error {
                RecvTimeoutError::Timeout => failed("no signature within the time limit".into()),
                RecvTimeoutError::Disconnected => failed("the signer panicked".into()),
            }),
            Err(error) => failed(format!("no thread: {error}")),
        };
        Arrival::Input(Input::signed(id, result))
    }

    fn sign_now(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        self.signer.as_ref().ok_or(SignFailed::UnknownKey)?.sign(request)
    }
}
