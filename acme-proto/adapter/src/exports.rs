//! What every adapter re-exports under its own name.

pub use acme_proto::challenge::{
    Challenge, ChallengeResponse, ChallengeRules, Member, PersistOptions, PersistRecord,
};
pub use acme_proto::identifier::Identifier;
pub use acme_proto::issuance::{Deactivation, Issued};
pub use acme_proto::notice::Notice;
pub use acme_proto::op::AccountEntry;
pub use acme_proto::policy::Policy;
pub use acme_proto::renewal::{LifecycleEvent, RenewalPolicy, RenewalSchedule, RenewalStep};
pub use acme_proto::rollover::RolloverIntent;
pub use acme_proto::snapshot::Snapshot;
pub use acme_proto::wire::ChallengeKind;
pub use acme_proto::x509::{Certificate, CertificateChain, ChainChoice, Csr, CsrBuilder};

pub use crate::account_file::AccountFile;
pub use crate::directories::{
    ACTALIS, AccountLack, Ca, GOOGLE, GOOGLE_STAGING, LETS_ENCRYPT, LETS_ENCRYPT_STAGING, PublicCa,
    SSL_COM_ECC, SSL_COM_RSA, UnknownCa, ZEROSSL,
};
pub use crate::dns_update::{
    DnsCode, DnsRefusal, DnsServer, DnsUpdate, DnsUpdateError, InvalidDnsServer, InvalidTsigKey,
    TsigAlgorithm, TsigFailure, TsigKey, TsigKeyError,
};
pub use crate::error::{BoxError, Error};
pub use crate::exchange::ExchangeRecord;
pub use crate::hook::{HookCommand, HookDialect};
pub use crate::http01::{Http01Handler, HttpsRedirect};
pub use crate::keeper::{
    CertificateEvent, CertificateEventKind, CertificateHealth, CertificateState, Health,
};
pub use crate::keys::{AccountKey, KeyKind, NewKey, ProviderKey};
pub use crate::lock::Lock;
pub use crate::person::{AskPerson, Person, PersonError, Terminal};
#[cfg(feature = "propagation")]
pub use crate::propagation::{
    Propagated, PropagationCheck, PropagationError, ServerAnswer, ServerState,
};
pub use crate::resolver::CertificateResolver;
pub use crate::storage::{FolderStorage, MemoryStorage, StorageError};
pub use crate::store::OrderFile;
pub use crate::tls::Roots;
pub use crate::tls_alpn01::TlsAlpn01Resolver;
pub use crate::txt::{Dns01Solver, DnsPersist01Solver};
