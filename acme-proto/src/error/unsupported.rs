//! What the CA does not offer.

use alloc::boxed::Box;

use super::UnknownProfile;
use crate::resource::Resource;

/// Something that the CA does not offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The directory has no URL for the operation, or the account object none for its orders.
    #[error("this CA does not offer {0} ({holder} has no such URL)", holder = holder(*.0))]
    Operation(Resource),
    /// The directory does not list the profile.
    #[error(transparent)]
    Profile(Box<UnknownProfile>),
}

/// Returns what would name the URL.
const fn holder(resource: Resource) -> &'static str {
    match resource {
        Resource::Orders => "the account object",
        _ => "its directory",
    }
}
