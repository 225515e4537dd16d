//! DNS messages by TCP (RFC 1035 Section 4.2.2).

use core::time::Duration;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

/// Sends a message with its length in front, and reads one, without its length.
pub(super) fn exchange(
    server: SocketAddr,
    framed: &[u8],
    deadline: Instant,
) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, left(deadline)?)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    stream.write_all(framed)?;
    let mut length = [0; 2];
    read(&mut stream, &mut length, deadline)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    read(&mut stream, &mut message, deadline)?;
    Ok(message)
}

/// Fills the buffer before the deadline, however slowly the server sends.
fn read(stream: &mut TcpStream, mut buffer: &mut [u8], deadline: Instant) -> io::Result<()> {
    while !buffer.is_empty() {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => buffer = &mut buffer[read..],
        }
    }
    Ok(())
}

/// Returns the time that is left, which is never zero: to a socket, zero means no time limit.
pub(super) fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
