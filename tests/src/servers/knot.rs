//! Knot DNS: an authoritative server that accepts dynamic updates (RFC 2136) signed with TSIG (RFC 8945).

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::scratch::Scratch;
use super::{LIMIT, Process, free_port, loopback};

/// A running `knotd`, which answers at one loopback port by UDP and TCP; it ends when this is dropped.
///
/// It has one key for each of [`ALGORITHMS`](Self::ALGORITHMS), and every key may change every zone. An answer follows
/// aliases (CNAME) between its zones, so `TestCaBuilder::dns` may name it.
#[derive(Debug)]
pub struct Knot {
    server: SocketAddr,
    zones: Vec<String>,
    process: Process,
    scratch: Scratch, // after the process: it is dropped last
}

impl Knot {
    /// The algorithms of the keys, as TSIG names them.
    pub const ALGORITHMS: [&str; 3] = ["hmac-sha256", "hmac-sha384", "hmac-sha512"];

    /// Starts it with these zones: each a name, and lines of a zone file besides SOA and NS.
    ///
    /// ```no_run
    /// use acme_tests::servers::Knot;
    ///
    /// let knot = Knot::start(&[
    ///     ("example.test", "_acme-challenge.www 60 CNAME www.challenges.test.\n"),
    ///     ("challenges.test", ""),
    /// ]);
    /// assert_eq!(knot.txt("www.challenges.test"), Vec::<String>::new());
    /// ```
    ///
    /// # Panics
    ///
    /// If it is not installed (Debian's package `knot`) or cannot be started, with the end of its log.
    pub fn start(zones: &[(&str, &str)]) -> Self {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::try_start(zones) {
                Ok(server) => return server,
                Err(error) if tries < 5 && error.contains("ddress already in use") => {}
                Err(error) => panic!("cannot start knotd (Debian's package knot): {error}"),
            }
        }
    }

    fn try_start(zones: &[(&str, &str)]) -> Result<Self, String> {
        let io = |error: io::Error| error.to_string();
        let scratch = Scratch::create("knot").map_err(io)?;
        let dir = scratch.path();
        let server = loopback(free_port());
        for (zone, records) in zones {
            let content = format!(
                "@ 60 SOA ns hostmaster 1 60 60 60 1\n@ 60 NS ns\nns 60 A 127.0.0.1\n{records}"
            );
            fs::write(dir.join(format!("{zone}.zone")), content).map_err(io)?;
        }
        for algorithm in Self::ALGORITHMS {
            let (name, secret) = (key_name(algorithm), secret(algorithm));
            let key = format!(
                "key \"{name}\" {{\n\talgorithm {algorithm};\n\tsecret \"{secret}\";\n}};\n"
            );
            write_private(&dir.join(format!("{algorithm}.key")), &key).map_err(io)?;
        }
        let config = dir.join("knot.conf");
        let names: Vec<String> = zones.iter().map(|(zone, _)| (*zone).to_owned()).collect();
        fs::write(&config, configuration(dir, server, &names)).map_err(io)?;

        let line = [OsStr::new("-c"), config.as_os_str()];
        let program = Path::new("/usr/sbin/knotd");
        let process = Process::start(program, line, [], &dir.join("knotd.log")).map_err(io)?;
        let mut knot = Self { server, zones: names, process, scratch };
        let (zones, server) = (knot.zones.clone(), knot.server);
        let loaded = || zones.iter().all(|zone| transfer(server, zone).is_ok());
        knot.process.wait_until(LIMIT, || loaded().then_some(()))?;
        Ok(knot)
    }

    /// Returns its address and port.
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Returns the name of the key of an algorithm, without a final dot.
    pub fn key_name(&self, algorithm: &str) -> String {
        key_name(algorithm)
    }

    /// Returns the secret of the key of an algorithm, in base64.
    pub fn secret(&self, algorithm: &str) -> String {
        secret(algorithm)
    }

    /// Returns the file, in BIND's syntax, of the key of an algorithm; only its owner may read it.
    pub fn key_file(&self, algorithm: &str) -> PathBuf {
        self.scratch.path().join(format!("{algorithm}.key"))
    }

    /// Returns the values of the TXT records at a name, sorted.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn txt(&self, name: &str) -> Vec<String> {
        let records = self.all_txt().into_iter();
        records.filter(|(owner, _)| owner == name).map(|(_, value)| value).collect()
    }

    /// Returns every TXT record of every zone, as names without a final dot and values, sorted.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn all_txt(&self) -> Vec<(String, String)> {
        let records = self.zones.iter().flat_map(|zone| {
            transfer(self.server, zone).unwrap_or_else(|error| panic!("knotd: {zone}: {error}"))
        });
        let mut all: Vec<(String, String)> = records.filter_map(|record| txt_of(&record)).collect();
        all.sort();
        all
    }

    /// Changes a zone by lines of nsupdate's language, such as `add www.example.test. 60 TXT "x"`, through `knsupdate`.
    ///
    /// # Panics
    ///
    /// If it is not installed (Debian's package `knot-dnsutils`), or the update is refused.
    pub fn update(&self, zone: &str, lines: &[&str]) {
        let (ip, port) = (self.server.ip(), self.server.port());
        let mut script = format!("server {ip} {port}\nzone {zone}.\n");
        for line in lines {
            let _ = writeln!(script, "update {line}");
        }
        script.push_str("send\n");
        let algorithm = Self::ALGORITHMS[0];
        let key = format!("{algorithm}:{}:{}", key_name(algorithm), secret(algorithm));
        let mut tool = Command::new("knsupdate");
        tool.args(["-v", "-y", &key]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let tool = tool.stdout(Stdio::piped()).spawn();
        let mut tool = tool.unwrap_or_else(|e| panic!("knsupdate (package knot-dnsutils): {e}"));
        let mut input = tool.stdin.take().expect("its input is a pipe");
        input.write_all(script.as_bytes()).expect("knsupdate reads its input");
        drop(input);
        let output = tool.wait_with_output().expect("knsupdate ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "knsupdate: {}: {said}\n{script}", output.status);
    }

    /// Returns everything that the server wrote so far.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

fn configuration(dir: &Path, server: SocketAddr, zones: &[String]) -> String {
    let dir = dir.display();
    let (ip, port) = (server.ip(), server.port());
    let mut config = format!(
        "server:\n    listen: {ip}@{port}\n    rundir: \"{dir}\"\n    udp-workers: 1\n    tcp-workers: 1\n    \
         background-workers: 1\ndatabase:\n    storage: \"{dir}\"\n    journal-db-max-size: 16M\n\
         log:\n  - target: stderr\n    any: info\nkey:\n"
    );
    for algorithm in Knot::ALGORITHMS {
        let (name, secret) = (key_name(algorithm), secret(algorithm));
        let _ = write!(
            config,
            "  - id: {name}\n    algorithm: {algorithm}\n    secret: \"{secret}\"\n"
        );
    }
    let keys = Knot::ALGORITHMS.map(key_name).join(", ");
    let _ = write!(
        config,
        "acl:\n  - id: update\n    key: [{keys}]\n    action: update\n\
         \x20 - id: read\n    address: 127.0.0.0/8\n    action: transfer\nzone:\n"
    );
    for zone in zones {
        let _ = write!(
            config,
            "  - domain: {zone}\n    storage: \"{dir}\"\n    file: \"{zone}.zone\"\n    acl: [update, read]\n"
        );
    }
    config
}

fn key_name(algorithm: &str) -> String {
    format!("{algorithm}.key.test")
}

/// Another secret for each algorithm, so that a key with the wrong algorithm is a wrong key.
fn secret(algorithm: &str) -> String {
    STANDARD.encode(format!("a secret of the tests, for {algorithm}"))
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;

    let mut options = fs::File::options();
    options.create(true).write(true).truncate(true).mode(0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn txt_of(record: &Record) -> Option<(String, String)> {
    let RData::TXT(txt) = &record.data else { return None };
    let owner = record.name.to_ascii().trim_end_matches('.').to_owned();
    Some((owner, String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()))
}

/// Reads a whole zone (RFC 5936), which begins and ends with its SOA record.
fn transfer(server: SocketAddr, zone: &str) -> io::Result<Vec<Record>> {
    let name = Name::from_ascii(format!("{zone}.")).map_err(io::Error::other)?;
    let mut query = Message::new(1, MessageType::Query, OpCode::Query);
    query.add_query(Query::query(name, RecordType::AXFR));
    let query = query.to_vec().map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&server, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], &query].concat())?;

    let mut records = Vec::new();
    let is_soa = |record: &&Record| record.record_type() == RecordType::SOA;
    while records.iter().filter(is_soa).count() < 2 {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut message)?;
        let message = Message::from_vec(&message).map_err(io::Error::other)?;
        if message.metadata.response_code != ResponseCode::NoError {
            return Err(io::Error::other(message.metadata.response_code.to_string()));
        }
        records.extend(message.answers);
    }
    Ok(records)
}
