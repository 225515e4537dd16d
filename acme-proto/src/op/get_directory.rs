//! The directory (RFC 8555 Section 7.1.1).

use super::{Hooks, Read, Reading, Received, Spec, Target, object};
use crate::resource::Resource;
use crate::session::Session;
use crate::wire::Directory;

/// Fetches the directory, also when the session knows one already.
#[derive(Clone, Debug, Default)]
pub struct GetDirectory;

impl Hooks<Directory> for GetDirectory {
    fn spec(&self) -> Spec {
        Spec::get(Resource::Directory, Target::Directory)
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Directory> {
        object!(received, Directory).map(Read::Response)
    }

    fn apply(&self, directory: &Directory, session: &mut Session) {
        session.set_directory(directory.clone());
    }
}
