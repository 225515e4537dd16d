//! The trace: one JSON line per HTTP exchange.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use acme_adapter::exchange::ExchangeRecord;

use crate::failure::Failure;

/// A file to which exchanges are appended. A line has no secrets.
#[derive(Debug)]
pub(crate) struct Trace {
    file: Mutex<File>,
}

impl Trace {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
            Failure::failed(format!(
                "the trace file {} cannot be written: {error}; give another --trace FILE",
                path.display()
            ))
        })?;
        Ok(Self { file: Mutex::new(file) })
    }

    /// Appends a line, in one write. Errors are ignored: a full disk must not stop the issuance.
    pub(crate) fn write(&self, record: &ExchangeRecord) {
        if let Ok(mut line) = serde_json::to_vec(record) {
            line.push(b'\n');
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = file.write_all(&line);
        }
    }
}
