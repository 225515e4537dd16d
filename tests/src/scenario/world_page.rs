//! The manual's page on what servers do, and what comes of it.

use core::fmt::Write as _;

use super::{Quirk, Scenario, table};

/// A kind of fault that was seen in the field, and the rule that the crates follow.
pub struct FieldCase {
    /// What a server, a network or an attacker does.
    pub what: &'static str,
    /// The rule.
    pub rule: &'static str,
    /// The tests that show it, by the names of their functions.
    pub tests: &'static [&'static str],
}

/// Every kind that is known from the field.
pub const FIELD: &[FieldCase] = &[];

const HEAD: &str = "<!-- Made by `ACME_BLESS=1 cargo test -p acme-tests --test adapters world`, which otherwise compares it \
with what it saw. -->

What servers do that the RFC does not say, and what comes of it.
Each row of the first two tables was run three times, by acme-proto alone, by `acme-tokio` and by `acme-blocking`, with \
the same requests and the same end.
";

/// Writes the page; `quirks` are the switches of the test CA, as they were run.
pub fn world_page(quirks: &[(Quirk, Scenario)]) -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n# Switches of the test CA\n\n| the CA | switch | what comes of it |\n| --- | --- | --- |\n");
    for (quirk, _) in quirks {
        let end = end(quirk.fails_with);
        let _ = writeln!(page, "| {} | `{}` | {end} |", quirk.what, quirk.name);
    }
    page.push_str("\n# Scenarios\n\nThe requests of each are in `tests/transcripts`.\n\n");
    page.push_str("| scenario | what comes of it |\n| --- | --- |\n");
    for scenario in table() {
        let name = scenario.name.replace('_', " ");
        let _ = writeln!(page, "| {name} | {} |", end(scenario.fails_with));
    }
    page.push_str("\n# Kinds of fault from the field\n\n| what happens | what the crates do | tests |\n| --- | --- | --- |\n");
    for case in FIELD {
        let tests: Vec<_> = case.tests.iter().map(|test| format!("`{test}`")).collect();
        let _ = writeln!(page, "| {} | {} | {} |", case.what, case.rule, tests.join(", "));
    }
    page
}

fn end(fails_with: Option<&str>) -> String {
    match fails_with {
        None => "a certificate".to_owned(),
        Some(text) => format!("an error with \"{text}\""),
    }
}
