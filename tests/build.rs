//! Makes the tests of acme-blocking from those of acme-tokio: see `tests/tests/adapters/both/mod.rs`.

use std::path::Path;
use std::{env, fs};

const FILES: &[&str] = &[
    "ca.rs",
    "client.rs",
    "hints.rs",
    "issue.rs",
    "key_change.rs",
    "operations.rs",
    "user_code.rs",
];

fn main() {
    let from = Path::new("tests/adapters/both");
    let to = env::var_os("OUT_DIR").expect("Cargo sets it");
    for file in FILES {
        let source = from.join(file);
        println!("cargo::rerun-if-changed={}", source.display());
        let text = fs::read_to_string(&source)
            .unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        fs::write(Path::new(&to).join(file), blocking(&text)).expect("Cargo made the directory");
    }
}

fn blocking(text: &str) -> String {
    // An included file cannot have documentation of its own.
    let lines = text.lines().filter(|line| !line.starts_with("//!"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let text = text.replace(".await", "").replace("async move ", "").replace("async ", "");
    text.replace("#[tokio::test(start_paused = true)]", "#[test]")
        .replace("#[tokio::test]", "#[test]")
}
