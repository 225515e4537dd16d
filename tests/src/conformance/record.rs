//! Recording what a test checked.

use std::any;
use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::panic::Location;
use std::path::Path;
use std::process;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::catalogue;

/// The variable that names the directory to record to; nothing is recorded without it.
const OUT: &str = "ACME_CONFORMANCE_OUT";

/// Does the work of [`covers!`](crate::covers); use the macro.
///
/// # Panics
///
/// If the condition is false, if the catalogue has no such ID, or if the record cannot be written.
#[track_caller]
pub fn check(id: &str, condition: bool, detail: &dyn Fn() -> String, test: &str) {
    let Some(requirement) = catalogue().get(id) else {
        panic!("{id} is not in tests/conformance/catalogue.tsv");
    };
    assert!(
        condition,
        "{id} ({} {}): {}\n  {}",
        requirement.level(),
        requirement.layers()[0],
        requirement.text(),
        detail()
    );
    if let Some(recorder) = recorder() {
        recorder.append(id, test, Location::caller());
    }
}

/// Names the function that a function item `here` was declared in.
pub fn test_name<F>(here: &F) -> String {
    let path = any::type_name_of_val(here);
    path.trim_end_matches("::here").replace("::{{closure}}", "")
}

struct Recorder {
    inner: Mutex<(File, BTreeSet<String>)>,
}

impl Recorder {
    fn create(dir: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(dir)?;
        let program = env::current_exe()?;
        let program = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let path = dir.join(format!("{program}.{}.tsv", process::id()));
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
