//! Compares ACME clients: one server, one network, one run after the other.
//!
//! See `run --help`, and the page `speed` of the manual, which `run --write` makes.

mod builds;
mod cell;
mod client;
mod goals;
mod install;
mod meter;
mod plot;
mod result;
mod server;
mod table;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::Value;

use crate::cell::{Cell, STAGES, Stage};
use crate::install::Programs;
use crate::result::{Results, Run};
use crate::server::Server;

const HELP: &str = "\
Usage: tests/peers/bench/run [--stage STAGE]... [--client NAME]... [--minutes N] [--results FILE] [--builds] [--write]

--stage STAGE    runs the cells of a stage that have no lines in the results yet: quick, hundred, thousand, slow,
                 slower, slow-hundred, or all
--client NAME    runs only this client
--minutes N      starts no run after this time
--results FILE   results.tsv by default
--builds         builds each program that is a crate from nothing, and writes builds.tsv
--write          writes the manual's page `speed` and its plots, and README's part, from the results
";

/// How often a cell is run whose first run takes no longer than this; any other is run once.
const RUNS: [(Duration, usize); 2] = [(Duration::from_secs(2), 5), (Duration::from_secs(8), 3)];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.split_first() {
        Some((first, command)) if first == "meter" => meter::run(command),
        Some(_) => run(&arguments),
        None => Err(HELP.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Options {
    stages: Vec<String>,
    clients: Vec<String>,
    minutes: Option<u64>,
    results: Option<String>,
    builds: bool,
    write: bool,
}

fn run(arguments: &[String]) -> Result<(), String> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        let mut value = || rest.next().cloned().ok_or_else(|| HELP.to_owned());
        match option.as_str() {
            "--stage" => options.stages.push(value()?),
            "--client" => options.clients.push(value()?),
            "--minutes" => options.minutes = Some(value()?.parse().map_err(|_| HELP)?),
            "--results" => options.results = Some(value()?),
            "--builds" => options.builds = true,
            "--write" => options.write = true,
            _ => return Err(HELP.into()),
        }
    }
    let programs = Programs::find();
    let own = programs.bench().join("results.tsv");
    let mut results = Results::load(options.results.as_ref().map_or(&own, Path::new));
    measure(&programs, &options, &mut results)?;
    if options.builds {
        builds::measure(&programs, &Origin::find(&programs)?.commit, &options.clients)?;
    }
    if options.write {
        table::write(&programs, &results)?;
    }
    Ok(())
}

fn measure(programs: &Programs, options: &Options, results: &mut Results) -> Result<(), String> {
    let wanted = |stage: &&Stage| options.stages.iter().any(|s| s == stage.name || s == "all");
    let cells: Vec<Cell> = STAGES
        .iter()
        .filter(wanted)
        .flat_map(Stage::cells)
        .filter(|c| {
            options.clients.is_empty() || options.clients.iter().any(|n| n == c.client.name)
        })
        .collect();
    if cells.is_empty() {
        return if options.write || options.builds { Ok(()) } else { Err(HELP.into()) };
    }
    programs.install(&cells)?;
    let origin = Origin::find(programs)?;
    let start = Instant::now();
    let limit = options.minutes.map(|minutes| Duration::from_secs(60 * minutes));
    // The clients take turns, so that what else the machine does meets each of them.
    for group in cells.chunk_by(|one, other| (one.names, one.at) == (other.names, other.at)) {
        while let Some(round) = incomplete(group, results) {
            for cell in round {
                if limit.is_some_and(|limit| start.elapsed() > limit) {
                    println!("the time is over; the same command goes on");
                    return Ok(());
                }
                let run = one(programs, cell, &origin)?;
                println!("{run}");
                results.add(run)?;
            }
        }
    }
    let _ = fs::remove_dir_all(programs.scratch());
    Ok(())
}

/// Returns the cells that lack runs, if there are any.
fn incomplete(group: &[Cell], results: &Results) -> Option<Vec<Cell>> {
    let round = group.iter().copied().filter(|&cell| !is_complete(cell, results));
    Some(round.collect::<Vec<_>>()).filter(|round| !round.is_empty())
}

/// Whether a cell has all its runs: one if it is slow, over the limit or fails, none if an easier one was over the limit.
fn is_complete(cell: Cell, results: &Results) -> bool {
    let mut runs = results.of(cell);
    let Some(first) = runs.next() else {
        return results.is_hopeless(cell.client, cell.names, cell.at);
    };
    let is_within = |(most, _): &&(Duration, usize)| first.wall_ms <= most.as_secs_f64() * 1e3;
    let wanted = RUNS.iter().find(is_within).map_or(1, |(_, wanted)| *wanted);
    first.end != "done" || runs.count() + 1 >= wanted
}

/// Where and of what the results are.
struct Origin {
    machine: String,
    commit: String,
}

impl Origin {
    fn find(programs: &Programs) -> Result<Self, String> {
        let text = |file| fs::read_to_string(file).unwrap_or_default();
        let cpu = text("/proc/cpuinfo");
        let field = |line: &str| line.split_once(": ").map(|(_, value)| value.trim().to_owned());
        let model = cpu.lines().find(|line| line.starts_with("model name")).and_then(field);
        let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
        let memory = text("/proc/meminfo");
        let kib = memory.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
        let machine = format!(
            "{}, {cores} cores, {} GiB",
            model.unwrap_or_else(|| "unknown".into()),
            kib.unwrap_or(0) >> 20
        );
        let changed = ["status", "--porcelain", "--", "acme-proto", "acme-tokio", "acme-blocking"];
        let dirty = if programs.git(&changed)?.is_empty() { "" } else { "+changes" };
        let commit = format!("{}{dirty}", programs.git(&["rev-parse", "--short", "HEAD"])?);
        Ok(Self { machine, commit })
    }
}

fn one(programs: &Programs, cell: Cell, origin: &Origin) -> Result<Run, String> {
    let dir = programs.scratch();
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
    let root = dir.join("root.pem");
    let mut server = Server::start(&programs.server(), cell.at, cell.client.is_plain(), &root)?;
    // A CA whose validations take a time is remembered from the third order on.
    let before = if cell.at.validation == 0 { 1 } else { 3 };
    for _ in 0..if cell.client.is_known() { before } else { 0 } {
        metered(programs, cell, &dir, &server.directory)?;
        server.counts()?;
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let spent = metered(programs, cell, &dir, &server.directory)?;
    let counts = server.counts()?;
    let number = |value: &Value, name: &str| value[name].as_u64().unwrap_or_default();
    let end = spent["end"].as_str().unwrap_or_default();
    let has_issued = end != "done" || cell.client.has_issued(&dir);
    Ok(Run {
        machine: origin.machine.clone(),
        commit: origin.commit.clone(),
        client: cell.client.name.to_owned(),
        names: cell.names,
        at: cell.at,
        end: if has_issued { end } else { "failed" }.to_owned(),
        wall_ms: spent["wall_ms"].as_f64().unwrap_or_default(),
        cpu_ms: spent["cpu_ms"].as_f64().unwrap_or_default(),
        peak_kib: number(&spent, "peak_kib"),
        requests: number(&counts, "requests"),
        connections: number(&counts, "connections"),
        depth: number(&counts, "depth"),
        in_flight: number(&counts, "in_flight"),
        load: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default(),
    })
}

/// Runs the client under the meter, and returns what that prints.
fn metered(programs: &Programs, cell: Cell, dir: &Path, directory: &str) -> Result<Value, String> {
    let names: Vec<String> = (1..=cell.names).map(|n| format!("n{n}.example.test")).collect();
    let mut command = Command::new(env::current_exe().map_err(|error| error.to_string())?);
    command.arg("meter").current_dir(dir);
    let root = dir.join("root.pem");
    command.env("ACME_DIRECTORY", directory).env("ACME_ROOT", &root);
    command.env("REQUESTS_CA_BUNDLE", &root).env("CHAIN", dir.join("chain.pem"));
    command.env("OUT", dir).env("WEBROOT", dir).env("KEPT", dir);
    let _ = fs::remove_file(dir.join("chain.pem"));
    cell.client.arguments(&mut command, programs, &names, dir, directory);
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.stderr.is_empty() {
        let text = String::from_utf8_lossy(&output.stderr);
        eprintln!("{}: {:.2000}", cell.client.name, text.trim());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("the meter: {error}"))
}
