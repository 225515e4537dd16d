//! Questions to the user on the terminal.

use acme_adapter::person::{Person, PersonError, Terminal};

use crate::progress::Progress;

/// The user at the terminal, whom no progress disturbs while a question is open.
#[derive(Clone, Debug)]
pub struct AtTerminal(Progress);

impl AtTerminal {
    pub(crate) fn new(progress: &Progress) -> Self {
        Self(progress.clone())
    }
}

impl Person for AtTerminal {
    fn is_there(&self) -> Result<(), PersonError> {
        Terminal.is_there()
    }

    fn ask(&self, question: &str, wanted: &dyn Fn() -> bool) -> Result<String, PersonError> {
        self.0.pause(|| Terminal.ask(question, wanted))
    }

    fn show(&self, text: &str, _: &dyn Fn() -> bool) {
        // A line is held while a question is open, and waits for none.
        self.0.say(text);
    }
}

/// Asks a question, and returns true only for `y` or `yes`.
pub(crate) fn ask(user: &AtTerminal, question: &str, wanted: &dyn Fn() -> bool) -> bool {
    user.ask(&format!("{question} [y/N] "), wanted).is_ok_and(|answer| is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    let answer = answer.trim();
    answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for yes in ["y\n", "Yes\r\n", " YES "] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "yep\n", "y n\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
