//! Both adapters have the same names, but for what one of them cannot have.
//!
//! Types and methods that `acme_adapter::facade` writes are the same by construction. What each adapter writes by itself is
//! compared here: what it exports, the methods of the traits that users implement, and the features.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What only `acme-tokio` has: boxed futures, the forms for trait objects, its transport, and what goes with hyper, tower
/// and axum.
const ONLY_TOKIO: &[&str] = &[
    "BoxFuture",
    "DynSigner",
    "DynSolver",
    "DynStorage",
    "DynStore",
    "DynTransport",
    "Http01Layer",
    "Http01Service",
    "HyperTransport",
    "PeerAddr",
    "RedirectService",
];

/// The features that only `acme-tokio` has: libraries of asynchronous servers.
const ONLY_TOKIO_FEATURES: &[&str] = &["axum", "tower"];

/// What only `acme-blocking` has: what takes the place of a future to cancel on, and its transport.
const ONLY_BLOCKING: &[&str] =
    &["Borrowed", "Cancel", "GivenSolver", "IntoSolver", "Owned", "UreqTransport"];

fn read(adapter: &str, file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let path = root.join(adapter).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns what the crate's root exports by name.
fn exports(adapter: &str) -> BTreeSet<String> {
    let text = read(adapter, "src/lib.rs");
    let items =
        text.split("\npub ").skip(1).map(|item| item.split([';', '=']).next().unwrap_or(item));
    let words = items.flat_map(|item| item.split(|c: char| !c.is_alphanumeric() && c != '_'));
    // A single letter is a type parameter.
    let is_type = |word: &str| word.starts_with(char::is_uppercase) && word.len() > 1;
    let is_name = |word: &&str| is_type(word) || *word == "propagated";
    words.filter(is_name).map(str::to_owned).collect()
}

/// Returns the methods of a trait.
fn methods(adapter: &str, file: &str, name: &str) -> Vec<String> {
    let text = read(adapter, file);
    let start = text.find(&format!("\npub trait {name}: ")).expect("the trait");
    let body = text[start..].split("\n}\n").next().expect("its end");
    let lines = body.lines().filter_map(|line| line.strip_prefix("    fn "));
    lines.map(|line| line.split('(').next().unwrap_or(line).to_owned()).collect()
}

fn features(adapter: &str) -> Vec<String> {
    let manifest = read(adapter, "Cargo.toml");
    let features = manifest.split("[features]\n").nth(1).expect("features");
    let features = features.split("\n[").next().unwrap_or(features);
    features.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn both_adapters_export_the_same_names() {
    let (tokio, blocking) = (exports("acme-tokio"), exports("acme-blocking"));
    assert_eq!(tokio.difference(&blocking).collect::<Vec<_>>(), ONLY_TOKIO);
    assert_eq!(blocking.difference(&tokio).collect::<Vec<_>>(), ONLY_BLOCKING);
    assert!(tokio.contains("Client"), "{tokio:?}");
}

#[test]
fn the_traits_that_users_implement_have_the_same_methods() {
    let traits = [
        ("src/signer.rs", "Signer", 2),
        ("src/solver/dns01.rs", "Dns01", 4),
        ("src/solver/mod.rs", "Solver", 6),
        ("src/store.rs", "Store", 1),
        ("src/transport/mod.rs", "Transport", 3),
    ];
    for (file, name, count) in traits {
        let tokio = methods("acme-tokio", file, name);
        assert_eq!(tokio, methods("acme-blocking", file, name), "{name}");
        assert_eq!(tokio.len(), count, "{name}: {tokio:?}");
    }
    // The blocking form is needed without an adapter, too.
    let blocking = methods("acme-proto/adapter", "src/storage/mod.rs", "Storage");
    assert_eq!(methods("acme-tokio", "src/storage.rs", "Storage"), blocking);
    assert_eq!(blocking.len(), 6, "{blocking:?}");
}

#[test]
fn both_adapters_have_the_same_features() {
    let name = |line: &String| line.split(' ').next().unwrap_or_default().to_owned();
    let (only, both): (Vec<String>, Vec<String>) = features("acme-tokio")
        .into_iter()
        .partition(|line| ONLY_TOKIO_FEATURES.contains(&name(line).as_str()));
    assert_eq!(only.iter().map(name).collect::<Vec<_>>(), ONLY_TOKIO_FEATURES);
    assert_eq!(both, features("acme-blocking"));
}
