//! dns-persist-01: records that stay, and are made once.

use acme_adapter::clock;
#[cfg(feature = "propagation")]
use acme_adapter::propagation::PropagationCheck;
use acme_proto::challenge::{
    Challenge, ChallengeResponse, PersistChoice, PersistOptions, TxtRecord,
};
use acme_proto::wire::ChallengeKind;

use super::{Dns01, Solver};
use crate::BoxError;

/// Solves challenges of dns-persist-01 through a [`Dns01`].
///
/// A record that proves the name already ([`Dns01::existing_txt`]) is left as it is. What is published stays
/// when the certificate is there, unless [`Issue::remove_persistent`](crate::Issue::remove_persistent) is set: it
/// allows the account to prove the name again, so guard the account key. The record ends when it is removed,
/// or when the account is deactivated.
#[derive(Clone, Debug)]
pub struct DnsPersist01Solver<T> {
    zone: T,
    options: PersistOptions,
    #[cfg(feature = "propagation")]
    check: Option<PropagationCheck>,
}

impl<T: Dns01> DnsPersist01Solver<T> {
    /// Creates a solver that publishes through `zone`, for single names and without an end.
    pub fn new(zone: T) -> Self {
        Self {
            zone,
            options: PersistOptions::default(),
            #[cfg(feature = "propagation")]
            check: None,
        }
    }

    /// Sets what the records say, such as `policy=wildcard`, without which no wildcard can be proved.
    pub fn options(mut self, options: PersistOptions) -> Self {
        self.options = options;
        self
    }

    /// Waits, after the zone's own [`wait_txt`](Dns01::wait_txt), until every authoritative server answers the
    /// record, also one that was there before.
    #[cfg(feature = "propagation")]
    pub fn propagation(mut self, check: PropagationCheck) -> Self {
        self.check = Some(check);
        self
    }

    /// Returns the record that is there, or the one to be published.
    async fn choose(&self, challenge: &Challenge) -> Result<PersistChoice, BoxError> {
        let asked = challenge.dns_persist_01().ok_or("this is no dns-persist-01 challenge")?;
        let there = self.zone.existing_txt(asked.name()).await?;
        Ok(asked.choose(&there, &self.options, clock::wall())?)
    }
}

impl<T: Dns01> Solver for DnsPersist01Solver<T> {
    fn kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::DnsPersist01]
    }

    async fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        let choice = self.choose(challenge).await?;
        if !choice.is_there() {
            self.zone.set_txt(&choice.record().name, &choice.record().value).await?;
        }
        Ok(ChallengeResponse::default())
    }

    async fn wait(&self, challenge: &Challenge) -> Result<(), BoxError> {
        let choice = self.choose(challenge).await?;
        let TxtRecord { name, value, .. } = choice.record();
        self.zone.wait_txt(name, value).await?;
        #[cfg(feature = "propagation")]
        if let Some(check) = &self.check {
            super::propagated(check, name, value).await?;
        }
        Ok(())
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        let asked = challenge.dns_persist_01().filter(|_| !challenge.stays());
        let Some(Ok(record)) = asked.map(|asked| asked.record(&self.options)) else {
            return Ok(());
        };
        self.zone.remove_txt(&record.name, &record.value).await
    }
}
