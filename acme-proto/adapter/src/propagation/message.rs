//! DNS messages (RFC 1035): queries out, answers in.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};

/// Names a [`DnsQuery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub(super) u64);

/// A DNS query to be sent as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DnsQuery {
    /// Names the query; to be passed to [`Propagation::answer`](super::Propagation::answer).
    pub id: QueryId,
    /// The server to ask.
    pub server: SocketAddr,
    /// Whether to use TCP, with a length of two octets in front (RFC 1035 section 4.2.2), or UDP.
    pub tcp: bool,
    /// The message.
    pub message: Vec<u8>,
    /// How long the answer may take.
    pub time_limit: Duration,
}

impl DnsQuery {
    /// The size of a buffer for an answer by UDP, in octets.
    ///
    /// It is larger than the size that a query advertises, so that an answer of a server that
    /// ignores that size is still complete.
    pub const MAX_UDP: usize = 4096;

    /// Returns the address to bind the socket to: any, of the server's family.
    pub const fn local(&self) -> SocketAddr {
        match self.server {
            SocketAddr::V4(_) => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            SocketAddr::V6(_) => SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
        }
    }

    /// Returns the message with its length in front, as TCP needs it.
    pub fn framed(&self) -> Vec<u8> {
        let length = u16::try_from(self.message.len()).unwrap_or(u16::MAX);
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(&self.message[..usize::from(length)]);
        framed
    }

    /// Returns whether this datagram answers the query; the caller ignores all others.
    ///
    /// It compares the message ID only. [`Propagation::answer`](super::Propagation::answer) checks
    /// the rest.
    pub fn is_answered_by(&self, datagram: &[u8]) -> bool {
        // The QR bit, which is set in a response (RFC 1035 section 4.1.1).
        let is_response = datagram.get(2).is_some_and(|flags| flags & 0x80 != 0);
        is_response && datagram.get(..2) == self.message.get(..2)
    }
}

/// A question, of class IN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) name: Name,
    pub(super) kind: RecordType,
}

impl Question {
    pub(super) const fn new(name: Name, kind: RecordType) -> Self {
        Self { name, kind }
    }

    /// Writes a query; only a recursive resolver is asked to recurse.
    pub(super) fn encode(&self, id: u16, recurse: bool, edns: bool) -> Result<Vec<u8>, String> {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = recurse;
        message.add_query(Query::query(self.name.clone(), self.kind));
        if edns {
            let mut edns = Edns::new();
            // DNS flag day 2020 recommends this size: a larger datagram may be fragmented and lost.
            edns.set_max_payload(1232);
            message.set_edns(edns);
        }
        message.to_vec().map_err(|e| e.to_string())
    }
}

/// An answer, as far as the search needs it.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: ResponseCode,
    pub(super) authoritative: bool,
    pub(super) truncated: bool,
    pub(super) answers: Vec<Record>,
    pub(super) authorities: Vec<Record>,
}

impl Reply {
    /// Reads the answer to a question.
    ///
    /// # Errors
    /// Describes why it is not an answer to this question.
    pub(super) fn decode(octets: &[u8], id: u16, question: &Question) -> Result<Self, String> {
        let message = Message::from_vec(octets).map_err(|e| format!("unreadable answer: {e}"))?;
        let metadata = message.metadata;
        let asked = |q: &Query| *q.name() == question.name && q.query_type() == question.kind;
        // Some servers omit the question from an error, so an answer without one is accepted.
        let ours = message.queries.iter().all(asked);
        if metadata.id != id || metadata.message_type != MessageType::Response || !ours {
            return Err("an answer to another question".into());
        }
        Ok(Self {
            code: metadata.response_code,
            authoritative: metadata.authoritative,
            truncated: metadata.truncation,
            answers: message.answers,
            authorities: message.authorities,
        })
    }

    /// Returns whether the server says that the name exists or that it does not. SERVFAIL, REFUSED
    /// and the like say neither.
    pub(super) const fn is_definite(&self) -> bool {
        matches!(self.code, ResponseCode::NoError | ResponseCode::NXDomain)
    }
}

/// Returns whether a message answers FORMERR or NOTIMP: what servers without EDNS answer to it (RFC 6891 section 7), some
/// of them with nothing behind the header.
pub(super) fn refuses_query(octets: &[u8], id: u16) -> bool {
    let refuses = |flags: &u8| matches!(flags & 0x0f, 1 | 4);
    octets.get(..2) == Some(&id.to_be_bytes()[..]) && octets.get(3).is_some_and(refuses)
}

/// Returns whether a failure means that this system cannot reach the address at all, rather than
/// that the server is silent.
pub(super) fn is_no_way(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, NetworkUnreachable, Unsupported};
    matches!(error.kind(), AddrNotAvailable | NetworkUnreachable | Unsupported)
}
