//! Dynamic updates of a DNS server (RFC 2136).

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
    let mut flow = update.start(name, task)?;
    let stop = hook::stop();
    let wanted = || !stop.is_set();
    loop {
        if !wanted() {
            return Err(DnsUpdateError::Stopped(name.to_owned()).into());
        }
        match flow.poll(start.elapsed(), clock::wall()) {
            DnsUpdateStep::Exchange(query) => {
                let deadline = Instant::now() + query.time_limit;
                let response = tcp::exchange(query.server, &query.framed, deadline, &wanted);
                flow.answer(response, clock::wall());
            }
            DnsUpdateStep::Done(result) => return Ok(result?),
        }
    }
}
