//! The bodies of the fuzz targets, so that plain tests can replay the corpus.
//!
//! A target NAME is a function in `src/NAME.rs` that is listed in [`TARGETS`], a program of five lines in
//! `fuzz_targets/NAME.rs` with its `[[bin]]` in `Cargo.toml`, and a directory `corpus/NAME` with a few good and bad
//! inputs. A body panics if acme-proto breaks a promise, never because of what `data` is. A bug that fuzzing finds goes
//! into the corpus with its fix.

mod header;

pub use header::header;

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the program and of the corpus directory.
    pub name: &'static str,
    /// Runs one input.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[Target { name: "header", run: header }];
