//! Performs the validations that the core requests.

use std::sync::Arc;

use tokio::time::{sleep, timeout};

use super::record::ValidationRecord;
use super::shared::Shared;
use super::{http01, tls_alpn01, txt};
use crate::authority::{ChallengeKind, Problem, Validation};

/// Starts validations in the background.
pub(crate) fn spawn(shared: &Arc<Shared>, validations: Vec<Validation>) {
    for validation in validations {
        tokio::spawn(run(Arc::clone(shared), validation));
    }
}

async fn run(shared: Arc<Shared>, validation: Validation) {
    let _slot = shared.validation_slots.acquire().await;
    sleep(shared.options.validation_delay).await;
    let limit = shared.options.validation_timeout;
    let outcome = timeout(limit, validate(&shared, &validation)).await.unwrap_or_else(|_| {
        Err(Problem::new(
            400,
            "connection",
            format!("{} was not validated within {limit:?}", validation.identifier),
        ))
    });
    shared.record_validation(ValidationRecord {
        identifier: validation.identifier.clone(),
        wildcard: validation.wildcard,
        kind: validation.kind,
        problem: outcome.as_ref().err().cloned(),
        millis: shared.elapsed(),
    });
    let now = shared.now();
    shared.ca().validated(validation.id, outcome, now);
}

async fn validate(shared: &Shared, validation: &Validation) -> Result<(), Problem> {
    match validation.kind {
        ChallengeKind::Http01 => http01::validate(shared, validation).await,
        ChallengeKind::TlsAlpn01 => tls_alpn01::validate(shared, validation).await,
        ChallengeKind::Dns01 | ChallengeKind::DnsAccount01 | ChallengeKind::DnsPersist01 => {
            txt::validate(shared, validation).await
        }
    }
}
