//! The settings of a key change, and what happens around its flow.

use core::time::Duration;
use std::path::PathBuf;

use acme_proto::jose::Jwk;
use acme_proto::rollover::{Rollover, RolloverIntent};

use crate::client_state::ClientState;
use crate::error::Error;
use crate::key_change::KeyChangeFile;
use crate::keys::{AccountKey, NewKey};

/// Which key the account gets, and where both keys are kept meanwhile.
#[derive(Debug, Default)]
pub struct KeyChangeSettings {
    /// The new key; `None` to settle a change that was begun.
    pub new_key: Option<NewKey>,
    /// The account file.
    pub file: Option<PathBuf>,
    /// A time limit other than the policy's.
    pub time_limit: Option<Duration>,
}

impl KeyChangeSettings {
    /// Decides what is done; the new key, if it is at hand, is put into the client's keyring.
    ///
    /// # Errors
    /// [`Error::NewKeyWithSigner`] for an account file that could not hold the new key, and what is wrong with the key.
    pub fn plan(self, client: &ClientState) -> Result<KeyChangePlan, Error> {
        let file = self.file.map(|path| KeyChangeFile::new(path, client.provider()));
        let open = client.session().new_account_key().cloned();
        let mut at_hand = None;
        let flow = match self.new_key {
            Some(NewKey::AtHand(key)) => {
                let loaded = key.load(client.provider())?;
                let public = loaded.public_key().clone();
                client.keyring().add_new_account_key(loaded);
                at_hand = Some(key);
                Some(Rollover::new(public))
            }
            Some(NewKey::WithSigner(_)) if file.is_some() => return Err(Error::NewKeyWithSigner),
            Some(NewKey::WithSigner(public)) => Some(Rollover::new(public)),
            None => open.map(Rollover::settle),
        };
        let flow =
            flow.map(|flow| self.time_limit.into_iter().fold(flow, Rollover::with_time_limit));
        Ok(KeyChangePlan { flow, file, at_hand })
    }
}

/// What is done for a key change.
#[derive(Debug)]
pub struct KeyChangePlan {
    /// The flow; `None` if there is nothing to settle.
    pub flow: Option<Rollover>,
    file: Option<KeyChangeFile>,
    at_hand: Option<AccountKey>,
}

impl KeyChangePlan {
    /// Returns what writes both keys into the account file, which blocks; `None` without a file, or where the key in it
    /// is there already.
    pub fn begin_file(
        &mut self,
    ) -> Option<impl FnOnce(&RolloverIntent) -> Result<(), Error> + Send + 'static> {
        let (file, key) = self.file.clone().zip(self.at_hand.take())?;
        Some(move |intent: &RolloverIntent| file.begin(&key, intent))
    }

    /// Returns what leaves only the key in the account file that the CA is known to hold, which blocks; `None` without a
    /// file, or while that is not known.
    pub fn end_file(
        self,
        client: &ClientState,
    ) -> Option<impl FnOnce() -> Result<(), Error> + Send + 'static> {
        let is_certain = client.session().new_account_key().is_none();
        let file = self.file.filter(|_| is_certain)?;
        let held: Jwk = client.account_key();
        Some(move || file.end(&held))
    }
}
