//! Both adapters have the same public names, but for what one of them cannot have.
//!
//! The sources are read as rustfmt leaves them: an item begins in the first column and ends with a brace there,
//! and its members begin in the fifth.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What only `acme-tokio` has: the forms for trait objects, and its transport.
const ONLY_TOKIO: &[&str] = &[
    "BoxFuture",
    "DynSigner",
    "DynSigner::dyn_account_key",
    "DynSigner::dyn_sign",
    "DynSolver",
    "DynSolver::dyn_clean_up",
    "DynSolver::dyn_kinds",
    "DynSolver::dyn_present",
    "DynSolver::dyn_wait",
    "DynStore",
    "DynStore::dyn_save",
    "DynTransport",
    "DynTransport::dyn_close",
    "DynTransport::dyn_exchange",
    "DynTransport::dyn_product",
    "HyperTransport",
    "HyperTransport: Debug",
    "HyperTransport: Transport",
    "HyperTransport::http1_connections",
    "HyperTransport::new",
    "HyperTransport::with_config",
];

/// What only `acme-blocking` has: what takes the place of a future to cancel on, and its transport.
const ONLY_BLOCKING: &[&str] = &[
    "Cancel",
    "Cancel: Debug",
    "Cancel::cancel",
    "Cancel::is_cancelled",
    "Cancel::new",
    "UreqTransport",
    "UreqTransport: Debug",
    "UreqTransport: Transport",
    "UreqTransport::connections",
    "UreqTransport::new",
    "UreqTransport::with_config",
];

fn root(adapter: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join(adapter)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns every source file of a crate.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// Returns what a module's file exports at its top: re-exports, modules, types, constants and functions.
fn exports(text: &str) -> BTreeSet<String> {
    let items = text.split("\npub ").skip(1);
    items.flat_map(|item| names(item.split([';', '=']).next().unwrap_or(item))).collect()
}

/// Returns the names that one item brings.
fn names(item: &str) -> Vec<String> {
    let item = item.replace("const fn ", "fn ").replace("async fn ", "fn ");
    let (keyword, rest) = item.split_once(' ').unwrap_or((&item, ""));
    if keyword != "use" {
        return vec![word(rest)];
    }
    let list = rest.split_once('{').map_or_else(
        || rest.rsplit("::").next().unwrap_or(rest),
        |(_, list)| list.trim_end().trim_end_matches('}'),
    );
    let last = |name: &str| name.split_whitespace().last().map(str::to_owned);
    list.split(',').filter_map(last).filter(|name| name != "self").collect()
}

/// Returns the identifier that a text begins with.
fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Where a member stands.
enum Place {
    /// In a trait, or the inherent implementation for a type; whether its functions are all public.
    In(String, bool),
    Elsewhere,
}

/// Returns where the members after a line in the first column stand, and a trait that it implements.
fn place(line: &str) -> (Place, Option<String>) {
    if let Some(rest) = line.strip_prefix("pub trait ") {
        return (Place::In(word(rest), true), None);
    }
    if let Some(rest) = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))
    {
        return (Place::In(word(rest), false), None);
    }
    let Some(rest) = line.strip_prefix("impl") else { return (Place::Elsewhere, None) };
    let rest = if rest.starts_with('<') { after_generics(rest) } else { rest.trim_start() };
    match rest.split_once(" for ") {
        Some((name, of)) => {
            let name = name.split('<').next().unwrap_or(name);
            let name = word(name.rsplit("::").next().unwrap_or(name));
            (Place::Elsewhere, Some(format!("{}: {name}", word(of))))
        }
        None => (Place::In(word(rest), false), None),
    }
}

fn after_generics(text: &str) -> &str {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '<') - i32::from(c == '>');
        if depth == 0 {
            return text[at + 1..].trim_start();
        }
    }
    text
}

/// Returns the public members and implemented traits of a file, as `Type::member` and `Type: Trait`.
fn members(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut at = Place::Elsewhere;
    for line in text.lines() {
        if line == "}" {
            at = Place::Elsewhere;
        } else if !line.starts_with([' ', '#', '/', ')']) && !line.is_empty() {
            let implemented;
            (at, implemented) = place(line);
            found.extend(implemented);
        } else if let (Place::In(owner, all_public), Some(member)) =
            (&at, line.strip_prefix("    "))
            && let Some(name) = member_name(member, *all_public)
        {
            found.insert(format!("{owner}::{name}"));
        }
    }
    found
}

/// Returns the name of a public function, constant or field.
fn member_name(member: &str, all_public: bool) -> Option<String> {
    let public = member.strip_prefix("pub ");
    let rest = if all_public { public.or(Some(member))? } else { public? };
    let is_field = public.is_some() && !rest.contains("fn ");
    let rest = rest.strip_prefix("const ").unwrap_or(rest);
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    let name = match rest.strip_prefix("fn ") {
        Some(rest) => word(rest),
        None if is_field => word(rest),
        None => return None,
    };
    (!name.is_empty()).then_some(name)
}

/// Returns every public name of an adapter.
fn public_names(adapter: &str) -> BTreeSet<String> {
    let src = root(adapter).join("src");
    let mut exported = exports(&read(&src.join("lib.rs")));
    for module in exported.clone() {
        let file = src.join(format!("{module}.rs"));
        if file.exists() {
            exported.extend(exports(&read(&file)).iter().map(|name| format!("{module}::{name}")));
        }
    }
    let members = sources(&src).into_iter().flat_map(|file| members(&read(&file)));
    let of_public = |member: &String| exported.contains(&word(member));
    let members: Vec<String> = members.filter(of_public).collect();
    let manifest = read(&root(adapter).join("Cargo.toml"));
    let features = manifest.split("[features]\n").nth(1).expect("features");
    let features = features.split("\n[").next().unwrap_or(features);
    let features = features.lines().filter_map(|line| Some(line.split_once(" = ")?.0));
    let features: Vec<String> = features.map(|name| format!("feature {name}")).collect();
    exported.into_iter().chain(members).chain(features).collect()
}

#[test]
fn both_adapters_have_the_same_public_names() {
    let (mut tokio, blocking) = (public_names("acme-tokio"), public_names("acme-blocking"));
    // What is awaited in one is run in the other.
    tokio.retain(|name| match name.strip_suffix(": IntoFuture") {
        Some(builder) => !blocking.contains(&format!("{builder}::run")),
        None => true,
    });
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| -> Vec<String> {
        a.difference(b).cloned().collect()
    };
    assert_eq!(only(&tokio, &blocking), ONLY_TOKIO, "only in acme-tokio");
    assert_eq!(only(&blocking, &tokio), ONLY_BLOCKING, "only in acme-blocking");
}

/// One name of each kind that the comparison is about: were they not found, it would compare nothing.
#[test]
fn the_names_of_every_kind_are_found() {
    for adapter in ["acme-tokio", "acme-blocking"] {
        let names = public_names(adapter);
        for name in [
            "Client",
            "LETS_ENCRYPT",
            "BoxError",
            "Http01Handler",
            "CertificateChain",
            "propagated",
            "zerossl",
            "zerossl::mint",
            "zerossl::MintError",
            "Client::issue",
            "Issue::run",
            "Client::renewal_info",
            "ClientBuilder::connect",
            "Dns01::set_txt",
            "Dns01Solver::propagation",
            "Dns01Solver: Solver",
            "HookCommand: Dns01",
            "Transport::close",
            "feature aws-lc-rs",
        ] {
            assert!(names.contains(name), "{adapter} has {name}");
        }
        assert!(names.len() > 150, "{adapter} has only {} names", names.len());
    }
}

/// One type, so that not even its methods can differ.
#[test]
fn both_adapters_fail_with_the_same_error() {
    let error: acme_blocking::Error = acme_tokio::Error::NoCsr;
    assert_eq!(error.to_string(), acme_blocking::Error::NoCsr.to_string());
}
