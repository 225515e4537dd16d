//! The network namespace that Boulder runs in, and the way into it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use super::super::{LIMIT, Process, built_program};
use super::config::port;

/// The two programs at the wall of a network namespace, which ends with the inner one.
///
/// They meet at sockets in the file system, which belongs to no network.
#[derive(Debug)]
pub(super) struct Gate {
    pid: u32,
    _inside: Process,
    _outside: Process,
}

impl Gate {
    /// Opens a namespace whose loopback interface has this address; these ports of the outside are those of the
    /// directory, of the DNS server's management, and where validations by http-01 and by tls-alpn-01 go to.
    pub(super) fn open(
        dir: &Path,
        address: Ipv4Addr,
        [acme, management, http, tls]: [u16; 4],
    ) -> Result<Self, String> {
        let program = built_program("boulder-gate");
        let outside = [
            format!("127.0.0.1:{acme}=acme.sock"),
            format!("127.0.0.1:{management}=management.sock"),
            format!("http.sock=127.0.0.1:{http}"),
            format!("tls.sock=127.0.0.1:{tls}"),
        ];
        let inside = [
            format!("acme.sock=127.0.0.1:{}", port::WFE),
            format!("management.sock=127.0.0.1:{}", port::MANAGEMENT),
            format!("{address}:80=http.sock"),
            format!("{address}:443=tls.sock"),
            // Where the front end finds the nonce service.
            format!("127.0.0.1:{}=srv:{}", port::SRV, super::Part::Nonce.port()),
        ];
        let line = |rules: &[String]| -> Vec<OsString> {
            let rules = rules.iter().map(OsString::from);
            std::iter::once(dir.as_os_str().to_owned()).chain(rules).collect()
        };
        let own = line(&outside);
        let log = dir.join("gate-outside.log");
        let mut outside = Process::start(&program, own.iter().map(OsString::as_os_str), [], &log)
            .map_err(|error| error.to_string())?;
        outside.wait_until(LIMIT, || ready(&log))?;

        let script = r#"ip link set lo up && ip address add "$0/32" dev lo && exec "$@""#;
        let mut words: Vec<OsString> = ["-n", "sh", "-c", script].map(OsString::from).to_vec();
        words.extend([OsString::from(address.to_string()), program.as_os_str().to_owned()]);
        words.extend(line(&inside));
        let words = words.iter().map(OsString::as_os_str);
        let log = dir.join("gate-inside.log");
        let inside = Process::start(Path::new("unshare"), words, [], &log);
        let mut inside = inside.map_err(|error| error.to_string())?;
        let pid = inside.wait_until(LIMIT, || ready(&log)).map_err(|error| {
            format!("Boulder needs root and a network namespace of its own: {error}")
        })?;
        Ok(Self { pid, _inside: inside, _outside: outside })
    }

    /// Starts a program inside.
    pub(super) fn start(
        &self,
        program: &Path,
        line: &[&str],
        log: &Path,
    ) -> Result<Process, String> {
        let namespace = format!("--net=/proc/{}/ns/net", self.pid);
        let mut words = vec![OsStr::new(&namespace), program.as_os_str()];
        words.extend(line.iter().map(OsStr::new));
        let process = Process::start(Path::new("nsenter"), words, [], log);
        Ok(process.map_err(|error| error.to_string())?.called(program))
    }

    /// Waits until something listens on a port inside.
    pub(super) fn wait_for(&self, process: &mut Process, port: u16) -> Result<(), String> {
        process.wait_until(LIMIT, || self.listens(port).then_some(()))
    }

    /// Returns how many connections lead to a port inside.
    pub(super) fn connections(&self, port: u16) -> usize {
        self.sockets(port, ESTABLISHED)
    }

    fn listens(&self, port: u16) -> bool {
        self.sockets(port, LISTEN) > 0
    }

    /// Looks into the namespace's table of sockets: local address and state are its second and fourth column.
    fn sockets(&self, port: u16, state: &str) -> usize {
        let end = format!(":{port:04X}");
        let table = |name| fs::read_to_string(format!("/proc/{}/net/{name}", self.pid));
        let tables = ["tcp", "tcp6"].map(|name| table(name).unwrap_or_default());
        let lines = tables.iter().flat_map(|table| table.lines().skip(1));
        let columns = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
        columns
            .filter(|columns| match columns[..] {
                [_, local, _, found, ..] => local.ends_with(&end) && found == state,
                _ => false,
            })
            .count()
    }
}

/// States of `/proc/net/tcp`.
const ESTABLISHED: &str = "01";
const LISTEN: &str = "0A";

/// The process ID that a gate writes when all of its ports are open.
fn ready(log: &Path) -> Option<u32> {
    let text = fs::read_to_string(log).ok()?;
    text.lines().find_map(|line| line.strip_prefix("ready "))?.trim().parse().ok()
}
