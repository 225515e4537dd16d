//! Progress: a live line on a terminal, plain lines otherwise.

use core::fmt::Write as _;
use core::time::Duration;
use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use acme_adapter::clock;
use acme_proto::error::{Error as AcmeError, Report};
use acme_proto::identifier::Identifier;
use acme_proto::notice::{Notice, Progress as Step, RetryReason};
use acme_proto::time::Timestamp;
use acme_proto::wire::OrderStatus;

/// The display on standard error, shared by its clones.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    started: Instant,
    names: usize,
    live: bool,
    over: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    requests: u64,
    authorized: BTreeSet<Identifier>,
    /// All names are authorized, since the order is no longer pending. Authorizations that were
    /// valid before cause no notice.
    proved: bool,
    now: String,
    turn: usize,
    /// How many others use the terminal.
    pauses: usize,
    /// What was said meanwhile.
    held: Vec<String>,
}

impl Progress {
    /// Starts to show the progress of a job with `names` names.
    pub(crate) fn start(names: usize) -> Self {
        let inner = Arc::new(Inner {
            started: Instant::now(),
            names,
            live: io::stderr().is_terminal(),
            over: AtomicBool::new(false),
            state: Mutex::new(State {
                requests: 0,
                authorized: BTreeSet::new(),
                proved: false,
                now: String::from("starting"),
                turn: 0,
                pauses: 0,
                held: Vec::new(),
            }),
        });
        if inner.live {
            let inner = Arc::clone(&inner);
            // Redraws the clock and the wheel while nothing happens.
            let _ = thread::Builder::new().name("progress".to_owned()).spawn(move || {
                while !inner.over.load(Ordering::Relaxed) {
                    inner.draw();
                    thread::sleep(REDRAW);
                }
            });
        }
        Self { inner }
    }

    /// Counts an exchange.
    pub(crate) fn exchanged(&self) {
        self.inner.state().requests += 1;
    }

    pub(crate) fn requests(&self) -> u64 {
        self.inner.state().requests
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.inner.started.elapsed()
    }

    /// Shows the current activity.
    pub(crate) fn doing(&self, what: impl Into<String>) {
        let what = what.into();
        self.inner.state().now.clone_from(&what);
        if self.inner.live { self.inner.draw() } else { self.inner.line(&what) }
    }

    /// Shows a line that stays on the screen.
    pub(crate) fn say(&self, what: &str) {
        self.inner.line(what);
    }

    /// Shows a notice if it interests the user of a program.
    pub(crate) fn notice(&self, notice: &Notice) {
        match notice {
            Notice::Progress(step) => self.step(step),
            Notice::Retry { url, reason, at, .. } => match reason {
                // Nonces expire. A retry with a fresh one is routine.
                RetryReason::BadNonce => {}
                RetryReason::Status(status, _) => {
                    let again = next_try(*at);
                    self.say(&format!("the CA answered {status} at {url}; {again}"));
                }
                RetryReason::Lost(why) => {
                    let again = next_try(*at);
                    self.say(&format!("no answer from {url} ({}); {again}", plain(why)));
                }
                _ => {}
            },
            Notice::Waiting { until, asked_by_server: true, .. } => {
                self.doing(format!("the CA asks to wait until {}", until.to_rfc3339_seconds()));
            }
            Notice::Waiting { until, .. } if is_far(*until) => {
                self.doing(format!("waiting until {}", until.to_rfc3339_seconds()));
            }
            // That a CA offers none is no news.
            Notice::NoRenewalInfo { error, .. }
                if !matches!(**error, AcmeError::Unsupported(_)) =>
            {
                let why = Report::new(&**error);
                self.say(&format!("the CA cannot be asked about the renewal: {why}"));
            }
            Notice::ExtraNames { .. } | Notice::NotValidNow { .. } => self.say(&notice.to_string()),
            Notice::Deviation { url, deviation } if !deviation.is_routine() => {
                self.say(&format!("the CA deviates from the protocol at {url}: {deviation}"));
            }
            _ => {}
        }
    }

    /// Hides the live line while `other` uses the terminal, and shows afterwards what is said meanwhile.
    pub(crate) fn pause<T>(&self, other: impl FnOnce() -> T) -> T {
        let mut state = self.inner.state();
        if self.inner.live {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        state.pauses += 1;
        drop(state);
        let result = other();
        let mut state = self.inner.state();
        state.pauses -= 1;
        let held = if state.pauses == 0 { core::mem::take(&mut state.held) } else { Vec::new() };
        drop(state);
        held.iter().for_each(|what| self.inner.line(what));
        result
    }

    /// Returns whether the job is over.
    pub(crate) fn is_over(&self) -> bool {
        self.inner.over.load(Ordering::Relaxed)
    }

    /// Removes the live line for good.
    pub(crate) fn stop(&self) {
        if !self.inner.over.swap(true, Ordering::Relaxed) && self.inner.live {
            let state = self.inner.state();
            let _ = write!(io::stderr(), "\r\x1b[K");
            drop(state);
        }
    }

    fn step(&self, step: &Step) {
        match step {
            Step::OrderCreated(url) => self.doing(format!("ordered: {url}")),
            Step::Validating(name, kind) => {
                self.doing(format!("the CA validates {} by {kind}", plain(&name.value())));
            }
            Step::Authorized(name) => {
                let mut state = self.inner.state();
                state.authorized.insert(name.clone());
                let (done, all) = (state.authorized.len(), self.inner.names);
                drop(state);
                self.doing(format!("{} is authorized ({done} of {all})", plain(&name.value())));
            }
            Step::Order(status) => {
                if *status != OrderStatus::Pending {
                    self.inner.state().proved = true;
                }
                self.doing(format!("the order is {status}"));
            }
            Step::ChallengeFailed(name, kind, _) => {
                self.say(&format!("{kind} failed for {}", plain(&name.value())));
            }
            _ => {}
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws the live line. The lock keeps other lines from mixing with it.
    fn draw(&self) {
        let mut state = self.state();
        if state.pauses > 0 {
            return;
        }
        state.turn += 1;
        let line = self.live_line(&state);
        if !self.over.load(Ordering::Relaxed) {
            let mut terminal = io::stderr().lock();
            let _ = write!(terminal, "\r\x1b[K{line}").and_then(|()| terminal.flush());
        }
        drop(state);
    }

    fn live_line(&self, state: &State) -> String {
        let wheel = WHEEL[state.turn % WHEEL.len()];
        let mut line = format!("{wheel} {:5.1} s", self.started.elapsed().as_secs_f64());
        let all = self.names.max(1);
        let done = if state.proved { all } else { state.authorized.len().min(all) };
        let filled = done * BAR / all;
        let _ = write!(line, " [{}{}]", "#".repeat(filled), ".".repeat(BAR - filled));
        let _ = write!(line, " {done}/{all} proved, request {}: {}", state.requests, state.now);
        line.chars().take(WIDTH).collect()
    }

    fn line(&self, what: &str) {
        let mut state = self.state();
        if state.pauses > 0 {
            state.held.push(what.to_owned());
            return;
        }
        let mut terminal = io::stderr().lock();
        let _ = if self.live {
            writeln!(terminal, "\r\x1b[K{what}")
        } else {
            writeln!(terminal, "[{:7.3} s] {what}", self.started.elapsed().as_secs_f64())
        };
        drop(terminal);
        drop(state);
    }
}

/// Says when a request is sent again: soon, or at a time that would look like a standstill without a word about it.
fn next_try(at: Timestamp) -> String {
    let seconds = at.saturating_duration_since(clock::wall()).as_secs();
    match seconds {
        0..=2 => "trying again".to_owned(),
        _ => format!("trying again in {seconds} s, at {at:.0}"),
    }
}

/// Returns whether a user would wonder why nothing happens until then.
fn is_far(at: Timestamp) -> bool {
    at.saturating_duration_since(clock::wall()) >= FAR
}

/// Replaces control characters, so that a server's text cannot control the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

const FAR: Duration = Duration::from_secs(5);
const REDRAW: Duration = Duration::from_millis(100);
const WHEEL: [char; 4] = ['|', '/', '-', '\\'];
const BAR: usize = 12;
/// One less than the width of the narrowest usual terminal, so that the line never wraps.
const WIDTH: usize = 79;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_line_fits_a_terminal_and_counts_names() {
        let progress = Progress::start(2);
        progress.exchanged();
        let name = Identifier::dns("a.test").unwrap();
        progress.notice(&Notice::Progress(Step::Authorized(name)));
        let state = progress.inner.state();
        let line = progress.inner.live_line(&state);
        assert!(line.contains("[######......] 1/2 proved, request 1"), "{line}");
        assert!(line.chars().count() <= WIDTH);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(plain("a\x1b[2Jb"), "a?[2Jb");
    }
}
