//! Compares the manual's page of the interop matrix with what a run of the tests left, or writes it.
//!
//! `cargo run -p acme-tests --bin interop -- [--write]`

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use acme_tests::interop::{page, read_lines};
use acme_tests::servers::target_dir;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let write = match arguments[..] {
        [] => false,
        ["--write"] => true,
        _ => {
            eprintln!("usage: interop [--write]");
            return ExitCode::from(2);
        }
    };
    match run(write) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

fn run(write: bool) -> Result<(), String> {
    let new = page(&read_lines(&target_dir().join("interop"))?)?;
    let workspace =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace");
    let file = workspace.join("acme-proto/src/manual/interop.md");
    let failed = |error: std::io::Error| format!("{}: {error}", file.display());
    if write {
        return fs::write(&file, new).map_err(failed);
    }
    let old = fs::read_to_string(&file).map_err(failed)?;
    if old == new {
        println!("the manual's page of the interop matrix is what the tests saw");
        return Ok(());
    }
    for line in old.lines().filter(|line| !new.lines().any(|l| l == *line)) {
        eprintln!("- {line}");
    }
    for line in new.lines().filter(|line| !old.lines().any(|l| l == *line)) {
        eprintln!("+ {line}");
    }
    Err("the manual's page of the interop matrix is not what the tests saw; look at the difference, then run \
         `cargo run -p acme-tests --bin interop -- --write`"
        .to_owned())
}
