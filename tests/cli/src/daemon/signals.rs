//! Signals: SIGHUP reads the configuration again, SIGTERM and SIGINT end the daemon.

use std::process;
use std::sync::mpsc::Sender;
use std::thread;

use acme_adapter::hook;

use super::{Message, log};
use crate::failure::Failure;

/// Sends a message for each signal from now on; the second one that ends the daemon does so at once.
#[cfg(unix)]
pub(super) fn install(sender: Sender<Message>) -> Result<(), Failure> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| failed(&error))?;
    thread::spawn(move || {
        let mut is_ending = false;
        for signal in signals.forever() {
            match signal {
                SIGHUP => drop(sender.send(Message::Reload)),
                _ if is_ending => end_at_once(),
                _ => {
                    is_ending = true;
                    let _ = sender.send(Message::End);
                }
            }
        }
    });
    Ok(())
}

/// Sends a message for the first interruption; the second one ends the daemon at once.
#[cfg(not(unix))]
pub(super) fn install(sender: Sender<Message>) -> Result<(), Failure> {
    use std::sync::atomic::{AtomicBool, Ordering};

    let is_ending = AtomicBool::new(false);
    ctrlc::set_handler(move || match is_ending.swap(true, Ordering::Relaxed) {
        true => end_at_once(),
        false => drop(sender.send(Message::End)),
    })
    .map_err(|error| failed(&error))
}

fn end_at_once() {
    log::note("interrupted again: ends at once; the next start goes on with what is unfinished");
    hook::kill_all();
    process::exit(i32::from(Failure::FAILED));
}

fn failed(error: &dyn core::error::Error) -> Failure {
    Failure::failed(format!("signals cannot be handled: {error}"))
}
