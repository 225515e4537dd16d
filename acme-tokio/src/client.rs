//! The client: one account at one directory, with the connections and keys to use it.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use acme_adapter::clock;
use acme_adapter::error::Error;
use acme_adapter::exchange::ExchangeRecord;
use acme_adapter::keyring::Keyring;
use acme_adapter::keys::{AccountKey, NewKey, ProviderKey};
use acme_proto::challenge::Challenge;
use acme_proto::flow::{Input, SignFailed, SignRequest, Transmit};
use acme_proto::identifier::Identifier;
use acme_proto::jose::{Jwk, Signature};
use acme_proto::notice::Notice;
use acme_proto::op::{NewOrder, Operation};
use acme_proto::policy::Policy;
use acme_proto::session::Session;
use acme_proto::snapshot::Snapshot;
use acme_proto::url::Url;
use rustls::crypto::CryptoProvider;
use tokio::time::{Instant, timeout};

use crate::builder::ClientBuilder;
use crate::drive::Arrival;
use crate::issue::Issue;
use crate::key_change::KeyChange;
use crate::register::Register;
use crate::signer::DynSigner;
use crate::transport::DynTransport;
use crate::{BoxFuture, drive};

/// One account at one directory.
///
/// Clones are handles to the same account; use them from as many tasks as you like. What they do runs
/// in their own futures, side by side, and shares nonces, rate limits and connections. There is no task
/// in the background, so a future that is dropped is the end of what it was doing: see
/// [`issue`](Self::issue).
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

impl Client {
    /// Connects to a CA with the default transport, and fetches its directory.
    ///
    /// It creates no account: [`register`](Self::register) does.
    ///
    /// # Errors
    /// For a URL that is not https, a CA that cannot be reached or trusted, and an answer that is no
    /// directory.
    pub async fn connect(
        directory: impl AsRef<str>,
        key: impl Into<AccountKey>,
    ) -> Result<Self, Error> {
        Self::builder(directory).key(key).connect().await
    }

    /// Starts to make a client that differs from what [`connect`](Self::connect) makes.
    pub fn builder(directory: impl AsRef<str>) -> ClientBuilder {
        ClientBuilder::new(directory.as_ref())
    }

    /// Registers the account key, or finds the account if there is one already.
    ///
    /// Have the key on disk before: it must outlive a crash between request and answer.
    pub fn register<'a>(&self) -> Register<'a> {
        Register::new(self.clone())
    }

    /// Replaces the account key (RFC 8555 section 7.3.5); later requests use the new one.
    ///
    /// Have both keys on disk before: [`account_file`](KeyChange::account_file) or
    /// [`store`](KeyChange::store) see to that.
    pub fn change_key<'a>(&self, new_key: impl Into<NewKey>) -> KeyChange<'a> {
        KeyChange::new(self.clone(), Some(new_key.into()))
    }

    /// Settles a key change that was begun, in this process or another, and whose outcome is not known.
    ///
    /// Where there is none, it does nothing but tell the account key.
    pub fn settle_key_change<'a>(&self) -> KeyChange<'a> {
        KeyChange::new(self.clone(), None)
    }

    /// Orders a certificate for these names, and sees it through to the end.
    ///
    /// Names are DNS names, wildcards (`*.example.org`) and IP addresses.
    ///
    /// # Cancellation
    /// Dropping the future forgets the order where it is, and leaves its challenges published. To stop
    /// an issuance in good order, give it [`cancel_on`](Issue::cancel_on). To be able to clean up after
    /// a crash, make it [`durable`](Issue::durable): then [`resume`](Self::resume) goes on with it, or,
    /// with a `cancel_on` that is ready at once, cleans up.
    pub fn issue<'a, I>(&self, names: I) -> Issue<'a>
    where
        I: IntoIterator<Item: TryInto<Identifier, Error: Into<Error>>>,
    {
        let names = names.into_iter().map(|name| name.try_into().map_err(Into::into));
        let names: Result<Vec<Identifier>, Error> = names.collect();
        Issue::new(self.clone(), names.and_then(|names| Ok(NewOrder::new(names)?)))
    }

    /// Goes on with an order that was begun, in this process or another.
    ///
    /// What [`issue`](Self::issue) says of dropping the future is true here too.
    pub fn resume<'a>(&self, snapshot: Snapshot) -> Issue<'a> {
        Issue::resume(self.clone(), snapshot)
    }

    /// Runs any single operation.
    ///
    /// There is a method of its own for every one of them, too.
    ///
    /// # Errors
    /// Those of the core: the CA refused, was not reached in time, or broke the protocol.
    pub async fn call<O: Operation>(&self, op: O) -> Result<O::Response, Error> {
        drive::call(&self.inner, op).await
    }

    /// Returns the account's URL, once it is known; store it, to save a request the next time.
    pub fn account_url(&self) -> Option<Url> {
        self.inner.session().account_url().cloned()
    }

    /// Returns the public half of the account key, such as for the thumbprint in a DNS record.
    pub fn account_key(&self) -> Jwk {
        self.inner
            .session()
            .account_key()
            .expect("no client is made without an account key")
            .clone()
    }

    /// Replaces the policy for everything that starts from now on.
    pub fn set_policy(&self, policy: Policy) {
        self.inner.session().set_policy(policy);
    }

    /// Closes the connections that are not in use.
    ///
    /// What is under way goes on, and whatever is asked later connects anew. To drop all clones of a client
    /// does the same.
    pub fn close(&self) {
        self.inner.transport.dyn_close();
    }

    /// Holds a certificate's key, so that it can sign the revocation of its certificate.
    pub fn hold_certificate_key(&self, key: ProviderKey) {
        self.inner.keyring().add_certificate_key(key);
    }

    /// Returns the crypto provider that the client uses.
    pub fn provider(&self) -> &Arc<CryptoProvider> {
        &self.inner.provider
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    pub(crate) const fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = self.inner.session();
        f.debug_struct("Client")
            .field("directory", session.directory_url())
            .field("account", &session.account_url())
            .finish_non_exhaustive()
    }
}

/// Sees every exchange.
pub(crate) type Observer = Box<dyn Fn(&ExchangeRecord) + Send + Sync>;
/// Sees every notice.
pub(crate) type NoticeObserver = Box<dyn Fn(&Notice) + Send + Sync>;

/// What the clones of a client share.
pub(crate) struct Inner {
    pub(crate) session: Mutex<Session>,
    pub(crate) transport: Box<dyn DynTransport>,
    pub(crate) signer: Option<Box<dyn DynSigner>>,
    pub(crate) keyring: Mutex<Keyring>,
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) observer: Option<Observer>,
    pub(crate) notices: Option<NoticeObserver>,
    /// Held while an account is being registered.
    pub(crate) registering: tokio::sync::Mutex<()>,
    pub(crate) turns: Turns,
}

impl Inner {
    /// Locks the session; only ever for one synchronous step of a flow.
    pub(crate) fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn keyring(&self) -> MutexGuard<'_, Keyring> {
        self.keyring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request, and shows the exchange to the observer.
    pub(crate) fn exchange(self: &Arc<Self>, transmit: Transmit) -> BoxFuture<'static, Arrival> {
        let client = Arc::clone(self);
        Box::pin(async move {
            let id = transmit.id;
            let request = &transmit.request;
            let seen = client.observer.is_some().then(|| {
                let sent = request.body().len();
                (request.method(), request.url().clone(), sent, clock::wall(), Instant::now())
            });
            let result = client.transport.dyn_exchange(transmit).await;
            if let (Some(observer), Some(seen)) = (&client.observer, seen) {
                let (method, url, sent, started, start) = seen;
                observer(&ExchangeRecord::new(
                    started,
                    start.elapsed(),
                    method,
                    url,
                    sent,
                    &result,
                ));
            }
            Arrival::Input(match result {
                Ok(response) => Input::Response(id, response),
                Err(lost) => Input::Lost(id, lost),
            })
        })
    }

    /// Has a signature made: by the keys at hand, else by the user's signer.
    pub(crate) fn sign(self: &Arc<Self>, request: SignRequest) -> BoxFuture<'static, Arrival> {
        let client = Arc::clone(self);
        Box::pin(async move {
            Arrival::Input(match client.signature(&request).await {
                Ok(signature) => Input::Signature(request.id, signature),
                Err(failed) => Input::SignFailed(request.id, failed),
            })
        })
    }

    async fn signature(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        let local = self.keyring().answer(request);
        match (local, &self.signer) {
            (Err(SignFailed::UnknownKey), Some(signer)) => {
                timeout(request.time_limit, signer.dyn_sign(request)).await.unwrap_or_else(|_| {
                    Err(SignFailed::Failed("no signature within the time limit".into()))
                })
            }
            (local, _) => local,
        }
    }

    /// Logs a notice, and shows it to the user.
    pub(crate) fn notice(&self, notice: &Notice) {
        #[cfg(feature = "tracing")]
        crate::trace::notice(notice);
        if let Some(notices) = &self.notices {
            notices(notice);
        }
    }
}

/// Makes calls of solvers for one record name follow each other, among all issuances of a client.
#[derive(Default)]
pub(crate) struct Turns {
    names: Mutex<BTreeMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl Turns {
    /// Returns the lock to be held during a call for this challenge.
    pub(crate) fn of(&self, challenge: &Challenge) -> Arc<tokio::sync::Mutex<()>> {
        let name = challenge.txt_name().unwrap_or_else(|| challenge.url().to_string());
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = names.get(&name).and_then(Weak::upgrade) {
            return turn;
        }
        names.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        names.insert(name, Arc::downgrade(&turn));
        turn
    }
}
