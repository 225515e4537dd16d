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

use acme_conformance::{Coverage, Excused, MAX_IDS_OF_A_TEST, Run, catalogue, page};

const USAGE: &str = "usage: conformance DIR [OPTION]...

  DIR             what `tests/run` left of the tests: programs.json and tests.txt
  --excused FILE  the requirements that need no test, each with its reason
  --scope         fail unless every required ID is covered or excused, and no covered one is excused
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
    let run = Run::read(&arguments.run).map_err(|error| chain(&error))?;
    coverage.add_run(&run).map_err(|error| format!("cannot read a module: {error}"))?;
    let excused = arguments.excused.as_deref().map(read).transpose()?.unwrap_or_default();
    let excused = Excused::parse(&excused);
    print!("{}", coverage.summary());

    let mut errors: Vec<String> = coverage.faults().iter().map(ToString::to_string).collect();
    errors.extend(coverage.overloaded().map(|(test, count)| {
        format!("{test} cites {count} requirements, more than {MAX_IDS_OF_A_TEST}: split it")
    }));
    if arguments.scope {
        errors.extend(excused.faults(&coverage).iter().map(ToString::to_string));
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
    run: PathBuf,
    excused: Option<PathBuf>,
    scope: bool,
    page: Option<PathBuf>,
    check: Option<PathBuf>,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut dir = None;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().map(PathBuf::from).ok_or(USAGE);
            match argument.to_str() {
                Some("--excused") => parsed.excused = Some(value()?),
                Some("--scope") => parsed.scope = true,
                Some("--page") => parsed.page = Some(value()?),
                Some("--check") => parsed.check = Some(value()?),
                Some(option) if option.starts_with('-') => return Err(USAGE.to_owned()),
                _ if dir.is_none() => dir = Some(PathBuf::from(argument)),
                _ => return Err(USAGE.to_owned()),
            }
        }
        parsed.run = dir.ok_or(USAGE)?;
        Ok(parsed)
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| reading(path, &error))
}

fn reading(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
