use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io;

use acme_adapter::dns_update::{DnsTask, DnsUpdate, DnsUpdateStep, TsigAlgorithm, TsigKey};
use acme_proto::time::Timestamp;

use crate::bytes::Bytes;
use crate::check;

/// Parses a key file of any content, and changes and reads a TXT record at a DNS server that answers anything.
///
/// # Panics
///
/// If a change succeeds, since no input has a signature that fits, or if the server is asked without end.
pub fn dns_update(data: &[u8]) {
    if let Ok(text) = core::str::from_utf8(data)
        && let Err(error) = TsigKey::parse(text)
    {
        check::is_plain(&error);
    }
    let key = TsigKey::new("update.key.test", TsigAlgorithm::HmacSha256, "c2VjcmV0")
        .expect("the name is one, and the secret is base64");
    let update = DnsUpdate::new([SocketAddr::from((Ipv4Addr::LOCALHOST, 53)).into()], key);
    for task in [DnsTask::Add("value"), DnsTask::Remove("value"), DnsTask::Read] {
        run(&update, task, Bytes::new(data));
    }
}

fn run(update: &DnsUpdate, task: DnsTask<'_>, mut input: Bytes<'_>) {
    let now = Timestamp::from_unix_seconds(1_800_000_000);
    let mut flow = update
        .start("_acme-challenge.www.example.test", task)
        .expect("there is a server, and the name is one");
    for _ in 0..MOST_REQUESTS {
        match flow.poll(Duration::ZERO, now) {
            DnsUpdateStep::Exchange(query) => {
                // With the ID of the request, which no input could know.
                let id = query.framed.get(2..4).unwrap_or_default();
                let response = match input.is_over() {
                    true => Err(io::ErrorKind::UnexpectedEof.into()),
                    false => Ok([id, input.some(255)].concat()),
                };
                flow.answer(response, now);
            }
            DnsUpdateStep::Done(result) => {
                match &result {
                    Ok(_) => assert_eq!(task, DnsTask::Read),
                    Err(error) => check::is_plain(error),
                }
                return;
            }
        }
    }
    panic!("more than {MOST_REQUESTS} requests");
}

/// A name and eight that it is an alias for, and the up to 127 names above the last.
const MOST_REQUESTS: usize = 512;
