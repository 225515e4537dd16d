//! The certificate of an earlier run, and `renewal.json`, which says when it is renewed.

use core::time::Duration;
use std::fs;

use acme_adapter::clock;
use acme_proto::identifier::Identifier;
use acme_proto::renewal::{RenewalSchedule, RenewalStep};
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use acme_proto::x509::{Certificate, CertificateChain};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::output::{CERTIFICATE, Output, RENEWAL, same_names};

/// A stored certificate with what is known of it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) certificate: Certificate,
    state: State,
}

/// The content of `renewal.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    version: u32,
    /// The directory of the CA that issued the certificate.
    directory: Url,
    /// The profile that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    /// The deploy hook has not succeeded with this certificate yet.
    #[serde(default)]
    undeployed: bool,
    schedule: RenewalSchedule,
}

/// Whether a stored certificate is renewed.
#[derive(Debug)]
pub(crate) enum Due {
    Now,
    /// The CA has to be asked.
    Ask,
    /// Not before this time.
    At(Timestamp),
}

/// What a run wants of a certificate.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) directory: &'a Url,
    pub(crate) names: &'a [Identifier],
    pub(crate) profile: Option<&'a str>,
    /// The key that the certificate has to be for.
    pub(crate) spki: Option<&'a [u8]>,
}

impl Stored {
    /// Describes a new certificate; with a deploy hook it is not deployed yet.
    pub(crate) fn new(certificate: &Certificate, wanted: &Wanted<'_>, has_hook: bool) -> Self {
        let state = State {
            version: VERSION,
            directory: wanted.directory.clone(),
            profile: wanted.profile.map(str::to_owned),
            undeployed: has_hook,
            schedule: RenewalSchedule::new(certificate, clock::seed()),
        };
        Self { certificate: certificate.clone(), state }
    }

    /// Reads `cert.pem` and `renewal.json`; `None` unless both are there and belong together.
    pub(crate) fn load(output: &Output) -> Option<Self> {
        let state: State = serde_json::from_slice(&fs::read(output.file(RENEWAL)).ok()?).ok()?;
        let chain = CertificateChain::parse_pem(&fs::read(output.file(CERTIFICATE)).ok()?).ok()?;
        let certificate = chain.leaf().clone();
        let schedule = &state.schedule;
        let fits = state.version == VERSION
            && schedule.not_after() == certificate.not_after()
            && schedule.certificate_id() == certificate.renewal_id().as_deref();
        fits.then_some(Self { certificate, state })
    }

    pub(crate) fn save(&self, output: &Output) -> Result<(), Failure> {
        let json = serde_json::to_vec_pretty(&self.state)
            .map_err(|error| Failure::failed(error.to_string()))?;
        output.write_public(RENEWAL, &json)
    }

    pub(crate) const fn directory(&self) -> &Url {
        &self.state.directory
    }

    pub(crate) const fn schedule(&self) -> &RenewalSchedule {
        &self.state.schedule
    }

    pub(crate) fn set_schedule(&mut self, schedule: RenewalSchedule) {
        self.state.schedule = schedule;
    }

    /// Notes that the renewal failed. `retry_at` is the time that the CA named, if any.
    pub(crate) fn failed(&mut self, retry_at: Option<Timestamp>) {
        self.state.schedule.on_attempt_failed(retry_at, clock::wall());
    }

    pub(crate) const fn is_undeployed(&self) -> bool {
        self.state.undeployed
    }

    pub(crate) const fn deployed(&mut self) {
        self.state.undeployed = false;
    }

    /// Returns whether it is what a run wants, apart from its age.
    pub(crate) fn is(&self, wanted: &Wanted<'_>) -> bool {
        self.state.directory == *wanted.directory
            && self.state.profile.as_deref() == wanted.profile
            && wanted.spki == Some(self.certificate.spki_der())
            && same_names(self.certificate.identifiers(), wanted.names)
    }

    /// Returns whether an order for these names may say that it replaces the certificate (RFC 9773 Section 5).
    pub(crate) fn may_be_replaced(&self, directory: &Url, names: &[Identifier]) -> bool {
        let shared = self.certificate.identifiers().iter().any(|name| names.contains(name));
        shared && self.state.directory == *directory && self.certificate.renewal_id().is_some()
    }

    pub(crate) fn due(&self, now: Timestamp) -> Due {
        // What has just failed is left alone for a while, by this run and the next ones.
        let held = self.state.schedule.held_until(now);
        match self.state.schedule.next_before(now, now.saturating_add(self.margin())) {
            RenewalStep::Ask(_) => Due::Ask,
            RenewalStep::Wait(_) => {
                let at = self.state.schedule.renew_at().saturating_sub(self.margin());
                Due::At(held.map_or(at, |held| held.max(at)))
            }
            _ => Due::Now,
        }
    }

    /// Returns how long after this run the next one may be: a renewal that is due before that is due now
    /// (RFC 9773 Section 4.2, step 5).
    fn margin(&self) -> Duration {
        let (from, to) = (self.certificate.not_before(), self.certificate.not_after());
        DAY.min(to.saturating_duration_since(from) / 20)
    }
}

const VERSION: u32 = 1;
const DAY: Duration = Duration::from_secs(86_400);
