//! Checking that a TXT record has reached every authoritative server of its zone.

use core::pin::pin;
use std::io;

use acme_adapter::propagation::{
    DnsQuery, Propagated, PropagationCheck, PropagationError, PropagationStep, QueryId,
};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep, timeout};

use super::{hook, tcp};

/// Waits until every authoritative server that counts returns `value` among the TXT records at `name`.
///
/// `name` has no final dot. Servers that cannot be reached, do not serve the zone, or stay silent do not count. A check of
/// the resolvers alone asks them in place of the authoritative servers.
///
/// [`Dns01Solver::propagation`](crate::Dns01Solver::propagation) and
/// [`DnsPersist01Solver::propagation`](crate::DnsPersist01Solver::propagation) make a solver wait like this for each
/// challenge.
///
/// # Errors
/// Those of [`PropagationError`]: the record does not reach every server within the check's time
/// limit, its zone cannot be found, and so on.
pub async fn propagated(
    check: &PropagationCheck,
    name: &str,
    value: &str,
) -> Result<Propagated, PropagationError> {
    match select(pin!(hook::stopped()), pin!(search(check, name, value))).await {
        Either::Left(_) => Err(PropagationError::Stopped(name.to_owned())),
        Either::Right((result, _)) => result,
    }
}

async fn search(
    check: &PropagationCheck,
    name: &str,
    value: &str,
) -> Result<Propagated, PropagationError> {
    let start = Instant::now();
    let mut search = check.start(name, value)?;
    let mut in_flight = FuturesUnordered::new();
    loop {
        match search.poll(start.elapsed()) {
            PropagationStep::Ask(query) => in_flight.push(exchange(query)),
            PropagationStep::Wait(pause) if in_flight.is_empty() => sleep(pause).await,
            PropagationStep::Wait(pause) => {
                // Queries keep running when the pause ends: each has its own time limit.
                if let Ok(Some((id, answer))) = timeout(pause, in_flight.next()).await {
                    search.answer(id, answer);
                }
            }
            PropagationStep::Done(result) => return result,
        }
    }
}

async fn exchange(query: DnsQuery) -> (QueryId, io::Result<Vec<u8>>) {
    let limit = query.time_limit;
    let answer = if query.tcp {
        timeout(limit, tcp::exchange(query.server, &query.framed())).await
    } else {
        timeout(limit, by_udp(&query)).await
    };
    (query.id, answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())))
}

async fn by_udp(query: &DnsQuery) -> io::Result<Vec<u8>> {
    // On a system without IPv6 the socket cannot even be bound. `Unsupported` makes the check treat
    // the address as unreachable rather than silent.
    let no_family = |error| io::Error::new(io::ErrorKind::Unsupported, error);
    let socket = UdpSocket::bind(query.local()).await.map_err(no_family)?;
    socket.connect(query.server).await?;
    socket.send(&query.message).await?;
    let mut datagram = vec![0; DnsQuery::MAX_UDP];
    loop {
        let length = socket.recv(&mut datagram).await?;
        // A late or forged datagram must not end the wait for the real answer.
        if query.is_answered_by(&datagram[..length]) {
            datagram.truncate(length);
            return Ok(datagram);
        }
    }
}
