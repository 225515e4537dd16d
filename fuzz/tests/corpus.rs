//! Replays the corpus, and checks that every target is complete.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use acme_fuzz::TARGETS;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("a readable entry").path()).collect();
    files.sort();
    files
}

#[test]
fn every_input_of_the_corpus_passes() {
    let mut failed = Vec::new();
    for target in TARGETS {
        let inputs = files(&root().join("corpus").join(target.name));
        assert!(!inputs.is_empty(), "corpus/{} is empty", target.name);
        for input in inputs {
            let data = fs::read(&input).unwrap();
            let result = catch_unwind(AssertUnwindSafe(|| (target.run)(&data)));
            if result.is_err() {
                failed.push(format!("{} fails on {}", target.name, input.display()));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The target would find little if a change of its world made most inputs end in the same way.
#[test]
fn the_seeds_of_the_issuance_lead_to_every_ending() {
    let seeds = files(&root().join("corpus/issuance")).into_iter().filter_map(|file| {
        let name = file.file_name()?.to_str()?.strip_prefix("ends_in_")?.to_owned();
        Some((name, file))
    });
    let mut count = 0;
    for (expected, file) in seeds {
        let ending = acme_fuzz::issuance_ending(&fs::read(&file).unwrap());
        assert_eq!(ending, expected, "{}: run the example `seeds`", file.display());
        count += 1;
    }
    assert!(count >= 10, "{count} endings");
}

#[test]
fn every_target_passes_on_trivial_inputs() {
    for target in TARGETS {
        for data in [&b""[..], b"\0", b"\n", b"{}", b"[]", b"null", b"\xff\xfe", &[b'['; 4096]] {
            (target.run)(data);
        }
    }
}

#[test]
fn every_target_has_a_corpus_and_a_program() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|t| t.name.to_owned()).collect();
    let stems = |dir: &str| -> BTreeSet<String> {
        let files = files(&root().join(dir)).into_iter();
        files.map(|f| f.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(stems("corpus"), targets);
    assert_eq!(stems("fuzz_targets"), targets);

    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let programs = manifest.split("[[bin]]").skip(1).map(|section| {
        let name = section.lines().find_map(|line| line.strip_prefix("name = "));
        name.expect("each [[bin]] has a name").trim_matches('"').to_owned()
    });
    assert_eq!(programs.collect::<BTreeSet<_>>(), targets);
}
