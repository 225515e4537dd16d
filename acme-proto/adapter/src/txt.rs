//! Solvers of the challenges that need a TXT record, without the I/O.
//!
//! An adapter implements its trait of solvers for these types, over its own trait of zones.

use acme_proto::challenge::{Challenge, PersistChoice, PersistOptions, TxtRecord};
use acme_proto::wire::ChallengeKind;

use crate::clock;
use crate::error::BoxError;
#[cfg(feature = "propagation")]
use crate::propagation::PropagationCheck;

/// Solves challenges of dns-01 and dns-account-01 through an implementation of the adapter's trait
/// `Dns01`.
///
/// Of the two, dns-01 is preferred where a CA offers both.
#[derive(Clone, Debug)]
pub struct Dns01Solver<T> {
    zone: T,
    kinds: [ChallengeKind; 2],
    #[cfg(feature = "propagation")]
    check: Option<PropagationCheck>,
}

impl<T> Dns01Solver<T> {
    /// Creates a solver that publishes through `zone`.
    pub const fn new(zone: T) -> Self {
        Self {
            zone,
            kinds: KINDS,
            #[cfg(feature = "propagation")]
            check: None,
        }
    }

    /// Prefers dns-account-01, whose record name has a label for the account, so that several
    /// clients can prove one name, each with its own CNAME.
    pub fn prefer_account_label(mut self) -> Self {
        self.kinds = [ChallengeKind::DnsAccount01, ChallengeKind::Dns01];
        self
    }

    /// Waits, after the zone's own `wait_txt`, until every authoritative server answers the record.
    #[cfg(feature = "propagation")]
    pub fn propagation(mut self, check: PropagationCheck) -> Self {
        self.check = Some(check);
        self
    }

    /// Returns the kinds of challenges that it solves, the preferred one first.
    pub const fn challenge_kinds(&self) -> &[ChallengeKind] {
        &self.kinds
    }

    /// Returns the zone.
    pub const fn zone(&self) -> &T {
        &self.zone
    }

    /// Returns the check of propagation, if there is one.
    #[cfg(feature = "propagation")]
    pub const fn propagation_check(&self) -> Option<&PropagationCheck> {
        self.check.as_ref()
    }
}

/// Solves challenges of dns-persist-01 through an implementation of the adapter's trait `Dns01`.
///
/// A record that proves the name already (`Dns01::existing_txt`) is left unchanged. A published
/// record stays after the issuance, unless `Issue::remove_persistent` is set. It allows the account
/// to prove the name again, so protect the account key. The record loses its effect when it is
/// removed, or when the account is deactivated.
#[derive(Clone, Debug)]
pub struct DnsPersist01Solver<T> {
    zone: T,
    options: PersistOptions,
    #[cfg(feature = "propagation")]
    check: Option<PropagationCheck>,
}

impl<T> DnsPersist01Solver<T> {
    /// Creates a solver that publishes through `zone`, for single names and without an expiry.
    pub fn new(zone: T) -> Self {
        Self {
            zone,
            options: PersistOptions::default(),
            #[cfg(feature = "propagation")]
            check: None,
        }
    }

    /// Sets the parameters of the records, such as `policy=wildcard`, which a wildcard needs.
    pub fn options(mut self, options: PersistOptions) -> Self {
        self.options = options;
        self
    }

    /// Waits, after the zone's own `wait_txt`, until every authoritative server answers the record,
    /// also one that was there before.
    #[cfg(feature = "propagation")]
    pub fn propagation(mut self, check: PropagationCheck) -> Self {
        self.check = Some(check);
        self
    }

    /// Returns the kinds of challenges that it solves.
    pub const fn challenge_kinds(&self) -> &[ChallengeKind] {
        &[ChallengeKind::DnsPersist01]
    }

    /// Returns the zone.
    pub const fn zone(&self) -> &T {
        &self.zone
    }

    /// Returns the check of propagation, if there is one.
    #[cfg(feature = "propagation")]
    pub const fn propagation_check(&self) -> Option<&PropagationCheck> {
        self.check.as_ref()
    }

    /// Returns the record name of a challenge.
    ///
    /// # Errors
    /// If it is not a dns-persist-01 challenge.
    pub fn name(&self, challenge: &Challenge) -> Result<String, BoxError> {
        let asked = challenge.dns_persist_01().ok_or("this is no dns-persist-01 challenge")?;
        Ok(asked.name().to_owned())
    }

    /// Returns the existing value that proves the challenge, or the record to publish.
    ///
    /// # Errors
    /// If it is not a dns-persist-01 challenge, or no record can prove it.
    pub fn choose(
        &self,
        challenge: &Challenge,
        existing: &[String],
    ) -> Result<PersistChoice, BoxError> {
        let asked = challenge.dns_persist_01().ok_or("this is no dns-persist-01 challenge")?;
        Ok(asked.choose(existing, &self.options, clock::wall())?)
    }

    /// Returns the record to remove; `None` for one that stays.
    pub fn removed(&self, challenge: &Challenge) -> Option<TxtRecord> {
        let asked = challenge.dns_persist_01().filter(|_| !challenge.stays())?;
        asked.record(&self.options).ok()
    }
}

/// The kinds that add a value to the TXT records at a name.
pub const KINDS: [ChallengeKind; 2] = [ChallengeKind::Dns01, ChallengeKind::DnsAccount01];

/// Returns the record of a challenge of these kinds.
///
/// # Errors
/// For a challenge of another kind.
pub fn record(challenge: &Challenge) -> Result<TxtRecord, BoxError> {
    challenge.txt_record().ok_or_else(|| "this is no challenge for a TXT record".into())
}
