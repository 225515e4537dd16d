//! Solvers for both adapters: a zone on loopback, and one that publishes nothing.

use std::fmt;
use std::sync::Arc;

use acme_blocking::BoxError;
use acme_proto::challenge::{Challenge, ChallengeResponse};
use acme_proto::wire::ChallengeKind;

use crate::servers::Challtestsrv;

/// The zone that a server asks.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    pub(super) server: Challtestsrv,
    /// Whether records can be added to it.
    pub(super) open: bool,
    /// What happens after one was added.
    pub(super) published: Option<Hook>,
}

/// Something that happens between publishing a record and saying so.
#[derive(Clone)]
pub struct Hook(Arc<dyn Fn() + Send + Sync>);

impl Hook {
    /// Makes one of a function, which may wait.
    pub fn new(function: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl acme_blocking::Dns01 for Zone {
    fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        if !self.open {
            return Err("the zone is closed".into());
        }
        self.server.present(name, value)?;
        if let Some(Hook(function)) = &self.published {
            function();
        }
        Ok(())
    }

    fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.server.cleanup(name, value).map_err(Into::into)
    }

    fn existing_txt(&self, name: &str) -> Result<Vec<String>, BoxError> {
        let published = self.server.published()?.into_iter();
        Ok(published.filter(|(at, _)| at == name).map(|(_, value)| value).collect())
    }
}

impl acme_tokio::Dns01 for Zone {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        acme_blocking::Dns01::set_txt(self, name, value)
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        acme_blocking::Dns01::remove_txt(self, name, value)
    }

    async fn existing_txt(&self, name: &str) -> Result<Vec<String>, BoxError> {
        acme_blocking::Dns01::existing_txt(self, name)
    }
}

/// Solves by dns-account-01 only, so that a server without it cannot fall back to dns-01.
#[derive(Clone, Debug)]
pub(super) struct Labelled<S>(S);

impl<S> Labelled<S> {
    pub(super) const fn new(solver: S) -> Self {
        Self(solver)
    }
}

impl<S: acme_blocking::Solver> acme_blocking::Solver for Labelled<S> {
    fn kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::DnsAccount01]
    }

    fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.0.present(challenge)
    }

    fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.0.clean_up(challenge)
    }
}

impl<S: acme_tokio::Solver> acme_tokio::Solver for Labelled<S> {
    fn kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::DnsAccount01]
    }

    async fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
        self.0.present(challenge).await
    }

    async fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
        self.0.clean_up(challenge).await
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

    fn present(&self, _: &Challenge) -> Result<ChallengeResponse, BoxError> {
        Ok(ChallengeResponse::default())
    }

    fn clean_up(&self, _: &Challenge) -> Result<(), BoxError> {
        Ok(())
    }
}

impl acme_tokio::Solver for Nothing {
    fn kinds(&self) -> &[ChallengeKind] {
        &self.0
    }

    async fn present(&self, _: &Challenge) -> Result<ChallengeResponse, BoxError> {
        Ok(ChallengeResponse::default())
    }

    async fn clean_up(&self, _: &Challenge) -> Result<(), BoxError> {
        Ok(())
    }
}
