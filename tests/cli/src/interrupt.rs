//! Ctrl-C at the terminal, and what ends a service (SIGTERM, SIGHUP).

use core::fmt;
use std::io::{self, Write};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use acme_adapter::hook;

use crate::failure::Failure;

/// What follows an interruption: the first one is up to the job, the next one ends the program at once.
#[derive(Clone)]
pub(crate) struct Interrupts {
    state: Arc<Mutex<State>>,
    /// Locked for good when the program ends at once.
    last_words: Arc<Mutex<()>>,
    /// Says what an immediate end leaves behind.
    left: Arc<dyn Fn() -> String + Send + Sync>,
}

#[derive(Default)]
struct State {
    first: Option<Box<dyn FnOnce() + Send>>,
}

impl Interrupts {
    /// Takes all interruptions from now on.
    pub(crate) fn install(
        left: impl Fn() -> String + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let interrupts =
            Self { state: Arc::default(), last_words: Arc::default(), left: Arc::new(left) };
        let handler = interrupts.clone();
        ctrlc::set_handler(move || handler.interrupted()).map_err(|error| {
            Failure::failed(format!("interruptions cannot be handled: {error}"))
        })?;
        Ok(interrupts)
    }

    /// Sets what the next interruption does, in place of ending the program.
    pub(crate) fn on_next(&self, first: impl FnOnce() + Send + 'static) {
        self.state().first = Some(Box::new(first));
    }

    /// Does not return if an interruption is ending the program.
    pub(crate) fn yield_to_end(&self) {
        drop(self.last_words.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn interrupted(&self) {
        let first = self.state().first.take();
        if let Some(first) = first {
            return first();
        }
        // In words first: once its hook is gone, the job ends in another way, and says nothing then.
        let _last_words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        let left = (self.left)();
        let _ = writeln!(io::stderr(), "\nerror: interrupted{left}");
        hook::kill_all();
        process::exit(i32::from(Failure::FAILED));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Interrupts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupts").finish_non_exhaustive()
    }
}
