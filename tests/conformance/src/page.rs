//! The page of the manual that shows every requirement with its tests.

use std::fmt::Write as _;

use crate::{Coverage, Excused, Layer, Level, Requirement, Scope};

const INTRODUCTION: &str = "\
# Conformance

What an ACME client must, should or may do, line by line, with the tests that show that this one does.
The lines are ours, in our own words; the texts are RFC 8555, its extensions, and the RFCs they rest on. An ID is
`SPECIFICATION-SECTION-number`. The level `impl` marks what follows from a text without a capital-letter sentence about the client.
The layer says who carries it out: `proto` is this crate, `transport` an adapter, `user` the application above.

A test counts if it cites the ID beside an assertion of the behaviour, and ran and passed. This page is generated from the sources and
the run of all tests, and CI compares it.
";

/// Returns the page: counts, then a table for each heading of the catalogue, in Markdown that rustdoc shows as it is.
pub fn page(coverage: &Coverage<'_>, excused: &Excused<'_>) -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str(&counts(coverage, excused));
    let mut heading = "";
    for requirement in coverage.catalogue().requirements() {
        if Scope::of(requirement) == Scope::Gone {
            continue;
        }
        if requirement.heading() != heading {
            heading = requirement.heading();
            let _ = write!(
                text,
                "\n## {}\n\n| ID | level | layer | requirement | tests |\n| --- | --- | --- | --- | --- |\n",
                escaped(heading)
            );
        }
        text.push_str(&row(requirement, coverage, excused));
    }
    text
}

fn counts(coverage: &Coverage<'_>, excused: &Excused<'_>) -> String {
    let mut text =
        "\n| | covered | excused | open | all |\n| --- | --- | --- | --- | --- |\n".to_owned();
    let levels = Level::ALL.into_iter().filter(|&level| level != Level::Gone);
    for level in levels {
        let chosen = |r: &Requirement| Scope::of(r) == Scope::Required && r.level() == level;
        text.push_str(&count(&format!("{level}"), coverage, excused, chosen));
    }
    let of = |scope| move |r: &Requirement| Scope::of(r) == scope;
    text.push_str(&count("**all that is required**", coverage, excused, of(Scope::Required)));
    text.push_str(&count("the application's part", coverage, excused, of(Scope::User)));
    text.push_str(&count("rarer extensions, later", coverage, excused, of(Scope::Later)));
    text
}

fn count(
    name: &str,
    coverage: &Coverage<'_>,
    excused: &Excused<'_>,
    chosen: impl Fn(&Requirement) -> bool,
) -> String {
    let (mut covered, mut without, mut all) = (0, 0, 0);
    for requirement in coverage.catalogue().requirements().iter().filter(|r| chosen(r)) {
        all += 1;
        if coverage.covers(requirement.id()) {
            covered += 1;
        } else if excused.reason(requirement.id()).is_some() {
            without += 1;
        }
    }
    format!("| {name} | {covered} | {without} | {} | {all} |\n", all - covered - without)
}

fn row(requirement: &Requirement, coverage: &Coverage<'_>, excused: &Excused<'_>) -> String {
    let id = requirement.id();
    let layers: Vec<&str> = requirement.layers().iter().copied().map(Layer::as_str).collect();
    let tests: Vec<String> = coverage.tests_of(id).map(|test| format!("`{test}`")).collect();
    let shown = match (excused.reason(id), Scope::of(requirement)) {
        _ if !tests.is_empty() => tests.join("<br>"),
        (Some(reason), _) => format!("excused: {}", escaped(reason)),
        (None, Scope::User) => "the application's part".to_owned(),
        (None, Scope::Later) => "later".to_owned(),
        (None, _) => "**open**".to_owned(),
    };
    format!(
        "| {id} | {} | {} | {} | {shown} |\n",
        requirement.level(),
        layers.join(", "),
        escaped(requirement.text())
    )
}

/// Escapes what Markdown or rustdoc would take for markup, outside of code spans; a bar is escaped in these too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut code = false;
    for c in text.chars() {
        if c == '`' {
            code = !code;
        }
        if c == '|' || (!code && "\\*_[]<>~".contains(c)) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn markup_is_escaped_outside_of_code() {
        assert_eq!(escaped("a*b `c*d` [e]|`f|g`"), "a\\*b `c*d` \\[e\\]\\|`f\\|g`");
    }

    #[test]
    fn every_line_stands_below_its_heading_with_its_tests_or_its_reason() {
        let mut coverage = Coverage::new(catalogue());
        coverage.add("8555-6.2-3", "a::first");
        coverage.add("8555-6.2-3", "b::second");
        let text = page(&coverage, &Excused::parse("8555-6.2-4\tno need\n"));
        let of = |id: &str| {
            let start = format!("| {id} |");
            text.lines().find(|line| line.starts_with(&start)).expect("each ID has a row")
        };
        assert!(of("8555-6.2-3").ends_with("| `a::first`<br>`b::second` |"));
        assert!(of("8555-6.2-4").ends_with("| excused: no need |"));
        assert!(of("8555-6.2-5").ends_with("| **open** |"));
        assert!(of("8555-7.3-6").ends_with("| the application's part |"));
        assert!(of("8739-3.1.1-5").ends_with("| later |"));
        let (_, jws) = text.split_once("## Request authentication: the JWS").expect("a heading");
        assert!(jws.trim_start().starts_with("| ID |"));
        assert!(text.contains("\n| MUST | 1 | 0 |"), "{text}");
    }
}
