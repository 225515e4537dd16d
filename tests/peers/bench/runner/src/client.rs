//! The programs that are compared.

use std::path::Path;
use std::process::Command;

use crate::install::Programs;

/// One row of the tables.
#[derive(Debug)]
pub struct Client {
    /// Its name in results and tables.
    pub name: &'static str,
    pub program: Program,
    /// Its mode, as environment variables.
    pub mode: &'static [(&'static str, &'static str)],
    /// The numbers of names that it is run with.
    pub names: &'static [u32],
    /// The limit that it is compared with.
    pub limit: &'static str,
    /// Whether it waits for seconds where others do not.
    pub slow: bool,
}

/// How it is made and started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// A program of this workspace: its package and the name of the binary.
    Crate(&'static str, &'static str),
    Lego,
    Certbot,
    Aioacme,
}

pub const HTTP2: &str = "limit (HTTP/2)";
pub const HTTP1: &str = "limit (32 connections)";
const ALL: &[u32] = &[1, 10, 100, 1000];
const PEERS: &[u32] = &[1, 10, 100];
const MANY: &[u32] = &[100, 1000];
const ONE: &[u32] = &[1, 10];
const WIDE: &[(&str, &str)] = &[("WIDE", "1")];

const fn client(name: &'static str, program: Program, names: &'static [u32]) -> Client {
    Client { name, program, mode: &[], names, limit: HTTP2, slow: false }
}

const fn own(name: &'static str) -> Program {
    Program::Crate(name, name)
}

const fn slow(client: Client) -> Client {
    Client { slow: true, ..client }
}

pub const CLIENTS: [Client; 15] = [
    Client { mode: &[("LIMIT", "h2")], ..client(HTTP2, own("bench-limit"), ALL) },
    client("acme-tokio", own("bench-acme-tokio"), PEERS),
    Client { mode: WIDE, ..client("acme-tokio, wide policy", own("bench-acme-tokio"), MANY) },
    client(
        "acme-tokio, known account",
        Program::Crate("bench-acme-tokio", "bench-acme-tokio-known"),
        ONE,
    ),
    Client { mode: &[("LIMIT", "h1")], limit: HTTP1, ..client(HTTP1, own("bench-limit"), ALL) },
    Client { limit: HTTP1, ..client("acme-blocking", own("bench-acme-blocking"), PEERS) },
    Client {
        mode: WIDE,
        limit: HTTP1,
        ..client("acme-blocking, wide policy", own("bench-acme-blocking"), MANY)
    },
    Client {
        limit: HTTP1,
        ..client(
            "acme-blocking, known account",
            Program::Crate("bench-acme-blocking", "bench-acme-blocking-known"),
            ONE,
        )
    },
    client("instant-acme", own("bench-instant-acme"), PEERS),
    client("lego", Program::Lego, PEERS),
    slow(client("certon", own("bench-certon"), PEERS)),
    slow(client("certbot", Program::Certbot, PEERS)),
    slow(client("rustls-acme", own("bench-rustls-acme"), PEERS)),
    slow(client("aioacme", Program::Aioacme, PEERS)),
    slow(client("acme-micro", own("bench-acme-micro"), PEERS)),
];

/// Returns the client of that name.
pub fn named(name: &str) -> Option<&'static Client> {
    CLIENTS.iter().find(|client| client.name == name)
}

impl Client {
    /// Whether it trusts no root but those it was compiled with, so that it speaks HTTP without TLS.
    pub fn is_plain(&self) -> bool {
        self.name == "acme-micro"
    }

    /// Whether a run before the measured one makes the account and the session.
    pub fn is_known(&self) -> bool {
        self.name.ends_with("known account")
    }

    /// Adds the program and its arguments to the command, which runs in an empty folder that is also the webroot.
    pub fn arguments(
        &self,
        command: &mut Command,
        programs: &Programs,
        names: &[String],
        dir: &Path,
        directory: &str,
    ) {
        command.envs(self.mode.iter().copied());
        command.arg(programs.path(self.program));
        match self.program {
            Program::Crate(..) => command.args(names),
            Program::Lego => command.arg("http-01").args(names),
            Program::Aioacme => command.arg(programs.aioacme_script()).args(names),
            Program::Certbot => {
                command.args(["certonly", "--non-interactive", "--server", directory]);
                for (option, place) in
                    [("--config-dir", "config"), ("--work-dir", "run"), ("--logs-dir", "logs")]
                {
                    command.arg(option).arg(dir.join(place));
                }
                command.args(["--agree-tos", "--register-unsafely-without-email"]);
                command.args(["--cert-name", "it", "--key-type", "ecdsa"]);
                command.arg("--webroot").arg("--webroot-path").arg(dir);
                command.args(names.iter().flat_map(|name| ["-d", name]))
            }
        };
    }

    /// Whether the run left a certificate.
    pub fn has_issued(&self, dir: &Path) -> bool {
        let chain = match self.program {
            Program::Certbot => "config/live/it/fullchain.pem",
            _ => "chain.pem",
        };
        // rustls-acme stores its key before the chain.
        std::fs::read_to_string(dir.join(chain)).is_ok_and(|pem| pem.contains("BEGIN CERTIFICATE"))
    }
}
