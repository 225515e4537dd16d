//! Reading what servers say.

use core::net::IpAddr;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, Record};

use super::error::ServerState;
use super::message::Reply;

/// What a resolver's answer to an SOA query says of the zone that a name is in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ZoneAnswer {
    /// It is this one.
    Zone(Name),
    /// The answer is about something else: an alias's target, or nothing.
    AskParent,
}

/// Reads the zone of a name from the SOA record in the answer, or in the negative answer (RFC 2308).
pub(super) fn zone(reply: &Reply, name: &Name) -> ZoneAnswer {
    if alias(reply, name).is_some() {
        return ZoneAnswer::AskParent;
    }
    let encloses = |record: &&Record| {
        matches!(record.data, RData::SOA(_)) && !record.name.is_root() && record.name.zone_of(name)
    };
    let own = reply.answers.iter().filter(encloses).find(|record| record.name == *name);
    let zone = own.or_else(|| reply.authorities.iter().find(encloses));
    zone.map_or(ZoneAnswer::AskParent, |record| ZoneAnswer::Zone(record.name.clone()))
}

/// Returns the name servers of a zone.
pub(super) fn name_servers(reply: &Reply, zone: &Name) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for record in reply.answers.iter().filter(|record| record.name == *zone) {
        if let RData::NS(server) = &record.data
            && !names.contains(&server.0)
            && names.len() < MAX_SERVERS
        {
            names.push(server.0.clone());
        }
    }
    names
}

/// Returns the addresses in an answer, whatever aliases led to them.
pub(super) fn addresses(reply: &Reply) -> impl Iterator<Item = IpAddr> {
    reply.answers.iter().filter_map(|record| match &record.data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(a) => Some(IpAddr::V6(a.0)),
        _ => None,
    })
}

/// Returns what the name is an alias for.
pub(super) fn alias<'a>(reply: &'a Reply, name: &Name) -> Option<&'a Name> {
    reply.answers.iter().filter(|record| record.name == *name).find_map(|record| {
        match &record.data {
            RData::CNAME(target) => Some(&target.0),
            _ => None,
        }
    })
}

/// Reads what an authoritative server says of a value at a name; an alias is returned apart.
pub(super) fn state(reply: &Reply, name: &Name, value: &str) -> (ServerState, Option<Name>) {
    let code = || reply.code.to_string();
    match reply.code {
        ResponseCode::NoError | ResponseCode::NXDomain if !reply.authoritative => {
            return (ServerState::Lame("an answer without authority".into()), None);
        }
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        ResponseCode::Refused | ResponseCode::NotAuth => return (ServerState::Lame(code()), None),
        _ => return (ServerState::Failed(code()), None),
    }
    if let Some(target) = alias(reply, name) {
        return (ServerState::Alias(in_words(target)), Some(target.clone()));
    }
    let values =
        reply.answers.iter().filter(|record| record.name == *name).filter_map(
            |record| match &record.data {
                RData::TXT(txt) => Some(txt.txt_data.concat()),
                _ => None,
            },
        );
    let values: Vec<Vec<u8>> = values.collect();
    let state = if values.iter().any(|found| found == value.as_bytes()) {
        ServerState::Found
    } else if values.is_empty() {
        ServerState::Missing
    } else {
        ServerState::Others(values.iter().take(MAX_SHOWN).map(|value| shown(value)).collect())
    };
    (state, None)
}

/// Returns a name without its final dot.
pub(super) fn in_words(name: &Name) -> String {
    let text = name.to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

/// Escapes a value, and cuts it short.
fn shown(value: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(value).chars().take(MAX_SHOWN_LEN).collect();
    format!("{text:?}")
}

const MAX_SERVERS: usize = 16;
const MAX_SHOWN: usize = 3;
const MAX_SHOWN_LEN: usize = 64;
