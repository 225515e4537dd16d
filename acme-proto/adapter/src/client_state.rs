//! The state that the clones of a client share, except for transport and signer.

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard};

use acme_proto::flow::{Input, Lost, RequestId, SignFailed, SignRequest, Transmit};
use acme_proto::http::{Method, Response};
use acme_proto::jose::Jwk;
use acme_proto::notice::Notice;
use acme_proto::session::Session;
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use rustls::crypto::CryptoProvider;

use crate::clock;
use crate::directories::PublicCa;
use crate::error::BoxError;
use crate::exchange::ExchangeRecord;
use crate::keyring::Keyring;
use crate::locked;
use crate::solvers::RecordLocks;

/// Receives every HTTP exchange when it has ended.
pub type Observer = Box<dyn Fn(&ExchangeRecord) + Send + Sync>;
/// Receives every notice.
pub type NoticeObserver = Box<dyn Fn(&Notice) + Send + Sync>;

/// The session and the keys of one account, and the user's observers.
pub struct ClientState {
    pub(crate) session: Mutex<Session>,
    pub(crate) keyring: Mutex<Keyring>,
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) has_signer: bool,
    pub(crate) public: Option<PublicCa>,
    pub(crate) observer: Option<Observer>,
    pub(crate) notices: Option<NoticeObserver>,
    pub(crate) records: Arc<RecordLocks>,
}

impl ClientState {
    /// Locks the session, for one synchronous step of a flow at most.
    pub fn session(&self) -> MutexGuard<'_, Session> {
        locked(&self.session)
    }

    /// Returns whether the session has the directory.
    pub fn knows_directory(&self) -> bool {
        self.session().directory().is_some()
    }

    /// Locks the keys.
    pub fn keyring(&self) -> MutexGuard<'_, Keyring> {
        locked(&self.keyring)
    }

    /// Returns the crypto provider.
    pub const fn provider(&self) -> &Arc<CryptoProvider> {
        &self.provider
    }

    /// Returns the queues for record names, which all issuances of the client share.
    pub const fn records(&self) -> &Arc<RecordLocks> {
        &self.records
    }

    /// Returns the public half of the account key.
    ///
    /// # Panics
    /// Never: no client is made without one.
    pub fn account_key(&self) -> Jwk {
        self.session().account_key().expect("no client is made without an account key").clone()
    }

    /// Returns the account key, and the new one of a change whose outcome is open.
    pub fn account_keys(&self) -> [Option<Jwk>; 2] {
        let session = self.session();
        [session.account_key(), session.new_account_key()].map(Option::<&Jwk>::cloned)
    }

    /// Refuses to go on with a key change after another one that was made while the keys were being stored; `before` is
    /// what [`account_keys`](Self::account_keys) returned before that.
    ///
    /// # Errors
    /// In words, that the account key is another one.
    pub fn check_unchanged(&self, before: &[Option<Jwk>; 2]) -> Result<(), BoxError> {
        match self.account_keys() == *before {
            true => Ok(()),
            false => Err("the account key was changed while this change was being stored".into()),
        }
    }

    /// Signs with the keys at hand; `None` if the user's signer must sign.
    pub fn sign(&self, request: &SignRequest) -> Option<Input> {
        // An own statement, so that the lock is released before the match.
        let answer = self.keyring().answer(request);
        match answer {
            Err(SignFailed::UnknownKey) if self.has_signer => None,
            result => Some(Input::signed(request.id, result)),
        }
    }

    /// Logs a notice, and passes it to the user's observer.
    pub fn notice(&self, notice: &Notice) {
        #[cfg(feature = "tracing")]
        crate::trace::notice(notice);
        if let Some(notices) = &self.notices {
            notices(notice);
        }
    }

    /// Begins the record of an exchange, if there is an observer.
    pub fn begin_exchange(&self, transmit: &Transmit) -> OpenExchange {
        let seen = self.observer.is_some().then(|| Seen {
            started: clock::wall(),
            method: transmit.request.method(),
            url: transmit.request.url().clone(),
            sent: transmit.request.body().len(),
        });
        OpenExchange { id: transmit.id, seen }
    }

    /// Reports an exchange that has ended to the observer, and returns its result as an input of
    /// the flow.
    pub fn end_exchange(
        &self,
        exchange: OpenExchange,
        elapsed: Duration,
        result: Result<Response, Lost>,
    ) -> Input {
        if let (Some(observer), Some(seen)) = (&self.observer, exchange.seen) {
            let Seen { started, method, url, sent } = seen;
            observer(&ExchangeRecord::new(started, elapsed, method, url, sent, &result));
        }
        Input::exchanged(exchange.id, result)
    }
}

impl fmt::Debug for ClientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = self.session();
        f.debug_struct("ClientState")
            .field("directory", session.directory_url())
            .field("account", &session.account_url())
            .finish_non_exhaustive()
    }
}

/// An exchange that has begun.
#[derive(Debug)]
pub struct OpenExchange {
    id: RequestId,
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    started: Timestamp,
    method: Method,
    url: Url,
    sent: usize,
}
