//! The directory (RFC 8555 section 7.1.1).

use super::{Answer, Operation, Spec, Target, object, private::Plan};
use crate::error::Error;
use crate::policy::ResourceClass;
use crate::session::Session;
use crate::wire::Directory;

/// Fetches the directory, also when the session knows one already.
#[derive(Clone, Debug, Default)]
pub struct GetDirectory;

impl Plan for GetDirectory {
    fn spec(&self) -> Spec {
        Spec::get("directory", Target::Directory).class(ResourceClass::Directory)
    }
}

impl Operation for GetDirectory {
    type Response = Directory;

    fn read(&self, answer: &mut Answer<'_>) -> Result<Directory, Error> {
        object!(answer, Directory)
    }

    fn apply(&self, directory: &Directory, session: &mut Session) {
        session.set_directory(directory.clone());
    }
}
