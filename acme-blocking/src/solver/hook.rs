//! TXT records by a command of the user's.

use acme_adapter::hook::HookCommand;
use acme_proto::challenge::{Challenge, ChallengeResponse};
use acme_proto::wire::ChallengeKind;

use super::Solver;
use super::dns01::{Dns01, KINDS, record};
use crate::BoxError;

impl Dns01 for HookCommand {
    fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        Ok(Self::present(self, name, value)?)
    }

    fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        Ok(Self::clean_up(self, name, value)?)
    }
}

impl Solver for HookCommand {
    fn kinds(&self) -> &[ChallengeKind] {
        &KINDS
    }

    fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        let record = record(challenge)?;
        self.set_txt(&record.name, &record.value)?;
        Ok(ChallengeResponse::default())
    }

    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        let record = record(challenge)?;
        self.remove_txt(&record.name, &record.value)
    }
}
