//! The person at the terminal of this process.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread;

use super::{PAUSE, Person, PersonError, lock_while};

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
        let reader = unread(line.take(), read_line)?;
        write(question).map_err(PersonError::Io)?;
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

    fn show(&self, text: &str, wanted: &dyn Fn() -> bool) {
        let _line = lock_while(&QUESTION, wanted);
        let _ = write(&format!("{text}\n"));
    }
}

type Line = Receiver<io::Result<Option<String>>>;

/// Locked while a question is open; a line that an earlier question was left without is still being read.
static QUESTION: Mutex<Option<Line>> = Mutex::new(None);

/// Returns what will have the line that is typed from now on: one that was typed for an earlier question is no answer to
/// this one.
fn unread(kept: Option<Line>, read: impl FnOnce() -> Line) -> Result<Line, PersonError> {
    let Some(kept) = kept else { return Ok(read()) };
    match kept.try_recv() {
        Ok(Ok(Some(_))) => Ok(read()),
        Ok(Ok(None)) | Err(TryRecvError::Disconnected) => Err(PersonError::Closed),
        Ok(Err(error)) => Err(PersonError::Io(error)),
        Err(TryRecvError::Empty) => Ok(kept),
    }
}

/// Reads a line on a thread of its own, because a read of the terminal cannot be cancelled; `None` at the end of the input.
fn read_line() -> Line {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        // Any octets are an answer: a terminal may have another encoding.
        let read = io::stdin().lock().read_until(b'\n', &mut text);
        let text = || String::from_utf8_lossy(&text).into_owned();
        let _ = send.send(read.map(|length| (length > 0).then(text)));
    });
    receive
}

fn write(text: &str) -> io::Result<()> {
    let mut terminal = io::stderr().lock();
    terminal.write_all(text.as_bytes())?;
    terminal.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_typed_for_an_earlier_question_is_no_answer() {
        let line = |text: Option<&str>| {
            let (send, receive) = mpsc::channel();
            let _ = send.send(Ok(text.map(str::to_owned)));
            receive
        };
        let typed = unread(Some(line(Some("earlier\n"))), || line(Some("now\n")));
        assert_eq!(typed.unwrap().recv().unwrap().unwrap().as_deref(), Some("now\n"));
        let first = unread(None, || line(Some("now\n")));
        assert_eq!(first.unwrap().recv().unwrap().unwrap().as_deref(), Some("now\n"));
        // A line that is being typed is read on.
        let (send, receive) = mpsc::channel();
        let kept = unread(Some(receive), || unreachable!()).unwrap();
        send.send(Ok(Some("now\n".to_owned()))).unwrap();
        assert_eq!(kept.recv().unwrap().unwrap().as_deref(), Some("now\n"));
        let ended = unread(Some(line(None)), || unreachable!());
        assert!(matches!(ended, Err(PersonError::Closed)));
    }

    #[test]
    fn a_text_is_shown_although_a_question_stays_open() {
        let question = QUESTION.lock().unwrap();
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            Terminal.show("", &|| false);
            let _ = send.send(());
        });
        receive
            .recv_timeout(std::time::Duration::from_secs(60))
            .expect("it waits for the question");
        drop(question);
    }
}
