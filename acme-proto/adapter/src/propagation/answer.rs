//! What the answers of resolvers and servers mean for the search.

use core::net::IpAddr;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, Record};

use super::error::ServerState;
use super::message::Reply;
use super::target::Next;

/// What a resolver's answer to an SOA query says about the zone of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ZoneAnswer {
    /// The name is in this zone.
    Zone(Name),
    /// The answer does not name the zone: it is about the target of an alias, or empty.
    AskParent,
}

/// Reads the zone of a name from the SOA record in the answer, or in the negative answer (RFC
/// 2308).
pub(super) fn zone(reply: &Reply, name: &Name) -> ZoneAnswer {
    // The resolver has followed the alias, so the SOA record is that of the target's zone.
    if alias(reply, name).is_some() {
        return ZoneAnswer::AskParent;
    }
    // Any other SOA record is not for this name. The root's comes for a name without any zone below
    // it.
    let encloses = |record: &&Record| {
        matches!(record.data, RData::SOA(_)) && !record.name.is_root() && record.name.zone_of(name)
    };
    let own = reply.answers.iter().filter(encloses).find(|record| record.name == *name);
    let zone = own.or_else(|| reply.authorities.iter().find(encloses));
    zone.map_or(ZoneAnswer::AskParent, |record| ZoneAnswer::Zone(record.name.clone()))
}

/// Returns the name servers of a zone, up to a bound.
pub(super) fn name_servers(reply: &Reply, zone: &Name) -> Vec<Name> {
    servers_among(&reply.answers, zone)
}

fn servers_among(records: &[Record], zone: &Name) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for record in records.iter().filter(|record| record.name == *zone) {
        if let RData::NS(server) = &record.data
            && !names.contains(&server.0)
            && names.len() < MAX_SERVERS
        {
            names.push(server.0.clone());
        }
    }
    names
}

/// Returns the addresses in an answer, including those of an alias's target.
pub(super) fn addresses(reply: &Reply) -> impl Iterator<Item = IpAddr> {
    reply.answers.iter().filter_map(|record| match &record.data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(a) => Some(IpAddr::V6(a.0)),
        _ => None,
    })
}

/// Returns the target of the name's CNAME record.
pub(super) fn alias<'a>(reply: &'a Reply, name: &Name) -> Option<&'a Name> {
    reply.answers.iter().filter(|record| record.name == *name).find_map(|record| {
        match &record.data {
            RData::CNAME(target) => Some(&target.0),
            _ => None,
        }
    })
}

/// Returns whether an authoritative server of a zone has a value at a name, or where it says that the record is.
pub(super) fn state(
    reply: &Reply,
    zone: &Name,
    name: &Name,
    value: &str,
) -> (ServerState, Option<Next>) {
    let code = || reply.code.to_string();
    if let Some((child, servers)) = referral(reply, zone, name) {
        return (ServerState::Delegated(in_words(&child)), Some(Next::Zone(child, servers)));
    }
    match reply.code {
        // A server that only forwards answers from a cache, which says nothing about the zone.
        ResponseCode::NoError | ResponseCode::NXDomain if !reply.authoritative => {
            return (ServerState::Lame("an answer without authority".into()), None);
        }
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        ResponseCode::Refused | ResponseCode::NotAuth => return (ServerState::Lame(code()), None),
        _ => return (ServerState::Failed(code()), None),
    }
    if let Some(target) = alias(reply, name) {
        return (ServerState::Alias(in_words(target)), Some(Next::Alias(target.clone())));
    }
    (values_state(reply, name, value), None)
}

/// Returns whether a resolver has a value at a name; it follows aliases itself.
pub(super) fn resolved_state(reply: &Reply, name: &Name, value: &str) -> ServerState {
    if !reply.is_definite() {
        return ServerState::Failed(reply.code.to_string());
    }
    let mut owner = name;
    // Each alias of the answer is followed once at most, so that a circle ends.
    for _ in &reply.answers {
        owner = alias(reply, owner).unwrap_or(owner);
    }
    values_state(reply, owner, value)
}

/// Returns the zone below this one that a server says the name is in, and the servers of that zone.
fn referral(reply: &Reply, zone: &Name, name: &Name) -> Option<(Name, Vec<Name>)> {
    if reply.code != ResponseCode::NoError || reply.authoritative || !reply.answers.is_empty() {
        return None;
    }
    let is_below = |child: &Name| zone != child && zone.zone_of(child) && child.zone_of(name);
    let named = |record: &&Record| matches!(record.data, RData::NS(_)) && is_below(&record.name);
    let child = &reply.authorities.iter().find(named)?.name;
    Some((child.clone(), servers_among(&reply.authorities, child)))
}

/// Returns how a value is among the TXT records at a name.
fn values_state(reply: &Reply, name: &Name, value: &str) -> ServerState {
    // A TXT record is a list of strings of up to 255 octets each (RFC 1035 section 3.3.14). Its
    // value is their concatenation.
    let values =
        reply.answers.iter().filter(|record| record.name == *name).filter_map(
            |record| match &record.data {
                RData::TXT(txt) => Some(txt.txt_data.concat()),
                _ => None,
            },
        );
    let values: Vec<Vec<u8>> = values.collect();
    if values.iter().any(|found| found == value.as_bytes()) {
        ServerState::Found
    } else if values.is_empty() {
        ServerState::Missing
    } else {
        ServerState::Others(values.iter().take(MAX_SHOWN).map(|value| shown(value)).collect())
    }
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
