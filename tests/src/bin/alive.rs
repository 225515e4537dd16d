//! Servers that keep a certificate of a minute alive, under connections that never stop.
//!
//! `alive [SECONDS]` runs four servers of each adapter side by side, by default for ten minutes, and prints a table: one
//! with nothing in its way, one whose CA is away for three lifetimes, one that is killed every 20 seconds, and two that
//! share a folder. `alive serve ADAPTER FOLDER ADDRESS DIRECTORY ROOT` is such a server, a process of its own: with
//! acme-tokio, the one in the README.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use acme_adapter::clock;
use acme_adapter::tls::Roots;
use acme_proto::x509::Certificate;
use acme_testca::{FaultAction, FaultRule, Faults, TestCa};
use acme_tests::responders::TlsClient;
use acme_tests::{Scratch, scratch, short_lived_ca};

const NAME: &str = "example.org";
const LIFETIME: Duration = Duration::from_secs(60);
const ADAPTERS: [&str; 2] = ["acme-tokio", "acme-blocking"];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [command, adapter, folder, address, directory, root] = &arguments[..]
        && command == "serve"
    {
        let [folder, address, directory] = [folder, address, directory].map(String::clone);
        let root = fs::read(root).expect("the root");
        let given = GIVEN.get_or_init(|| Given { folder, address, directory, root });
        match adapter.as_str() {
            "acme-tokio" => readme::main().expect("a server"),
            _ => serve_blocking(given).expect("a server"),
        }
        return ExitCode::SUCCESS;
    }
    let seconds = arguments.first().map_or(600, |text| text.parse().expect("seconds"));
    let time = Duration::from_secs(seconds);
    let each = ADAPTERS.into_iter().flat_map(|adapter| Kind::ALL.map(|kind| (adapter, kind)));
    let runs: Vec<_> = each
        .map(|(adapter, kind)| thread::spawn(move || Run::new(adapter, kind).go(time)))
        .collect();
    println!(
        "| server | adapter | connections | failed handshakes | expired certificate shown | certificates | slowest first handshake after a start |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut is_fine = true;
    for run in runs {
        is_fine &= run.join().expect("a run");
    }
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What the README's server has as literals.
struct Given {
    folder: String,
    address: String,
    directory: String,
    root: Vec<u8>,
}

static GIVEN: OnceLock<Given> = OnceLock::new();

fn given() -> &'static Given {
    GIVEN.get().expect("it is set before a server starts")
}

/// The README's server, made by `tests/build.rs`.
mod readme {
    use super::OnTestCa as _;

    include!(concat!(env!("OUT_DIR"), "/readme_server.rs"));
}

/// Stands in for `lets_encrypt`.
trait OnTestCa {
    fn test_ca(self, contact: &str, agree: fn(&str) -> bool) -> Self;
}

macro_rules! on_test_ca {
    ($adapter:ident) => {
        impl OnTestCa for $adapter::CertificatesBuilder {
            fn test_ca(self, contact: &str, agree: fn(&str) -> bool) -> Self {
                self.ca(given().directory.as_str())
                    .contact(contact)
                    .agree_to_terms(agree)
                    .client(|client| client.roots(Roots::Pem(given().root.clone())))
                    .on_event(|event| eprintln!("{event}"))
            }
        }
    };
}
on_test_ca!(acme_tokio);
on_test_ca!(acme_blocking);

/// The same with acme-blocking.
fn serve_blocking(given: &Given) -> Result<(), acme_blocking::Error> {
    let listener = acme_blocking::Certificates::in_folder(&given.folder)
        .test_ca("mailto:me@example.org", |_terms| true)
        .names(["example.org", "www.example.org"])
        .listen(given.address.as_str())?;
    for (mut stream, _peer) in listener.incoming() {
        thread::spawn(move || {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nHello");
            stream.conn.send_close_notify();
            let _ = stream.flush();
        });
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Steady,
    Outage,
    Killed,
    Two,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Steady, Self::Outage, Self::Killed, Self::Two];

    const fn title(self) -> &'static str {
        match self {
            Self::Steady => "alone",
            Self::Outage => "its CA is away for three lifetimes",
            Self::Killed => "killed every 20 seconds",
            Self::Two => "two with one folder",
        }
    }
}

/// A CA and its servers.
struct Run {
    adapter: &'static str,
    kind: Kind,
    ca: TestCa,
    folder: Scratch,
    root: PathBuf,
    ports: Vec<u16>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    failed: AtomicU64,
    expired: AtomicU64,
    /// While it is true, no server is expected to answer.
    is_down: AtomicBool,
}

impl Run {
    fn new(adapter: &'static str, kind: Kind) -> Self {
        let ca = short_lived_ca(LIFETIME);
        let folder = scratch("alive");
        let root = folder.path().join("root.pem");
        fs::write(&root, ca.root_pem()).expect("a file");
        let number = if kind == Kind::Two { 2 } else { 1 };
        let ports: Vec<u16> = (0..number).map(|_| free_port()).collect();
        // The CA validates at the last one, whichever of them orders.
        ca.set_tls_port(*ports.last().expect("a port"));
        Self { adapter, kind, ca, folder, root, ports }
    }

    /// Runs for this time, prints a row, and returns whether all was well.
    fn go(self, time: Duration) -> bool {
        let counts = Arc::new(Counts::default());
        let mut servers: Vec<Child> = self.ports.iter().map(|port| self.start(*port)).collect();
        let first = self.ports.iter().map(|port| wait_for_handshake(*port)).max();
        let mut slowest = first.unwrap_or_default();
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = self
            .ports
            .iter()
            .map(|port| {
                let (port, counts, stop) = (*port, Arc::clone(&counts), Arc::clone(&stop));
                thread::spawn(move || connect(port, &counts, &stop))
            })
            .collect();
        let start = Instant::now();
        let mut next_kill = KILL_INTERVAL;
        let mut is_away = false;
        while start.elapsed() < time {
            thread::sleep(Duration::from_millis(100));
            if self.kind == Kind::Outage {
                let away = (time / 5..time / 5 + 3 * LIFETIME).contains(&start.elapsed());
                if away != is_away {
                    is_away = away;
                    self.set_away(away);
                }
            }
            if self.kind == Kind::Killed && start.elapsed() > next_kill {
                next_kill += KILL_INTERVAL;
                counts.is_down.store(true, Ordering::SeqCst);
                let server = &mut servers[0];
                server.kill().expect("it is running");
                server.wait().expect("it has ended");
                servers[0] = self.start(self.ports[0]);
                slowest = slowest.max(wait_for_handshake(self.ports[0]));
                counts.is_down.store(false, Ordering::SeqCst);
            }
        }
        stop.store(true, Ordering::SeqCst);
        clients.into_iter().for_each(|client| client.join().expect("a client"));
        for server in &mut servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        self.report(time, &counts, slowest)
    }

    fn report(&self, time: Duration, counts: &Counts, slowest: Duration) -> bool {
        let issued = self.ca.certificates_issued() as u64;
        let [connections, failed, expired] = [&counts.connections, &counts.failed, &counts.expired]
            .map(|count| count.load(Ordering::SeqCst));
        println!(
            "| {} | {} | {connections} | {failed} | {expired} | {issued} | {slowest:.2?} |",
            self.kind.title(),
            self.adapter,
        );
        // One at the start and one each half lifetime.
        let most = time.as_secs() / (LIFETIME.as_secs() / 2) + 1;
        let may_expire = self.kind == Kind::Outage;
        failed == 0 && (expired == 0 || may_expire) && issued <= most && connections > 0
    }

    fn start(&self, port: u16) -> Child {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("a log");
        // Also after the file was replaced by a new build.
        Command::new("/proc/self/exe")
            .args(["serve", self.adapter])
            .arg(self.folder.path().join("state"))
            .arg(format!("127.0.0.1:{port}"))
            .arg(self.ca.directory_url())
            .arg(&self.root)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("a server")
    }

    fn set_away(&self, is_away: bool) {
        let unavailable = FaultRule::next(FaultAction::unavailable(None)).times(usize::MAX);
        let faults = if is_away { Faults::none().with(unavailable) } else { Faults::none() };
        self.ca.set_faults(faults);
    }
}

const KILL_INTERVAL: Duration = Duration::from_secs(20);

/// Connects again and again, and looks at what is shown.
fn connect(port: u16, counts: &Counts, stop: &AtomicBool) {
    let client = TlsClient::offering(&["http/1.1"]);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    while !stop.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(20));
        if counts.is_down.load(Ordering::SeqCst) {
            continue;
        }
        let seen = client.try_connect(address, NAME);
        // The server was killed meanwhile.
        if counts.is_down.load(Ordering::SeqCst) {
            continue;
        }
        counts.connections.fetch_add(1, Ordering::SeqCst);
        match seen {
            Ok(seen) => {
                let certificate = Certificate::parse(seen.certificate).expect("a certificate");
                if certificate.not_after() <= clock::wall() {
                    counts.expired.fetch_add(1, Ordering::SeqCst);
                }
            }
            Err(error) => {
                eprintln!("port {port}: {error}");
                counts.failed.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

/// Waits for the first handshake after a start, and returns how long it took.
fn wait_for_handshake(port: u16) -> Duration {
    let (client, start) = (TlsClient::offering(&["http/1.1"]), Instant::now());
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    loop {
        if TcpStream::connect(address).is_ok() && client.try_connect(address, NAME).is_ok() {
            return start.elapsed();
        }
        assert!(start.elapsed() < LIFETIME, "no server at port {port}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}
