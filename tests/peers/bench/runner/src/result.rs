//! The lines of `results.tsv`: one for each run.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::cell::{Cell, Conditions};
use crate::client::Client;

const HEAD: &str = "machine\tcommit\tclient\tnames\tlatency_ms\tvalidation_ms\tend\twall_ms\tcpu_ms\tpeak_kib\trequests\tconnections\tdepth\tin_flight\tload";

/// What one run took.
#[derive(Clone, Debug)]
pub struct Run {
    pub machine: String,
    pub commit: String,
    pub client: String,
    pub names: u32,
    pub at: Conditions,
    /// `done`, `failed`, or `over` after the limit.
    pub end: String,
    pub wall_ms: f64,
    pub cpu_ms: f64,
    pub peak_kib: u64,
    pub requests: u64,
    pub connections: u64,
    pub depth: u64,
    pub in_flight: u64,
    /// How many processes wanted a core in the minute before: what else the machine did.
    pub load: f64,
}

impl Run {
    fn line(&self) -> String {
        let Self { machine, commit, client, names, at, end, peak_kib, requests, .. } = self;
        let Self { wall_ms, cpu_ms, connections, depth, in_flight, load, .. } = self;
        format!(
            "{machine}\t{commit}\t{client}\t{names}\t{}\t{}\t{end}\t{wall_ms:.1}\t{cpu_ms:.1}\t{peak_kib}\t{requests}\t{connections}\t{depth}\t{in_flight}\t{load:.2}",
            at.latency, at.validation
        )
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        Some(Self {
            machine: next()?.to_owned(),
            commit: next()?.to_owned(),
            client: next()?.to_owned(),
            names: next()?.parse().ok()?,
            at: {
                let latency = next()?.parse().ok()?;
                Conditions { latency, validation: next()?.parse().ok()? }
            },
            end: next()?.to_owned(),
            wall_ms: next()?.parse().ok()?,
            cpu_ms: next()?.parse().ok()?,
            peak_kib: next()?.parse().ok()?,
            requests: next()?.parse().ok()?,
            connections: next()?.parse().ok()?,
            depth: next()?.parse().ok()?,
            in_flight: next()?.parse().ok()?,
            load: next()?.parse().ok()?,
        })
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, names, at, end, wall_ms, requests, depth, .. } = self;
        write!(
            f,
            "{client} N={names} {} ms, validation {} ms: {end} {wall_ms:.0} ms, {requests} requests, depth {depth}",
            at.latency, at.validation
        )
    }
}

/// All runs so far, and the file that has them.
pub struct Results {
    file: PathBuf,
    pub runs: Vec<Run>,
}

impl Results {
    pub fn load(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_default();
        Self { file: file.to_owned(), runs: text.lines().filter_map(Run::parse).collect() }
    }

    /// Appends a run to the file at once, so that a stage that is ended can go on later.
    pub fn add(&mut self, run: Run) -> Result<(), String> {
        let is_new = !self.file.exists();
        let append = |file: &mut File| {
            if is_new {
                writeln!(file, "{HEAD}")?;
            }
            writeln!(file, "{}", run.line())
        };
        let opened = OpenOptions::new().create(true).append(true).open(&self.file);
        let written = opened.and_then(|mut file| append(&mut file));
        written.map_err(|error| format!("{}: {error}", self.file.display()))?;
        self.runs.push(run);
        Ok(())
    }

    /// Returns the runs of a cell.
    pub fn of(&self, cell: Cell) -> impl Iterator<Item = &Run> {
        self.at(cell.client, cell.names, cell.at)
    }

    pub fn at(&self, client: &Client, names: u32, at: Conditions) -> impl Iterator<Item = &Run> {
        let name = client.name;
        self.runs.iter().filter(move |r| r.client == name && r.names == names && r.at == at)
    }

    /// Whether the client was over the limit with as many names and a network and validations that are no slower.
    pub fn is_hopeless(&self, client: &Client, names: u32, at: Conditions) -> bool {
        self.runs.iter().any(|run| {
            let is_easier = run.at.latency <= at.latency && run.at.validation <= at.validation;
            run.client == client.name && run.names <= names && is_easier && run.end == "over"
        })
    }

    /// Returns the machines and commits, with the number of runs.
    pub fn origins(&self) -> BTreeMap<(&str, &str), usize> {
        let mut origins = BTreeMap::new();
        for run in &self.runs {
            *origins.entry((run.machine.as_str(), run.commit.as_str())).or_default() += 1;
        }
        origins
    }
}
