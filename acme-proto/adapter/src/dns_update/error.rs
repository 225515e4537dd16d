//! Why a DNS server was not changed.

use core::fmt;
use core::net::SocketAddr;
use std::io;

/// Why a TXT record was not changed or not found by [`DnsUpdate`](super::DnsUpdate).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DnsUpdateError {
    /// No server was given.
    #[error("no DNS server was given: name the primary server of the zone")]
    NoServer,
    /// The name of a server cannot be looked up, or not in time; the cause is the operating system's error.
    #[error(
        "the DNS server {server} cannot be looked up; check its name and this machine's DNS, or give its address"
    )]
    UnknownServer {
        /// The server.
        server: String,
        /// The operating system's error.
        source: io::Error,
    },
    /// The name cannot be the name of a record.
    #[error("{0:?} is not a DNS name")]
    InvalidName(String),
    /// A server cannot be reached, or does not answer in time; the cause is the operating system's error.
    #[error("{}", unreachable(*server, name, source))]
    Network {
        /// The server, the first one of several.
        server: SocketAddr,
        /// The name of the record.
        name: String,
        /// The operating system's error.
        source: io::Error,
    },
    /// A server answered something that is no response.
    #[error(
        "the response of the DNS server {server} about {name} is unusable: {why}; check that it is a DNS server"
    )]
    Unreadable {
        /// The server.
        server: SocketAddr,
        /// The name of the record.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A server does not say in which zone a name is.
    #[error(
        "the DNS server {server} does not answer for {}: {code}; name the primary server of its zone, or a resolver that finds the zone",
        Aliased(name, record)
    )]
    Lookup {
        /// The server.
        server: SocketAddr,
        /// The name that it was asked for: that of the record, or one that this is an alias for.
        name: String,
        /// The name of the record.
        record: String,
        /// What it answered.
        code: DnsCode,
    },
    /// A server knows no zone that the name is in.
    #[error(
        "the DNS server {server} knows no zone for {}; name the primary server of its zone, or a resolver that finds the zone",
        Aliased(name, record)
    )]
    NoZone {
        /// The server.
        server: SocketAddr,
        /// The name that it was asked for: that of the record, or one that this is an alias for.
        name: String,
        /// The name of the record.
        record: String,
    },
    /// The name is in a zone that other servers have.
    #[error(
        "the DNS server {server} delegates {zone}, which {name} is in, to other servers; name the primary server of {zone}"
    )]
    Delegated {
        /// The server.
        server: SocketAddr,
        /// The name.
        name: String,
        /// The zone.
        zone: String,
    },
    /// The aliases form a loop.
    #[error("the DNS name {0} is an alias in a circle: mend its CNAME record")]
    AliasLoop(String),
    /// The chain of aliases is too long.
    #[error(
        "the DNS name {0} is at the end of too many aliases: shorten the chain of CNAME records"
    )]
    TooManyAliases(String),
    /// The change was stopped, because its result was no longer needed; the server may have made it.
    #[error("the change of {0} by DNS update was stopped, because its result is no longer needed")]
    Stopped(String),
    /// The value is longer than a record of a message can be.
    #[error(
        "the value for {name} has {length} octets, and a TXT record at most {most}: shorten it"
    )]
    TooLong {
        /// The name of the record.
        name: String,
        /// The octets of the value.
        length: usize,
        /// How many octets fit.
        most: usize,
    },
    /// The server refused the update.
    #[error(transparent)]
    Refused(Box<DnsRefusal>),
    /// The signature of the request or of the response is not valid.
    #[error("{}", unsigned(*server, key, *failure))]
    Tsig {
        /// The server.
        server: SocketAddr,
        /// The name of the key, and its algorithm.
        key: String,
        /// What is wrong.
        failure: TsigFailure,
    },
}

/// The refusal of an update.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error(
    "the DNS server {server} refused to change {name} in the zone {zone}: {code}; {}",
    advice(*code, key, zone, primary)
)]
pub struct DnsRefusal {
    /// The server.
    pub server: SocketAddr,
    /// The zone.
    pub zone: String,
    /// The name that the change is for.
    pub name: String,
    /// What the server answered.
    pub code: DnsCode,
    /// The name of the key.
    pub key: String,
    /// The primary server that the zone names.
    pub primary: String,
}

/// What is wrong with a signature (RFC 8945).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TsigFailure {
    /// The server does not know the key (BADKEY).
    UnknownKey,
    /// The server computes another signature: its secret is another one (BADSIG).
    BadSignature,
    /// The clocks differ by more than the signature allows (BADTIME).
    Clock {
        /// By how many seconds the server's clock is ahead of this one.
        ahead: i64,
    },
    /// The server objects to the signature for another reason.
    Other(u16),
    /// The response is not signed.
    Unsigned,
    /// The response is signed by another key.
    OtherKey,
    /// The signature of the response is wrong.
    Forged,
}

/// The response code of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DnsCode {
    /// The server did what it was asked.
    NoError,
    /// The server cannot parse the request.
    FormErr,
    /// The server failed.
    ServFail,
    /// There is no such name.
    NxDomain,
    /// The server does not know this kind of request.
    NotImp,
    /// The server does not want to.
    Refused,
    /// The server is not responsible for the zone, or the signature is wrong.
    NotAuth,
    /// The name is not in the zone.
    NotZone,
    /// Any other code.
    Other(u8),
}

impl DnsCode {
    pub(super) const fn from_bits(bits: u16) -> Self {
        match bits {
            0 => Self::NoError,
            1 => Self::FormErr,
            2 => Self::ServFail,
            3 => Self::NxDomain,
            4 => Self::NotImp,
            5 => Self::Refused,
            9 => Self::NotAuth,
            10 => Self::NotZone,
            other => Self::Other((other & 0x0f) as u8),
        }
    }
}

impl fmt::Display for DnsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoError => "NOERROR",
            Self::FormErr => "FORMERR",
            Self::ServFail => "SERVFAIL",
            Self::NxDomain => "NXDOMAIN",
            Self::NotImp => "NOTIMP",
            Self::Refused => "REFUSED",
            Self::NotAuth => "NOTAUTH",
            Self::NotZone => "NOTZONE",
            Self::Other(code) => return write!(f, "code {code}"),
        })
    }
}

/// Displays a name, and for which other one it was looked up.
struct Aliased<'a>(&'a str, &'a str);

impl fmt::Display for Aliased<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 == self.1 {
            true => f.write_str(self.0),
            false => write!(f, "{} (which {} is an alias for)", self.0, self.1),
        }
    }
}

fn unreachable(server: SocketAddr, name: &str, error: &io::Error) -> String {
    let what = match error.kind() {
        io::ErrorKind::TimedOut => "does not answer in time",
        io::ErrorKind::UnexpectedEof => "closes the connection without an answer",
        _ => "cannot be reached",
    };
    format!(
        "the DNS server {server} {what} by TCP, to change or look up {name}: check its address, and that a firewall lets TCP pass"
    )
}

fn advice(code: DnsCode, key: &str, zone: &str, primary: &str) -> String {
    match code {
        DnsCode::Refused => {
            format!("allow updates of TXT records by the key {key} in the server's configuration")
        }
        DnsCode::NotAuth => format!("name the primary server of {zone}, which may be {primary}"),
        DnsCode::NotImp | DnsCode::FormErr => {
            format!(
                "it takes no dynamic updates; name the primary server of {zone}, which may be {primary}"
            )
        }
        _ => "its log says why".to_owned(),
    }
}

fn unsigned(server: SocketAddr, key: &str, failure: TsigFailure) -> String {
    match failure {
        TsigFailure::UnknownKey => format!(
            "the DNS server {server} does not know the key {key} (BADKEY): its configuration must have a key of this name and algorithm"
        ),
        TsigFailure::BadSignature => format!(
            "the DNS server {server} has another secret for the key {key} (BADSIG): copy it from the server's configuration"
        ),
        TsigFailure::Clock { ahead } => {
            let which = if ahead < 0 { "behind" } else { "ahead of" };
            format!(
                "the clock of the DNS server {server} is {} s {which} this machine's, too far for the signature of the key {key} (BADTIME): set the wrong one, by NTP for example",
                ahead.unsigned_abs()
            )
        }
        TsigFailure::Other(code) => format!(
            "the DNS server {server} refused the signature by the key {key} (TSIG error {code}): its log says why"
        ),
        TsigFailure::Unsigned | TsigFailure::OtherKey | TsigFailure::Forged => {
            let what = match failure {
                TsigFailure::Unsigned => "no signature by",
                TsigFailure::OtherKey => "a signature by another key than",
                _ => "a wrong signature by",
            };
            format!(
                "the response of the DNS server {server} has {what} {key}, so the update may not have happened: check who answers at this address"
            )
        }
    }
}
