//! Runs of one command that follow each other, and what the clean-up of a record learns of its publication.

use core::time::Duration;
use std::sync::{Condvar, Mutex};

use super::record::HookRecord;
use crate::locked;
use crate::solvers::Batch;

/// What the clones of a command share.
#[derive(Debug, Default)]
pub(super) struct Turns {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_running: bool,
    /// What was published and is not cleaned up, oldest first.
    published: Vec<(HookRecord, Facts)>,
}

/// What a command is given beside its record.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The domains of all challenges that are published together, separated by commas.
    pub(super) all: Option<String>,
    /// How many challenges remain after this one.
    pub(super) remaining: usize,
    /// What the command wrote to standard output when it published the record.
    pub(super) output: String,
}

/// The right to run; dropping it lets another one run.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits until no other run goes on; `None` if the run is not wanted any more.
    pub(super) fn wait(&self, wanted: impl Fn() -> bool) -> Option<Turn<'_>> {
        let mut state = locked(&self.state);
        while state.is_running {
            if !wanted() {
                return None;
            }
            let waited = self.ended.wait_timeout(state, PAUSE);
            state = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
        state.is_running = true;
        Some(Turn(self))
    }

    /// Counts a publication that begins.
    pub(super) fn begin(&self, record: &HookRecord, batch: Option<&Batch>) -> Facts {
        let remaining = batch.map_or(0, Batch::take);
        let all = batch.map(|batch| batch.names().join(","));
        let facts = Facts { all, remaining, output: String::new() };
        self.keep(record, facts.clone());
        facts
    }

    /// Keeps what a clean-up is given.
    pub(super) fn keep(&self, record: &HookRecord, facts: Facts) {
        let mut state = locked(&self.state);
        state.published.retain(|(known, _)| known != record);
        // A program that never cleans up must not grow.
        if state.published.len() >= MOST_PUBLISHED {
            state.published.remove(0);
        }
        state.published.push((record.clone(), facts));
        let mut octets = 0;
        for (_, facts) in state.published.iter_mut().rev() {
            octets += facts.output.len();
            if octets > MOST_OUTPUT {
                facts.output = String::new();
            }
        }
    }

    /// Returns what was said of a record when it was published; nothing if that was in another process.
    pub(super) fn published(&self, record: &HookRecord) -> Facts {
        let state = locked(&self.state);
        let known = state.published.iter().find(|(known, _)| known == record);
        known.map(|(_, facts)| facts.clone()).unwrap_or_default()
    }

    /// Forgets a record that was cleaned up.
    pub(super) fn forget(&self, record: &HookRecord) {
        locked(&self.state).published.retain(|(known, _)| known != record);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        locked(&self.0.state).is_running = false;
        self.0.ended.notify_all();
    }
}

const PAUSE: Duration = Duration::from_millis(50);
const MOST_PUBLISHED: usize = 10_000;
/// Of all records together; what was written for the oldest ones is forgotten first.
const MOST_OUTPUT: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_wrote_is_kept_within_a_bound_and_the_newest_longest() {
        let turns = Turns::default();
        let record = |number: usize| HookRecord::txt(&format!("n{number}"), "v");
        for number in 0..300 {
            let output = "a".repeat(64 * 1024);
            turns.keep(&record(number), Facts { remaining: number, output, all: None });
        }
        let kept = |number| turns.published(&record(number));
        assert_eq!((kept(299).output.len(), kept(44).output.len()), (64 * 1024, 64 * 1024));
        assert_eq!((kept(43).output.len(), kept(43).remaining), (0, 43));
    }
}
