//! The client: its operations, and what starts the rest.

/// Writes the type `Client`, with documentation of its own for the methods `issue` and `resume`. See [the contract](crate::facade).
///
/// `example` has the parts of the example of `check_renewal` that differ: the crate, `fn` or `async fn`, `.await` or
/// nothing, and how an issuance is run.
#[doc(hidden)]
#[macro_export]
macro_rules! client {
    (
        async: [$($async:tt)?],
        await: [$($await:tt)*],
        issue: { $(#[$issue:meta])* },
        resume: { $(#[$resume:meta])* },
        example: [$name:literal, $fn:literal, $dot_await:literal, $run:literal],
        $(#[$attribute:meta])*
    ) => {
        $(#[$attribute])*
        #[derive(Clone)]
        pub struct Client {
            pub(crate) shared: std::sync::Arc<crate::shared::Shared>,
        }

        impl Client {
            /// Connects to a CA with the default transport, and fetches its directory.
            ///
            /// `ca` is a public CA, such as [`LETS_ENCRYPT`](crate::LETS_ENCRYPT), or the URL of a directory.
            ///
            /// It creates no account: [`register`](Self::register) does.
            ///
            /// # Errors
            /// For a URL that is not https, a CA that has ended its service, cannot be reached or trusted, and an answer
            /// that is no directory.
            pub $($async)? fn connect(
                ca: impl Into<$crate::directories::Ca>,
                key: impl Into<$crate::keys::AccountKey>,
            ) -> Result<Self, $crate::error::Error> {
                Self::builder(ca).key(key).connect()$($await)*
            }

            /// Starts to make a client that differs from what [`connect`](Self::connect) makes.
            pub fn builder(ca: impl Into<$crate::directories::Ca>) -> crate::ClientBuilder {
                crate::ClientBuilder::new(&ca.into())
            }

            pub(crate) fn new(shared: crate::shared::Shared) -> Self {
                Self { shared: std::sync::Arc::new(shared) }
            }

            /// Orders a certificate for these names, and sees it through to the end.
            ///
            /// Names are DNS names, wildcards (`*.example.org`) and IP addresses.
            ///
            $(#[$issue])*
            pub fn issue<'a, I>(&self, names: I) -> crate::Issue<'a>
            where
                I: IntoIterator<
                    Item: TryInto<acme_proto::identifier::Identifier, Error: Into<$crate::error::Error>>,
                >,
            {
                crate::Issue::new(&self.shared, $crate::settings::IssueSettings::new(names))
            }

            /// Goes on with an order that was begun, in this process or another.
            ///
            $(#[$resume])*
            pub fn resume<'a>(&self, snapshot: acme_proto::snapshot::Snapshot) -> crate::Issue<'a> {
                crate::Issue::new(&self.shared, $crate::settings::IssueSettings::resume(snapshot))
            }

            /// Runs any single operation.
            ///
            /// There is a method of its own for every one of them, too.
            ///
            /// # Errors
            /// Those of the core: the CA refused, was not reached in time, or broke the protocol.
            pub $($async)? fn call<O: acme_proto::op::Operation>(
                &self,
                mut op: O,
            ) -> Result<O::Response, $crate::error::Error> {
                // Functions of the user are not called in the flow, which runs under the lock of the session.
                let settle = op.detach();
                let flow = acme_proto::call::Call::new(op);
                let handler = $crate::driver::NoEvents;
                let response =
                    crate::drive::drive(&self.shared, flow, handler, Default::default())$($await)*?;
                Ok(match settle {
                    Some(settle) => settle(response),
                    None => response,
                })
            }

            /// Closes the connections that are not in use.
            ///
            /// Requests under way continue, and a later request opens a new connection. To drop all clones of a client
            /// does the same.
            pub fn close(&self) {
                crate::Transport::close(&self.shared.transport);
            }

            /// Registers the account key, or finds the account if there is one already.
            ///
            /// A public CA that demands an external account or a contact is not asked without one, and this fails with
            /// [`Error::AccountLacks`](crate::Error::AccountLacks). Where there is an account already,
            /// [`find_account`](Self::find_account) needs neither.
            ///
            /// Have the key on disk before: it must outlive a crash between request and answer.
            pub fn register<'a>(&self) -> crate::Register<'a> {
                crate::Register::new(&self.shared)
            }

            /// Replaces the account key (RFC 8555 section 7.3.5); later requests use the new one.
            ///
            /// Have both keys on disk before: [`account_file`](crate::KeyChange::account_file) or
            /// [`store`](crate::KeyChange::store) see to that.
            pub fn change_key<'a>(
                &self,
                new_key: impl Into<$crate::keys::NewKey>,
            ) -> crate::KeyChange<'a> {
                crate::KeyChange::new(&self.shared, Some(new_key.into()))
            }

            /// Settles a key change that was begun, in this process or another, and whose outcome is not known.
            ///
            /// Where there is none, it does nothing but tell the account key.
            pub fn settle_key_change<'a>(&self) -> crate::KeyChange<'a> {
                crate::KeyChange::new(&self.shared, None)
            }

            /// Returns the account's URL, once it is known; store it, to save a request the next time.
            pub fn account_url(&self) -> Option<acme_proto::url::Url> {
                self.shared.state.session().account_url().cloned()
            }

            /// Returns what the client knows of the CA's server; store it, to save requests the next time.
            ///
            /// It is data for serde, without secrets: the directory, the account's URL, nonces, and how long the CA took
            /// lately. [`ClientBuilder::memory`](crate::ClientBuilder::memory) takes it.
            pub fn memory(&self) -> acme_proto::session::SessionMemory {
                self.shared.state.session().memory()
            }

            /// Returns the public half of the account key, such as for the thumbprint in a DNS record.
            pub fn account_key(&self) -> acme_proto::jose::Jwk {
                self.shared.state.account_key()
            }

            /// Replaces the policy for everything that starts from now on.
            pub fn set_policy(&self, policy: acme_proto::policy::Policy) {
                self.shared.state.session().set_policy(policy);
            }

            /// Holds a certificate's key, so that it can sign the revocation of its certificate.
            pub fn hold_certificate_key(&self, key: $crate::keys::ProviderKey) {
                self.shared.state.keyring().add_certificate_key(key);
            }

            /// Returns the crypto provider that the client uses.
            pub fn provider(&self) -> &std::sync::Arc<rustls::crypto::CryptoProvider> {
                self.shared.state.provider()
            }

            /// Fetches the directory again (RFC 8555 section 7.1.1).
            pub $($async)? fn directory(&self) -> Result<acme_proto::wire::Directory, $crate::error::Error> {
                self.call(acme_proto::op::GetDirectory)$($await)*
            }

            /// Returns the URL of the CA's terms of service, if it has any, from the directory as it was last fetched.
            ///
            /// [`register`](Self::register) asks for consent to them by itself.
            pub $($async)? fn terms_of_service(&self) -> Result<Option<String>, $crate::error::Error> {
                let known = self.shared.state.session().directory().cloned();
                let directory = match known {
                    Some(directory) => directory,
                    None => self.directory()$($await)*?,
                };
                Ok(directory.meta().terms_of_service().map(str::to_owned))
            }

            /// Returns the name of the TXT record for dns-01, without a final dot (RFC 8555 section 8.4); an address
            /// has none, and a wildcard that of its base.
            pub fn dns_challenge_domain(&self, identifier: &acme_proto::identifier::Identifier) -> Option<String> {
                match identifier.base() {
                    acme_proto::identifier::Identifier::Dns(name) => Some(format!("_acme-challenge.{name}")),
                    _ => None,
                }
            }

            /// Returns the value of the TXT record for dns-01, by a challenge's token and the account key
            /// (RFC 8555 section 8.4).
            pub fn dns_challenge_validation(&self, token: &acme_proto::token::Token) -> String {
                acme_proto::jose::KeyAuthorization::new(token, &self.account_key().thumbprint()).txt_value()
            }

            /// Finds the account of the account key, and creates none (RFC 8555 section 7.3.1).
            pub $($async)? fn find_account(&self) -> Result<Option<acme_proto::op::AccountEntry>, $crate::error::Error> {
                self.call(acme_proto::op::FindAccount)$($await)*
            }

            /// Reads the account (RFC 8555 section 7.3.2).
            pub $($async)? fn account(&self) -> Result<acme_proto::wire::Account, $crate::error::Error> {
                self.call(acme_proto::op::GetAccount)$($await)*
            }

            /// Replaces the account's contacts, such as `mailto:me@example.org` (RFC 8555 section 7.3.2).
            pub $($async)? fn update_account<I>(&self, contacts: I) -> Result<acme_proto::wire::Account, $crate::error::Error>
            where
                I: IntoIterator<Item: Into<String>>,
            {
                let contacts = contacts.into_iter().map(Into::into).collect();
                self.call(acme_proto::op::UpdateAccount::contacts(contacts)?)$($await)*
            }

            /// Deactivates the account for good (RFC 8555 section 7.3.6).
            pub $($async)? fn deactivate_account(&self) -> Result<acme_proto::wire::Account, $crate::error::Error> {
                self.call(acme_proto::op::DeactivateAccount)$($await)*
            }

            /// Orders a certificate (RFC 8555 section 7.4); [`issue`](Self::issue) sees one through.
            pub $($async)? fn new_order(&self, order: acme_proto::op::NewOrder) -> Result<acme_proto::op::OrderEntry, $crate::error::Error> {
                self.call(order)$($await)*
            }

            /// Reads an order.
            pub $($async)? fn order(&self, url: &acme_proto::url::Url) -> Result<acme_proto::wire::Order, $crate::error::Error> {
                self.call(acme_proto::op::GetOrder(url.clone()))$($await)*
            }

            /// Lists the account's orders, a page at a time (RFC 8555 section 7.1.2.1).
            pub $($async)? fn orders(&self, page: acme_proto::op::ListOrders) -> Result<acme_proto::op::Page, $crate::error::Error> {
                self.call(page)$($await)*
            }

            /// Lists all the account's orders, page after page (RFC 8555 section 7.1.2.1).
            ///
            /// Many CAs offer no such list: that is an [`Unsupported`](acme_proto::error::Unsupported) error.
            pub $($async)? fn list_orders(&self) -> Result<acme_proto::op::Page, $crate::error::Error> {
                self.call(acme_proto::op::ListAllOrders::new())$($await)*
            }

            /// Reads an authorization (RFC 8555 section 7.5).
            pub $($async)? fn authorization(&self, url: &acme_proto::url::Url) -> Result<acme_proto::wire::Authorization, $crate::error::Error> {
                self.call(acme_proto::op::GetAuthorization(url.clone()))$($await)*
            }

            /// Asks for an authorization without an order (RFC 8555 section 7.4.1).
            pub $($async)? fn new_authorization(
                &self,
                identifier: acme_proto::identifier::Identifier,
            ) -> Result<acme_proto::op::AuthorizationEntry, $crate::error::Error> {
                self.call(acme_proto::op::NewAuthorization::new(identifier)?)$($await)*
            }

            /// Gives an authorization up (RFC 8555 section 7.5.2).
            pub $($async)? fn deactivate_authorization(&self, url: &acme_proto::url::Url) -> Result<acme_proto::wire::Authorization, $crate::error::Error> {
                self.call(acme_proto::op::DeactivateAuthorization(url.clone()))$($await)*
            }

            /// Reads a challenge.
            pub $($async)? fn challenge(&self, url: &acme_proto::url::Url) -> Result<acme_proto::wire::Challenge, $crate::error::Error> {
                self.call(acme_proto::op::GetChallenge(url.clone()))$($await)*
            }

            /// Tells the CA to validate a challenge, which is published already (RFC 8555 section 7.5.1).
            pub $($async)? fn respond(&self, url: &acme_proto::url::Url) -> Result<acme_proto::wire::Challenge, $crate::error::Error> {
                self.call(acme_proto::op::RespondChallenge::new(url.clone()))$($await)*
            }

            /// Answers a challenge as [`respond`](Self::respond) does, with the members that its type defines.
            pub $($async)? fn respond_with(&self, answer: acme_proto::op::RespondChallenge) -> Result<acme_proto::wire::Challenge, $crate::error::Error> {
                self.call(answer)$($await)*
            }

            /// Sends the CSR for an order that is ready (RFC 8555 section 7.4).
            pub $($async)? fn finalize(&self, order: &acme_proto::url::Url, finalize: &acme_proto::url::Url, csr: acme_proto::x509::Csr) -> Result<acme_proto::wire::Order, $crate::error::Error> {
                self.call(acme_proto::op::Finalize::new(order.clone(), finalize.clone(), csr))$($await)*
            }

            /// Downloads a certificate (RFC 8555 section 7.4.2).
            pub $($async)? fn certificate(&self, url: &acme_proto::url::Url) -> Result<acme_proto::op::Download, $crate::error::Error> {
                self.call(acme_proto::op::GetCertificate(url.clone()))$($await)*
            }

            /// Downloads a certificate with the chain that `choice` selects from those that the CA offers.
            ///
            /// To select a chain while issuing, use [`Issue::chain`](crate::Issue::chain).
            pub $($async)? fn certificate_chain(
                &self,
                url: &acme_proto::url::Url,
                choice: acme_proto::x509::ChainChoice,
            ) -> Result<acme_proto::op::ChosenChain, $crate::error::Error> {
                self.call(acme_proto::op::GetChain::new(url.clone(), choice))$($await)*
            }

            /// Revokes a certificate (RFC 8555 section 7.6).
            ///
            /// To have the certificate's own key sign, [hold](Self::hold_certificate_key) it first.
            pub $($async)? fn revoke(&self, revocation: acme_proto::op::Revoke) -> Result<acme_proto::op::Revoked, $crate::error::Error> {
                self.call(revocation)$($await)*
            }

            /// Asks when a certificate should be renewed (RFC 9773).
            pub $($async)? fn renewal_info(
                &self,
                certificate: &acme_proto::x509::Certificate,
            ) -> Result<acme_proto::op::RenewalInfoEntry, $crate::error::Error> {
                let question = acme_proto::op::GetRenewalInfo::of(certificate).ok_or($crate::error::Error::NoCertificateId)?;
                self.call(question)$($await)*
            }

            /// Creates the schedule of a certificate's renewal, with a random seed from the operating system.
            pub fn renewal_schedule(&self, certificate: &acme_proto::x509::Certificate) -> acme_proto::renewal::RenewalSchedule {
                acme_proto::renewal::RenewalSchedule::new(certificate, $crate::clock::seed())
            }

            /// Asks the CA about a renewal if the schedule says so, and returns the next step: never
            /// [`Ask`](RenewalStep::Ask).
            ///
            /// That the CA did not answer is no error: the schedule knows what to do then, and a notice says it.
            /// Store the schedule afterwards.
            ///
            /// This is for a program that runs now and then, such as by cron. One that keeps running uses
            /// [`Certificates`](crate::Certificates) or a [`Lifecycle`](acme_proto::renewal::Lifecycle), which leave
            /// time between two orders even if each new certificate already looks due.
            ///
            /// ```no_run
            #[doc = concat!("use ", $name, "::{Certificate, Client, Error, Http01Listener, ProviderKey, RenewalStep};")]
            ///
            #[doc = concat!("# ", $fn, " run(client: Client, key: ProviderKey, http: Http01Listener, leaf: Certificate) -> Result<(), Error> {")]
            /// let mut schedule = client.renewal_schedule(&leaf); // or the one that was stored
            #[doc = concat!("match client.check_renewal(&mut schedule)", $dot_await, "? {")]
            ///     RenewalStep::Renew => {
            ///         let issue = client.issue(["example.org"]).key(&key).replaces(&leaf).solver(&http);
            #[doc = concat!("        match issue", $run, " {")]
            ///             Ok(issued) => schedule = client.renewal_schedule(issued.chain().leaf()),
            ///             Err(error) => client.renewal_failed(&mut schedule, &error),
            ///         }
            ///     }
            ///     RenewalStep::Wait(at) => println!("not due until {at}"),
            ///     _ => {}
            /// }
            /// # drop(schedule);
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            /// What never was a question to the CA.
            pub $($async)? fn check_renewal(
                &self,
                schedule: &mut acme_proto::renewal::RenewalSchedule,
            ) -> Result<acme_proto::renewal::RenewalStep, $crate::error::Error> {
                let mut now = $crate::clock::wall();
                if let acme_proto::renewal::RenewalStep::Ask(question) = schedule.next(now) {
                    let answer = self.call(question)$($await)*;
                    // One time for both: a clock that goes on in between must not make it the next question's.
                    now = $crate::clock::wall();
                    let notice = match answer {
                        Ok(entry) => schedule.on_info(&entry, now),
                        Err($crate::error::Error::Acme(error)) => schedule.on_error(&error, now),
                        Err(other) => return Err(other),
                    };
                    if let Some(notice) = notice {
                        self.shared.state.notice(&notice);
                    }
                }
                Ok(schedule.next(now))
            }

            /// Notes that an attempt to renew failed, so that the next one waits; store the schedule afterwards.
            pub fn renewal_failed(&self, schedule: &mut acme_proto::renewal::RenewalSchedule, error: &$crate::error::Error) {
                schedule.on_attempt_failed(error.retry_at(), $crate::clock::wall());
            }        }

        impl core::fmt::Debug for Client {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_tuple("Client").field(&self.shared.state).finish()
            }
        }
    };
}
