//! What solvers removed of an order that is given up.

use std::collections::BTreeMap;
use std::sync::Mutex;

use acme_proto::challenge::Challenge;
use acme_proto::url::Url;

use crate::error::BoxError;
use crate::{error_chain, locked};

/// The challenges that solvers were asked to remove, by their URLs, and whether they did.
#[derive(Debug, Default)]
pub struct Withdrawals(Mutex<BTreeMap<Url, Result<(), String>>>);

impl Withdrawals {
    /// Notes what came of a removal.
    pub fn note(&self, challenge: &Challenge, removed: &Result<(), BoxError>) {
        let removed = removed.as_ref().map_err(|error| error_chain(&**error)).copied();
        locked(&self.0).insert(challenge.url().clone(), removed);
    }

    /// Returns what came of the removal of a challenge, if a solver was asked for it and has returned.
    pub(super) fn of(&self, challenge: &Challenge) -> Option<Result<(), String>> {
        locked(&self.0).get(challenge.url()).cloned()
    }
}
