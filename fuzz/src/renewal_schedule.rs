use std::time::Duration;

use acme_proto::error::Error;
use acme_proto::op::{RenewalInfoEntry, Resource};
use acme_proto::renewal::{RenewalPolicy, RenewalSchedule, RenewalStep};
use acme_proto::time::Timestamp;
use acme_proto::url::Url;
use acme_proto::wire::{Context, RenewalInfo};
use acme_proto::x509::CertificateChain;

use crate::bytes::Bytes;

const EXAMPLE: &[u8] = include_bytes!("../corpus/pem_chain/v_ari");

/// Feeds a schedule any renewal information, errors and failures, at any times, and checks the
/// next step after each.
///
/// # Panics
///
/// If the schedule waits for a time in the past, asks about a certificate that has expired or was
/// replaced, lets the certificate expire without an attempt, or changes when it is stored and read.
pub fn renewal_schedule(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut schedule = schedule(&mut bytes);
    let start = Timestamp::from_unix_seconds(i64::from(bytes.u32()));
    let (mut now, mut latest) = (start, start);
    while !bytes.is_over() {
        match bytes.below(6) {
            0 => now = now.saturating_add(wait(&mut bytes)),
            1 => now = now.saturating_sub(wait(&mut bytes)),
            2 => {
                let entry = entry(&mut bytes, now);
                let _ = entry.map(|entry| schedule.on_info(&entry, now));
            }
            3 => {
                let _ = schedule.on_error(&error(&mut bytes, now), now);
            }
            4 => {
                let at = now.saturating_add(wait(&mut bytes));
                schedule.on_attempt_failed(bytes.one_in(2).then_some(at), now);
            }
            _ if bytes.one_in(16) => schedule.replaced(),
            _ => schedule = stored(schedule),
        }
        latest = latest.max(now);
        check(&schedule, now, latest);
    }
}

/// Checks the next step at `now`. `latest` is the latest time that the schedule has seen.
fn check(schedule: &RenewalSchedule, now: Timestamp, latest: Timestamp) {
    assert!(schedule.renew_at() <= schedule.latest() && schedule.latest() <= schedule.not_after());
    match schedule.next(now) {
        RenewalStep::Wait(at) => {
            assert!(at > now, "{at} is not after {now}");
            let held = schedule.last_failure().is_some();
            assert!(held || now < schedule.latest(), "nothing is done before expiry");
            assert!(held || at <= schedule.latest());
        }
        RenewalStep::Ask(_) => assert!(now < schedule.latest(), "asks too late"),
        RenewalStep::Renew => assert!(schedule.renew_at() <= now),
        _ => {}
    }
    // No failure delays an attempt by more than a day, whatever `Retry-After` says.
    let later = latest.saturating_add(Duration::from_secs(86_401)).max(schedule.not_after());
    assert!(!matches!(schedule.next(later), RenewalStep::Wait(_)), "held too long");
}

/// Makes a schedule for the certificate of RFC 9773's example, with a validity from the input.
///
/// The validity is set in the stored form, since a schedule has no setter for it.
fn schedule(bytes: &mut Bytes<'_>) -> RenewalSchedule {
    let chain = CertificateChain::parse_pem(EXAMPLE).expect("the example is a certificate");
    let schedule = RenewalSchedule::new(chain.leaf(), u64::from(bytes.u32()));
    let mut value = serde_json::to_value(schedule).expect("a schedule can be stored");
    let not_before = Timestamp::from_unix_seconds(i64::from(bytes.u32()));
    let not_after = not_before.saturating_add(wait(bytes));
    value["notBefore"] = serde_json::json!(not_before);
    value["notAfter"] = serde_json::json!(not_after);
    serde_json::from_value(value).expect("a stored schedule")
}

fn stored(schedule: RenewalSchedule) -> RenewalSchedule {
    let text = serde_json::to_string(&schedule).expect("a schedule can be stored");
    let again: RenewalSchedule = serde_json::from_str(&text).expect("what was stored is one");
    assert_eq!(again.clone().with_policy(RenewalPolicy::default()), schedule, "{text}");
    again
}

fn wait(bytes: &mut Bytes<'_>) -> Duration {
    let unit = bytes.pick(&[1, 60, 3600, 86_400]);
    Duration::from_secs(unit * u64::from(bytes.u8()))
}

fn entry(bytes: &mut Bytes<'_>, now: Timestamp) -> Option<RenewalInfoEntry> {
    let start = now.saturating_add(wait(bytes)).saturating_sub(wait(bytes));
    let end = start.saturating_add(wait(bytes));
    let body = serde_json::json!({ "suggestedWindow": { "start": start, "end": end } });
    let url = Url::parse("https://ca.example/ari").ok()?;
    let context = Context { url: &url, allow_http: false };
    let info = RenewalInfo::parse(body.to_string().as_bytes(), context).ok()?.value;
    let retry_after = bytes.one_in(2).then(|| now.saturating_add(wait(bytes)));
    Some(RenewalInfoEntry::new(info, retry_after))
}

fn error(bytes: &mut Bytes<'_>, now: Timestamp) -> Error {
    let url = Url::parse("https://ca.example/ari").expect("a URL");
    match bytes.below(3) {
        0 => Error::RetryLater { url, until: now.saturating_add(wait(bytes)) },
        1 => Error::Unsupported(acme_proto::error::Unsupported::Operation(Resource::RenewalInfo)),
        _ => Error::Cancelled,
    }
}
