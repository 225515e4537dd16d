//! Why a job failed, and with which exit code.

use core::error::Error;
use core::fmt;
use std::io;

use acme_proto::error::{Error as AcmeError, InvalidInput, Report, Unsupported};
use acme_proto::flow::Lost;

/// Any error that a function of the examples returns.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a job failed: one line with cause and remedy, and the exit code.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// The exit code of a job that failed.
    pub const FAILED: u8 = 1;
    /// The exit code of wrong usage.
    pub const USAGE: u8 = 2;
    /// The exit code of a job whose certificate is stored, but whose deploy hook failed.
    pub const DEPLOY: u8 = 3;

    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self { code: Self::FAILED, text: text.into() }
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { code: Self::USAGE, text: text.into() }
    }

    pub(crate) fn deploy(text: impl Into<String>) -> Self {
        Self { code: Self::DEPLOY, text: text.into() }
    }

    /// Returns the exit code.
    pub const fn code(&self) -> u8 {
        self.code
    }

    /// Chooses exit code, text and remedy for an error from an adapter.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        if let Some(own) = find::<Self>(error) {
            return Self { code: own.code, text: own.text.clone() };
        }
        let text = Report::new(error).to_string();
        let acme = find_acme(error);
        let hint = match (acme, find::<io::Error>(error)) {
            (Some(acme), _) => hint(acme),
            (None, Some(io)) => listener_hint(io.kind()),
            (None, None) => None,
        };
        let code = match acme {
            Some(AcmeError::Input(input)) => code(input),
            _ => Self::FAILED,
        };
        let text = hint.map_or_else(|| text.clone(), |hint| format!("{text} ({hint})"));
        Self { code, text }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Failure {}

/// Finds an error of this type among an error and its sources.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Finds the core's error that an adapter's error is.
pub(crate) fn find_acme<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a AcmeError> {
    // The adapter's error first: its `source()` is the cause of the core's error, which may be one itself.
    find::<acme_adapter::error::Error>(error).and_then(|error| error.acme()).or_else(|| find(error))
}

const fn code(input: &InvalidInput) -> u8 {
    match input {
        // The cause is a file of an earlier run, not an argument of this one.
        InvalidInput::ForeignSnapshot(_) => Failure::FAILED,
        _ => Failure::USAGE,
    }
}

/// Returns the option that remedies an error.
fn hint(error: &AcmeError) -> Option<&'static str> {
    match error {
        AcmeError::Transport(failed) if matches!(failed.lost(), Lost::Untrusted(_)) => {
            Some("--ca-file names the root of the CA's HTTPS endpoint")
        }
        AcmeError::Transport(_) => Some("--directory names the CA"),
        AcmeError::Peer(_) => Some("--directory names the CA"),
        AcmeError::Deadline(_) => Some("--timeout SECONDS"),
        AcmeError::NoAccount { .. } => Some(
            "the account file names an account that the CA does not know: give another --account FILE",
        ),
        AcmeError::Unsupported(Unsupported::Profile(_)) => Some("--profile NAME"),
        AcmeError::Input(InvalidInput::ExternalAccountRequired) => {
            Some("--eab-kid KID, with --eab-key-file FILE or --eab-key KEY")
        }
        AcmeError::Input(InvalidInput::Contact(_)) => Some("--contact MAIL"),
        AcmeError::Input(InvalidInput::Csr(_) | InvalidInput::CsrNames(_)) => Some("--csr FILE"),
        AcmeError::Input(InvalidInput::TermsNotAgreed(_)) => {
            Some("read them, then give --agree-tos")
        }
        AcmeError::Input(InvalidInput::ForeignSnapshot(_)) => {
            Some("its file is unchanged; give another --out DIR")
        }
        _ => None,
    }
}

const fn listener_hint(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::AddrInUse
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::PermissionDenied => {
            Some("choose where to listen with --http-port, --tls-port and --listen")
        }
        _ => None,
    }
}
