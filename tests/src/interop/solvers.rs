//! Solvers for both adapters: a zone on loopback, and one that publishes nothing.

use acme_blocking::BoxError;
use acme_proto::challenge::Challenge;
use acme_proto::wire::ChallengeKind;

use crate::servers::Challtestsrv;

/// The zone that a server asks.
#[derive(Clone, Debug)]
pub(super) struct Zone(pub(super) Challtestsrv);

impl acme_blocking::Dns01 for Zone {
    fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.present(name, value).map_err(Into::into)
    }

    fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.cleanup(name, value).map_err(Into::into)
    }
}

impl acme_tokio::Dns01 for Zone {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        acme_blocking::Dns01::set_txt(self, name, value)
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        acme_blocking::Dns01::remove_txt(self, name, value)
    }
}

/// Says that challenges of a kind are published, and publishes nothing: validation fails.
#[derive(Clone, Debug)]
pub(super) struct Nothing([ChallengeKind; 1]);

impl Nothing {
    pub(super) fn of(kind: &ChallengeKind) -> Self {
        Self([kind.clone()])
    }
}

impl acme_blocking::Solver for Nothing {
    fn kinds(&self) -> &[ChallengeKind] {
        &self.0
    }

    fn present(&self, _: &Challenge) -> Result<(), BoxError> {
        Ok(())
    }

    fn clean_up(&self, _: &Challenge) -> Result<(), BoxError> {
        Ok(())
    }
}

impl acme_tokio::Solver for Nothing {
    fn kinds(&self) -> &[ChallengeKind] {
        &self.0
    }

    async fn present(&self, _: &Challenge) -> Result<(), BoxError> {
        Ok(())
    }

    async fn clean_up(&self, _: &Challenge) -> Result<(), BoxError> {
        Ok(())
    }
}
