//! The npm package acme-client, through the driver in `tests/peers/acme-client`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::case::Case;
use super::matrix::Client;
use super::row::Row;
use crate::install::{manager, once, source, texts};

/// acme-client, a library for Node.
#[derive(Clone, Copy, Debug)]
pub struct AcmeClient;

impl AcmeClient {
    fn modules(self) -> PathBuf {
        const FILES: [&str; 2] = ["package.json", "package-lock.json"];
        let source = source("acme-client");
        let version = texts(&source, &FILES);
        let pinned = format!("\"acme-client\": \"{}\"", self.version());
        assert!(version.contains(&pinned), "the version in package.json");
        let dir = once("clients/acme-client", &version, |dir| {
            for file in FILES {
                fs::copy(source.join(file), dir.join(file)).expect("the file is there");
            }
            let mut npm = Command::new("npm");
            npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(dir);
            manager(
                &mut npm,
                "the tests need Node (apt-get install nodejs npm) and the npm registry",
            );
        });
        dir.join("node_modules")
    }
}

impl Client for AcmeClient {
    fn name(&self) -> &'static str {
        "acme-client"
    }

    fn version(&self) -> &'static str {
        "5.4.0"
    }

    fn install(&self) {
        self.modules();
    }

    fn lacks(&self, row: Row) -> Option<&'static str> {
        match row {
            Row::PreAuthorization => Some("no newAuthz"),
            Row::Orders => Some("no list of orders"),
            Row::RevokeKey => Some("signs revocations with the account's key only"),
            Row::Renewal | Row::Replaces => Some("no renewal information"),
            Row::Serves => Some("a library without a server"),
            _ => None,
        }
    }

    fn run(&self, row: Row, case: &Case) -> Result<(), String> {
        case.serve_webroot()?;
        let mut node = case.command("node");
        node.arg(source("acme-client").join("driver.js")).arg(row.id()).args(case.names());
        node.env("NODE_PATH", self.modules()).env("NODE_EXTRA_CA_CERTS", case.root_file());
        case.run(&mut node).map(drop)
    }
}
