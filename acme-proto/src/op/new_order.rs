//! newOrder (RFC 8555 section 7.4; `replaces` of RFC 9773; profiles).

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Answer, Operation, Payload, Spec, Target, object, private::Plan};
use crate::error::{Error, InvalidInput};
use crate::identifier::Identifier;
use crate::policy::ResourceClass;
use crate::session::Session;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::Order;

/// The most identifiers that one order may have.
const MAX_IDENTIFIERS: usize = 1000;

/// An order with its URL.
#[derive(Clone, Debug)]
pub struct OrderEntry {
    pub(crate) url: Url,
    pub(crate) order: Order,
}

impl OrderEntry {
    /// Returns the order's URL.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the order as the server answered it.
    pub const fn order(&self) -> &Order {
        &self.order
    }
}

/// Orders a certificate; this is also the part of an issuance that a snapshot keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOrder {
    identifiers: Vec<Identifier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_after: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
}

impl NewOrder {
    /// Creates a request for these identifiers; duplicates are dropped, the order is kept.
    ///
    /// # Errors
    /// [`InvalidInput::NoIdentifiers`] or [`InvalidInput::TooManyIdentifiers`].
    pub fn new(identifiers: impl IntoIterator<Item = Identifier>) -> Result<Self, InvalidInput> {
        let mut unique: Vec<Identifier> = Vec::new();
        let mut seen = alloc::collections::BTreeSet::new();
        for identifier in identifiers {
            if seen.insert(identifier.clone()) {
                unique.push(identifier);
            }
        }
        match unique.len() {
            0 => Err(InvalidInput::NoIdentifiers),
            n if n > MAX_IDENTIFIERS => Err(InvalidInput::TooManyIdentifiers(n)),
            _ => Ok(Self {
                identifiers: unique,
                not_before: None,
                not_after: None,
                replaces: None,
                profile: None,
            }),
        }
    }

    /// Asks for the start of validity; whole seconds are sent. Many CAs refuse it.
    pub const fn not_before(mut self, time: Timestamp) -> Self {
        self.not_before = Some(time);
        self
    }

    /// Asks for the end of validity; whole seconds are sent. Many CAs refuse it.
    pub const fn not_after(mut self, time: Timestamp) -> Self {
        self.not_after = Some(time);
        self
    }

    /// Names the certificate that this order renews, by its ARI identifier (RFC 9773 section 5).
    pub fn replaces(mut self, certificate_id: impl Into<String>) -> Self {
        self.replaces = Some(certificate_id.into());
        self
    }

    /// Asks for a profile.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// Returns the identifiers.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// Returns the profile that is asked for.
    pub fn requested_profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    pub(crate) const fn has_replaces(&self) -> bool {
        self.replaces.is_some()
    }

    pub(crate) fn drop_replaces(&mut self) {
        self.replaces = None;
    }
}

/// The payload of newOrder; only members that are set are sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    identifiers: &'a [Identifier],
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
}

impl Plan for NewOrder {
    fn spec(&self) -> Spec {
        let members = Members {
            identifiers: &self.identifiers,
            not_before: self.not_before.map(Timestamp::to_rfc3339_seconds),
            not_after: self.not_after.map(Timestamp::to_rfc3339_seconds),
            replaces: self.replaces.as_deref(),
            profile: self.profile.as_deref(),
        };
        Spec::post("newOrder", Target::NewOrder, Payload::json(&members))
            .class(ResourceClass::NewOrder)
    }
}

impl Operation for NewOrder {
    type Response = OrderEntry;

    fn read(&self, answer: &mut Answer<'_>) -> Result<OrderEntry, Error> {
        let url = answer.location()?;
        Ok(OrderEntry { url, order: object!(answer, Order)? })
    }

    fn elsewhere(
        &self,
        failure: &Error,
        location: Option<&Url>,
        _session: &mut Session,
    ) -> Option<Spec> {
        let url = location.filter(|_| failure.is_unreadable())?;
        Some(Spec::read("order", Target::Url(url.clone())))
    }

    fn read_elsewhere(
        &self,
        answer: &mut Answer<'_>,
        _first_status: Option<u16>,
    ) -> Result<OrderEntry, Error> {
        Ok(OrderEntry { url: answer.url.clone(), order: object!(answer, Order)? })
    }
}
