//! Servers that keep a certificate of a minute alive, under connections that never stop.
//!
//! `alive [SECONDS]` runs four servers side by side, by default for ten minutes, and prints a table:
//! one with nothing in its way, one whose CA is away for three lifetimes, one that is killed every
//! 20 seconds, and two that share a folder. `alive serve FOLDER DIRECTORY ROOT PORT` is such a
//! server, a process of its own with acme-tokio.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use acme_adapter::clock;
use acme_adapter::tls::Roots;
use acme_proto::x509::Certificate;
use acme_testca::{FaultAction, FaultRule, Faults, TestCa};
use acme_tests::responders::TlsClient;
use acme_tests::{Scratch, scratch, short_lived_ca};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const NAME: &str = "a.example";
const LIFETIME: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [command, folder, directory, root, port] = &arguments[..]
        && command == "serve"
    {
        serve(folder, directory, Path::new(root), port.parse().expect("a port"));
    }
    let seconds = arguments.first().map_or(600, |text| text.parse().expect("seconds"));
    let time = Duration::from_secs(seconds);
    let runs: Vec<_> =
        Kind::ALL.into_iter().map(|kind| thread::spawn(move || Run::new(kind).go(time))).collect();
    println!(
        "| server | seconds | connections | failed handshakes | expired shown | certificates | first handshake after a start |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut is_fine = true;
    for run in runs {
        is_fine &= run.join().expect("a run");
    }
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Serves until it is killed.
fn serve(folder: &str, directory: &str, root: &Path, port: u16) -> ! {
    let root = fs::read(root).expect("the root");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let certificates = acme_tokio::Certificates::in_folder(folder)
            .ca(directory)
            .agree_to_terms(|_url| true)
            .names([NAME])
            .client(move |client| client.roots(Roots::Pem(root.clone())))
            .on_event(|event| eprintln!("{event}"))
            .start()
            .await
            .expect("certificates");
        let mut listener = certificates.listen(("127.0.0.1", port)).await.expect("a listener");
        loop {
            let (mut stream, _) = listener.accept().await;
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(b"hello").await;
                let _ = stream.shutdown().await;
            });
        }
    })
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
    fn new(kind: Kind) -> Self {
        let ca = short_lived_ca(LIFETIME);
        let folder = scratch("alive");
        let root = folder.path().join("root.pem");
        fs::write(&root, ca.root_pem()).expect("a file");
        let number = if kind == Kind::Two { 2 } else { 1 };
        let ports: Vec<u16> = (0..number).map(|_| free_port()).collect();
        // The CA validates at the last one, whichever of them orders.
        ca.set_tls_port(*ports.last().expect("a port"));
        Self { kind, ca, folder, root, ports }
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
            time.as_secs(),
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
            .open(
                env::temp_dir().join(format!("alive-{}.log", self.kind.title().replace(' ', "-"))),
            )
            .expect("a log");
        // Also after the file was replaced by a new build.
        Command::new("/proc/self/exe")
            .arg("serve")
            .arg(self.folder.path().join("state"))
            .arg(self.ca.directory_url())
            .arg(&self.root)
            .arg(port.to_string())
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
