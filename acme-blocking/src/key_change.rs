//! Changing the account key.

use core::fmt;
use core::time::Duration;
use std::path::PathBuf;

use acme_adapter::error::Error;
use acme_adapter::key_change::KeyChangeFile;
use acme_adapter::keys::{AccountKey, NewKey};
use acme_proto::jose::Jwk;
use acme_proto::rollover::{KeyChangeIntent, Rollover, RolloverEvent};

use crate::BoxError;
use crate::client::{Client, locked};
use crate::drive::{self, Helper};
use crate::in_flight::InFlight;

/// A key change to be [run](Self::run); made by [`Client::change_key`] and [`Client::settle_key_change`].
#[must_use = "it does nothing until it is run"]
pub struct KeyChange<'a> {
    client: Client,
    /// `None` to settle one that was begun.
    new_key: Option<NewKey>,
    file: Option<PathBuf>,
    store: Option<Store<'a>>,
    time_limit: Option<Duration>,
}

type Store<'a> = Box<dyn FnOnce(KeyChangeIntent) -> Result<(), BoxError> + Send + 'a>;

impl<'a> KeyChange<'a> {
    pub(crate) fn new(client: Client, new_key: Option<NewKey>) -> Self {
        Self { client, new_key, file: None, store: None, time_limit: None }
    }

    /// Keeps both keys in this [`AccountFile`](crate::AccountFile) until the outcome is certain, then the one
    /// that the CA holds.
    ///
    /// A client that is made from a file with both keys finds out by itself which of them is the account's.
    pub fn account_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Has the intent, with both keys, put where it outlives a crash, before anything is sent.
    pub fn store(
        mut self,
        store: impl FnOnce(KeyChangeIntent) -> Result<(), BoxError> + Send + 'a,
    ) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// Sets a time limit other than the policy's.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Changes the key, and returns the one that the account has from now on.
    ///
    /// A lost answer is settled by asking the CA which key it holds. If it cannot be asked either, both keys
    /// stay known: later requests find the right one, and [`Client::settle_key_change`] makes it certain.
    ///
    /// # Errors
    /// Those of the core: the CA refused, has no key change, or knows the key as another account's; and
    /// those of the account file. After an error the old key is the account's, unless it is one of transport
    /// or time.
    pub fn run(self) -> Result<Jwk, Error> {
        let inner = self.client.inner();
        let file = self.file.map(|path| KeyChangeFile::new(path, &inner.provider));
        let _alone = locked(&inner.registering);
        let mut at_hand = None;
        let open = inner.session().new_account_key().cloned();
        let flow = match (self.new_key, open) {
            (Some(NewKey::AtHand(key)), _) => {
                let loaded = key.load(&inner.provider)?;
                let public = loaded.public_key().clone();
                inner.keyring().add_new_account_key(loaded);
                at_hand = Some(key);
                Some(Rollover::new(public))
            }
            (Some(NewKey::WithSigner(_)), _) if file.is_some() => {
                return Err(Error::NewKeyWithSigner);
            }
            (Some(NewKey::WithSigner(public)), _) => Some(Rollover::new(public)),
            (_, open) => open.map(Rollover::settle),
        };
        let result = match flow {
            Some(flow) => {
                let flow = self.time_limit.into_iter().fold(flow, Rollover::with_time_limit);
                let storing = Storing { file: file.clone().zip(at_hand), store: self.store };
                drive::drive(inner, flow, storing, None)
            }
            None => Ok(self.client.account_key()),
        };
        let certain = inner.session().new_account_key().is_none();
        if let Some(file) = file.filter(|_| certain) {
            let ended = file.end(&self.client.account_key());
            return result.and_then(|key| ended.map(|()| key));
        }
        result
    }
}

impl fmt::Debug for KeyChange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyChange").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Has the intent stored before the change is asked for.
struct Storing<'a> {
    file: Option<(KeyChangeFile, AccountKey)>,
    store: Option<Store<'a>>,
}

impl Storing<'_> {
    fn keep(&mut self, intent: KeyChangeIntent) -> Result<(), BoxError> {
        if let Some((file, key)) = self.file.take() {
            file.begin(&key, &intent)?;
        }
        self.store.take().map_or(Ok(()), |store| store(intent))
    }
}

impl Helper<'_, Rollover> for Storing<'_> {
    fn event(
        &mut self,
        flow: &mut Rollover,
        event: RolloverEvent,
        _: &mut InFlight<'_, '_>,
    ) -> Result<(), Error> {
        if let RolloverEvent::Store(intent) = event {
            match self.keep(intent) {
                Ok(()) => flow.stored()?,
                Err(why) => flow.store_failed(why.to_string())?,
            }
        }
        Ok(())
    }
}
