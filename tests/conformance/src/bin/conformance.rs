//! Shows which requirements of the catalogue the tests cover; see `tests/conformance/README.md`.
//!
//! Exit 1 if the coverage is not what the options ask for or a test cites what it may not,
//! 2 on wrong usage or unreadable files.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use acme_conformance::{Coverage, Excused, MAX_IDS_OF_A_TEST, catalogue, page};

const USAGE: &str = "usage: conformance DIR [OPTION]...

  DIR             what the tests recorded: the directory that ACME_CONFORMANCE_OUT named
  --excused FILE  the requirements that need no test, each with its reason
  --scope         fail unless every required ID is covered or excused, and no covered one is excused
  --require FILE  fail unless every ID in FILE is covered (`SECTION-*` for all of a section)
  --page FILE     write the page of the manual
  --check FILE    fail if the page of the manual in FILE is not what --page would write";

fn main() -> ExitCode {
    match Arguments::parse(env::args_os().skip(1)).and_then(|arguments| run(&arguments)) {
        Ok(errors) if errors.is_empty() => ExitCode::SUCCESS,
        Ok(errors) => {
            for error in errors {
                eprintln!("error: {error}");
            }
            ExitCode::FAILURE
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

/// Prints the summary, writes what was asked for, and returns what is wrong.
fn run(arguments: &Arguments) -> Result<Vec<String>, String> {
    let mut coverage = Coverage::new(catalogue());
    coverage.add_records(&arguments.records).map_err(|e| reading(&arguments.records, &e))?;
    let excused = arguments.excused.as_deref().map(read).transpose()?.unwrap_or_default();
    let excused = Excused::parse(&excused);
    print!("{}", coverage.summary());

    let mut errors: Vec<String> = coverage.unknown().iter().map(ToString::to_string).collect();
    errors.extend(coverage.overloaded().map(|(test, count)| {
        format!("{test} cites {count} requirements, more than {MAX_IDS_OF_A_TEST}: split it")
    }));
    if arguments.scope {
        errors.extend(excused.faults(&coverage).iter().map(ToString::to_string));
    }
    if let Some(path) = &arguments.require {
        let missing = coverage.missing_from(&read(path)?);
        errors.extend(missing.iter().map(|id| format!("{id} is required and not covered")));
    }
    let page = page(&coverage, &excused);
    if let Some(path) = &arguments.page {
        fs::write(path, &page).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    if let Some(path) = &arguments.check
        && read(path)? != page
    {
        errors.push(format!("{} is stale: write it with --page", path.display()));
    }
    Ok(errors)
}

#[derive(Default)]
struct Arguments {
    records: PathBuf,
    excused: Option<PathBuf>,
    scope: bool,
    require: Option<PathBuf>,
    page: Option<PathBuf>,
    check: Option<PathBuf>,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut records = None;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().map(PathBuf::from).ok_or(USAGE);
            match argument.to_str() {
                Some("--excused") => parsed.excused = Some(value()?),
                Some("--scope") => parsed.scope = true,
                Some("--require") => parsed.require = Some(value()?),
                Some("--page") => parsed.page = Some(value()?),
                Some("--check") => parsed.check = Some(value()?),
                Some(option) if option.starts_with('-') => return Err(USAGE.to_owned()),
                _ if records.is_none() => records = Some(PathBuf::from(argument)),
                _ => return Err(USAGE.to_owned()),
            }
        }
        parsed.records = records.ok_or(USAGE)?;
        Ok(parsed)
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| reading(path, &error))
}

fn reading(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}
