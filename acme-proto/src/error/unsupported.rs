//! What the CA does not offer.

use alloc::boxed::Box;

use super::UnknownProfile;
use crate::resource::Resource;

/// Something that the CA does not offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The directory has no URL for the operation.
    #[error("this CA does not offer {0} (its directory has no such URL)")]
    Operation(Resource),
    /// The directory does not list the profile.
    #[error(transparent)]
    Profile(Box<UnknownProfile>),
}
