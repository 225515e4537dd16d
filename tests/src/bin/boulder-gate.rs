//! One side of the wall around Boulder: `boulder-gate DIR LISTEN=CONNECT...`.
//!
//! LISTEN and CONNECT are each `ADDRESS:PORT`, or the name of a socket in DIR. One such program runs inside Boulder's
//! network namespace and one outside; DIR is what they share. CONNECT can also be `srv:PORT`: LISTEN is then a DNS
//! server for which every name has the address 127.0.0.1, and every service that port of it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::ExitCode;
use std::{env, process, thread};

use acme_tests::name_servers::{answer, asked, name, record};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, SRV};
use hickory_proto::rr::{RData, RecordType};

/// The name that a service is at.
const HOST: &str = "host.boulder.internal";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("boulder-gate {}: {error}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> io::Result<()> {
    let usage = || io::Error::other("usage: boulder-gate DIR LISTEN=CONNECT...");
    let (dir, rules) = arguments.split_first().ok_or_else(usage)?;
    env::set_current_dir(dir)?; // the path of a socket may have a hundred octets only
    let mut servers = Vec::new();
    for rule in rules {
        let (listen, connect) = rule.split_once('=').ok_or_else(usage)?;
        if let Some(port) = connect.strip_prefix("srv:") {
            let port = port.parse().map_err(|_| usage())?;
            let socket = UdpSocket::bind(listen)?;
            servers.push(thread::spawn(move || point_to(port, &socket)));
            continue;
        }
        let listener = Listener::open(listen)?;
        let connect = connect.to_owned();
        servers.push(thread::spawn(move || listener.serve(&connect)));
    }
    println!("ready {}", process::id());
    for server in servers {
        let _ = server.join();
    }
    Ok(())
}

/// Answers each DNS query for a service with this port of 127.0.0.1.
fn point_to(port: u16, socket: &UdpSocket) {
    let mut packet = [0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut packet) {
        let Ok(query) = Message::from_vec(&packet[..length]) else { continue };
        let Some(question) = query.queries.first() else { continue };
        let data = match question.query_type() {
            RecordType::SRV => Some(RData::SRV(SRV::new(0, 0, port, name(HOST)))),
            RecordType::A => Some(RData::A(A(Ipv4Addr::LOCALHOST))),
            _ => None,
        };
        let records = data.map(|data| record(&asked(&query), data)).into_iter().collect();
        let mut answer = answer(&query, records);
        answer.metadata.response_code = ResponseCode::NoError; // each name is there
        if let Ok(octets) = answer.to_vec() {
            let _ = socket.send_to(&octets, client);
        }
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    fn open(place: &str) -> io::Result<Self> {
        match place.parse::<SocketAddr>() {
            Ok(address) => TcpListener::bind(address).map(Self::Tcp),
            Err(_) => UnixListener::bind(place).map(Self::Unix),
        }
    }

    /// Connects each connection with a new one to `place`; if there is nobody, the connection ends.
    fn serve(&self, place: &str) {
        loop {
            let accepted = match self {
                Self::Tcp(listener) => listener.accept().map(|(stream, _)| Stream::Tcp(stream)),
                Self::Unix(listener) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
            };
            let place = place.to_owned();
            if let Ok(here) = accepted {
                thread::spawn(move || join(&here, &Stream::open(&place)?));
            }
        }
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn open(place: &str) -> io::Result<Self> {
        match place.parse::<SocketAddr>() {
            Ok(address) => TcpStream::connect(address).map(Self::Tcp),
            Err(_) => UnixStream::connect(place).map(Self::Unix),
        }
    }

    fn shutdown(&self, how: Shutdown) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        };
    }
}

impl Read for &Stream {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => { stream }.read(octets),
            Stream::Unix(stream) => { stream }.read(octets),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => { stream }.write(octets),
            Stream::Unix(stream) => { stream }.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Carries octets both ways until both have ended.
fn join(one: &Stream, other: &Stream) -> io::Result<()> {
    let carry = |mut from: &Stream, mut to: &Stream| match io::copy(&mut from, &mut to) {
        Ok(_) => to.shutdown(Shutdown::Write),
        Err(_) => [from, to].iter().for_each(|stream| stream.shutdown(Shutdown::Both)),
    };
    thread::scope(|scope| {
        scope.spawn(|| carry(one, other));
        carry(other, one);
    });
    Ok(())
}
