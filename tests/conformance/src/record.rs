//! Recording what a test checked.

use std::any;
use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::panic::Location;
use std::path::Path;
use std::process;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use crate::catalogue;

/// The variable that names the directory to record to; nothing is recorded without it.
const OUT: &str = "ACME_CONFORMANCE_OUT";

/// Writes what a failure adds to the requirement.
type Detail<'a> = &'a dyn Fn(&mut fmt::Formatter<'_>) -> fmt::Result;

/// Does the work of [`covers!`](crate::covers); use the macro.
///
/// # Panics
///
/// If the condition is false, if the catalogue has no such ID, or if the record cannot be written.
#[track_caller]
pub fn check(ids: &[&str], condition: bool, detail: Detail<'_>, test: &str) {
    for id in ids {
        let Some(requirement) = catalogue().get(id) else {
            panic!("{id} is not in tests/conformance/catalogue.tsv");
        };
        assert!(
            condition,
            "{id} ({} {}): {}\n  {}",
            requirement.level(),
            requirement.layers()[0],
            requirement.text(),
            Shown(detail)
        );
        if let Some(recorder) = recorder() {
            recorder.append(id, test, Location::caller());
        }
    }
}

/// Names the test that runs: the program and the name that the test harness gave the thread,
/// or, on another thread, the function that the function item `here` was declared in.
///
/// The program of a suite outside of `acme-tests` has its package in front: `acme-tokio/issue`.
pub fn test_name<F>(here: &F) -> String {
    let current = thread::current();
    let test = match current.name().filter(|name| is_test_path(name)) {
        Some(test) => test.to_owned(),
        None => {
            let path = any::type_name_of_val(here).trim_end_matches("::here");
            let path = path.replace("::{{closure}}", "");
            path.split_once("::").map_or_else(|| path.clone(), |(_, test)| test.to_owned())
        }
    };
    let program = program();
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    if package.is_empty() || package == "acme-tests" || package.replace('-', "_") == program {
        format!("{program}::{test}")
    } else {
        format!("{package}/{program}::{test}")
    }
}

/// The test program's name, without the hash that Cargo appends.
fn program() -> String {
    let path = env::current_exe().unwrap_or_default();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.rsplit_once('-').map_or_else(|| stem.to_string(), |(name, _)| name.to_owned())
}

fn is_test_path(thread: &str) -> bool {
    thread != "main" && thread.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c))
}

struct Shown<'a>(Detail<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

struct Recorder {
    inner: Mutex<(File, BTreeSet<String>)>,
}

impl Recorder {
    fn create(dir: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(dir)?;
        let path = dir.join(format!("{}.{}.tsv", program(), process::id()));
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self { inner: Mutex::new((file, BTreeSet::new())) })
    }

    /// Writes one line (ID, test, place), once per process.
    fn append(&self, id: &str, test: &str, at: &Location<'_>) {
        let line = format!("{id}\t{test}\t{}:{}\n", at.file(), at.line());
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, seen) = &mut *inner;
        if !seen.contains(&line) {
            file.write_all(line.as_bytes())
                .unwrap_or_else(|error| panic!("cannot write to the directory in {OUT}: {error}"));
            seen.insert(line);
        }
    }
}

fn recorder() -> Option<&'static Recorder> {
    static RECORDER: OnceLock<Option<Recorder>> = OnceLock::new();
    let recorder = RECORDER.get_or_init(|| {
        let dir = env::var_os(OUT)?;
        let recorder = Recorder::create(Path::new(&dir));
        Some(recorder.unwrap_or_else(|error| panic!("cannot record to {OUT}={dir:?}: {error}")))
    });
    recorder.as_ref()
}
