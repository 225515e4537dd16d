//! All rows of one client, and the report of the run.

use std::collections::VecDeque;
use std::fmt::Write;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::case::Case;
use super::row::Row;
use super::verify::{verify, verify_refusal};
use crate::servers::target_dir;

/// How many rows of a client run at once: most of the time a client waits.
const AT_ONCE: usize = 3;

/// A client of somebody else.
pub trait Client: Sync {
    /// Returns its name.
    fn name(&self) -> &'static str;

    /// Returns its version, as it is pinned.
    fn version(&self) -> &'static str;

    /// Installs it, unless that was done before.
    ///
    /// # Panics
    ///
    /// If it cannot be installed.
    fn install(&self);

    /// Returns why the client cannot be asked for what a row is about; `None` if it can.
    fn lacks(&self, row: Row) -> Option<&'static str>;

    /// Returns the problem type at which the client ends in a row, rightly refused; `None` if it must succeed.
    fn ends(&self, _row: Row) -> Option<&'static str> {
        None
    }

    /// Lets the client do what the row is about, and leave its chain in [`Case::chain`].
    ///
    /// # Errors
    ///
    /// What the client wrote, if it failed.
    fn run(&self, row: Row, case: &Case) -> Result<(), String>;
}

/// Runs all rows of a client and writes `interop/client-NAME.tsv` below the target directory.
///
/// `hook` is the path of the program `testca-hook`. Each line of the report is `client`, the client's name, the row's
/// title, an outcome and a detail: `works` and what was verified, `refused` and the problem type at which the client
/// rightly ends, or `lacks` and what it has not got.
///
/// # Panics
///
/// If the client cannot be installed, or if a row does not end as expected: with what the client wrote and what the CA
/// was asked.
pub fn run(client: &dyn Client, hook: &Path) {
    client.install();
    let waiting: Mutex<VecDeque<Row>> = Mutex::new(Row::ALL.into());
    let failures = Mutex::new(Vec::new());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = next() {
                    if let Err(failure) = attempt(client, row, hook) {
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    report(client);
}

fn attempt(client: &dyn Client, row: Row, hook: &Path) -> Result<(), String> {
    if client.lacks(row).is_some() {
        return Ok(());
    }
    let case = Case::start(client.name(), row, hook)?;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let ran = client.run(row, &case);
        match client.ends(row) {
            None => verify(row, &case, ran),
            Some(problem) => verify_refusal(problem, &case, ran),
        }
    }));
    let outcome = outcome.unwrap_or_else(|_| Err("the driver panicked".to_owned()));
    outcome.map_err(|why| {
        let mut story = format!("{}: {}: {why}\nthe CA was asked:\n", client.name(), row.title());
        for e in case.ca().requests() {
            let problem = e.problem.unwrap_or_default();
            let _ = writeln!(story, "  {} {} {} {problem}", e.method, e.path, e.status);
        }
        for v in case.ca().validations() {
            let _ = writeln!(story, "  validated {}: {:?}", v.identifier, v.problem);
        }
        story
    })
}

fn report(client: &dyn Client) {
    let mut report = String::new();
    let mut line = |row: &str, outcome: &str, detail: &str| {
        let _ = writeln!(report, "client\t{}\t{row}\t{outcome}\t{detail}", client.name());
    };
    line("version", client.version(), "");
    for row in Row::ALL {
        match (client.lacks(row), client.ends(row)) {
            (Some(why), _) => line(row.title(), "lacks", why),
            (None, Some(problem)) => line(row.title(), "refused", problem),
            (None, None) => line(row.title(), "works", row.verified()),
        }
    }
    let dir = target_dir().join("interop");
    fs::create_dir_all(&dir).expect("the target directory is writable");
    fs::write(dir.join(format!("client-{}.tsv", client.name())), report)
        .expect("the target directory is writable");
}
