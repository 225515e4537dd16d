//! Signatures of messages by a shared key (RFC 8945).

use super::cursor::Cursor;
use super::error::TsigFailure;
use super::key::TsigKey;
use super::name::DnsName;

/// The TSIG record of a response.
#[derive(Debug)]
pub(super) struct TsigRecord {
    /// Where it starts in the message.
    place: usize,
    key: DnsName,
    algorithm: DnsName,
    time: u64,
    fudge: u16,
    mac: Vec<u8>,
    original_id: u16,
    error: u16,
    other: Vec<u8>,
}

impl TsigRecord {
    /// Reads its data (RFC 8945 Section 4.2).
    pub(super) fn read(place: usize, key: DnsName, data: &mut Cursor<'_>) -> Option<Self> {
        let algorithm = DnsName::read(data)?;
        let time = u48(data)?;
        let fudge = data.u16()?;
        let mac_length = usize::from(data.u16()?);
        let mac = data.take(mac_length)?.to_vec();
        let (original_id, error) = (data.u16()?, data.u16()?);
        let other_length = usize::from(data.u16()?);
        let other = data.take(other_length)?.to_vec();
        let record = Self { place, key, algorithm, time, fudge, mac, original_id, error, other };
        data.is_empty().then_some(record)
    }

    /// Returns what the server objects to in the signature of the request, whether it signed that or not.
    ///
    /// Whoever can forge it can only make the update fail, which needs no forging.
    pub(super) fn objection(&self, now: u64) -> Option<TsigFailure> {
        match self.error {
            0 => None,
            BADSIG => Some(TsigFailure::BadSignature),
            BADKEY => Some(TsigFailure::UnknownKey),
            BADTIME => {
                let time = u48(&mut Cursor::new(&self.other));
                Some(TsigFailure::Clock { ahead: time.map_or(0, |time| ahead(now, time)) })
            }
            other => Some(TsigFailure::Other(other)),
        }
    }

    /// Checks the signature of a response to a request with this MAC (RFC 8945 Section 5.3.2).
    pub(super) fn verify(
        &self,
        key: &TsigKey,
        response: &[u8],
        request_mac: &[u8],
        now: u64,
    ) -> Result<(), TsigFailure> {
        if self.key != *key.wire_name() || self.algorithm != key.algorithm().wire_name() {
            return Err(TsigFailure::OtherKey);
        }
        let length = u16::try_from(request_mac.len()).unwrap_or(u16::MAX).to_be_bytes();
        let mut signed = [&length, request_mac].concat();
        let start = signed.len();
        signed.extend_from_slice(response.get(..self.place).unwrap_or_default());
        // As the server signed it: with the ID of the request, and without this record.
        let count =
            response.get(10..12).map_or(0, |count| u16::from_be_bytes([count[0], count[1]]));
        for (place, field) in [(0, self.original_id), (10, count.wrapping_sub(1))] {
            if let Some(octets) = signed.get_mut(start + place..start + place + 2) {
                octets.copy_from_slice(&field.to_be_bytes());
            }
        }
        let stamp = Stamp { time: self.time, fudge: self.fudge, error: self.error };
        variables(&mut signed, key, &stamp, &self.other);
        if !is_equal(&key.mac(&signed), &self.mac) {
            return Err(TsigFailure::Forged);
        }
        // Checked after the MAC, because before that the time is not the server's.
        if self.time.abs_diff(now) > u64::from(self.fudge) {
            return Err(TsigFailure::Clock { ahead: ahead(now, self.time) });
        }
        Ok(())
    }
}

/// Appends a TSIG record to a request, and returns its MAC.
pub(super) fn sign(message: &mut Vec<u8>, key: &TsigKey, now: u64) -> Vec<u8> {
    let id = message.get(..2).unwrap_or_default().to_vec();
    let mut signed = message.clone();
    let stamp = Stamp { time: now, fudge: FUDGE, error: 0 };
    variables(&mut signed, key, &stamp, &[]);
    let mac = key.mac(&signed);

    message.extend_from_slice(key.wire_name().wire());
    for field in [TSIG, ANY, 0, 0] {
        message.extend_from_slice(&field.to_be_bytes());
    }
    let mut data = key.algorithm().wire_name().wire().to_vec();
    stamp.write_time(&mut data);
    data.extend_from_slice(&u16::try_from(mac.len()).unwrap_or(u16::MAX).to_be_bytes());
    data.extend_from_slice(&mac);
    data.extend_from_slice(&id);
    data.extend_from_slice(&[0; 4]);
    message.extend_from_slice(&u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
    message.extend_from_slice(&data);
    if let Some(count) = message.get_mut(11) {
        *count += 1; // a request has no other additional record
    }
    mac
}

struct Stamp {
    time: u64,
    fudge: u16,
    error: u16,
}

impl Stamp {
    fn write_time(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.time.to_be_bytes()[2..]);
        to.extend_from_slice(&self.fudge.to_be_bytes());
    }
}

/// Appends what is signed besides the message (RFC 8945 Section 4.3.3).
fn variables(signed: &mut Vec<u8>, key: &TsigKey, stamp: &Stamp, other: &[u8]) {
    signed.extend_from_slice(key.wire_name().wire());
    for field in [ANY, 0, 0] {
        signed.extend_from_slice(&field.to_be_bytes());
    }
    signed.extend_from_slice(key.algorithm().wire_name().wire());
    stamp.write_time(signed);
    signed.extend_from_slice(&stamp.error.to_be_bytes());
    signed.extend_from_slice(&u16::try_from(other.len()).unwrap_or(u16::MAX).to_be_bytes());
    signed.extend_from_slice(other);
}

/// Compares in a time that does not depend on where two MACs differ.
fn is_equal(own: &[u8], other: &[u8]) -> bool {
    let differing = own.iter().zip(other).fold(0, |bits, (one, other)| bits | (one ^ other));
    own.len() == other.len() && core::hint::black_box(differing) == 0
}

/// Returns by how many seconds the server's clock is ahead of this one.
fn ahead(now: u64, server: u64) -> i64 {
    let distance = i64::try_from(server.abs_diff(now)).unwrap_or(i64::MAX);
    if server >= now { distance } else { -distance }
}

fn u48(cursor: &mut Cursor<'_>) -> Option<u64> {
    let high = u64::from(cursor.u16()?);
    let (middle, low) = (u64::from(cursor.u16()?), u64::from(cursor.u16()?));
    Some(high << 32 | middle << 16 | low)
}

/// How many seconds two clocks may differ, as RFC 8945 Section 10 recommends.
const FUDGE: u16 = 300;

/// The type of the record, and its class.
pub(super) const TSIG: u16 = 250;
pub(super) const ANY: u16 = 255;

const BADSIG: u16 = 16;
const BADKEY: u16 = 17;
const BADTIME: u16 = 18;
