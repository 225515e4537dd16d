//! The builder `Register`.

/// Writes the type, but for how it is awaited. See [the contract](crate::facade).
#[doc(hidden)]
#[macro_export]
macro_rules! register {
    (
        async: [$($async:tt)?],
        await: [$($await:tt)*],
        $(#[$attribute:meta])*
    ) => {
        $(#[$attribute])*
        pub struct Register<'a> {
            shared: std::sync::Arc<crate::shared::Shared>,
            settings: $crate::settings::RegisterSettings,
            consent: Option<$crate::driver::Consent<'a>>,
        }

        impl<'a> Register<'a> {
            pub(crate) fn new(shared: &std::sync::Arc<crate::shared::Shared>) -> Self {
                let shared = std::sync::Arc::clone(shared);
                Self { shared, settings: Default::default(), consent: None }
            }

            /// Adds a contact, such as `mailto:me@example.org`.
            pub fn contact(mut self, contact: impl Into<String>) -> Self {
                self.settings.contacts.push(contact.into());
                self
            }

            /// Binds the account to one that the user has with the CA (RFC 8555 section 7.3.4).
            ///
            /// The CA gives out both: a key identifier, and a MAC key as base64 text.
            pub fn external_account(
                mut self,
                kid: impl Into<String>,
                mac_key: impl Into<String>,
            ) -> Self {
                self.settings.external = Some($crate::external::ExternalBinding::new(kid, mac_key));
                self
            }

            /// Binds the account to an external one whose MAC key the client's [`Signer`](crate::Signer) holds.
            ///
            /// The signer is asked for [`KeyRole::ExternalAccount`](acme_proto::flow::KeyRole).
            pub fn external_account_signer(mut self, kid: impl Into<String>) -> Self {
                self.settings.external = Some($crate::external::ExternalBinding::by_signer(kid));
                self
            }

            /// Sets the algorithm of the external account's MAC; the default, HS256, suits every known CA.
            pub const fn mac_algorithm(mut self, algorithm: acme_proto::jose::MacAlgorithm) -> Self {
                self.settings.mac = Some(algorithm);
                self
            }

            /// Asks for consent to the CA's terms of service, if it has any, by their URL.
            ///
            /// Without this, registering at a CA that has terms fails with their URL in the error.
            pub fn agree_to_terms(mut self, ask: impl FnOnce(&str) -> bool + Send + 'a) -> Self {
                self.consent = Some(Box::new(ask));
                self
            }

            /// Says that the user agrees to the terms of this CA, whatever they are, so that nobody is asked.
            ///
            /// `termsOfServiceAgreed` is sent even if the directory names no terms, as some CAs demand.
            pub const fn terms_of_service_agreed(mut self) -> Self {
                self.settings.terms_agreed = true;
                self
            }

            /// Sets a time limit other than the policy's.
            pub const fn time_limit(mut self, limit: core::time::Duration) -> Self {
                self.settings.time_limit = Some(limit);
                self
            }

            /// Registers.
            ///
            /// # Errors
            /// Those of the core: terms not agreed to, external account demanded, CA refused, and so on.
            pub $($async)? fn run(self) -> Result<acme_proto::op::AccountEntry, $crate::error::Error> {
                let Self { shared, settings, consent } = self;
                let flow = settings.into_flow(&shared.state)?;
                let account = shared.lock_account()$($await)*;
                let user = crate::in_flight::UserParts::for_registration(consent, &account);
                crate::drive::drive(&shared, flow, $crate::driver::Registering::default(), user)$($await)*
            }
        }

        impl core::fmt::Debug for Register<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let contacts = &self.settings.contacts;
                f.debug_struct("Register").field("contacts", contacts).finish_non_exhaustive()
            }
        }
    };
}
