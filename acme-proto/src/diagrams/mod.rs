//! Writes the diagrams and tables of the documentation from the tables that the code runs by, and compares them
//! with the files.
//!
//! `ACME_WRITE_DIAGRAMS=1 cargo test -p acme-proto diagrams` writes the files; without the variable nothing is
//! written.

mod graph;
mod layout;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Debug;

pub(crate) use graph::{Graph, Line};

/// Compares a generated file with what the documentation includes; writes it if that is asked for.
pub(crate) fn check(path: &str, included: &str, generated: &str) {
    if std::env::var_os("ACME_WRITE_DIAGRAMS").is_some() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
        std::fs::write(file, generated).expect("the sources can be written");
        return;
    }
    assert!(
        included == generated,
        "src/{path} differs from the code; ACME_WRITE_DIAGRAMS=1 cargo test -p acme-proto diagrams \
         writes it"
    );
}

/// Returns the variants of an enum with the first sentence of their documentation, read from its source.
///
/// They have to be exactly those listed in `all`: a new variant cannot be left out of a picture.
pub(crate) fn variants<T: Copy + Debug>(source: &str, name: &str, all: &[T]) -> Vec<(T, Line)> {
    let start = format!("enum {name} {{\n");
    let (_, rest) = source.split_once(&start).expect("the enum is in this file");
    let (body, _) = rest.split_once("\n}").expect("the enum ends");
    let mut found = Vec::new();
    let mut doc = String::new();
    for line in body.lines().map(str::trim) {
        match (line.strip_prefix("///"), line.strip_suffix(',')) {
            (Some(more), _) => doc = format!("{doc} {}", more.trim()).trim().to_string(),
            (None, Some(variant)) => {
                let doc = core::mem::take(&mut doc);
                found.push((variant.to_string(), doc));
            }
            (None, None) => {}
        }
    }
    // One that has variants of its own is listed by them.
    found.retain(|(variant, _)| !variant.contains('('));
    let listed: Vec<_> = all.iter().map(|it| format!("{it:?}")).collect();
    let names: Vec<_> = found.iter().map(|(variant, _)| variant.clone()).collect();
    assert_eq!(names, listed, "the list of all {name}");
    all.iter().copied().zip(found).collect()
}

/// Writes a Markdown table.
pub(crate) fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = [const { String::new() }; N].map(|_| "---".to_string());
    let mut text = line(&head.map(String::from)) + &line(&rule);
    rows.into_iter().for_each(|row| text += &line(&row));
    text
}

/// Writes what each name means as a table.
pub(crate) fn meanings<T>(head: &str, all: &[(T, Line)]) -> String {
    table([head, "meaning"], all.iter().map(|(_, (name, doc))| [code(name), doc.clone()]))
}

pub(crate) fn code(name: &str) -> String {
    format!("`{name}`")
}
