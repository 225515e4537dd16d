//! The client of a CA, or why it was not reached a moment ago.

use core::time::Duration;
use std::time::Instant;

use crate::error::Error;

/// A client, once its CA was reached.
///
/// A failure is remembered for a while: of many certificates that want the same CA, not each waits
/// until the time limit.
#[derive(Debug)]
pub struct Reached<C> {
    client: Option<C>,
    failed: Option<(Instant, acme_proto::error::Error)>,
}

impl<C: Clone> Reached<C> {
    /// Returns the client or the failure of a moment ago; `None` if the CA has to be asked.
    pub fn get(&self) -> Option<Result<C, Error>> {
        if let Some(client) = &self.client {
            return Some(Ok(client.clone()));
        }
        let (at, error) = self.failed.as_ref()?;
        (at.elapsed() < A_MOMENT).then(|| Err(Error::Acme(error.clone())))
    }

    /// Remembers the result of a connection.
    ///
    /// # Errors
    /// The result's.
    pub fn set(&mut self, result: Result<C, Error>) -> Result<C, Error> {
        self.client = result.as_ref().ok().cloned();
        self.failed = match &result {
            Err(Error::Acme(error)) => Some((Instant::now(), error.clone())),
            _ => None,
        };
        result
    }
}

impl<C> Default for Reached<C> {
    fn default() -> Self {
        Self { client: None, failed: None }
    }
}

const A_MOMENT: Duration = Duration::from_secs(5);
