//! Disables checks of the core, one at a time, and sees whether a test of the cited requirement
//! notices.
//!
//! Exit 1 if a mutant survives or the table is wrong, 2 on wrong usage or when a tool cannot be
//! run.

mod run;
mod suite;

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use acme_conformance::{Coverage, Mutant, Run, catalogue, parse_mutants};

const USAGE: &str = "usage: mutants --check
       mutants --seed N [--count 30] [--run DIR] [--work DIR] [--only NAME]...

  --check        see that the text of every mutant occurs once and its IDs exist
  --seed N       chooses the mutants; the result is tests/conformance/mutants/seed-N.tsv, and an
                 interrupted run at the same commit goes on where it was
  --count N      how many mutants
  --run DIR      what `tests/run` left of the tests (target/conformance), to know those of each ID
  --work DIR     where the scratch copy and its target directory are (target/mutants)
  --only NAME    these mutants instead of a choice; prints, and keeps no result";

/// The table, from the root of the workspace.
const TABLE: &str = "tests/conformance/mutants/table.txt";

/// How many mutants the table has at least.
const AT_LEAST: usize = 60;

fn main() -> ExitCode {
    match Arguments::parse(env::args().skip(1)).and_then(|arguments| start(&arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn start(arguments: &Arguments) -> Result<bool, String> {
    let table = fs::read_to_string(TABLE).map_err(|e| format!("cannot read {TABLE}: {e}"))?;
    let mutants = parse_mutants(&table).map_err(|e| format!("{TABLE}: {e}"))?;
    let faults = faults(&mutants);
    for fault in &faults {
        eprintln!("error: {fault}");
    }
    if arguments.check || !faults.is_empty() {
        println!("{} mutants, {} wrong", mutants.len(), faults.len());
        return Ok(faults.is_empty());
    }
    let mut coverage = Coverage::new(catalogue());
    let run = Run::read(&arguments.run).map_err(|error| error.to_string())?;
    coverage.add_run(&run).map_err(|error| format!("cannot read a module: {error}"))?;
    run::run(arguments, mutants, &coverage)
}

/// Returns what is wrong with the table, seen with the sources.
fn faults(mutants: &[Mutant]) -> Vec<String> {
    let mut faults = Vec::new();
    if mutants.len() < AT_LEAST {
        faults.push(format!("only {} mutants, fewer than {AT_LEAST}", mutants.len()));
    }
    for mutant in mutants {
        let name = &mutant.name;
        match fs::read_to_string(&mutant.file) {
            Ok(source) => {
                if let Err(count) = mutant.apply(&source) {
                    faults
                        .push(format!("{name}: its text occurs {count} times in {}", mutant.file));
                }
            }
            Err(error) => faults.push(format!("{name}: cannot read {}: {error}", mutant.file)),
        }
        for id in mutant.ids.iter().filter(|id| catalogue().get(id).is_none()) {
            faults.push(format!("{name}: {id} is not in the catalogue"));
        }
        if mutant.ids.is_empty() || mutant.from == mutant.to {
            faults.push(format!("{name}: cites nothing or changes nothing"));
        }
    }
    faults
}

struct Arguments {
    check: bool,
    seed: u64,
    count: usize,
    run: PathBuf,
    work: PathBuf,
    only: Vec<String>,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            check: false,
            seed: 0,
            count: 30,
            run: PathBuf::from("target/conformance"),
            work: PathBuf::from("target/mutants"),
            only: Vec::new(),
        };
        let mut chosen = false;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match argument.as_str() {
                "--check" => parsed.check = true,
                "--seed" => parsed.seed = value()?.parse().map_err(|_| USAGE)?,
                "--count" => parsed.count = value()?.parse().map_err(|_| USAGE)?,
                "--run" => parsed.run = value()?.into(),
                "--work" => parsed.work = value()?.into(),
                "--only" => parsed.only.push(value()?),
                _ => return Err(USAGE.to_owned()),
            }
            chosen |= argument != "--count";
        }
        if chosen { Ok(parsed) } else { Err(USAGE.to_owned()) }
    }
}
