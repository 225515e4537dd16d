//! The surroundings of a flow: a CA, a signer, a user and a clock that all follow the input.

mod answer;
mod ca;
mod certificate;
mod drive;
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use acme_proto::identifier::Identifier;
use acme_proto::jose::{Algorithm, Jwk, Signature};
use acme_proto::session::Session;
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use acme_proto::x509::{Csr, CsrBuilder};

use crate::bytes::Bytes;

pub(crate) use ca::{Ca, ORIGIN};
pub(crate) use drive::{End, User, run};
pub(crate) use request::finalizes;

/// Everything that outlives a single flow.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) bytes: Bytes<'a>,
    pub(crate) session: Session,
    pub(crate) ca: Ca,
    /// The time on the clock, which may go backwards. It stays after 1970, because flows read
    /// earlier times as 1970.
    pub(crate) now: Timestamp,
    /// The nonces that flows sent, and how often each.
    sent: BTreeMap<String, usize>,
    signatures: BTreeSet<Vec<u8>>,
}

impl<'a> World<'a> {
    /// Chooses the surroundings from the first bytes of the input.
    pub(crate) fn new(data: &'a [u8]) -> Self {
        let mut bytes = Bytes::new(data);
        let names = bytes.pick(&[
            &["a.example"][..],
            &["a.example", "*.a.example"],
            &["192.0.2.1"],
            &NAMES,
        ]);
        let names: Vec<Identifier> = names.iter().map(|n| n.parse().expect("a name")).collect();
        let mut ca = Ca::new(names, certificate_key().to_spki_der());
        let flags = bytes.u8();
        ca.reuses = flags & 1 != 0;
        ca.terms = flags & 2 != 0;
        ca.external = flags & 4 != 0;
        let directory = Url::parse(&format!("{ORIGIN}/directory")).expect("a URL");
        let mut session =
            Session::new(directory, u64::from(bytes.u8())).with_account_key(account_key());
        if flags & 8 == 0 {
            let url = format!("{ORIGIN}/account/1");
            session = session.with_account_url(Url::parse(&url).expect("a URL"));
        }
        let mut policy = session.policy().clone();
        policy.max_in_flight = bytes.pick(&[16, 1, 2, 0]);
        policy.max_orders = bytes.pick(&[1, 2, 3]);
        policy.bad_nonce_tries = 4;
        policy.retry_after_cap = Duration::from_secs(bytes.pick(&[600, 10, 100_000]));
        policy.call_time_limit = LIMIT;
        policy.issuance_time_limit = LIMIT;
        policy.clean_up_time_limit = CLEAN_UP;
        session.set_policy(policy);
        let start = bytes.pick(&[1_790_000_000, 0, i64::MAX - 40, i64::MAX, 253_402_300_700]);
        if flags & 0x80 != 0 {
            bytes.repeated(8);
        }
        Self {
            bytes,
            session,
            ca,
            now: Timestamp::from_unix_seconds(start),
            sent: BTreeMap::new(),
            signatures: BTreeSet::new(),
        }
    }

    /// Makes the CSR for all names.
    pub(crate) fn csr(&self) -> Csr {
        CsrBuilder::new(&certificate_key(), &self.ca.names)
            .finish(&signature(0))
            .expect("names that can be in a request")
    }
}

fn account_key() -> Jwk {
    Jwk::ed25519(&[1; 32])
}

fn certificate_key() -> Jwk {
    Jwk::ed25519(&[2; 32])
}

fn signature(number: u8) -> Signature {
    Signature::from_bytes(Algorithm::EdDsa, &[number; 64]).expect("64 octets")
}

const NAMES: [&str; 4] = ["b.example", "c.example", "*.c.example", "2001:db8::1"];
/// The time limit of a flow.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);
/// The time for cleaning up after that limit.
pub(crate) const CLEAN_UP: Duration = Duration::from_secs(20);
