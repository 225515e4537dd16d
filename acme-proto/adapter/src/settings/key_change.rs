//! The settings of a key change, and the steps before and after its flow.

use core::time::Duration;
use std::path::PathBuf;

use acme_proto::jose::Jwk;
use acme_proto::rollover::{Rollover, RolloverIntent};

use crate::client_state::ClientState;
use crate::error::Error;
use crate::key_change::KeyChangeFile;
use crate::keys::{AccountKey, NewKey};

/// The new key of an account, and the file that holds both keys meanwhile.
#[derive(Debug, Default)]
pub struct KeyChangeSettings {
    /// The new key; `None` to settle an earlier change.
    pub new_key: Option<NewKey>,
    /// The account file.
    pub file: Option<PathBuf>,
    /// A time limit other than the policy's.
    pub time_limit: Option<Duration>,
}

impl KeyChangeSettings {
    /// Creates the flow, and adds the new key, if it is at hand, to the client's keyring.
    ///
    /// # Errors
    /// [`Error::NewKeyWithSigner`] for an account file that cannot hold the new key, and the errors
    /// of loading the key.
    pub fn plan(self, client: &ClientState) -> Result<KeyChangePlan, Error> {
        let file = self.file.map(|path| KeyChangeFile::new(path, client.provider()));
        let open = client.session().new_account_key().cloned();
        let mut at_hand = None;
        let flow = match self.new_key {
            Some(NewKey::AtHand(key)) => {
                let loaded = key.load(client.provider())?;
                let public = loaded.public_key().clone();
                // The flow asks for signatures by both keys until the outcome is certain.
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

/// A key change that is ready to run.
#[derive(Debug)]
pub struct KeyChangePlan {
    /// The flow; `None` if there is nothing to settle.
    pub flow: Option<Rollover>,
    file: Option<KeyChangeFile>,
    at_hand: Option<AccountKey>,
}

impl KeyChangePlan {
    /// Returns a blocking function that writes both keys to the account file; `None` without a
    /// file, or when an earlier change is settled, whose new key is in the file already.
    pub fn begin_file(
        &mut self,
    ) -> Option<impl FnOnce(&RolloverIntent) -> Result<(), Error> + Send + 'static> {
        let (file, key) = self.file.clone().zip(self.at_hand.take())?;
        Some(move |intent: &RolloverIntent| file.begin(&key, intent))
    }

    /// Returns a blocking function that leaves only the CA's key in the account file; `None`
    /// without a file, or while it is uncertain which key the CA holds.
    pub fn end_file(
        self,
        client: &ClientState,
    ) -> Option<impl FnOnce() -> Result<(), Error> + Send + 'static> {
        // The session forgets the new key when the change has succeeded or failed for certain.
        let is_certain = client.session().new_account_key().is_none();
        let file = self.file.filter(|_| is_certain)?;
        let held: Jwk = client.account_key();
        Some(move || file.end(&held))
    }
}
