//! What an operation says of itself to the engine; nothing of it is public.

use alloc::vec::Vec;

use super::{Received, Spec, Target};
use crate::error::{Error, Unsupported};
use crate::notice::Notice;
use crate::resource::Resource;
use crate::session::Session;
use crate::url::Url;
use crate::wire::Directory;

/// Everything that is particular to an [`Operation`](super::Operation), for the engine to act on.
///
/// A hook decides; it sends nothing. [`call`](crate::call) says when each is called.
pub(crate) trait Hooks<R> {
    /// Describes the next request.
    fn spec(&self) -> Spec;

    /// Refuses a request that must not be sent.
    fn check(&self, _session: &Session) -> Result<(), Error> {
        Ok(())
    }

    /// Returns the octets of [`Payload::FromDirectory`](super::Payload::FromDirectory).
    fn payload(
        &self,
        _directory: &Directory,
        _notices: &mut Vec<Notice>,
    ) -> Result<Vec<u8>, Unsupported> {
        Ok(Vec::new())
    }

    /// Reads a successful response.
    fn read(&mut self, received: &mut Received<'_>) -> Reading<R>;

    /// Takes a final error, which may be a response too.
    fn read_error(&mut self, error: Error, _context: &mut Failure<'_>) -> Reading<R> {
        Err(error)
    }

    /// Returns whether the state read after a lost response shows that the request was processed.
    fn landed(&self, _response: &R) -> bool {
        true
    }

    /// Returns the resource that the request creates.
    fn creates(&self) -> Option<Resource> {
        None
    }

    /// Returns a request that gets the response in another way after a failure; called once.
    ///
    /// `location` is the `Location` of a response that could not be read: what was created is read there.
    fn fallback(
        &self,
        failure: &Error,
        location: Option<&Url>,
        _session: &mut Session,
    ) -> Option<Spec> {
        let url = location.filter(|_| failure.is_unreadable())?;
        Some(Spec::read(self.creates()?, Target::Url(url.clone())))
    }

    /// Reads the response to the fallback request.
    fn read_fallback(&mut self, received: &mut Received<'_>) -> Reading<R> {
        self.read(received)
    }

    /// Updates the session by a response.
    fn apply(&self, _response: &R, _session: &mut Session) {}
}

/// What was seen on the way to a final error.
#[derive(Debug)]
pub(crate) struct Failure<'a> {
    /// The last failure that was retried.
    pub(crate) previous: Option<&'a Error>,
    /// The error is that of another request, which would have brought a nonce, the directory or the account's URL.
    pub(crate) unsupplied: bool,
    pub(crate) notices: &'a mut Vec<Notice>,
}

/// What an operation makes of a response, or the error that it is.
pub(crate) type Reading<R> = Result<Read<R>, Error>;

/// What an operation makes of a response.
#[derive(Debug)]
pub(crate) enum Read<R> {
    /// The operation is done.
    Response(R),
    /// It has another request: its [`spec`](Hooks::spec) describes that one now.
    NextRequest,
}

impl<R> Read<R> {
    pub(crate) fn map<T>(self, wrap: impl FnOnce(R) -> T) -> Read<T> {
        match self {
            Self::Response(response) => Read::Response(wrap(response)),
            Self::NextRequest => Read::NextRequest,
        }
    }
}
