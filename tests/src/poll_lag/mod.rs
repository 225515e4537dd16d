//! How late clients notice that a CA is done, as the page `waiting` of the manual: schedules of polls against random waits.
//!
//! Round trips take no time, so that what is measured is the schedule alone. The same seed makes the same page.

mod others;
mod ours;

use core::fmt::Write;

use crate::world::Rng;
use others::Other;
use ours::Ours;

/// How many issuances each client makes at each CA.
const ISSUANCES: usize = 100;

/// How many issuances come before those that count, so that a session has something to remember.
const BEFORE: usize = 8;

/// The standard deviation of the logarithm of a wait.
const SPREAD: f64 = 0.4;

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Validation,
    Certificate,
}

/// How a wait ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Success,
    /// The order is invalid.
    Failure,
    /// The authorization is invalid, and the order stays pending.
    HiddenFailure,
}

/// A CA at work: how long it takes, in seconds, and what it says meanwhile.
struct Ca {
    awaited: Awaited,
    takes: f64,
    retry_after: Option<f64>,
    end: End,
}

/// When a client noticed the end, in seconds after the CA began, and by how many polls.
#[derive(Clone, Copy)]
struct Noticed {
    at: f64,
    polls: u32,
}

trait Client {
    /// Waits for a CA; `None` if the client gives up before.
    fn wait_for(&mut self, ca: &Ca) -> Option<Noticed>;
}

/// A row of the table.
struct Case {
    label: &'static str,
    awaited: Awaited,
    /// The median.
    takes: f64,
    retry_after: Option<f64>,
    end: End,
}

/// Returns the page.
pub fn page() -> String {
    use Awaited::{Certificate as C, Validation as V};
    use End::{Failure, HiddenFailure, Success};
    let case =
        |label, awaited, takes| Case { label, awaited, takes, retry_after: None, end: Success };
    let cases = [
        case("validation, 1 s", V, 1.0),
        case("validation, 3 s", V, 3.0),
        case("validation, 10 s", V, 10.0),
        Case { end: Failure, ..case("validation that fails, 3 s", V, 3.0) },
        Case {
            end: HiddenFailure,
            ..case("the same, and only the authorization shows it", V, 3.0)
        },
        Case { retry_after: Some(3.0), ..case("validation, 3 s, `Retry-After: 3`", V, 3.0) },
        case("certificate, 0.3 s", C, 0.3),
        case("certificate, 2 s", C, 2.0),
        case("certificate, 20 s", C, 20.0),
        Case { retry_after: Some(3.0), ..case("certificate, 2 s, `Retry-After: 3`", C, 2.0) },
    ];
    let mut page = String::from(include_str!("head.md"));
    let names = ["acme-proto, first issuance", "acme-proto, with a memory"];
    let names: Vec<&str> = names.into_iter().chain(others::ALL.map(|(name, _)| name)).collect();
    let _ = writeln!(page, "| the CA takes | {} |", names.join(" | "));
    let _ = writeln!(page, "| --- |{}", " --- |".repeat(names.len()));
    for case in &cases {
        let mut clients: Vec<Box<dyn Client>> =
            vec![Box::new(Ours::without_memory()), Box::new(Ours::with_memory())];
        clients.extend(
            others::ALL
                .map(|(_, schedule)| Box::new(Other(schedule, Rng::new(11))) as Box<dyn Client>),
        );
        let cells: Vec<String> =
            clients.iter_mut().map(|client| cell(case, &mut **client)).collect();
        let _ = writeln!(page, "| {} | {} |", case.label, cells.join(" | "));
    }
    page.push_str(include_str!("tail.md"));
    page
}

/// Runs one client at one kind of CA.
fn cell(case: &Case, client: &mut dyn Client) -> String {
    // Each client meets the same waits.
    let mut rng = Rng::new(5);
    let mut lags = Vec::new();
    let (mut taken, mut polls, mut given_up) = (0.0, 0, 0);
    for n in 0..BEFORE + ISSUANCES {
        let takes = case.takes * (SPREAD * normal(&mut rng)).exp();
        // What fails teaches nothing, and what came before had succeeded.
        let end = if n < BEFORE { End::Success } else { case.end };
        let ca = Ca { awaited: case.awaited, takes, retry_after: case.retry_after, end };
        match client.wait_for(&ca) {
            _ if n < BEFORE => {}
            None => given_up += 1,
            Some(noticed) => {
                lags.push(noticed.at - takes);
                taken += takes;
                polls += noticed.polls;
            }
        }
    }
    if lags.len() < ISSUANCES / 10 {
        return String::from("gives up");
    }
    lags.sort_by(f64::total_cmp);
    let count = lags.len() as f64;
    let lag: f64 = lags.iter().sum();
    let late = lags[lags.len() * 95 / 100];
    let polls = f64::from(polls) / count;
    let share = lag / taken * 100.0;
    let mut cell = format!("{:.2} s ({share:.0} %), {late:.2} s, {polls:.1}", lag / count);
    if given_up > 0 {
        let _ = write!(cell, "; gives up {:.0} %", given_up as f64 * 100.0 / ISSUANCES as f64);
    }
    cell
}

/// Draws from the standard normal distribution, as the sum of twelve uniform draws.
fn normal(rng: &mut Rng) -> f64 {
    (0..12).map(|_| rng.below(1 << 20) as f64 / f64::from(1 << 20)).sum::<f64>() - 6.0
}
