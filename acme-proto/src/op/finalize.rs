//! Finalizing an order with a CSR (RFC 8555 Section 7.4).

use serde_json::json;

use super::{Hooks, OnLost, Payload, Read, Reading, Received, Spec, Target, object};
use crate::error::{Error, InvalidInput};
use crate::jose::base64url;
use crate::resource::Resource;
use crate::session::Session;
use crate::url::Url;
use crate::wire::{Order, OrderStatus};
use crate::x509::Csr;

/// Sends the CSR for an order that is ready.
#[derive(Clone, Debug)]
pub struct Finalize {
    order: Url,
    finalize: Url,
    csr: Csr,
}

impl Finalize {
    /// Creates the request; `order` is read instead of sending again when a response is lost.
    pub const fn new(order: Url, finalize: Url, csr: Csr) -> Self {
        Self { order, finalize, csr }
    }
}

impl Hooks<Order> for Finalize {
    fn spec(&self) -> Spec {
        let payload = Payload::json(&json!({ "csr": base64url::encode(self.csr.as_der()) }));
        Spec::post(Resource::Finalize, Target::Url(self.finalize.clone()), payload)
            .on_lost(OnLost::Reread(self.order.clone()))
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<Order> {
        object!(received, Order).map(Read::Response)
    }

    /// The account key has no place in a certificate (RFC 8555 Section 11.1).
    fn check(&self, session: &Session) -> Result<(), Error> {
        match session.account_key() {
            Some(key) if key.to_spki_der() == self.csr.spki_der() => {
                Err(InvalidInput::CsrUsesAccountKey.into())
            }
            _ => Ok(()),
        }
    }

    fn landed(&self, order: &Order) -> bool {
        *order.status() != OrderStatus::Ready
    }
}
