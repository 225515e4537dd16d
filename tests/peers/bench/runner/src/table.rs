//! The manual's page, README's part, and what they show.

use std::fmt::Write as _;
use std::fs;

use crate::cell::{Conditions, LATENCIES};
use crate::client::{CLIENTS, Client, named};
use crate::install::Programs;
use crate::plot;
use crate::result::{Results, Run};
use crate::{builds, goals};

const VALIDATIONS: [(u32, &str); 3] =
    [(0, "valid at once"), (1000, "valid after 1 s"), (4000, "valid after 4 s")];
const NAMES: [u32; 4] = [1, 10, 100, 1000];
const BEGIN: &str = "<!-- speed: written by tests/peers/bench/run --write -->\n";
const END: &str = "<!-- /speed -->\n";

/// Writes everything that shows the results.
pub fn write(programs: &Programs, results: &Results) -> Result<(), String> {
    let manual = programs.repository().join("acme-proto/src/manual");
    let text = |name: &str| fs::read_to_string(programs.bench().join("page").join(name));
    let failed = |error: std::io::Error| error.to_string();
    let mut page = text("head.md").map_err(failed)?;
    page.push_str(&origins(results));
    page.push_str(&goals::section(results));
    for (validation, title) in VALIDATIONS {
        for names in NAMES {
            page.push_str(&section(results, validation, title, names));
        }
    }
    let heading = programs.bench().join("page/builds.md");
    page.push_str(&builds::section(programs, &heading)?);
    page.push_str(&text("tail.md").map_err(failed)?);
    fs::write(manual.join("speed.md"), page).map_err(failed)?;
    for (validation, title) in VALIDATIONS {
        for latency in [20, 100] {
            let at = Conditions { validation, latency };
            let title = format!("{latency} ms round trip, {title}");
            let name = format!("speed-{latency}ms-{}s.svg", validation / 1000);
            plot::write(results, at, &title, &manual.join(name))?;
        }
    }
    let readme = programs.repository().join("README.md");
    let before = fs::read_to_string(&readme).map_err(failed)?;
    fs::write(readme, with_part(&before, &part(results))?).map_err(failed)
}

fn origins(results: &Results) -> String {
    let mut text = String::new();
    for ((machine, commit), runs) in results.origins() {
        let _ = writeln!(text, "- {runs} runs at commit {commit} on {machine}");
    }
    let load = median(results.runs.iter().map(|run| run.load).collect());
    let _ = writeln!(text, "- load beside them: {:.0} (median)", load.unwrap_or_default());
    text + "\n"
}

fn section(results: &Results, validation: u32, title: &str, names: u32) -> String {
    let mut rows = String::new();
    for client in &CLIENTS {
        rows.push_str(&row(results, validation, names, client));
    }
    if rows.is_empty() {
        return rows;
    }
    let plural = if names == 1 { "name" } else { "names" };
    let compared = if validation == 0 { "× limit" } else { "late" };
    format!(
        "## {names} {plural}, {title}\n\n\
         | client | 0 ms | 20 ms | 100 ms | {compared}, 20 ms | 100 ms | requests | connections | depth | in flight | CPU | peak |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n{rows}\n"
    )
}

fn row(results: &Results, validation: u32, names: u32, client: &Client) -> String {
    let runs = |latency| -> Vec<&Run> {
        results.at(client, names, Conditions { validation, latency }).collect()
    };
    if LATENCIES.iter().all(|&latency| runs(latency).is_empty()) {
        return String::new();
    }
    let time = |latency| {
        let at = Conditions { validation, latency };
        let hopeless = runs(latency).is_empty() && results.is_hopeless(client, names, at);
        if hopeless { ">120 s".into() } else { wall(&runs(latency)) }
    };
    let times: Vec<String> = LATENCIES.into_iter().map(time).collect();
    let ratio = |latency| {
        let limit = named(client.limit).expect("each limit is a client");
        let limit =
            results.at(limit, names, Conditions { validation, latency }).collect::<Vec<_>>();
        match (median_wall(&runs(latency)), median_wall(&limit)) {
            (Some(own), Some(limit)) if validation == 0 => format!("{:.2}", own / limit),
            (Some(own), Some(limit)) => format!("{:.2} s", own - limit),
            _ => "–".into(),
        }
    };
    // Depth needs latency, and with 100 ms nothing else is as long as a round trip.
    let counted = [100, 20, 0].map(runs).into_iter().find(|runs| !runs.is_empty());
    let counted: Vec<&Run> =
        counted.unwrap_or_default().into_iter().filter(|run| run.end == "done").collect();
    let count = |of: fn(&Run) -> f64| median(counted.iter().map(|run| of(run)).collect());
    let whole = |of| count(of).map_or_else(|| "–".into(), |value| format!("{value:.0}"));
    let peak = count(|r| r.peak_kib as f64).map_or_else(|| "–".into(), mebibytes);
    let cpu = count(|r| r.cpu_ms).map_or_else(|| "–".into(), |ms| format!("{ms:.0} ms"));
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {cpu} | {peak} |\n",
        client.name,
        times.join(" | "),
        ratio(20),
        ratio(100),
        whole(|r| r.requests as f64),
        whole(|r| r.connections as f64),
        whole(|r| r.depth as f64),
        whole(|r| r.in_flight as f64),
    )
}

fn mebibytes(kib: f64) -> String {
    format!("{:.1} MiB", kib / 1024.0)
}

/// The median of the wall time in seconds, if the client was done.
pub fn median_wall(runs: &[&Run]) -> Option<f64> {
    let done = runs.iter().filter(|run| run.end == "done");
    median(done.map(|run| run.wall_ms / 1e3).collect())
}

pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// Median, and in parentheses minimum and maximum of several runs.
fn wall(runs: &[&Run]) -> String {
    if let Some(run) = runs.iter().find(|run| run.end != "done") {
        return if run.end == "over" { ">120 s".into() } else { "failed".into() };
    }
    let Some(middle) = median_wall(runs) else { return "–".into() };
    let walls = || runs.iter().map(|run| run.wall_ms / 1e3);
    let (least, most) = (walls().fold(f64::MAX, f64::min), walls().fold(0.0, f64::max));
    if runs.len() == 1 {
        return format!("{middle:.2} s");
    }
    format!("{middle:.2} s ({least:.2}–{most:.2})")
}

/// README's part: one plot and one table, of what was measured.
fn part(results: &Results) -> String {
    let at = Conditions { validation: 0, latency: 20 };
    let runs = |client, names| results.at(client, names, at).collect::<Vec<&Run>>();
    let was_run = |names: &u32| CLIENTS.iter().any(|client| !runs(client, *names).is_empty());
    let sizes: Vec<u32> = [1, 10, 100].into_iter().filter(was_run).collect();
    let heads: Vec<String> = sizes.iter().map(|names| format!("{names} names |")).collect();
    let mut text = format!(
        "![Time of one order by its names, for each client](acme-proto/src/manual/speed-20ms-0s.svg)\n\n\
         | client, 20 ms round trip | {} requests, 10 names | CPU | peak |\n\
         | --- |{} ---: | ---: | ---: |\n",
        heads.join(" ").replacen("1 names", "1 name", 1),
        " ---: |".repeat(sizes.len()),
    );
    for client in CLIENTS.iter().filter(|&client| !runs(client, 10).is_empty()) {
        let ten: Vec<&Run> = runs(client, 10).into_iter().filter(|run| run.end == "done").collect();
        let of = |of: fn(&Run) -> f64| median(ten.iter().map(|run| of(run)).collect());
        let show = |value: Option<f64>, unit: &str| {
            value.map_or_else(|| "–".into(), |value| format!("{value:.0}{unit}"))
        };
        let time = |&names: &u32| match runs(client, names) {
            none if none.is_empty() && results.is_hopeless(client, names, at) => " >120 s |".into(),
            runs => format!(" {} |", short(&runs)),
        };
        let times: Vec<String> = sizes.iter().map(time).collect();
        let _ = writeln!(
            text,
            "| {} |{} {} | {} | {} |",
            client.name,
            times.concat(),
            show(of(|run| run.requests as f64), ""),
            show(of(|run| run.cpu_ms), " ms"),
            of(|run| run.peak_kib as f64).map_or_else(|| "–".into(), mebibytes),
        );
    }
    text
}

fn short(runs: &[&Run]) -> String {
    match median_wall(runs) {
        Some(seconds) => format!("{seconds:.2} s"),
        None => wall(runs),
    }
}

/// Replaces what is between the markers.
fn with_part(readme: &str, part: &str) -> Result<String, String> {
    let begin = readme.find(BEGIN).ok_or("README has no place for it")? + BEGIN.len();
    let end = readme[begin..].find(END).ok_or("README's place has no end")? + begin;
    Ok(format!("{}{part}{}", &readme[..begin], &readme[end..]))
}
