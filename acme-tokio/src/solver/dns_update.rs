//! Dynamic updates of a DNS server (RFC 2136).

use core::pin::pin;
use std::io;

use acme_adapter::clock;
use acme_adapter::dns_update::{DnsTask, DnsUpdate, DnsUpdateError, DnsUpdateStep};
use futures_util::future::{Either, select};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use super::{hook, tcp};
use crate::BoxError;

/// Runs a task at a name, and returns the values that it read. It ends early when the issuance has no use for it.
pub(super) async fn run(
    update: &DnsUpdate,
    name: &str,
    task: DnsTask<'_>,
) -> Result<Vec<String>, BoxError> {
    match select(pin!(hook::stopped()), pin!(run_to_end(update, name, task))).await {
        Either::Left(_) => Err(DnsUpdateError::Stopped(name.to_owned()).into()),
        Either::Right((result, _)) => result,
    }
}

async fn run_to_end(
    update: &DnsUpdate,
    name: &str,
    task: DnsTask<'_>,
) -> Result<Vec<String>, BoxError> {
    let start = Instant::now();
    let mut flow = match update.has_names() {
        true => looked_up(update).await?.start(name, task)?,
        false => update.start(name, task)?,
    };
    loop {
        match flow.poll(start.elapsed(), clock::wall()) {
            DnsUpdateStep::Exchange(query) => {
                let exchange = tcp::exchange(query.server, &query.framed);
                let response = timeout(query.time_limit, exchange).await;
                let response = response.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                flow.answer(response, clock::wall());
            }
            DnsUpdateStep::Done(result) => return Ok(result?),
        }
    }
}

/// Looks servers up, for as long as the change may take.
async fn looked_up(update: &DnsUpdate) -> Result<DnsUpdate, BoxError> {
    let (limit, too_late) = update.look_up_limit();
    let update = update.clone();
    let look_up = spawn_blocking(move || update.looked_up());
    match timeout(limit, look_up).await {
        // Without any time nothing is looked up in time.
        Ok(found) if !limit.is_zero() => Ok(found??),
        _ => Err(too_late.into()),
    }
}
