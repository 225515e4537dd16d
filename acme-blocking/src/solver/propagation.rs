//! Checking that a TXT record has reached every authoritative server of its zone.

use std::io;
use std::net::UdpSocket;
use std::thread;
use std::time::Instant;

use acme_adapter::propagation::{
    DnsQuery, Propagated, PropagationCheck, PropagationError, PropagationStep,
};
use acme_adapter::solvers::Stop;

use super::hook;
use super::tcp::{self, PAUSE, is_pause, left};

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
pub fn propagated(
    check: &PropagationCheck,
    name: &str,
    value: &str,
) -> Result<Propagated, PropagationError> {
    let start = Instant::now();
    let mut search = check.start(name, value)?;
    let mut queries = Vec::new();
    let stop = hook::stop();
    loop {
        if stop.is_set() {
            return Err(PropagationError::Stopped(name.to_owned()));
        }
        match search.poll(start.elapsed()) {
            PropagationStep::Ask(query) => queries.push(query),
            PropagationStep::Wait(pause) if queries.is_empty() => thread::sleep(pause.min(PAUSE)),
            PropagationStep::Wait(_) => {
                for (query, answer) in queries.iter().zip(exchange_all(&queries, &stop)) {
                    search.answer(query.id, answer);
                }
                queries.clear();
            }
            PropagationStep::Done(result) => return result,
        }
    }
}

/// Sends all queries at once, each on its own thread, and waits for all answers.
fn exchange_all(queries: &[DnsQuery], stop: &Stop) -> Vec<io::Result<Vec<u8>>> {
    thread::scope(|scope| {
        let start =
            |query| thread::Builder::new().spawn_scoped(scope, move || exchange(query, stop));
        let started: Vec<_> = queries.iter().map(start).collect();
        let end = |thread: io::Result<thread::ScopedJoinHandle<'_, io::Result<Vec<u8>>>>| {
            thread?.join().unwrap_or_else(|_| Err(io::Error::other("the query panicked")))
        };
        started.into_iter().map(end).collect()
    })
}

/// Sends a query and waits for its answer, or for the wish to end.
fn exchange(query: &DnsQuery, stop: &Stop) -> io::Result<Vec<u8>> {
    let deadline = tcp::deadline(query.time_limit);
    if query.tcp {
        tcp::exchange(query.server, &query.framed(), deadline, &|| !stop.is_set())
    } else {
        by_udp(query, deadline, stop)
    }
}

fn by_udp(query: &DnsQuery, deadline: Instant, stop: &Stop) -> io::Result<Vec<u8>> {
    // On a system without IPv6 the socket cannot even be bound. `Unsupported` makes the check treat
    // the address as unreachable rather than silent.
    let no_family = |error| io::Error::new(io::ErrorKind::Unsupported, error);
    let socket = UdpSocket::bind(query.local()).map_err(no_family)?;
    socket.connect(query.server)?;
    socket.send(&query.message)?;
    let mut datagram = vec![0; DnsQuery::MAX_UDP];
    loop {
        socket.set_read_timeout(Some(left(deadline)?.min(PAUSE)))?;
        let length = match socket.recv(&mut datagram) {
            Ok(length) => length,
            Err(error) if is_pause(&error) && !stop.is_set() => continue,
            Err(error) => return Err(error),
        };
        // A late or forged datagram must not end the wait for the real answer.
        if query.is_answered_by(&datagram[..length]) {
            datagram.truncate(length);
            return Ok(datagram);
        }
    }
}
