//! Name servers on loopback: one resolver and some authoritative servers, over UDP and TCP.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, NS, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// Answers a query, or not, by whether it came over TCP and how many queries came before it.
pub type Answer = Box<dyn Fn(&Message, bool, usize) -> Option<Message> + Send + Sync>;

/// Name servers that end when this is dropped; all listen on one port, each at an address of 127.0.0.0/8.
pub struct NameServers {
    port: u16,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    queries: Vec<Arc<AtomicUsize>>,
}

impl NameServers {
    /// Starts a resolver that knows these zones, and these servers at 127.0.0.2 and so on.
    ///
    /// A zone is its name with the places of its servers.
    ///
    /// # Panics
    /// If no port is free at all the addresses.
    pub fn start(zones: &[(&str, &[usize])], servers: Vec<Answer>) -> Self {
        Self::start_with(resolver(zones), servers)
    }

    /// As [`start`](Self::start), with a resolver of the caller's.
    ///
    /// # Panics
    /// If no port is free at all the addresses.
    pub fn start_with(resolver: Answer, servers: Vec<Answer>) -> Self {
        let answers: Vec<Answer> = core::iter::once(resolver).chain(servers).collect();
        let (port, sockets) = (0..100).find_map(|_| bind(answers.len())).expect("a free port");
        let (over, mut threads, mut queries) = (Arc::default(), Vec::new(), Vec::new());
        for (answer, (udp, tcp)) in answers.into_iter().zip(sockets) {
            let count = Arc::<AtomicUsize>::default();
            let server = Arc::new(Server { answer, count: count.clone(), over: Arc::clone(&over) });
            queries.push(count);
            let same = Arc::clone(&server);
            threads.push(thread::spawn(move || same.serve_udp(&udp)));
            threads.push(thread::spawn(move || server.serve_tcp(&tcp)));
        }
        Self { port, over, threads, queries }
    }

    /// Returns the address of the resolver.
    pub fn resolver(&self) -> SocketAddr {
        SocketAddr::new(address(0), self.port)
    }

    /// Returns the address of the server at a place, counted from 1.
    pub fn server(&self, place: usize) -> SocketAddr {
        SocketAddr::new(address(place), self.port)
    }

    /// Returns how many queries the server at a place was asked.
    pub fn queries(&self, place: usize) -> usize {
        self.queries[place].load(Ordering::SeqCst)
    }
}

impl Drop for NameServers {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Makes a resolver that knows these zones.
pub fn resolver(zones: &[(&str, &[usize])]) -> Answer {
    let zones = zones.iter().map(|(zone, places)| ((*zone).to_owned(), places.to_vec()));
    let zones: BTreeMap<String, Vec<usize>> = zones.collect();
    Box::new(move |query, _, _| Some(resolve(&zones, query)))
}

/// TXT records that appear at one server at once, and at another only after some queries for them.
#[derive(Clone, Default)]
pub struct Records(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

impl Records {
    /// Adds a value.
    pub fn set(&self, name: &str, value: &str) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.entry(name.to_lowercase()).or_default().push(value.to_owned());
    }

    /// Removes a value.
    pub fn remove(&self, name: &str, value: &str) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.entry(name.to_lowercase()).or_default().retain(|found| found != value);
    }

    /// Returns whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().all(Vec::is_empty)
    }

    /// Makes a server that has the records from a query on, and no such name before.
    pub fn server(&self, from: usize) -> Answer {
        let records = self.clone();
        Box::new(move |query, _, before| {
            let name = asked(query);
            let values = records.0.lock().unwrap_or_else(PoisonError::into_inner);
            let values = values.get(&name).filter(|_| before >= from).cloned().unwrap_or_default();
            Some(answer(query, values.iter().map(|value| txt(&name, value)).collect()))
        })
    }
}

/// Returns the name that a query asks for, without a final dot.
pub fn asked(query: &Message) -> String {
    query.queries[0].name().to_ascii().trim_end_matches('.').to_lowercase()
}

/// Makes an authoritative answer; without records it says that there is no such name.
pub fn answer(query: &Message, records: Vec<Record>) -> Message {
    let mut message = query.clone().into_response();
    message.metadata.message_type = MessageType::Response;
    message.metadata.authoritative = true;
    message.metadata.response_code =
        if records.is_empty() { ResponseCode::NXDomain } else { ResponseCode::NoError };
    message.edns = None;
    message.add_answers(records);
    message
}

/// Makes a TXT record.
pub fn txt(name: &str, value: &str) -> Record {
    record(name, RData::TXT(TXT::new(vec![value.to_owned()])))
}

/// Makes a record of any type.
///
/// # Panics
/// If the name is none.
pub fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 60, data)
}

/// Makes a name.
///
/// # Panics
/// If the text is none.
pub fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).expect("a name")
}

fn resolve(zones: &BTreeMap<String, Vec<usize>>, query: &Message) -> Message {
    let asked = asked(query);
    let zone = zones.keys().filter(|zone| name(zone).zone_of(&name(&asked)));
    let zone = zone.max_by_key(|zone| zone.len());
    let server = |place: &usize| format!("ns{place}.test");
    let records = match query.queries[0].query_type() {
        RecordType::NS => zones.get(&asked).map_or(Vec::new(), |places| {
            places.iter().map(|p| record(&asked, RData::NS(NS(name(&server(p)))))).collect()
        }),
        RecordType::A => zones
            .values()
            .flatten()
            .filter(|place| server(place) == asked)
            .filter_map(|&place| match address(place) {
                IpAddr::V4(v4) => Some(record(&asked, RData::A(A(v4)))),
                IpAddr::V6(_) => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let mut message = answer(query, records);
    message.metadata.authoritative = false;
    if let (RecordType::SOA, Some(zone)) = (query.queries[0].query_type(), zone) {
        let soa = SOA::new(name("ns.test"), name("me.test"), 1, 2, 3, 4, 5);
        message.add_authority(record(zone, RData::SOA(soa)));
    }
    message
}

struct Server {
    answer: Answer,
    count: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Server {
    fn reply(&self, query: &[u8], tcp: bool) -> Option<Vec<u8>> {
        let query = Message::from_vec(query).ok()?;
        let before = self.count.fetch_add(1, Ordering::SeqCst);
        (self.answer)(&query, tcp, before)?.to_vec().ok()
    }

    fn serve_udp(&self, socket: &UdpSocket) {
        let mut datagram = [0; 4096];
        while !self.over.load(Ordering::SeqCst) {
            let Ok((length, from)) = socket.recv_from(&mut datagram) else { continue };
            if let Some(reply) = self.reply(&datagram[..length], false) {
                let _ = socket.send_to(&reply, from);
            }
        }
    }

    fn serve_tcp(&self, listener: &TcpListener) {
        while !self.over.load(Ordering::SeqCst) {
            match listener.accept() {
                Ok((stream, _)) => drop(self.serve_connection(stream)),
                Err(_) => thread::sleep(TICK),
            }
        }
    }

    fn serve_connection(&self, mut stream: std::net::TcpStream) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query)?;
        if let Some(reply) = self.reply(&query, true) {
            let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
            stream.write_all(&[&length.to_be_bytes()[..], &reply].concat())?;
        }
        Ok(())
    }
}

/// Binds UDP and TCP sockets at so many addresses, all on one port.
fn bind(servers: usize) -> Option<(u16, Vec<(UdpSocket, TcpListener)>)> {
    let first = UdpSocket::bind((address(0), 0)).ok()?;
    let port = first.local_addr().ok()?.port();
    let mut first = Some(first);
    let mut sockets = Vec::new();
    for place in 0..servers {
        let at = (address(place), port);
        let udp = first.take().map_or_else(|| UdpSocket::bind(at), Ok).ok()?;
        udp.set_read_timeout(Some(TICK)).ok()?;
        let tcp = TcpListener::bind(at).ok()?;
        tcp.set_nonblocking(true).ok()?;
        sockets.push((udp, tcp));
    }
    Some((port, sockets))
}

/// Returns 127.0.0.1 for the resolver, and what follows for the others.
fn address(place: usize) -> IpAddr {
    let last = u8::try_from(place + 1).unwrap_or(u8::MAX);
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))
}

const TICK: Duration = Duration::from_millis(20);
