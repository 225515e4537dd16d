//! lego's library, through the driver in `tests/peers/lego`.

use std::path::PathBuf;

use super::case::Case;
use super::matrix::Client;
use super::row::Row;
use crate::install::{build, source, texts};

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
        build("clients/lego", &version, &source, "lego")
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
