//! Shows which requirements of the catalogue the tests cover.
//!
//! `conformance DIR [--cited SOURCES]... [--markdown FILE] [--require FILE]`; see `tests/conformance/README.md`.
//! Exit 1 if a required ID is not covered or a test cites an unknown one, 2 on wrong usage or unreadable files.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use acme_conformance::{Coverage, catalogue, cited_in};

const USAGE: &str = "usage: conformance DIR [--cited SOURCES]... [--markdown FILE] [--require FILE]

  DIR              what the tests recorded: the directory that ACME_CONFORMANCE_OUT named
  --cited SOURCES  also count the comments above the unit tests in this directory
  --markdown FILE  write the table of all requirements and their tests
  --require FILE   fail unless every ID in FILE is covered (`SECTION-*` for all of a section)";

fn main() -> ExitCode {
    match run(env::args_os().skip(1)) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<ExitCode, String> {
    let arguments = Arguments::parse(arguments)?;
    let mut coverage = Coverage::new(catalogue());
    coverage.add_records(&arguments.records).map_err(|e| reading(&arguments.records, &e))?;
    for dir in &arguments.cited {
        for cited in cited_in(dir, catalogue()).map_err(|e| reading(dir, &e))? {
            coverage.add_cited(&cited);
        }
    }
    print!("{}", coverage.summary());
    if let Some(path) = &arguments.markdown {
        fs::write(path, coverage.markdown())
            .map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    let missing = match &arguments.require {
        Some(path) => {
            coverage.missing_from(&fs::read_to_string(path).map_err(|e| reading(path, &e))?)
        }
        None => Vec::new(),
    };
    for unknown in coverage.unknown() {
        eprintln!("error: {unknown}");
    }
    for id in &missing {
        eprintln!("error: {id} is required and not covered");
    }
    let failed = !missing.is_empty() || !coverage.unknown().is_empty();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

struct Arguments {
    records: PathBuf,
    cited: Vec<PathBuf>,
    markdown: Option<PathBuf>,
    require: Option<PathBuf>,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut records = None;
        let (mut cited, mut markdown, mut require) = (Vec::new(), None, None);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().map(PathBuf::from).ok_or(USAGE);
            match argument.to_str() {
                Some("--cited") => cited.push(value()?),
                Some("--markdown") => markdown = Some(value()?),
                Some("--require") => require = Some(value()?),
                Some(option) if option.starts_with('-') => return Err(USAGE.to_owned()),
                _ if records.is_none() => records = Some(PathBuf::from(argument)),
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(Self { records: records.ok_or(USAGE)?, cited, markdown, require })
    }
}

fn reading(path: &Path, error: &std::io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}
