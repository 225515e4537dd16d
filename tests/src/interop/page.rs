//! The page of the manual that shows a run.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Feature, Line};

/// Makes the page from the lines of a run.
///
/// # Errors
///
/// The adapters' outcomes at one server differ, or a server was tried with one adapter only.
pub fn page(files: &[(String, Vec<Line>)]) -> Result<String, String> {
    let mut text = String::from(INTRODUCTION);
    text.push_str("\n# Servers\n\n");
    text.push_str(&servers(files)?);
    let clients: Vec<&Line> =
        files.iter().flat_map(|(_, lines)| lines).filter(|line| line.kind == "client").collect();
    if !clients.is_empty() {
        text.push_str("\n# Clients\n\n");
        text.push_str(CLIENTS);
        let mut rows: Vec<&str> = Vec::new();
        for line in clients.iter().filter(|line| line.row != Line::VERSION) {
            if !rows.contains(&line.row.as_str()) {
                rows.push(&line.row);
            }
        }
        text.push_str(&table(&clients, &rows));
    }
    Ok(text)
}

/// The order of the columns.
const SERVERS: [&str; 8] = [
    "Boulder",
    "Boulder (next)",
    "Pebble",
    "Pebble (Debian)",
    "step-ca",
    "Caddy",
    "serles",
    "acmev2",
];

const INTRODUCTION: &str = "\
<!-- Made by `cargo run -p acme-tests --bin interop -- --write`; `tests/run` compares it with what it saw. -->

Which features work with which other software, as the tests tried it. Everything is validated for real, on loopback.
In brackets after the name of a row stands what was checked or seen wherever it works.
";

const CLIENTS: &str = "\
Other ACME clients against `acme-testca`, the strict test CA of this workspace, so that it is not only our own reading \
of the RFC. *works*: the effect was checked in the CA, each chain was verified by WebPKI rules, and the CA refused no \
request but where the row is about that. *refused*: the client ends at that problem type, and the CA is right. *lacks*: \
the client has no such feature, or none that can be switched on.

";

const LEGEND: &str = "\
Each cell was run with `acme-tokio` and with `acme-blocking`, and came out the same. *works*: the feature was used and \
its effect was checked; each chain was verified by OpenSSL against the server's root, with exactly the names that were \
ordered, and no challenge stayed published but the records of dns-persist-01, which are to stay. *lacks*: the server does not have the feature, and what follows is the \
typed error that the client ended in (the variant, or the HTTP status and type of the problem), or what the server did \
instead.

Boulder is the server behind Let's Encrypt, and *next* the mode that its developers try next: authorizations are \
`processing` while they are validated, and orders while their certificate is made.

";

fn servers(files: &[(String, Vec<Line>)]) -> Result<String, String> {
    let mut by_server: BTreeMap<&str, Vec<&Vec<Line>>> = BTreeMap::new();
    for (_, lines) in files {
        if let Some(first) = lines.iter().find(|line| line.kind == "server") {
            by_server.entry(&first.name).or_default().push(lines);
        }
    }
    let mut all = Vec::new();
    for server in SERVERS {
        match by_server.remove(server).unwrap_or_default()[..] {
            [one, other] if one == other => all.extend(one),
            [one, other] => return Err(difference(server, one, other)),
            ref runs => {
                return Err(format!(
                    "{server}: {} runs instead of one by each adapter",
                    runs.len()
                ));
            }
        }
    }
    if let Some(unknown) = by_server.keys().next() {
        return Err(format!("{unknown} is not a column of the page"));
    }
    let rows = Feature::ALL.map(Feature::name);
    Ok(format!("{LEGEND}{}", table(&all, &rows)))
}

fn difference(server: &str, one: &[Line], other: &[Line]) -> String {
    let differ = one.iter().zip(other).find(|(a, b)| a != b);
    format!("{server}: the adapters differ: {differ:?}")
}

/// A table with a column for each peer, in the order of the lines.
fn table(lines: &[&Line], rows: &[&str]) -> String {
    let mut peers: Vec<(&str, &str)> = Vec::new();
    for line in lines {
        if !peers.iter().any(|(name, _)| *name == line.name) {
            let version = lines.iter().find(|l| l.name == line.name && l.row == Line::VERSION);
            peers.push((&line.name, version.map_or("", |l| &l.outcome)));
        }
    }
    let mut text = String::from("| |");
    for (name, version) in &peers {
        let _ = write!(text, " {} |", format!("{name} {version}").trim_end());
    }
    let _ = writeln!(text, "\n| --- |{}", " --- |".repeat(peers.len()));
    for row in rows {
        let common = common_detail(lines, row);
        let _ = write!(text, "| {row}");
        if let Some(detail) = common {
            let _ = write!(text, " ({})", escaped(detail));
        }
        text.push_str(" |");
        for (name, _) in &peers {
            let cell = lines.iter().find(|l| l.name == *name && l.row == *row);
            let _ =
                write!(text, " {} |", cell.map_or_else(String::new, |line| shown(line, common)));
        }
        text.push('\n');
    }
    text
}

/// Returns what was seen wherever a row works, if it is the same everywhere: it belongs to the row then.
fn common_detail<'a>(lines: &[&'a Line], row: &str) -> Option<&'a str> {
    let mut works = lines.iter().filter(|l| l.row == row && l.outcome == "works");
    let first = works.next()?.detail.as_str();
    (!first.is_empty() && works.all(|line| line.detail == first)).then_some(first)
}

fn shown(line: &Line, common: Option<&str>) -> String {
    match line.detail.as_str() {
        detail if detail.is_empty() || Some(detail) == common => escaped(&line.outcome),
        detail => format!("{}: {}", escaped(&line.outcome), escaped(detail)),
    }
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(server: &str, outcome: &str) -> (String, Vec<Line>) {
        let lines = vec![
            Line::version(server, "1.0"),
            Line::server(server, Feature::Http01.name(), outcome, "a | b"),
            Line::server(server, Feature::Dns01.name(), "works", server),
        ];
        (format!("{server}-{outcome}"), lines)
    }

    fn complete() -> Vec<(String, Vec<Line>)> {
        SERVERS.iter().flat_map(|server| [run(server, "works"), run(server, "works")]).collect()
    }

    #[test]
    fn each_server_is_a_column_and_each_feature_a_row() {
        let text = page(&complete()).unwrap();
        assert!(text.contains("| Boulder 1.0 | Boulder (next) 1.0 | Pebble 1.0 |"), "{text}");
        assert!(text.contains(r"| issue by http-01 (a \| b) | works | works |"), "{text}");
        let row = "| issue by dns-01 | works: Boulder | works: Boulder (next) | works: Pebble |";
        assert!(text.contains(row), "{text}");
        assert!(Feature::ALL.iter().all(|feature| text.contains(feature.name())));
        assert!(!text.contains("# Clients"), "{text}");
    }

    #[test]
    fn adapters_that_differ_are_an_error() {
        let mut files = complete();
        files[1] = run("Boulder", "lacks");
        assert!(page(&files).unwrap_err().contains("Boulder: the adapters differ"));
    }

    #[test]
    fn a_server_that_one_adapter_did_not_try_is_an_error() {
        let mut files = complete();
        files.pop();
        assert!(page(&files).unwrap_err().starts_with("acmev2: 1 runs"));
    }

    #[test]
    fn clients_have_a_table_of_their_own() {
        let mut files = complete();
        let line = |row: &str, outcome: &str| Line {
            kind: "client".into(),
            ..Line::server("certbot", row, outcome, "")
        };
        files.push((
            "client-certbot".into(),
            vec![line("version", "5.8"), line("http-01", "works")],
        ));
        let text = page(&files).unwrap();
        assert!(text.contains("# Clients") && text.contains("| certbot 5.8 |"), "{text}");
        assert!(text.contains("| http-01 | works |"), "{text}");
    }
}
