//! Dynamic updates of a DNS server (RFC 2136).

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use acme_adapter::clock;
use acme_adapter::dns_update::{DnsTask, DnsUpdate, DnsUpdateError, DnsUpdateStep};

use super::{hook, tcp};
use crate::BoxError;

/// Runs a task at a name, and returns the values that it read. It ends early when the issuance has no use for it.
pub(super) fn run(
    update: &DnsUpdate,
    name: &str,
    task: DnsTask<'_>,
) -> Result<Vec<String>, BoxError> {
    let start = Instant::now();
    let stop = hook::stop();
    let wanted = || !stop.is_set();
    let mut flow = match update.has_names() {
        true => looked_up(update, name, start, &wanted)?.start(name, task)?,
        false => update.start(name, task)?,
    };
    loop {
        if !wanted() {
            return Err(DnsUpdateError::Stopped(name.to_owned()).into());
        }
        match flow.poll(start.elapsed(), clock::wall()) {
            DnsUpdateStep::Exchange(query) => {
                let deadline = tcp::deadline(query.time_limit);
                let response = tcp::exchange(query.server, &query.framed, deadline, &wanted);
                flow.answer(response, clock::wall());
            }
            DnsUpdateStep::Done(result) => return Ok(result?),
        }
    }
}

/// Looks servers up on a thread of its own: the system's resolver cannot be stopped.
fn looked_up(
    update: &DnsUpdate,
    name: &str,
    start: Instant,
    wanted: &dyn Fn() -> bool,
) -> Result<DnsUpdate, BoxError> {
    let (limit, too_late) = update.look_up_limit();
    let (send, receive) = mpsc::channel();
    let update = update.clone();
    thread::Builder::new().name("acme-look-up".into()).spawn(move || {
        let _ = send.send(update.looked_up());
    })?;
    loop {
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(too_late.into());
        }
        match receive.recv_timeout(left.min(tcp::PAUSE)) {
            Ok(result) => return Ok(result?),
            Err(RecvTimeoutError::Timeout) if wanted() => {}
            Err(RecvTimeoutError::Timeout) => {
                return Err(DnsUpdateError::Stopped(name.to_owned()).into());
            }
            Err(RecvTimeoutError::Disconnected) => return Err("the look-up panicked".into()),
        }
    }
}
