//! The builder `TlsListenerBuilder`.

/// Writes the type, but for its method `on_miss`, and how a `TlsListener` comes about. See
/// [the contract](crate::facade).
#[doc(hidden)]
#[macro_export]
macro_rules! tls_listener_builder {
    (async: [$($async:tt)?], await: [$($await:tt)*] $(,)?) => {
        /// Sets up a [`TlsListener`].
        #[must_use = "it does nothing until it is bound"]
        pub struct TlsListenerBuilder {
            settings: $crate::settings::ServerSettings,
            hooks: super::Hooks,
        }

        impl TlsListenerBuilder {
            /// Offers these protocols by ALPN, preferred ones first; by default `["http/1.1"]`.
            ///
            /// Name `"h2"` only if the server behind it speaks HTTP/2, which for axum takes its feature `http2`. With
            /// none, every client is accepted, whatever it offers.
            pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
                let protocols = protocols.into_iter().map(|protocol| protocol.as_ref().to_vec());
                self.settings.protocols = protocols.collect();
                self
            }

            /// Uses a TLS configuration as it is, such as one that asks clients for certificates.
            ///
            /// Its certificates come from its own `cert_resolver`: give it a clone of the
            /// [`CertificateResolver`](crate::CertificateResolver). Validations never meet this configuration.
            pub fn config(mut self, config: std::sync::Arc<rustls::ServerConfig>) -> Self {
                self.settings.config = Some(config);
                self
            }

            /// Runs at most so many handshakes at the same time; by default 512.
            ///
            /// If there are more, the oldest handshake of the network that holds most of them is given up. Behind a
            /// proxy, where all connections come from one address, allow as many as may come at once.
            pub const fn max_handshakes(mut self, most: usize) -> Self {
                self.settings.max_handshakes = most;
                self
            }

            /// Gives up a handshake after this time; by default ten seconds.
            pub const fn time_limit(mut self, limit: core::time::Duration) -> Self {
                self.settings.time_limit = limit;
                self
            }

            /// Listens on `address`, such as `"[::]:443"`.
            ///
            /// # Errors
            /// [`Error::Listen`](crate::Error::Listen) names the address and what is in the way;
            /// [`Error::Tls`](crate::Error::Tls) if the crypto provider does not suit TLS.
            pub $($async)? fn bind(
                self,
                address: impl crate::solver::listener::ToSocketAddrs,
            ) -> Result<TlsListener, $crate::error::Error> {
                let socket = crate::solver::listener::listen(address)$($await)*?;
                self.listen_on(socket)
            }

            /// Calls this once the socket listens.
            pub(crate) fn on_bound(mut self, call: impl FnOnce() + Send + Sync + 'static) -> Self {
                self.hooks.on_bound = Some(Box::new(call));
                self
            }

            /// Listens on a socket that is bound already.
            ///
            /// # Errors
            /// Those of [`bind`](Self::bind).
            pub fn listen_on(
                self,
                socket: crate::solver::listener::TcpListener,
            ) -> Result<TlsListener, $crate::error::Error> {
                let Self { settings, mut hooks } = self;
                let on_bound = hooks.on_bound.take();
                let listener = TlsListener::start(socket, &settings, hooks)?;
                if let Some(on_bound) = on_bound {
                    on_bound();
                }
                Ok(listener)
            }
        }

        impl core::fmt::Debug for TlsListenerBuilder {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct("TlsListenerBuilder")
                    .field("settings", &self.settings)
                    .finish_non_exhaustive()
            }
        }

        impl TlsListener {
            /// Listens on `address`, such as `"[::]:443"`, for clients of HTTP/1.1.
            ///
            /// # Errors
            /// Those of [`TlsListenerBuilder::bind`].
            pub $($async)? fn bind(
                address: impl crate::solver::listener::ToSocketAddrs,
                resolver: &$crate::resolver::CertificateResolver,
            ) -> Result<Self, $crate::error::Error> {
                Self::builder(resolver).bind(address)$($await)*
            }

            /// Sets up a listener with other protocols, limits, or a TLS configuration of the caller.
            pub fn builder(resolver: &$crate::resolver::CertificateResolver) -> TlsListenerBuilder {
                let settings = $crate::settings::ServerSettings::new(resolver);
                TlsListenerBuilder { settings, hooks: super::Hooks::default() }
            }

            /// Returns the address that it listens on, with the port that the system chose for port 0.
            pub const fn local_addr(&self) -> std::net::SocketAddr {
                self.address
            }
        }

        impl core::fmt::Debug for TlsListener {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct("TlsListener").field("address", &self.address).finish_non_exhaustive()
            }
        }
    };
}
