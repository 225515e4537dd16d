//! The ready-made solvers.

/// Writes the listeners, and implements the adapter's traits `Solver` and `Dns01` for what this crate has for them. See
/// [the contract](crate::facade).
#[doc(hidden)]
#[macro_export]
macro_rules! ready_made_solvers {
    (async: [$($async:tt)?], await: [$($await:tt)*] $(,)?) => {
        impl Solver for $crate::http01::Http01Handler {
            fn kinds(&self) -> &[ChallengeKind] {
                &[ChallengeKind::Http01]
            }

            $($async)? fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
                self.insert(challenge);
                Ok(ChallengeResponse::default())
            }

            $($async)? fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
                self.remove(challenge);
                Ok(())
            }
        }

        impl Solver for $crate::tls_alpn01::TlsAlpn01Resolver {
            fn kinds(&self) -> &[ChallengeKind] {
                &[ChallengeKind::TlsAlpn01]
            }

            $($async)? fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
                self.insert(challenge, $crate::clock::wall())?;
                Ok(ChallengeResponse::default())
            }

            $($async)? fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
                self.remove(challenge);
                Ok(())
            }
        }

        /// Listens for http-01 validations; answers nothing else, or redirects the rest to HTTPS.
        ///
        /// The CA connects to port 80 of the name. Dropping the listener closes it.
        #[derive(Debug)]
        pub struct Http01Listener {
            table: $crate::http01::Http01Handler,
            listener: listener::Listener,
        }

        impl Http01Listener {
            /// Listens on `address`, such as `"[::]:80"`.
            ///
            /// # Errors
            /// [`Error::Listen`](crate::Error::Listen) names the address and what is in the way.
            pub $($async)? fn bind(
                address: impl listener::ToSocketAddrs,
            ) -> Result<Self, $crate::error::Error> {
                Self::bind_with(address, Default::default(), None)$($await)*
            }

            /// Listens on `address`, and redirects requests for anything but challenges to HTTPS.
            ///
            /// It is all that a web server needs on port 80.
            ///
            /// # Errors
            /// [`Error::Listen`](crate::Error::Listen) names the address and what is in the way.
            pub $($async)? fn bind_and_redirect(
                address: impl listener::ToSocketAddrs,
                redirect: $crate::http01::HttpsRedirect,
            ) -> Result<Self, $crate::error::Error> {
                Self::bind_with(address, Default::default(), Some(redirect))$($await)*
            }

            /// Listens on `address`, answers from a table of the caller, and redirects the rest if a redirect is given.
            ///
            /// # Errors
            /// [`Error::Listen`](crate::Error::Listen) names the address and what is in the way.
            pub $($async)? fn bind_with(
                address: impl listener::ToSocketAddrs,
                table: $crate::http01::Http01Handler,
                redirect: Option<$crate::http01::HttpsRedirect>,
            ) -> Result<Self, $crate::error::Error> {
                Self::bind_finding(address, table, redirect, None)$($await)*
            }

            /// Does so, and calls this before it answers a validation that the table does not have.
            pub(crate) $($async)? fn bind_finding(
                address: impl listener::ToSocketAddrs,
                table: $crate::http01::Http01Handler,
                redirect: Option<$crate::http01::HttpsRedirect>,
                find: Option<http01::Find>,
            ) -> Result<Self, $crate::error::Error> {
                let listener = http01::listen(address, table.clone(), redirect, find)$($await)*?;
                Ok(Self { table, listener })
            }

            /// Returns the table of the challenges that it answers.
            pub const fn handler(&self) -> &$crate::http01::Http01Handler {
                &self.table
            }

            /// Returns the address that it listens on, with the port that the system chose for port 0.
            pub const fn local_addr(&self) -> std::net::SocketAddr {
                self.listener.local_addr()
            }
        }

        impl Solver for Http01Listener {
            fn kinds(&self) -> &[ChallengeKind] {
                self.table.kinds()
            }

            $($async)? fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
                self.table.present(challenge)$($await)*
            }

            $($async)? fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
                self.table.clean_up(challenge)$($await)*
            }
        }

        /// Listens for tls-alpn-01 validations, and answers nothing else.
        ///
        /// The CA connects to port 443 of the name. Dropping the listener closes it.
        #[derive(Debug)]
        pub struct TlsAlpn01Listener {
            resolver: $crate::tls_alpn01::TlsAlpn01Resolver,
            listener: listener::Listener,
        }

        impl TlsAlpn01Listener {
            /// Listens on `address`, such as `"[::]:443"`, with the default crypto provider.
            ///
            /// # Errors
            /// [`Error::Listen`](crate::Error::Listen) names the address and what is in the way;
            /// [`Error::Key`](crate::Error::Key) without a provider.
            pub $($async)? fn bind(
                address: impl listener::ToSocketAddrs,
            ) -> Result<Self, $crate::error::Error> {
                Self::bind_with(address, &$crate::keys::default_provider()?)$($await)*
            }

            /// Listens on `address` with this crypto provider.
            ///
            /// # Errors
            /// [`Error::Listen`](crate::Error::Listen) names the address and what is in the way.
            pub $($async)? fn bind_with(
                address: impl listener::ToSocketAddrs,
                provider: &std::sync::Arc<rustls::crypto::CryptoProvider>,
            ) -> Result<Self, $crate::error::Error> {
                let resolver = $crate::tls_alpn01::TlsAlpn01Resolver::new(provider);
                let config = resolver.server_config()?;
                let listener = tls_alpn01::listen(address, config)$($await)*?;
                Ok(Self { resolver, listener })
            }

            /// Returns the address that it listens on, with the port that the system chose for port 0.
            pub const fn local_addr(&self) -> std::net::SocketAddr {
                self.listener.local_addr()
            }
        }

        impl Solver for TlsAlpn01Listener {
            fn kinds(&self) -> &[ChallengeKind] {
                self.resolver.kinds()
            }

            $($async)? fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
                self.resolver.present(challenge)$($await)*
            }

            $($async)? fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
                self.resolver.clean_up(challenge)$($await)*
            }
        }

        impl<T: Dns01> Solver for $crate::txt::Dns01Solver<T> {
            fn kinds(&self) -> &[ChallengeKind] {
                self.challenge_kinds()
            }

            $($async)? fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
                let record = $crate::txt::record(challenge)?;
                self.zone().set_txt(&record.name, &record.value)$($await)*?;
                Ok(ChallengeResponse::default())
            }

            $($async)? fn wait(&self, challenge: &Challenge) -> Result<(), BoxError> {
                let record = $crate::txt::record(challenge)?;
                self.zone().wait_txt(&record.name, &record.value)$($await)*?;
                #[cfg(feature = "propagation")]
                if let Some(check) = self.propagation_check() {
                    propagated(check, &record.name, &record.value)$($await)*?;
                }
                Ok(())
            }

            $($async)? fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
                let record = $crate::txt::record(challenge)?;
                self.zone().remove_txt(&record.name, &record.value)$($await)*
            }
        }

        impl<T: Dns01> Solver for $crate::txt::DnsPersist01Solver<T> {
            fn kinds(&self) -> &[ChallengeKind] {
                self.challenge_kinds()
            }

            $($async)? fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
                let existing = self.zone().existing_txt(&self.name(challenge)?)$($await)*?;
                let choice = self.choose(challenge, &existing)?;
                if !choice.is_there() {
                    let record = choice.record();
                    self.zone().set_txt(&record.name, &record.value)$($await)*?;
                }
                Ok(ChallengeResponse::default())
            }

            $($async)? fn wait(&self, challenge: &Challenge) -> Result<(), BoxError> {
                let existing = self.zone().existing_txt(&self.name(challenge)?)$($await)*?;
                let choice = self.choose(challenge, &existing)?;
                let record = choice.record();
                self.zone().wait_txt(&record.name, &record.value)$($await)*?;
                #[cfg(feature = "propagation")]
                if let Some(check) = self.propagation_check() {
                    propagated(check, &record.name, &record.value)$($await)*?;
                }
                Ok(())
            }

            $($async)? fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
                match self.removed(challenge) {
                    Some(record) => self.zone().remove_txt(&record.name, &record.value)$($await)*,
                    None => Ok(()),
                }
            }
        }

        impl Dns01 for $crate::hook::HookCommand {
            $($async)? fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
                let record = $crate::hook::HookRecord::txt(name, value);
                hook::run(self, $crate::hook::HookAction::Present, record)$($await)*
            }

            $($async)? fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
                let record = $crate::hook::HookRecord::txt(name, value);
                hook::run(self, $crate::hook::HookAction::Cleanup, record)$($await)*
            }
        }

        impl Dns01 for $crate::dns_update::DnsUpdate {
            $($async)? fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
                let task = $crate::dns_update::DnsTask::Add(value);
                dns_update::run(self, name, task)$($await)*.map(drop)
            }

            $($async)? fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
                let task = $crate::dns_update::DnsTask::Remove(value);
                dns_update::run(self, name, task)$($await)*.map(drop)
            }

            $($async)? fn existing_txt(&self, name: &str) -> Result<Vec<String>, BoxError> {
                dns_update::run(self, name, $crate::dns_update::DnsTask::Read)$($await)*
            }
        }

        impl Solver for $crate::dns_update::DnsUpdate {
            fn kinds(&self) -> &[ChallengeKind] {
                &$crate::txt::KINDS
            }

            $($async)? fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
                let record = $crate::txt::record(challenge)?;
                self.set_txt(&record.name, &record.value)$($await)*?;
                Ok(ChallengeResponse::default())
            }

            $($async)? fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
                let record = $crate::txt::record(challenge)?;
                self.remove_txt(&record.name, &record.value)$($await)*
            }
        }

        impl Solver for $crate::hook::HookCommand {
            fn kinds(&self) -> &[ChallengeKind] {
                self.challenge_kinds()
            }

            fn gathers(&self) -> bool {
                $crate::hook::HookCommand::gathers(self)
            }

            $($async)? fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
                let record = $crate::hook::HookRecord::of(challenge)?;
                hook::run(self, $crate::hook::HookAction::Present, record)$($await)*?;
                Ok(ChallengeResponse::default())
            }

            $($async)? fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
                let record = $crate::hook::HookRecord::of(challenge)?;
                hook::run(self, $crate::hook::HookAction::Cleanup, record)$($await)*
            }
        }

        impl<P: $crate::person::Person + 'static> Solver for $crate::person::AskPerson<P> {
            fn kinds(&self) -> &[ChallengeKind] {
                self.challenge_kinds()
            }

            fn gathers(&self) -> bool {
                true
            }

            $($async)? fn present(&self, challenge: &Challenge) -> Result<ChallengeResponse, BoxError> {
                let (this, challenge) = (self.clone(), challenge.clone());
                let present =
                    move |_: &dyn Fn() -> bool| $crate::person::AskPerson::present(&this, &challenge);
                hook::blocking(present)$($await)*?;
                Ok(ChallengeResponse::default())
            }

            $($async)? fn wait(&self, challenge: &Challenge) -> Result<(), BoxError> {
                let (this, challenge) = (self.clone(), challenge.clone());
                hook::blocking(move |wanted| this.wait(&challenge, wanted))$($await)*
            }

            $($async)? fn clean_up(&self, challenge: &Challenge) -> Result<(), BoxError> {
                let (this, challenge) = (self.clone(), challenge.clone());
                hook::blocking(move |wanted| this.clean_up(&challenge, wanted))$($await)*
            }
        }
    };
}
