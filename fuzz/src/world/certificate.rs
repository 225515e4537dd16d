//! Certificates whose signature is zeros: the core verifies none, and signing would slow fuzzing
//! down.

use std::net::IpAddr;

use acme_proto::identifier::Identifier;
use acme_proto::pem;

/// Makes a chain of one certificate for these names and this key.
pub(crate) fn chain(names: &[Identifier], spki: &[u8]) -> String {
    let general_names: Vec<Vec<u8>> = names.iter().map(general_name).collect();
    let san =
        sequence(&[&[6, 3, 0x55, 0x1d, 0x11], &tlv(4, &[&tlv(0x30, &as_slices(&general_names))])]);
    let algorithm = sequence(&[&[6, 3, 0x2b, 0x65, 0x70]]);
    let validity = sequence(&[&tlv(0x17, &[b"250101000000Z"]), &tlv(0x17, &[b"490101000000Z"])]);
    let tbs = sequence(&[
        &tlv(0xa0, &[&[2, 1, 2]]),
        &[2, 1, 1],
        &algorithm,
        &sequence(&[]),
        &validity,
        &sequence(&[]),
        spki,
        &tlv(0xa3, &[&sequence(&[&san])]),
    ]);
    pem::encode("CERTIFICATE", &sequence(&[&tbs, &algorithm, &tlv(3, &[&[0; 65]])]))
}

fn general_name(name: &Identifier) -> Vec<u8> {
    match name {
        Identifier::Ip(IpAddr::V4(ip)) => tlv(0x87, &[&ip.octets()]),
        Identifier::Ip(IpAddr::V6(ip)) => tlv(0x87, &[&ip.octets()]),
        other => tlv(0x82, &[other.value().as_bytes()]),
    }
}

fn as_slices(parts: &[Vec<u8>]) -> Vec<&[u8]> {
    parts.iter().map(Vec::as_slice).collect()
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let mut der = vec![tag];
    match length {
        0..0x80 => der.push(length as u8),
        0x80..0x100 => der.extend([0x81, length as u8]),
        _ => der.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    der.extend(content);
    der
}
