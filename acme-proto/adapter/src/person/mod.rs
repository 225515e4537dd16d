//! A solver that asks a person to publish TXT records.

mod terminal;

use core::fmt;
use core::fmt::Write as _;
use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread;

use acme_proto::challenge::{Challenge, TxtRecord};
use acme_proto::wire::ChallengeKind;

use crate::error::BoxError;
use crate::locked;
use crate::txt;

pub use self::terminal::Terminal;

/// Someone who can be asked, such as by a [`Terminal`].
///
/// Every method may block.
pub trait Person: Send + Sync {
    /// Returns whether someone is there.
    ///
    /// # Errors
    /// [`PersonError`] says why not.
    fn is_there(&self) -> Result<(), PersonError>;

    /// Asks a question, and returns the answer, without the end of its line.
    ///
    /// It waits no longer than `wanted` returns true, which is called again and again.
    ///
    /// # Errors
    /// [`PersonError`], if there is no answer.
    fn ask(&self, question: &str, wanted: &dyn Fn() -> bool) -> Result<String, PersonError>;

    /// Shows a text that needs no answer; if a question is open, after that, as long as `wanted` returns true.
    fn show(&self, text: &str, wanted: &dyn Fn() -> bool);
}

/// Why a person gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersonError {
    /// Standard input or standard error is no terminal.
    #[error(
        "nobody can be asked, because this runs without a terminal; run it at one, or publish by a program"
    )]
    NoTerminal,
    /// The input has ended.
    #[error("nobody answered: the input has ended; run it again and press Enter")]
    Closed,
    /// The question was withdrawn, because its answer is no longer needed.
    #[error("nobody answered while the answer was needed; run it again, with a longer time limit")]
    NotWanted,
    /// The terminal cannot be read.
    #[error("the terminal cannot be read; run it at another one")]
    Io(#[source] io::Error),
}

/// Solves dns-01 and dns-account-01 by asking a person to add TXT records.
///
/// All records of an order are shown in one prompt, and the order goes on when the person has confirmed it. The prompt ends
/// with the time limit of the issuance, and when the issuance is cancelled. Afterwards the person sees which records can be
/// removed. Clones ask the same person.
pub struct AskPerson<P = Terminal> {
    person: Arc<P>,
    records: Arc<Mutex<Records>>,
    /// Held while a question is open: the others wait for its answer.
    asking: Arc<Mutex<()>>,
}

#[derive(Debug, Default)]
struct Records {
    /// To be shown.
    new: Vec<TxtRecord>,
    /// Shown, and perhaps added.
    shown: Vec<TxtRecord>,
    /// Added, in the person's own words.
    added: Vec<TxtRecord>,
    /// Shown to nobody who could answer.
    unanswered: Vec<TxtRecord>,
}

impl AskPerson {
    /// Creates a solver that asks at the terminal of this process.
    pub fn new() -> Self {
        Self::with(Terminal)
    }
}

impl Default for AskPerson {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Person> AskPerson<P> {
    /// Creates a solver that asks in another way.
    pub fn with(person: P) -> Self {
        let (records, asking) = (Arc::default(), Arc::default());
        Self { person: Arc::new(person), records, asking }
    }

    /// Returns the kinds of challenges that it solves.
    pub const fn challenge_kinds(&self) -> &'static [ChallengeKind] {
        &txt::KINDS
    }

    /// Takes a record to be shown.
    ///
    /// # Errors
    /// If it is a challenge of another kind, or nobody can be asked.
    pub fn present(&self, challenge: &Challenge) -> Result<(), BoxError> {
        let record = txt::record(challenge)?;
        self.person.is_there()?;
        let mut records = locked(&self.records);
        let Records { new, added, unanswered, .. } = &mut *records;
        unanswered.retain(|one| *one != record);
        if !new.contains(&record) && !added.contains(&record) {
            new.push(record);
        }
        Ok(())
    }

    /// Waits until the person has added a record, with all those that were taken by then.
    ///
    /// # Errors
    /// [`PersonError`], if there is no answer.
    pub fn wait(&self, challenge: &Challenge, wanted: &dyn Fn() -> bool) -> Result<(), BoxError> {
        let record = txt::record(challenge)?;
        let _asking = lock_while(&self.asking, wanted).ok_or(PersonError::NotWanted)?;
        let asked = {
            let mut records = locked(&self.records);
            if records.added.contains(&record) {
                return Ok(());
            }
            if records.unanswered.contains(&record) {
                return Err(PersonError::Closed.into());
            }
            let asked = if records.new.is_empty() { vec![record] } else { records.new.clone() };
            for one in &asked {
                if !records.shown.contains(one) {
                    records.shown.push(one.clone());
                }
            }
            asked
        };
        let answer = self.person.ask(&question(&asked), wanted);
        let mut records = locked(&self.records);
        let Records { new, shown, added, unanswered } = &mut *records;
        // What was cleaned up while the question was open is no longer there.
        let asked = asked.into_iter().filter(|one| shown.contains(one));
        match answer {
            Ok(_) => {
                added.extend(asked);
                new.retain(|one| !added.contains(one));
                Ok(())
            }
            Err(error) => {
                // Whoever is gone for one record is gone for all of them.
                if matches!(error, PersonError::Closed) {
                    unanswered.extend(asked);
                    new.retain(|one| !unanswered.contains(one));
                }
                Err(error.into())
            }
        }
    }

    /// Says that a record can be removed, unless it was never shown; if a question is open, after that, as long as `wanted`
    /// returns true.
    ///
    /// # Errors
    /// If it is a challenge of another kind.
    pub fn clean_up(
        &self,
        challenge: &Challenge,
        wanted: &dyn Fn() -> bool,
    ) -> Result<(), BoxError> {
        let record = txt::record(challenge)?;
        let asking = lock_while(&self.asking, wanted);
        let mut records = locked(&self.records);
        let is_new = records.new.contains(&record) && !records.shown.contains(&record);
        let Records { new, shown, added, unanswered } = &mut *records;
        for list in [new, shown, added, unanswered] {
            list.retain(|one| *one != record);
        }
        drop((records, asking));
        if !is_new {
            let text = format!("You can remove this record now:\n{}", line(&record));
            self.person.show(&text, wanted);
        }
        Ok(())
    }
}

fn question(records: &[TxtRecord]) -> String {
    let what = match records.len() {
        1 => "this record".to_owned(),
        count => format!("these {count} records"),
    };
    let mut text = format!("Add {what} to the zone:\n");
    for record in records {
        let _ = writeln!(text, "{}", line(record));
    }
    text.push_str("Press Enter when the name servers answer with all of them: ");
    text
}

fn line(record: &TxtRecord) -> String {
    format!("  {}. TXT \"{}\"", record.name, record.value)
}

/// Locks as soon as nobody else does; `None` if that is not wanted any more.
fn lock_while<'a, T>(mutex: &'a Mutex<T>, wanted: &dyn Fn() -> bool) -> Option<MutexGuard<'a, T>> {
    while wanted() {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
        }
    }
    None
}

const PAUSE: Duration = Duration::from_millis(50);

impl<P> Clone for AskPerson<P> {
    fn clone(&self) -> Self {
        let Self { person, records, asking } = self;
        Self {
            person: Arc::clone(person),
            records: Arc::clone(records),
            asking: Arc::clone(asking),
        }
    }
}

impl<P> fmt::Debug for AskPerson<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskPerson").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
