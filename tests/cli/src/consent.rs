//! Questions to the user on the terminal.

use std::io::{self, IsTerminal, Write};

/// Returns whether a user is at the terminal to answer.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question, and returns true only for `y` or `yes`.
pub(crate) fn ask(question: &str) -> bool {
    let mut terminal = io::stderr().lock();
    if write!(terminal, "{question} [y/N] ").and_then(|()| terminal.flush()).is_err() {
        return false;
    }
    drop(terminal);
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok() && is_yes(&answer)
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
