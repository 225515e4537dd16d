//! The builder `Issue`.

/// Writes the type, but for its methods `solver` and `cancel_on`, and how it is awaited. See [the contract](crate::facade).
#[doc(hidden)]
#[macro_export]
macro_rules! issue {
    (
        async: [$($async:tt)?],
        await: [$($await:tt)*],
        $(#[$attribute:meta])*
    ) => {
        $(#[$attribute])*
        pub struct Issue<'a> {
            shared: std::sync::Arc<crate::shared::Shared>,
            settings: $crate::settings::IssueSettings,
            user: crate::in_flight::UserParts<'a>,
        }

        impl<'a> Issue<'a> {
            pub(crate) fn new(
                shared: &std::sync::Arc<crate::shared::Shared>,
                settings: $crate::settings::IssueSettings,
            ) -> Self {
                Self { shared: std::sync::Arc::clone(shared), settings, user: Default::default() }
            }

            /// Writes the order's state ahead of every step, so that no crash loses an order, and none leaves
            /// a challenge published that [`Client::resume`](crate::Client::resume) does not know of.
            pub fn durable(mut self, store: impl crate::Store + 'a) -> Self {
                self.user.store = Some(std::sync::Arc::new(store));
                self
            }

            /// Sets the CSR, which has to have exactly the names that were given.
            pub fn csr(mut self, csr: acme_proto::x509::Csr) -> Self {
                self.settings.csr(csr);
                self
            }

            /// Makes the CSR from a key; have the key on disk, or a crash may leave a certificate without it.
            pub fn key(self, key: &$crate::keys::ProviderKey) -> Self {
                self.key_with(key, |csr| csr)
            }

            /// Makes the CSR from a key, as [`key`](Self::key) does, with a common name or must-staple.
            pub fn key_with(
                mut self,
                key: &$crate::keys::ProviderKey,
                change: impl FnOnce(acme_proto::x509::CsrBuilder) -> acme_proto::x509::CsrBuilder,
            ) -> Self {
                self.settings.key(key, change);
                self
            }

            /// Chooses among the chains that the CA offers.
            ///
            /// Alternates are fetched only if the CA's own chain is not what is wanted, and all of them for a function
            /// of the user. Without a fitting one the CA's own
            /// is taken, and [`Issued::matches_chain_choice`](crate::Issued::matches_chain_choice) is false.
            pub fn chain(mut self, choice: acme_proto::x509::ChainChoice) -> Self {
                self.settings.chain = Some(choice);
                self
            }

            /// Has the order's authorizations given up at the end, such as when it is cancelled.
            pub const fn deactivate_authorizations(
                mut self,
                when: acme_proto::issuance::Deactivation,
            ) -> Self {
                self.settings.deactivation = when;
                self
            }

            /// Demands a profile that the directory lists; if it does not, the error has those that it lists.
            ///
            /// This, like the other profiles, the validity dates and [`replaces`](Self::replaces), is for a new
            /// order: a resumed one is as it was ordered. The last profile that is set counts.
            pub fn profile(mut self, name: impl Into<String>) -> Self {
                self.settings.order(|order| Ok(order.with_profile(name)));
                self
            }

            /// Asks for the first of these profiles that the directory lists; if it lists none of them the CA
            /// chooses, and a notice says so.
            pub fn preferred_profiles<I>(mut self, names: I) -> Self
            where
                I: IntoIterator<Item: Into<String>>,
            {
                self.settings.order(|order| Ok(order.with_preferred_profiles(names)));
                self
            }

            /// Demands a profile whether or not the directory lists it, such as one agreed upon with the CA.
            pub fn private_profile(mut self, name: impl Into<String>) -> Self {
                self.settings.order(|order| Ok(order.with_private_profile(name)));
                self
            }

            /// Asks for a certificate that is not valid before this time.
            pub fn not_before(mut self, time: acme_proto::time::Timestamp) -> Self {
                self.settings.order(|order| Ok(order.with_not_before(time)));
                self
            }

            /// Asks for a certificate that is not valid after this time.
            pub fn not_after(mut self, time: acme_proto::time::Timestamp) -> Self {
                self.settings.order(|order| Ok(order.with_not_after(time)));
                self
            }

            /// Names the certificate that this one renews (RFC 9773 section 5): one of the same account, with at
            /// least one of the order's names.
            ///
            /// A CA without renewal information never sees it; after a refusal the order is sent again without, and a notice
            /// says so. A certificate without an authority key identifier cannot be named. With no name in common,
            /// the issuance fails before anything is sent.
            pub fn replaces(mut self, certificate: &acme_proto::x509::Certificate) -> Self {
                self.settings.order(|order| Ok(order.with_replaced_certificate(certificate)?));
                self
            }

            /// As [`replaces`](Self::replaces), by the certificate's
            /// [identifier](acme_proto::x509::Certificate::renewal_id).
            pub fn replaces_id(mut self, certificate_id: impl Into<String>) -> Self {
                self.settings.order(|order| Ok(order.with_replaces(certificate_id)));
                self
            }

            /// Removes records of dns-persist-01 too when the issuance is over; by default they stay.
            pub const fn remove_persistent(mut self) -> Self {
                self.settings.removes_persistent = true;
                self
            }

            /// Lets dns-account-01 follow a failed dns-01, and the other way round.
            ///
            /// By default it does not: both are proved by the same records, and CAs count failed validations. See
            /// [`Issuance::try_both_dns_kinds`](acme_proto::issuance::Issuance::try_both_dns_kinds).
            pub const fn try_both_dns_kinds(mut self) -> Self {
                self.settings.tries_both_dns_kinds = true;
                self
            }

            /// Sets a time limit other than the policy's; clean-ups may take a little longer.
            pub const fn time_limit(mut self, limit: core::time::Duration) -> Self {
                self.settings.time_limit = Some(limit);
                self
            }

            /// Issues.
            ///
            /// # Errors
            /// Those of the core, [`Error::NoCsr`](crate::Error::NoCsr), and what is wrong with the key.
            pub $($async)? fn run(self) -> Result<acme_proto::issuance::Issued, $crate::error::Error> {
                let Self { shared, mut settings, user } = self;
                for solver in &user.solvers {
                    for kind in crate::Solver::kinds(solver) {
                        settings.rules.extend(crate::Solver::rules(solver, kind).map(|rules| (kind.clone(), rules)));
                    }
                }
                let kinds: Vec<_> = user.solvers.iter().map(|s| crate::Solver::kinds(s).to_vec()).collect();
                let gathers = user.solvers.iter().map(|solver| crate::Solver::gathers(solver)).collect();
                // A function of the user is not called in the flow, which runs under the lock of the session.
                let choice = settings.chain.as_mut().and_then(acme_proto::x509::ChainChoice::detach);
                let flow = settings.into_flow(&kinds, user.store.is_some())?;
                let scheduler = $crate::solvers::Scheduler::new(kinds, shared.state.records()).gathering(gathers);
                let handler = $crate::driver::Solving(scheduler);
                let issued = crate::drive::drive(&shared, flow, handler, user)$($await)*?;
                Ok(match choice {
                    Some(choice) => issued.choose_chain(&choice),
                    None => issued,
                })
            }
        }

        impl core::fmt::Debug for Issue<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct("Issue").finish_non_exhaustive()
            }
        }
    };
}
