//! The builder of `Certificates`.

/// Writes the type `CertificatesBuilder`. See [the contract](crate::facade).
#[doc(hidden)]
#[macro_export]
macro_rules! certificates_builder {
    (async: [$($async:tt)?], await: [$($await:tt)*] $(,)?) => {
        /// Sets up the certificates of a server; made by [`Certificates::in_folder`] and its siblings.
        #[must_use = "it does nothing until it is started"]
        pub struct CertificatesBuilder {
            settings: $crate::keeper::KeeperSettings,
            storage: Result<BoxStorage, $crate::error::Error>,
            solvers: Vec<BoxSolver>,
            client: Option<ChangeClient>,
            issue: Option<ChangeIssue>,
            allow: Option<Allow>,
        }

        impl CertificatesBuilder {
            fn new(storage: Result<BoxStorage, $crate::error::Error>) -> Self {
                let settings = Default::default();
                Self { settings, storage, solvers: Vec::new(), client: None, issue: None, allow: None }
            }

            /// Adds a CA: a public one, such as [`LETS_ENCRYPT`](crate::LETS_ENCRYPT), or the URL of a directory. The first
            /// one is preferred; each of the others is tried when those before it have failed, and has an account of its
            /// own.
            pub fn ca(mut self, ca: impl Into<$crate::directories::Ca>) -> Self {
                let ca = ca.into();
                self.settings.authorities.push($crate::keeper::AuthoritySettings { ca, external: None });
                self
            }

            /// Binds the account at the CA that was added last to an external one: its identifier, and a MAC key as
            /// base64 text (RFC 8555 section 7.3.4).
            pub fn external_account(mut self, kid: impl Into<String>, mac_key: impl Into<String>) -> Self {
                if let Some(last) = self.settings.authorities.last_mut() {
                    last.external = Some((kid.into(), mac_key.into()));
                }
                self
            }

            /// Adds a contact to the accounts, such as `mailto:me@example.org`.
            pub fn contact(mut self, contact: impl Into<String>) -> Self {
                self.settings.contacts.push(contact.into());
                self
            }

            /// Asks for consent to a CA's terms of service, by their URL, whenever an account is registered.
            pub fn agree_to_terms(mut self, ask: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
                self.settings.terms = Some(std::sync::Arc::new(ask));
                self
            }

            /// Orders from Let's Encrypt, whose account has this contact, such as `mailto:me@example.org`; `agree` consents
            /// to its terms of service, by their URL.
            ///
            /// It is [`ca`](Self::ca), [`contact`](Self::contact) and [`agree_to_terms`](Self::agree_to_terms) in one call.
            pub fn lets_encrypt(
                self,
                contact: impl Into<String>,
                agree: impl Fn(&str) -> bool + Send + Sync + 'static,
            ) -> Self {
                self.ca($crate::directories::LETS_ENCRYPT).contact(contact).agree_to_terms(agree)
            }

            /// Wants a certificate for these names: DNS names, wildcards (`*.example.org`) and IP addresses. Each call
            /// adds a certificate.
            ///
            /// The first certificate is also for clients that ask for no name or another one.
            pub fn names<I>(mut self, names: I) -> Self
            where
                I: IntoIterator<
                    Item: TryInto<acme_proto::identifier::Identifier, Error: Into<$crate::error::Error>>,
                >,
            {
                self.settings.certificates.push($crate::keeper::KeeperSettings::identifiers(names));
                self
            }

            /// Obtains certificates for further names when a client asks for them in its handshake, where `allow`
            /// says yes. It must be quick.
            ///
            /// However many handshakes wait for a name, it is ordered once. Strangers choose these names: allow only
            /// what is known to be served here. At most [`max_on_demand`](Self::max_on_demand) are obtained.
            pub fn on_demand(mut self, allow: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
                self.allow = Some(Box::new(allow));
                self
            }

            /// Sets how many certificates handshakes may cause; by default 100.
            pub const fn max_on_demand(mut self, most: usize) -> Self {
                self.settings.max_on_demand = most;
                self
            }

            /// Adds a solver, which is preferred to the listeners of the server. Wildcards need one of dns-01.
            pub fn solver(mut self, solver: impl crate::Solver + 'static) -> Self {
                self.solvers.push(std::sync::Arc::new(solver));
                self
            }

            /// Sets the kind of the certificates' keys; by default ES256. Every certificate has a new key; an
            /// order that is tried again keeps the key that it has.
            pub const fn key_kind(mut self, kind: $crate::keys::KeyKind) -> Self {
                self.settings.key_kind = kind;
                self
            }

            /// Sets the limits and waits of renewal.
            pub fn renewal_policy(mut self, policy: acme_proto::renewal::RenewalPolicy) -> Self {
                self.settings.renewal = policy;
                self
            }

            /// Sets the crypto provider; the default is that of [`ClientBuilder::provider`](crate::ClientBuilder::provider).
            pub fn provider(mut self, provider: std::sync::Arc<rustls::crypto::CryptoProvider>) -> Self {
                self.settings.provider = Some(provider);
                self
            }

            /// Changes the client of each CA, such as its roots or, by
            /// [`change_policy`](crate::ClientBuilder::change_policy), the policy that suits the CA.
            pub fn client(
                mut self,
                change: impl Fn(crate::ClientBuilder) -> crate::ClientBuilder + Send + Sync + 'static,
            ) -> Self {
                self.client = Some(Box::new(change));
                self
            }

            /// Changes each issuance, such as its profile or chain.
            pub fn issue(
                mut self,
                change: impl for<'a> Fn(crate::Issue<'a>) -> crate::Issue<'a> + Send + Sync + 'static,
            ) -> Self {
                self.issue = Some(Box::new(change));
                self
            }

            /// Shows every event to a function that must not block. With the feature `tracing` they are events of
            /// `tracing`, too.
            pub fn on_event(
                mut self,
                observer: impl Fn(&$crate::keeper::CertificateEvent) + Send + Sync + 'static,
            ) -> Self {
                self.settings.observer = Some(Box::new(observer));
                self
            }

            /// Starts the certificates, and listens for TLS at this address, as [`Certificates::listen`] does.
            ///
            /// The listener is all there is of them: dropping it ends the work as [`Certificates::shutdown`] does, and
            /// waits for nothing. A program that wants their [`health`](Certificates::health), or changes them later,
            /// starts them by `start`, and listens by [`Certificates::listen`].
            ///
            /// # Errors
            /// Those of [`prepare`](Self::prepare) and [`Certificates::listen`]; nothing was started then.
            pub $($async)? fn listen(
                self,
                address: impl crate::solver::listener::ToSocketAddrs,
            ) -> Result<crate::TlsListener, $crate::error::Error> {
                let certificates = self.prepare()$($await)*?;
                let listener = certificates.listen(address)$($await)*?;
                certificates.keep_running();
                Ok(listener.ending(move || certificates.end()))
            }

            /// Loads what is stored, so that it can be served, and does nothing more until
            /// [`Certificates::run`] runs.
            ///
            /// # Errors
            /// For names or URLs that cannot be used, without a CA, and for a storage that cannot be opened or has
            /// the layout of another version.
            pub $($async)? fn prepare(self) -> Result<Certificates, $crate::error::Error> {
                let Self { settings, storage, solvers, client, issue, allow } = self;
                let storage = storage?;
                let keeper = std::sync::Arc::new($crate::keeper::Keeper::new(settings)?);
                crate::storage::run(&storage, $crate::storage::layout::open())$($await)*?;
                let (clients, sweep, signal) = Default::default();
                let inner = Inner { keeper, storage, solvers, client, issue, allow, clients, sweep, signal };
                for kept in inner.keeper.kept() {
                    inner.load(&kept)$($await)*;
                }
                Ok(Certificates { inner: std::sync::Arc::new(inner) })
            }
        }

        impl core::fmt::Debug for CertificatesBuilder {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_tuple("CertificatesBuilder").field(&self.settings).finish()
            }
        }
    };
}
