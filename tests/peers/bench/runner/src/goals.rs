//! What the adapters aim at, and whether the results show it.

use std::fmt::Write as _;

use crate::cell::{Conditions, LATENCIES};
use crate::client::{CLIENTS, Client, HTTP1, HTTP2, named};
use crate::result::{Results, Run};
use crate::table::{median, median_wall};

/// How long an order of a hundred names takes at least within the limits that Let's Encrypt publishes, in seconds: as
/// `bound` in tests/src/polite.rs has it, with five round trips before it, to connect, for the directory, a nonce and the
/// account.
const POLITE: [(u32, f64); 2] = [(20, 0.5), (100, 1.9)];

const ADAPTERS: [&str; 2] = ["acme-tokio", "acme-blocking"];

/// Returns the section of the page.
pub fn section(results: &Results) -> String {
    let table = Table { results };
    let mut text = String::from(
        "## What is aimed at\n\n| what | most | acme-tokio | acme-blocking |\n| --- | ---: | --- | --- |\n",
    );
    let mut row = |what: &str, most: &str, of: &dyn Fn(&str) -> String| {
        let [tokio, blocking] = ADAPTERS.map(of);
        let _ = writeln!(text, "| {what} | {most} | {tokio} | {blocking} |");
    };
    for names in [1, 10] {
        let plural = if names == 1 { "name" } else { "names" };
        let what = format!("{names} {plural}, 20 and 100 ms, × limit");
        row(&what, "1.05", &|own| table.by_limit(own, names, 1.05));
    }
    let wide = |own: &str| table.by_limit(&format!("{own}, wide policy"), 100, 1.10);
    row("100 names, wide policy, × limit", "1.10", &wide);
    row("100 names, default policy, × polite bound", "1.25", &|own| table.by_bound(own));
    let known = |own: &str| table.by_limit(&format!("{own}, known account"), 1, 0.85);
    row("1 name, known account, × cold limit", "0.85", &known);
    row("requests beyond those of the limit, validations at once", "0", &|own| table.requests(own));
    row("place by lateness in each cell of slow validations", "2", &|own| table.places(own));
    row("place by CPU in each cell", "1", &|own| table.by_cost(own, |run| run.cpu_ms));
    row("place by peak memory, 1 name", "1", &|own| table.peak(own));
    text + "\n"
}

struct Table<'a> {
    results: &'a Results,
}

impl Table<'_> {
    fn runs(&self, client: &Client, names: u32, at: Conditions) -> Vec<&Run> {
        self.results.at(client, names, at).filter(|run| run.end == "done").collect()
    }

    fn wall(&self, client: &Client, names: u32, at: Conditions) -> Option<f64> {
        median_wall(&self.runs(client, names, at))
    }

    fn by_limit(&self, own: &str, names: u32, most: f64) -> String {
        let client = named(own).expect("one of ours");
        let limit = named(client.limit).expect("each limit is a client");
        judged(
            [20, 100].map(|latency| {
                let at = Conditions { validation: 0, latency };
                Some(self.wall(client, names, at)? / self.wall(limit, names, at)?)
            }),
            most,
        )
    }

    fn by_bound(&self, own: &str) -> String {
        let client = named(own).expect("one of ours");
        judged(
            POLITE.map(|(latency, bound)| {
                Some(self.wall(client, 100, Conditions { validation: 0, latency })? / bound)
            }),
            1.25,
        )
    }

    fn requests(&self, own: &str) -> String {
        let client = named(own).expect("one of ours");
        let limit = named(client.limit).expect("each limit is a client");
        let of = |client, names| {
            let at = Conditions { validation: 0, latency: 100 };
            median(self.runs(client, names, at).iter().map(|run| run.requests as f64).collect())
        };
        let more: Vec<f64> = [1, 10, 100]
            .into_iter()
            .filter_map(|names| Some(of(client, names)? - of(limit, names)?))
            .collect();
        let most = more.iter().copied().fold(f64::MIN, f64::max);
        format!("{most:+.0}{}", missed(most > 0.0))
    }

    /// The places of a client among all but the limits, ours in other modes, and the one without TLS, by a measure of each cell.
    fn ranks(
        &self,
        own: &str,
        validations: &[u32],
        of: impl Fn(&Client, u32, Conditions) -> Option<f64>,
    ) -> Vec<usize> {
        let own = named(own).expect("one of ours");
        let is_other = |client: &&Client| {
            !([HTTP1, HTTP2].contains(&client.name) || client.is_plain())
                && !ADAPTERS.iter().any(|adapter| client.name.starts_with(adapter))
        };
        let mut ranks = Vec::new();
        for &validation in validations {
            for names in [1, 10, 100] {
                for latency in LATENCIES {
                    let at = Conditions { validation, latency };
                    let Some(value) = of(own, names, at) else { continue };
                    let others = CLIENTS.iter().filter(is_other);
                    let better = others
                        .filter_map(|client| of(client, names, at))
                        .filter(|other| *other < value);
                    ranks.push(better.count() + 1);
                }
            }
        }
        ranks
    }

    fn places(&self, own: &str) -> String {
        let ranks =
            self.ranks(own, &[1000, 4000], |client, names, at| self.wall(client, names, at));
        places(&ranks, 2)
    }

    fn by_cost(&self, own: &str, of: fn(&Run) -> f64) -> String {
        let cost = |client: &Client, names, at| {
            median(self.runs(client, names, at).into_iter().map(of).collect())
        };
        places(&self.ranks(own, &[0, 1000, 4000], cost), 1)
    }

    fn peak(&self, own: &str) -> String {
        let peak = |client: &Client, names, at| {
            let runs = self.runs(client, names, at);
            median(runs.into_iter().map(|run| run.peak_kib as f64).collect()).filter(|_| names == 1)
        };
        places(&self.ranks(own, &[0], peak), 1)
    }
}

fn judged(values: [Option<f64>; 2], most: f64) -> String {
    let [Some(first), Some(second)] = values else { return "–".into() };
    // As the tables show them.
    let is_missed = |value: f64| (value * 100.0).round() > most * 100.0;
    format!("{first:.2}, {second:.2}{}", missed(is_missed(first) || is_missed(second)))
}

/// How often each place was taken.
fn places(ranks: &[usize], most: usize) -> String {
    let Some(last) = ranks.iter().max() else { return "–".into() };
    let counts = (1..=*last).filter_map(|place| {
        let count = ranks.iter().filter(|rank| **rank == place).count();
        (count > 0).then(|| format!("{place}. in {count}"))
    });
    format!("{}{}", counts.collect::<Vec<_>>().join(", "), missed(*last > most))
}

const fn missed(is_missed: bool) -> &'static str {
    if is_missed { " — missed" } else { "" }
}
