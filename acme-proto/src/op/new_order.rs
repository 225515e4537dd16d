//! newOrder (RFC 8555 Section 7.4; `replaces` of RFC 9773; profiles).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Hooks, Payload, Read, Reading, Received, Spec, object, octets};
use crate::error::{Error, InvalidInput, UnknownProfile, Unsupported};
use crate::identifier::Identifier;
use crate::notice::{NotReplacing, Notice};
use crate::resource::Resource;
use crate::session::Session;
use crate::sorted::SortedSet;
use crate::time::Timestamp;
use crate::url::Url;
use crate::wire::{Directory, Order};
use crate::x509::Certificate;

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

    /// Returns the order as the server sent it.
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    preferred_profiles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private_profile: Option<String>,
}

impl NewOrder {
    /// Creates a request for these identifiers; duplicates are dropped, the order is kept.
    ///
    /// More than [`Policy::max_identifiers`](crate::policy::Policy::max_identifiers) are refused before anything is sent,
    /// by [`InvalidInput::TooManyIdentifiers`].
    ///
    /// # Errors
    /// [`InvalidInput::NoIdentifiers`].
    pub fn new(identifiers: impl IntoIterator<Item = Identifier>) -> Result<Self, InvalidInput> {
        let mut unique: Vec<Identifier> = Vec::new();
        let mut seen = SortedSet::new();
        for identifier in identifiers {
            if seen.insert(identifier.clone()) {
                unique.push(identifier);
            }
        }
        match unique.len() {
            0 => Err(InvalidInput::NoIdentifiers),
            _ => Ok(Self {
                identifiers: unique,
                not_before: None,
                not_after: None,
                replaces: None,
                profile: None,
                preferred_profiles: Vec::new(),
                private_profile: None,
            }),
        }
    }

    /// Asks for the start of validity; whole seconds are sent. Many CAs refuse it.
    pub const fn with_not_before(mut self, time: Timestamp) -> Self {
        self.not_before = Some(time);
        self
    }

    /// Asks for the end of validity; whole seconds are sent. Many CAs refuse it.
    pub const fn with_not_after(mut self, time: Timestamp) -> Self {
        self.not_after = Some(time);
        self
    }

    /// Names the certificate that this order renews, by its [identifier](Certificate::renewal_id)
    /// (RFC 9773 Section 5).
    ///
    /// It has to be a certificate of the same account, with at least one of the order's names. It is not sent
    /// to a CA whose directory has no `renewalInfo`.
    pub fn with_replaces(mut self, certificate_id: impl Into<String>) -> Self {
        self.replaces = Some(certificate_id.into());
        self
    }

    /// Names the certificate that this order renews; one without an authority key identifier cannot be named,
    /// and is not.
    ///
    /// # Errors
    /// [`InvalidInput::ReplacesOtherNames`] if it has none of the order's names.
    pub fn with_replaced_certificate(
        mut self,
        certificate: &Certificate,
    ) -> Result<Self, InvalidInput> {
        let names = certificate.identifiers();
        let names: SortedSet<_> = names.iter().collect();
        if !self.identifiers.iter().any(|name| names.contains(&name)) {
            return Err(InvalidInput::ReplacesOtherNames);
        }
        self.replaces = certificate.renewal_id();
        Ok(self)
    }

    /// Demands a profile that the directory lists.
    ///
    /// If it does not, the order fails with [`Unsupported::Profile`], which has the names and descriptions of
    /// those that it lists. The last of this, [`with_preferred_profiles`](Self::with_preferred_profiles) and
    /// [`with_private_profile`](Self::with_private_profile) counts.
    pub fn with_profile(self, name: impl Into<String>) -> Self {
        Self { profile: Some(name.into()), ..self.any_profile() }
    }

    /// Asks for the first of these profiles that the directory lists.
    ///
    /// If it lists none of them the CA chooses, and a notice says so.
    pub fn with_preferred_profiles<I>(self, names: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let preferred_profiles = names.into_iter().map(Into::into).collect();
        Self { preferred_profiles, ..self.any_profile() }
    }

    /// Demands a profile, whether or not the directory lists it: such as one agreed upon with the CA.
    pub fn with_private_profile(self, name: impl Into<String>) -> Self {
        Self { private_profile: Some(name.into()), ..self.any_profile() }
    }

    /// Returns the identifiers.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// Returns the profile that is demanded.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref().or(self.private_profile.as_deref())
    }

    /// Returns the identifier of the certificate that this order renews.
    pub fn replaces(&self) -> Option<&str> {
        self.replaces.as_deref()
    }

    /// Returns whether the user named the time at which the validity begins.
    pub(crate) const fn names_beginning(&self) -> bool {
        self.not_before.is_some()
    }

    pub(crate) fn drop_replaces(&mut self) -> Option<String> {
        self.replaces.take()
    }

    /// Returns what `replaces` is sent to a CA with this directory (RFC 9773 Section 5).
    pub(crate) fn replaces_at(&self, directory: &Directory) -> Option<&str> {
        self.replaces.as_deref().filter(|_| directory.renewal_info().is_some())
    }

    /// Returns the profile that is asked of a CA with this directory (draft-ietf-acme-profiles Section 4).
    ///
    /// # Errors
    /// [`Unsupported::Profile`] for a demanded profile that it does not list.
    pub(crate) fn profile_at(&self, directory: &Directory) -> Result<Option<&str>, Unsupported> {
        let offered = directory.meta().profiles();
        let is_offered = |name: &&str| offered.contains_key(*name);
        if let Some(asked) = self.profile.as_deref().filter(|name| !is_offered(name)) {
            let unknown = UnknownProfile { asked: asked.into(), offered: offered.clone() };
            return Err(Unsupported::Profile(Box::new(unknown)));
        }
        let preferred = self.preferred_profiles.iter().map(String::as_str).find(is_offered);
        Ok(self.profile().or(preferred))
    }

    fn any_profile(self) -> Self {
        Self { profile: None, preferred_profiles: Vec::new(), private_profile: None, ..self }
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

impl Hooks<OrderEntry> for NewOrder {
    fn spec(&self) -> Spec {
        Spec::post_to(Resource::NewOrder, Directory::new_order, Payload::FromDirectory)
    }

    fn check(&self, session: &Session) -> Result<(), Error> {
        // A certificate of more names would be issued, counted by the CA, and then be refused here.
        let most = session.policy().max_identifiers.min(Certificate::MAX_NAMES);
        let count = self.identifiers.len();
        if count > most {
            return Err(InvalidInput::TooManyIdentifiers { count, most }.into());
        }
        Ok(())
    }

    fn payload(
        &self,
        directory: &Directory,
        notices: &mut Vec<Notice>,
    ) -> Result<Vec<u8>, Unsupported> {
        let (profile, replaces) = (self.profile_at(directory)?, self.replaces_at(directory));
        if profile.is_none() && !self.preferred_profiles.is_empty() {
            notices.push(Notice::NoPreferredProfile {
                preferred: self.preferred_profiles.clone(),
                offered: directory.meta().profiles().keys().cloned().collect(),
            });
        }
        if let (Some(id), None) = (&self.replaces, replaces) {
            let reason = NotReplacing::NotOffered;
            notices.push(Notice::NotReplacing { certificate_id: id.clone(), reason });
        }
        Ok(octets(&Members {
            identifiers: &self.identifiers,
            not_before: self.not_before.map(Timestamp::to_rfc3339_seconds),
            not_after: self.not_after.map(Timestamp::to_rfc3339_seconds),
            replaces,
            profile,
        }))
    }

    fn read(&mut self, received: &mut Received<'_>) -> Reading<OrderEntry> {
        let url = received.created_at()?;
        Ok(Read::Response(OrderEntry { url, order: object!(received, Order)? }))
    }

    fn creates(&self) -> Option<Resource> {
        Some(Resource::Order)
    }
}
