//! The response to the deactivation of an authorization (RFC 8555 Section 7.5.2).

use alloc::boxed::Box;

use super::super::Issuance;
use crate::error::{Error, PeerFault};
use crate::notice::Notice;
use crate::op::{DeactivateAuthorization, Hooks};
use crate::url::Url;
use crate::wire::Authorization;

impl Issuance {
    pub(super) fn deactivated(&mut self, url: &Url, result: Result<Authorization, Error>) {
        let operation = DeactivateAuthorization(url.clone());
        let error = match result {
            Ok(authorization) if operation.landed(&authorization) => return,
            Ok(_) => Error::peer(url, PeerFault::NotDeactivated),
            Err(error) => error,
        };
        self.engine
            .exchanges
            .notice(Notice::NotDeactivated { url: url.clone(), error: Box::new(error) });
    }
}
