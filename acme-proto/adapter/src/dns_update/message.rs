//! DNS messages (RFC 1035 Section 4, RFC 2136 Section 2): requests out, responses in.

use super::cursor::Cursor;
use super::error::DnsCode;
use super::name::DnsName;
use super::tsig::{ANY, TSIG, TsigRecord};

/// The change of one TXT value.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) add: bool,
    pub(super) ttl: u32,
    pub(super) value: Vec<u8>,
}

/// Writes a query, which asks a resolver to recurse.
pub(super) fn query(id: u16, name: &DnsName, kind: u16) -> Vec<u8> {
    let mut message = header(id, RECURSION_DESIRED, [1, 0, 0, 0]);
    question(&mut message, name, kind);
    message
}

/// Writes an update of a zone by one TXT record (RFC 2136 Section 2.5).
///
/// A record is added beside the others (2.5.1), or removed without them (2.5.4).
pub(super) fn update(id: u16, zone: &DnsName, name: &DnsName, change: &Change) -> Vec<u8> {
    let mut message = header(id, UPDATE << 11, [1, 0, 1, 0]);
    question(&mut message, zone, SOA);
    message.extend_from_slice(name.wire());
    let (class, ttl) = if change.add { (IN, change.ttl) } else { (NONE, 0) };
    for field in [TXT, class] {
        message.extend_from_slice(&field.to_be_bytes());
    }
    message.extend_from_slice(&ttl.to_be_bytes());
    let data = txt_data(&change.value);
    message.extend_from_slice(&u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
    message.extend_from_slice(&data);
    message
}

/// Splits a value into strings of up to 255 octets (RFC 1035 Section 3.3.14).
fn txt_data(value: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(value.len() + value.len() / MAX_STRING + 1);
    let mut strings = value.chunks(MAX_STRING);
    let first = strings.next().unwrap_or_default();
    for string in core::iter::once(first).chain(strings) {
        data.push(u8::try_from(string.len()).unwrap_or(u8::MAX));
        data.extend_from_slice(string);
    }
    data
}

fn header(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    let fields = [id, flags].into_iter().chain(counts);
    fields.flat_map(u16::to_be_bytes).collect()
}

fn question(message: &mut Vec<u8>, name: &DnsName, kind: u16) {
    message.extend_from_slice(name.wire());
    for field in [kind, IN] {
        message.extend_from_slice(&field.to_be_bytes());
    }
}

/// A response, as far as an update needs it.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) code: DnsCode,
    pub(super) authoritative: bool,
    pub(super) answers: Vec<Record>,
    pub(super) authorities: Vec<Record>,
    pub(super) tsig: Option<TsigRecord>,
}

/// A record of class IN.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) owner: DnsName,
    pub(super) data: Data,
}

#[derive(Debug)]
pub(super) enum Data {
    /// With the name of the primary server.
    Soa(DnsName),
    Ns,
    Cname(DnsName),
    /// The strings of one record, joined.
    Txt(Vec<u8>),
}

impl Response {
    /// Reads the response to a request.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(super) fn read(octets: &[u8], request: &[u8]) -> Result<Self, &'static str> {
        let mut cursor = Cursor::new(octets);
        let mut field = || cursor.u16().ok_or("it is shorter than a header");
        let (id, flags) = (field()?, field()?);
        let counts = [field()?, field()?, field()?, field()?];
        let mut asked = Cursor::new(request);
        let (own_id, own_flags) = (asked.u16(), asked.u16().unwrap_or_default());
        if flags & RESPONSE == 0 {
            return Err("it is no response");
        }
        if Some(id) != own_id || (flags ^ own_flags) & OPCODE != 0 {
            return Err("it responds to another message");
        }
        let mut response = Self {
            code: DnsCode::from_bits(flags & 0x0f),
            authoritative: flags & AUTHORITATIVE != 0,
            answers: Vec::new(),
            authorities: Vec::new(),
            tsig: None,
        };
        let broken = "it cannot be parsed";
        response.sections(&mut cursor, counts, flags & OPCODE == 0).ok_or(broken)?;
        // By TCP there is room for everything.
        if flags & TRUNCATED != 0 && response.code == DnsCode::NoError {
            return Err("it is truncated");
        }
        Ok(response)
    }

    fn sections(
        &mut self,
        cursor: &mut Cursor<'_>,
        counts: [u16; 4],
        is_query: bool,
    ) -> Option<()> {
        for _ in 0..counts[0] {
            DnsName::read(cursor)?;
            cursor.take(4)?;
        }
        for (section, count) in counts.into_iter().enumerate().skip(1) {
            for place in 0..count {
                let start = cursor.place();
                let (owner, kind, class, mut data) = record(cursor)?;
                if section == 3 && kind == TSIG {
                    // It is the last record of the message (RFC 8945 Section 5.1).
                    let last = place + 1 == count && class == ANY;
                    self.tsig = Some(TsigRecord::read(start, owner, &mut data).filter(|_| last)?);
                } else if section < 3 && class == IN && is_query {
                    let records =
                        if section == 1 { &mut self.answers } else { &mut self.authorities };
                    records.extend(Data::read(kind, &mut data)?.map(|data| Record { owner, data }));
                }
            }
        }
        Some(())
    }

    /// Returns the target of the name's CNAME record.
    pub(super) fn alias(&self, name: &DnsName) -> Option<&DnsName> {
        self.answers.iter().find_map(|record| match &record.data {
            Data::Cname(target) if record.owner == *name => Some(target),
            _ => None,
        })
    }

    /// Returns the zone of a name and its primary server: from the SOA record in the answer, or in the negative answer
    /// (RFC 2308).
    pub(super) fn zone(&self, name: &DnsName) -> Option<(&DnsName, &DnsName)> {
        let all = self.answers.iter().chain(&self.authorities);
        let zones = all.filter_map(|record| match &record.data {
            Data::Soa(primary) => Some((&record.owner, primary)),
            _ => None,
        });
        // The root's comes for a name without any zone below it.
        let zones = zones.filter(|(zone, _)| !zone.is_root() && zone.encloses(name));
        zones.max_by_key(|(zone, _)| zone.len())
    }

    /// Returns the zone that a referral names: the server delegated it, and knows no more of the name (RFC 1034
    /// Section 4.3.2).
    pub(super) fn referral(&self, name: &DnsName) -> Option<&DnsName> {
        if self.authoritative || !self.answers.is_empty() {
            return None;
        }
        let named = |record: &&Record| {
            let owner = &record.owner;
            matches!(record.data, Data::Ns) && !owner.is_root() && owner.encloses(name)
        };
        self.authorities.iter().find(named).map(|record| &record.owner)
    }

    /// Returns the values of the TXT records at a name.
    pub(super) fn txt(&self, name: &DnsName) -> Vec<String> {
        let values = self.answers.iter().filter_map(|record| match &record.data {
            Data::Txt(value) if record.owner == *name => Some(value),
            _ => None,
        });
        values.map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }
}

impl Data {
    /// Reads the data of a record; `Some(None)` for a type of no interest.
    fn read(kind: u16, data: &mut Cursor<'_>) -> Option<Option<Self>> {
        Some(Some(match kind {
            SOA => Self::Soa(DnsName::read(data)?),
            NS => Self::Ns,
            CNAME => Self::Cname(DnsName::read(data)?),
            TXT => {
                let mut value = Vec::new();
                while !data.is_empty() {
                    let length = data.u8()?;
                    value.extend_from_slice(data.take(usize::from(length))?);
                }
                Self::Txt(value)
            }
            _ => return Some(None),
        }))
    }
}

/// Reads a record: its owner, type, class, and the data.
fn record<'m>(cursor: &mut Cursor<'m>) -> Option<(DnsName, u16, u16, Cursor<'m>)> {
    let owner = DnsName::read(cursor)?;
    let (kind, class) = (cursor.u16()?, cursor.u16()?);
    cursor.take(4)?;
    let length = usize::from(cursor.u16()?);
    let data = cursor.part(length)?;
    Some((owner, kind, class, data))
}

pub(super) const NS: u16 = 2;
pub(super) const CNAME: u16 = 5;
pub(super) const SOA: u16 = 6;
pub(super) const TXT: u16 = 16;
const IN: u16 = 1;
const NONE: u16 = 254;

const UPDATE: u16 = 5;
const RESPONSE: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const AUTHORITATIVE: u16 = 0x0400;
const TRUNCATED: u16 = 0x0200;
const RECURSION_DESIRED: u16 = 0x0100;
const MAX_STRING: usize = 255;
