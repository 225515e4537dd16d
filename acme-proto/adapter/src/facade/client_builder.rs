//! The builder of a client.

/// Writes the type `ClientBuilder`. See [the contract](crate::facade).
#[doc(hidden)]
#[macro_export]
macro_rules! client_builder {
    (
        async: [$($async:tt)?],
        await: [$($await:tt)*],
        $(#[$attribute:meta])*
    ) => {
        $(#[$attribute])*
        pub struct ClientBuilder {
            settings: $crate::settings::ClientSettings,
            signer: Option<crate::signer::BoxSigner>,
            transport: Option<crate::transport::BoxTransport>,
        }

        impl ClientBuilder {
            pub(crate) fn new(ca: &$crate::directories::Ca) -> Self {
                let settings = $crate::settings::ClientSettings::new(ca);
                Self { settings, signer: None, transport: None }
            }

            /// Sets a signer, such as an HSM, that holds the account key. With [`key`](Self::key) set too, the signer
            /// holds only other keys, such as the MAC key of an external account.
            pub fn signer(mut self, signer: impl crate::Signer + 'static) -> Self {
                self.signer = Some(Box::new(signer));
                self
            }

            /// Replaces the default transport, and with it roots and proxies.
            pub fn transport(mut self, transport: impl crate::Transport + 'static) -> Self {
                self.transport = Some(Box::new(transport));
                self
            }

            /// Sets the account key: an [`AccountKey`](crate::AccountKey), or an [`AccountFile`](crate::AccountFile).
            pub fn key(mut self, key: impl Into<$crate::keys::AccountKey>) -> Self {
                self.settings.key = Some(key.into());
                self
            }

            /// Sets the roots that the CA's HTTPS certificates are checked against; the platform's by default.
            pub fn roots(mut self, roots: $crate::tls::Roots) -> Self {
                self.settings.roots = roots;
                self
            }

            /// Sets the crypto provider.
            ///
            /// The default is the process's own provider, or else ring or aws-lc-rs, in this order, if compiled in.
            pub fn provider(
                mut self,
                provider: std::sync::Arc<rustls::crypto::CryptoProvider>,
            ) -> Self {
                self.settings.provider = Some(provider);
                self
            }

            /// Sets the limits of the client: waits, retries, parallel requests, and the sizes that it accepts; by default
            /// those of the [`PublicCa`](crate::PublicCa), or [`Policy::default`](crate::Policy::default).
            pub fn policy(mut self, policy: acme_proto::policy::Policy) -> Self {
                self.settings.policy = Some(policy);
                self
            }

            /// Changes the policy that suits the CA, which [`policy`](Self::policy) would replace.
            pub fn change_policy(mut self, change: impl FnOnce(&mut acme_proto::policy::Policy)) -> Self {
                change(self.settings.policy.get_or_insert_default());
                self
            }

            /// Sets how many connections are opened to a server that speaks HTTP/1.1; 16 by default, and 32 at most.
            ///
            /// The [policy's `max_in_flight`](acme_proto::policy::Policy::max_in_flight) can lower this number, and does
            /// not raise it: each connection is a handshake of TLS for the CA. Over HTTP/2 one is enough. A
            /// [`transport`](Self::transport) of your own has its own setting.
            pub const fn connections(mut self, most: usize) -> Self {
                self.settings.connections = Some(most);
                self
            }

            /// Sets the account's URL, if an earlier run received it; the client then need not ask for it.
            pub fn account_url(mut self, url: acme_proto::url::Url) -> Self {
                self.settings.account_url = Some(url);
                self
            }

            /// Takes up what an earlier client knew of the CA's server, from [`Client::memory`](crate::Client::memory).
            ///
            /// That spares the requests for the directory, the account's URL and a nonce, and polls go out when this CA
            /// is expected to be done. What is out of date costs one repeated request.
            pub fn memory(mut self, memory: acme_proto::session::SessionMemory) -> Self {
                self.settings.memory = Some(memory);
                self
            }

            /// Names the external account that the account is bound to, for a CA that wants to see the binding even
            /// where an account is looked up; [`Register::external_account`](crate::Register::external_account) is
            /// what binds it.
            pub fn external_account(
                mut self,
                kid: impl Into<String>,
                mac_key: impl Into<String>,
            ) -> Self {
                self.settings.external = Some($crate::external::ExternalBinding::new(kid, mac_key));
                self
            }

            /// Does the same for an external account whose MAC key the [`signer`](Self::signer) holds.
            pub fn external_account_signer(mut self, kid: impl Into<String>) -> Self {
                self.settings.external = Some($crate::external::ExternalBinding::by_signer(kid));
                self
            }

            /// Sets the algorithm of the external account's MAC; the default is HS256.
            pub const fn mac_algorithm(mut self, algorithm: acme_proto::jose::MacAlgorithm) -> Self {
                self.settings.mac = algorithm;
                self
            }

            /// Puts the application's name and version in front of the `User-Agent`, such as `shop/1.2`.
            pub fn user_agent(mut self, product: impl Into<String>) -> Self {
                self.settings.user_agent = Some(product.into());
                self
            }

            /// Allows an `http://` directory on this machine: for tests.
            pub const fn allow_http_on_loopback(mut self) -> Self {
                self.settings.http_on_loopback = true;
                self
            }

            /// Shows every HTTP exchange, when it has ended, to a function that must not block.
            pub fn observe(
                mut self,
                observer: impl Fn(&$crate::exchange::ExchangeRecord) + Send + Sync + 'static,
            ) -> Self {
                self.settings.observer = Some(Box::new(observer));
                self
            }

            /// Shows every notice (retries, waiting, progress, a CA's mistakes) to a function that must not
            /// block.
            pub fn notices(
                mut self,
                notices: impl Fn(&acme_proto::notice::Notice) + Send + Sync + 'static,
            ) -> Self {
                self.settings.notices = Some(Box::new(notices));
                self
            }

            /// Makes the client, and fetches the directory, unless the [`memory`](Self::memory) has it.
            ///
            /// # Errors
            /// [`Error::NoAccountKey`](crate::Error::NoAccountKey) without key or signer, and what
            /// [`Client::connect`](crate::Client::connect) says.
            pub $($async)? fn connect(self) -> Result<crate::Client, $crate::error::Error> {
                let client = self.build()?;
                // One that is too old is fetched by the first request.
                if !client.shared.state.knows_directory() {
                    client.call(acme_proto::op::GetDirectory)$($await)*?;
                }
                Ok(client)
            }

            fn build(self) -> Result<crate::Client, $crate::error::Error> {
                let Self { mut settings, signer, transport } = self;
                settings.check_directory()?;
                let provider = settings.provider()?;
                let transport = match transport {
                    Some(transport) => transport,
                    None => {
                        if crate::transport::HOLDS_THREADS {
                            settings.narrow_to_connections();
                        }
                        crate::transport::default_transport(&provider, &settings)?
                    }
                };
                let product = crate::Transport::product(&transport);
                let product =
                    concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"), " ").to_owned() + product;
                let signer_key = signer.as_ref().map(crate::Signer::account_key);
                let state = settings.open(provider, signer_key, &product)?;
                Ok(crate::Client::new(crate::shared::Shared::new(state, transport, signer)))
            }
        }

        impl core::fmt::Debug for ClientBuilder {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_tuple("ClientBuilder").field(&self.settings).finish()
            }
        }
    };
}
