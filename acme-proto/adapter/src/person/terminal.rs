//! The person at the terminal of this process.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use super::{PAUSE, Person, PersonError, lock_while};
use crate::client_state::locked;

/// Asks on standard error and reads from standard input, if both are terminals.
///
/// There is one question at a time in the whole process.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "it has no value")]
pub struct Terminal;

impl Person for Terminal {
    fn is_there(&self) -> Result<(), PersonError> {
        match io::stdin().is_terminal() && io::stderr().is_terminal() {
            true => Ok(()),
            false => Err(PersonError::NoTerminal),
        }
    }

    fn ask(&self, question: &str, wanted: &dyn Fn() -> bool) -> Result<String, PersonError> {
        self.is_there()?;
        let mut line = lock_while(&QUESTION, wanted).ok_or(PersonError::NotWanted)?;
        write(question).map_err(PersonError::Io)?;
        let reader = line.take().unwrap_or_else(read_line);
        loop {
            match reader.recv_timeout(PAUSE) {
                Ok(Ok(Some(text))) => return Ok(text.trim_end().to_owned()),
                Ok(Err(error)) => return Err(PersonError::Io(error)),
                Ok(Ok(None)) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(PersonError::Closed);
                }
                Err(RecvTimeoutError::Timeout) if wanted() => {}
                Err(RecvTimeoutError::Timeout) => {
                    // The thread goes on reading: the next question gets its line.
                    *line = Some(reader);
                    let _ = write("\n");
                    return Err(PersonError::NotWanted);
                }
            }
        }
    }

    fn show(&self, text: &str) {
        let _line = locked(&QUESTION);
        let _ = write(&format!("{text}\n"));
    }
}

type Line = Receiver<io::Result<Option<String>>>;

/// Locked while a question is open; a line that an earlier question was left without is still being read.
static QUESTION: Mutex<Option<Line>> = Mutex::new(None);

/// Reads a line on a thread of its own, since a read cannot be taken back; `None` at the end of the input.
fn read_line() -> Line {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = io::stdin().lock().read_line(&mut text);
        let _ = send.send(read.map(|length| (length > 0).then_some(text)));
    });
    receive
}

fn write(text: &str) -> io::Result<()> {
    let mut terminal = io::stderr().lock();
    terminal.write_all(text.as_bytes())?;
    terminal.flush()
}
