//! A running `pebble-challtestsrv`.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;

use super::{Challtestsrv, LIMIT, Process, free_port, loopback};
use crate::install::GoProgram;

/// A DNS server for which every name has one address; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct MockDns {
    pub(super) server: SocketAddr,
    pub(super) zone: Challtestsrv,
    _process: Process,
}

impl MockDns {
    /// Starts it at `server`, with its files in `dir`.
    pub(super) fn start(dir: &Path, server: SocketAddr, answer: Ipv4Addr) -> Result<Self, String> {
        let management = loopback(free_port());
        let mut arguments = vec![
            "-dnsserver".to_owned(),
            server.to_string(),
            "-management".to_owned(),
            management.to_string(),
            format!("-defaultIPv4={answer}"),
        ];
        let unused = ["defaultIPv6", "http01", "https01", "tlsalpn01", "doh"];
        arguments.extend(unused.map(|name| format!("-{name}=")));
        let program = GoProgram::CHALLTESTSRV.install();
        let words = arguments.iter().map(OsStr::new);
        let mut process = Process::start(&program, words, [], &dir.join("challtestsrv.log"))
            .map_err(|error| error.to_string())?;
        process.wait_until(LIMIT, || {
            let dns = TcpStream::connect(server).ok()?;
            TcpStream::connect(management).ok().map(|_| dns)
        })?;
        Ok(Self { server, zone: Challtestsrv::new(management, dir.join("txt")), _process: process })
    }
}
