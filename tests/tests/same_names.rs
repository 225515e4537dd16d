//! Both adapters have the same public names, but for what one of them cannot have.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names that only `acme-tokio` has: the traits' forms for trait objects, and its transport.
const ONLY_TOKIO: [&str; 6] =
    ["BoxFuture", "DynSigner", "DynSolver", "DynStore", "DynTransport", "HyperTransport"];

/// Names that only `acme-blocking` has: what takes the place of a future to cancel on, and its transport.
const ONLY_BLOCKING: [&str; 2] = ["Cancel", "UreqTransport"];

fn source(adapter: &str, file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let path = root.join(adapter).join("src").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns what a crate's root exports: re-exports, types and constants.
fn exports(adapter: &str) -> BTreeSet<String> {
    let text = source(adapter, "lib.rs");
    let items = text.split(';').filter_map(|item| item.split("\npub ").nth(1));
    items.flat_map(names).collect()
}

/// Returns the names that one `use`, `type` or `const` brings.
fn names(item: &str) -> Vec<String> {
    let item = item.replace(['\n', '{', '}'], " ");
    let (keyword, rest) = item.split_once(' ').unwrap_or((&item, ""));
    let rest = match keyword {
        "use" => rest.rsplit("::").next().unwrap_or(rest),
        "type" | "const" => rest.split([':', '=', '<']).next().unwrap_or(rest),
        _ => return Vec::new(),
    };
    let last = |name: &str| name.split_whitespace().last().map(str::to_owned);
    rest.split(',').filter_map(last).collect()
}

/// Returns the public methods of a file.
fn methods(adapter: &str, file: &str) -> BTreeSet<String> {
    let text = source(adapter, file);
    let name = |line: &str| {
        let line = line.trim().strip_prefix("pub ")?;
        let (_, rest) = line.split_once("fn ")?;
        Some(rest.split(['(', '<']).next()?.to_owned())
    };
    text.lines().filter_map(name).collect()
}

#[test]
fn both_adapters_export_the_same_names() {
    let (tokio, blocking) = (exports("acme-tokio"), exports("acme-blocking"));
    assert!(tokio.contains("Client") && tokio.contains("LETS_ENCRYPT"), "{tokio:?}");
    assert!(tokio.contains("Http01Handler") && tokio.contains("CertificateChain"), "{tokio:?}");
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| -> Vec<String> {
        a.difference(b).cloned().collect()
    };
    assert_eq!(only(&tokio, &blocking), ONLY_TOKIO);
    assert_eq!(only(&blocking, &tokio), ONLY_BLOCKING);
}

#[test]
fn both_adapters_have_the_same_methods() {
    for file in
        ["client.rs", "builder.rs", "register.rs", "issue.rs", "key_change.rs", "operations.rs"]
    {
        let tokio = methods("acme-tokio", file);
        assert!(!tokio.is_empty(), "{file} has methods");
        assert_eq!(tokio, methods("acme-blocking", file), "{file}");
    }
}

/// One type, so that not even its methods can differ.
#[test]
fn both_adapters_fail_with_the_same_error() {
    let error: acme_blocking::Error = acme_tokio::Error::NoCsr;
    assert_eq!(error.to_string(), acme_blocking::Error::NoCsr.to_string());
}
