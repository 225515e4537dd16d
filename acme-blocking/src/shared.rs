//! What the clones of a client share.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::Builder;
use std::time::Instant;

use acme_adapter::client_state::{ClientState, locked, signed};
use acme_adapter::driver::Arrival;
use acme_proto::flow::{SignFailed, SignRequest, Transmit};
use acme_proto::jose::Signature;

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
    pub(crate) fn lock_account(&self) -> MutexGuard<'_, ()> {
        locked(&self.account)
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
        Arrival::Input(signed(id, result))
    }

    fn sign_now(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        self.signer.as_ref().ok_or(SignFailed::UnknownKey)?.sign(request)
    }
}
