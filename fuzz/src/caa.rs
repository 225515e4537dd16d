use acme_proto::caa::{CaaRecord, CaaRequest, IssueValue};
use acme_proto::challenge::PersistRecord;
use acme_proto::identifier::DnsName;

use crate::check::is_plain;

/// Parses CAA records, issue-values, and records of dns-persist-01.
///
/// # Panics
///
/// If a value changes when it is written and read, or a message has control characters.
pub fn caa(data: &[u8]) {
    if let Ok(record) = CaaRecord::from_rdata(data) {
        assert_eq!(record.to_rdata(), data);
        look_at(&record);
    }
    let text = String::from_utf8_lossy(data);
    match text.parse::<CaaRecord>() {
        Ok(record) => look_at(&record),
        Err(error) => is_plain(&error),
    }
    match IssueValue::parse(&text) {
        Ok(value) => {
            is_plain(&value);
            read_again(&value.to_string(), &value, |text| IssueValue::parse(text).ok());
        }
        Err(error) => is_plain(&error),
    }
    match PersistRecord::parse(&text) {
        Ok(record) => {
            is_plain(&record);
            let value = record.to_issue_value().expect("what was read can be written");
            read_again(&value.to_string(), &record, |text| PersistRecord::parse(text).ok());
        }
        Err(error) => is_plain(&error),
    }
}

fn look_at(record: &CaaRecord) {
    is_plain(record);
    assert_eq!(CaaRecord::from_rdata(&record.to_rdata()).as_ref(), Ok(record));
    let read: CaaRecord = record.to_string().parse().expect("what is shown can be read");
    assert_eq!((read.value(), read.is_critical()), (record.value(), record.is_critical()));
    assert!(read.is(record.tag()));
    let name = DnsName::parse("*.a.example").expect("a name");
    if let Err(forbidden) = CaaRequest::new(&name, ["ca.example"]).check(&[read]) {
        is_plain(&forbidden);
    }
}

/// Parses a written value. The spaces that writing adds may make it too long.
fn read_again<T: PartialEq + std::fmt::Debug>(
    written: &str,
    value: &T,
    parse: impl Fn(&str) -> Option<T>,
) {
    if written.len() <= IssueValue::MAX_LEN {
        assert_eq!(parse(written).as_ref(), Some(value));
    }
}
