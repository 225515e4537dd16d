//! newNonce (RFC 8555 Section 7.2).

use super::{Auth, Hooks, Read, Reading, Received, Spec, Target};
use crate::error::PeerFault;
use crate::header;
use crate::http::Method;
use crate::resource::Resource;
use crate::token::Nonce;
use crate::wire::Directory;

/// Fetches a nonce.
#[derive(Clone, Debug)]
pub(crate) struct NewNonce;

impl Hooks<Nonce> for NewNonce {
    fn spec(&self) -> Spec {
        let target = Target::Entry(|directory| Some(Directory::new_nonce(directory)));
        Spec::get(Resource::NewNonce, target).auth(Auth::None(Method::Head))
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Nonce> {
        let nonce = header::replay_nonce(received.response.headers());
        let missing = || received.fault(PeerFault::NoNonce(received.response.status()));
        nonce.map(Read::Response).ok_or_else(missing)
    }
}
