//! lego's library, through the driver in `tests/peers/lego`.

use std::path::PathBuf;
use std::process::Command;

use super::case::Case;
use super::install::{manager, once, source, texts};
use super::matrix::Client;
use super::row::Row;

/// go-acme/lego, a Go library.
#[derive(Clone, Copy, Debug)]
pub struct Lego;

impl Lego {
    fn program(self) -> PathBuf {
        let source = source("lego");
        let version = texts(&source, &["go.mod", "main.go"]);
        assert!(
            version.contains(&format!("lego/v5 v{}\n", self.version())),
            "the version in go.mod"
        );
        let dir = once("lego", &version, |dir| {
            let mut go = Command::new("go");
            go.args(["build", "-mod=readonly", "-o"]).arg(dir.join("lego"));
            go.env("CGO_ENABLED", "0").env_remove("GOOS").env_remove("GOARCH");
            let needs = "the tests need Go (apt-get install golang) and the Go module proxy";
            manager(go.current_dir(&source), needs);
        });
        dir.join("lego")
    }
}

impl Client for Lego {
    fn name(&self) -> &'static str {
        "lego"
    }

    fn version(&self) -> &'static str {
        "5.6.0"
    }

    fn install(&self) {
        self.program();
    }

    fn lacks(&self, row: Row) -> Option<&'static str> {
        match row {
            Row::PreAuthorization => Some("no newAuthz"),
            Row::Orders => Some("no list of orders"),
            Row::Serves => Some("a library without a server"),
            _ => None,
        }
    }

    fn run(&self, row: Row, case: &Case) -> Result<(), String> {
        case.serve_webroot()?;
        case.run(case.command(self.program()).arg(row.id()).args(case.names())).map(drop)
    }
}
