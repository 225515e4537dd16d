//! DNS queries over UDP to one configured server.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::authority::Problem;

const TRIES: u32 = 2;
const MOST_ALIASES: usize = 8;
const PAYLOAD: u16 = 4096;

/// Looks up the address of a name: A, then AAAA. `None` if it has neither.
pub(crate) async fn address(
    server: SocketAddr,
    name: &str,
    limit: Duration,
) -> Result<Option<IpAddr>, Problem> {
    for kind in [RecordType::A, RecordType::AAAA] {
        let found =
            lookup(server, name, kind, limit).await?.into_iter().find_map(|data| match data {
                RData::A(a) => Some(IpAddr::V4(a.0)),
                RData::AAAA(a) => Some(IpAddr::V6(a.0)),
                _ => None,
            });
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Looks up the TXT records of a name. The strings of a record are joined (RFC 8555 Section 8.4).
pub(crate) async fn txt(
    server: SocketAddr,
    name: &str,
    limit: Duration,
) -> Result<Vec<String>, Problem> {
    let records = lookup(server, name, RecordType::TXT, limit).await?;
    Ok(records
        .into_iter()
        .filter_map(|data| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        })
        .collect())
}

/// Queries records of one type, and follows CNAMEs.
async fn lookup(
    server: SocketAddr,
    name: &str,
    kind: RecordType,
    limit: Duration,
) -> Result<Vec<RData>, Problem> {
    let failed = |why: String| Problem::new(400, "dns", format!("{kind} query for {name}: {why}"));
    let mut name = Name::from_ascii(format!("{}.", name.trim_end_matches('.')))
        .map_err(|e| failed(e.to_string()))?;
    for _ in 0..MOST_ALIASES {
        let answer = query(server, &name, kind, limit).await.map_err(failed)?;
        match answer.metadata.response_code {
            ResponseCode::NoError => {}
            ResponseCode::NXDomain => return Ok(Vec::new()),
            code => return Err(failed(format!("the server answered {code}"))),
        }
        let mut alias = None;
        let mut found = Vec::new();
        for record in answer.answers {
            match record.data {
                RData::CNAME(target) => alias = Some(target.0),
                data if data.record_type() == kind => found.push(data),
                _ => {}
            }
        }
        match alias {
            // A recursive server answers with the whole chain of CNAMEs, an authoritative one only
            // with its own part.
            Some(target) if found.is_empty() => name = target,
            _ => return Ok(found),
        }
    }
    Err(failed("too many aliases".to_owned()))
}

async fn query(
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
    limit: Duration,
) -> Result<Message, String> {
    let mut id = [0; 2];
    SystemRandom::new().fill(&mut id).map_err(|_| "no randomness".to_owned())?;
    let id = u16::from_be_bytes(id);
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    message.set_edns(edns);
    let bytes = message.to_vec().map_err(|e| e.to_string())?;
    let local = if server.is_ipv4() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    } else {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    };
    let socket = UdpSocket::bind((local, 0)).await.map_err(|e| e.to_string())?;
    socket.connect(server).await.map_err(|e| e.to_string())?;
    let mut last = format!("no answer from {server}");
    for _ in 0..TRIES {
        socket.send(&bytes).await.map_err(|e| e.to_string())?;
        match timeout(limit / TRIES, receive(&socket, id)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}

/// Waits for the answer with the right id. Anything else on the socket is ignored, since it may be
/// the late answer to an earlier query.
async fn receive(socket: &UdpSocket, id: u16) -> Result<Message, String> {
    let mut buffer = vec![0; usize::from(PAYLOAD)];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(|e| e.to_string())?;
        if let Ok(message) = Message::from_vec(&buffer[..length])
            && message.metadata.id == id
            && message.metadata.message_type == MessageType::Response
        {
            return Ok(message);
        }
    }
}
