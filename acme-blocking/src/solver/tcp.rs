//! DNS messages by TCP (RFC 1035 Section 4.2.2).

use core::time::Duration;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Instant;

/// Sends a message with its length in front, and reads one, without its length.
///
/// It ends early, as interrupted, when `wanted` returns false.
pub(super) fn exchange(
    server: SocketAddr,
    framed: &[u8],
    deadline: Instant,
    wanted: &dyn Fn() -> bool,
) -> io::Result<Vec<u8>> {
    let mut stream = connect(server, deadline, wanted)?;
    // It is small enough for the buffer of a new connection.
    stream.set_write_timeout(Some(left(deadline)?))?;
    stream.write_all(framed)?;
    let mut length = [0; 2];
    read(&mut stream, &mut length, deadline, wanted)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    read(&mut stream, &mut message, deadline, wanted)?;
    Ok(message)
}

/// Connects on a thread of its own: a connection attempt cannot be stopped, and a new one after each pause
/// never reaches a distant server.
fn connect(
    server: SocketAddr,
    deadline: Instant,
    wanted: &dyn Fn() -> bool,
) -> io::Result<TcpStream> {
    let limit = left(deadline)?;
    let (send, receive) = mpsc::channel();
    thread::Builder::new().name("acme-connect".into()).spawn(move || {
        let _ = send.send(TcpStream::connect_timeout(&server, limit));
    })?;
    loop {
        match receive.recv_timeout(PAUSE) {
            Ok(connected) => return connected,
            Err(RecvTimeoutError::Timeout) if wanted() => {}
            Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::Interrupted.into()),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("the connection attempt panicked"));
            }
        }
    }
}

/// Fills the buffer before the deadline, however slowly the server sends.
fn read(
    stream: &mut TcpStream,
    mut buffer: &mut [u8],
    deadline: Instant,
    wanted: &dyn Fn() -> bool,
) -> io::Result<()> {
    while !buffer.is_empty() {
        stream.set_read_timeout(Some(left(deadline)?.min(PAUSE)))?;
        match stream.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => buffer = &mut buffer[read..],
            Err(error) if is_pause(&error) && wanted() => {}
            Err(error) if is_pause(&error) => return Err(io::ErrorKind::Interrupted.into()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns whether a read ended without octets, since its time was over or by a signal.
pub(super) fn is_pause(error: &io::Error) -> bool {
    let kinds = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut, io::ErrorKind::Interrupted];
    kinds.contains(&error.kind())
}

/// How long it takes at most to notice that the result is not wanted.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// Returns the end of a time limit, of a day at most: a longer one may be more than can be added to a time.
pub(super) fn deadline(time_limit: Duration) -> Instant {
    Instant::now() + time_limit.min(LONGEST)
}

const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the time that is left, which is never zero: to a socket, zero means no time limit.
pub(super) fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
