//! Makes the tests of acme-blocking from those of acme-tokio, see `tests/tests/adapters/both/mod.rs`; and a server for
//! `tests/src/bin/alive.rs` from the one in the README.

use std::path::Path;
use std::{env, fs};

const FILES: &[&str] = &[
    "ca.rs",
    "client.rs",
    "hints.rs",
    "issue.rs",
    "key_change.rs",
    "longest.rs",
    "operations.rs",
    "person.rs",
    "pool.rs",
    "public_ca.rs",
    "trust.rs",
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
    println!("cargo::rerun-if-changed=../README.md");
    let readme = fs::read_to_string("../README.md").expect("the README");
    let server = Path::new(&to).join("readme_server.rs");
    fs::write(server, readme_server(&readme)).expect("Cargo made the directory");
}

/// Returns the README's server, with its folder, its CA and its address in the hands of the program that includes it.
fn readme_server(readme: &str) -> String {
    let mut blocks = readme.split("```rust,no_run\n").skip(1);
    let server = blocks.find(|block| block.contains(".listen("));
    let server = server.and_then(|block| block.split("```").next()).expect("a server");
    let server = server.replace("async fn main", "pub(crate) async fn main");
    let given = [
        ("\"state\"", "super::given().folder.as_str()"),
        (".lets_encrypt(", ".test_ca("),
        ("\"[::]:443\"", "super::given().address.as_str()"),
    ];
    given.iter().fold(server, |server, (from, to)| {
        assert!(server.contains(from), "the README's server has no {from}");
        server.replace(from, to)
    })
}

fn blocking(text: &str) -> String {
    // An included file cannot have documentation of its own.
    let lines = text.lines().filter(|line| !line.starts_with("//!"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let text = text.replace(".await", "").replace("async move ", "").replace("async ", "");
    text.replace("#[tokio::test(start_paused = true)]", "#[test]")
        .replace("#[tokio::test]", "#[test]")
}
