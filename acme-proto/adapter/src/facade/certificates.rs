//! The certificates of a server, and the steps of each certificate's life.

/// Writes the type `Certificates`, and by other macros its builder and its part in validations, but for what starts, ends
/// and paces the steps. See [the contract](crate::facade).
#[doc(hidden)]
#[macro_export]
macro_rules! certificates {
    (
        async: [$($async:tt)?],
        await: [$($await:tt)*],
        $(#[$attribute:meta])*
    ) => {
        $(#[$attribute])*
        #[derive(Clone)]
        pub struct Certificates {
            inner: std::sync::Arc<Inner>,
        }

        /// What the clones of a [`Certificates`] share.
        struct Inner {
            keeper: std::sync::Arc<$crate::keeper::Keeper>,
            storage: BoxStorage,
            solvers: Vec<BoxSolver>,
            client: Option<ChangeClient>,
            issue: Option<ChangeIssue>,
            allow: Option<Allow>,
            /// The clients by directory, each with the lock that keeps two registrations apart.
            clients: std::sync::Mutex<std::collections::BTreeMap<acme_proto::url::Url, std::sync::Arc<Place>>>,
            /// When the storage was searched last for challenges of other servers.
            sweep: Sweep,
            signal: Signal,
        }

        type ChangeClient = Box<dyn Fn(crate::ClientBuilder) -> crate::ClientBuilder + Send + Sync>;
        type ChangeIssue = Box<dyn for<'a> Fn(crate::Issue<'a>) -> crate::Issue<'a> + Send + Sync>;
        type Allow = Box<dyn Fn(&str) -> bool + Send + Sync>;

        $crate::certificates_builder! { async: [$($async)?], await: [$($await)*] }
        $crate::certificates_orders! { async: [$($async)?], await: [$($await)*] }
        $crate::certificates_validations! { async: [$($async)?], await: [$($await)*] }

        impl Certificates {
            /// Sets up certificates that are stored in a folder, which is created if there is none.
            ///
            /// [`storage::layout`](crate::storage::layout) says what is in it. Several processes may share it.
            pub fn in_folder(folder: impl AsRef<std::path::Path>) -> CertificatesBuilder {
                match $crate::storage::FolderStorage::open(folder) {
                    Ok(storage) => Self::in_storage(storage),
                    Err(error) => CertificatesBuilder::new(Err(error.into())),
                }
            }

            /// Sets up certificates that are gone when the process ends: for tests.
            pub fn in_memory() -> CertificatesBuilder {
                Self::in_storage($crate::storage::MemoryStorage::new())
            }

            /// Sets up certificates in a storage of the user's own.
            pub fn in_storage(storage: impl crate::storage::Storage + 'static) -> CertificatesBuilder {
                CertificatesBuilder::new(Ok(std::sync::Arc::new(storage)))
            }

            /// Listens for TLS at this address. Validations by tls-alpn-01 are answered on the same port.
            ///
            /// # Errors
            /// Those of [`TlsListenerBuilder::bind`](crate::TlsListenerBuilder::bind).
            pub $($async)? fn listen(
                &self,
                address: impl crate::solver::listener::ToSocketAddrs,
            ) -> Result<crate::TlsListener, $crate::error::Error> {
                self.listener().bind(address)$($await)*
            }

            /// Listens for HTTP at this address, usually port 80: answers validations by http-01, and redirects
            /// everything else to HTTPS.
            ///
            /// Servers that share a storage answer each other's validations.
            ///
            /// # Errors
            /// [`Error::Listen`](crate::Error::Listen) names the address and what is in the way.
            pub $($async)? fn listen_http(
                &self,
                address: impl crate::solver::listener::ToSocketAddrs,
            ) -> Result<crate::Http01Listener, $crate::error::Error> {
                let table = self.inner.keeper.validations().http01().clone();
                let redirect = Some($crate::http01::HttpsRedirect::new());
                let listener = crate::Http01Listener::bind_finding(address, table, redirect, Some(self.finder()))$($await)*?;
                self.inner.keeper.listens_for_http();
                self.inner.signal.wake();
                Ok(listener)
            }

            /// Returns what shows the certificates, for a server that has its own listener. Validations by
            /// tls-alpn-01 are answered by it.
            pub fn resolver(&self) -> $crate::resolver::CertificateResolver {
                self.inner.keeper.listens_for_tls();
                self.inner.signal.wake();
                self.inner.keeper.resolver().clone()
            }

            /// Returns what answers validations by http-01, for a server that listens on port 80 by itself. It answers
            /// only for this server: [`answer_http01`](Self::answer_http01) does so for all that share the storage.
            pub fn http01(&self) -> $crate::http01::Http01Handler {
                self.inner.keeper.listens_for_http();
                self.inner.signal.wake();
                self.inner.keeper.validations().http01().clone()
            }

            /// Returns the answer to a request below `/.well-known/acme-challenge/`, for a server that listens on port
            /// 80 by itself; `None` for other paths.
            ///
            /// The arguments are those of [`Http01Handler::answer`](crate::Http01Handler::answer). Call
            /// [`http01`](Self::http01) at the start: nothing is ordered before that.
            pub $($async)? fn answer_http01(
                &self,
                method: &str,
                host: Option<&str>,
                path: &str,
            ) -> Option<$crate::http01::HttpAnswer> {
                let table = self.inner.keeper.validations().http01();
                if table.is_missing(path) {
                    self.inner.find_validations()$($await)*;
                }
                table.answer(method, host, path)
            }

            /// Returns whether there is a certificate for this name.
            pub fn covers(&self, name: &str) -> bool {
                self.inner.keeper.resolver().covers(name)
            }

            /// Returns the state of every certificate.
            pub fn health(&self) -> $crate::keeper::Health {
                self.inner.keeper.health()
            }

            /// Wants a certificate for these names, in place of the one that has the same first name, if any.
            ///
            /// # Errors
            /// For names that cannot be used, and without any.
            pub $($async)? fn add<I>(&self, names: I) -> Result<(), $crate::error::Error>
            where
                I: IntoIterator<
                    Item: TryInto<acme_proto::identifier::Identifier, Error: Into<$crate::error::Error>>,
                >,
            {
                let names = $crate::keeper::KeeperSettings::identifiers(names)?;
                let kept = self.inner.keeper.add(names, false)?;
                self.inner.load(&kept)$($await)*;
                self.inner.signal.change();
                self.inner.signal.wake();
                Ok(())
            }

            /// Stops keeping and serving the certificate that has this first name; it stays in the storage. Returns
            /// whether there was one.
            pub fn remove(&self, name: &str) -> bool {
                let removed = self.inner.keeper.remove(name);
                self.inner.signal.change();
                self.inner.signal.wake();
                removed
            }

            /// Orders the certificate that has this first name now, such as after it was revoked or its key was
            /// exposed: with a new key, also if an order is in flight. Returns whether there is one.
            pub fn order_now(&self, name: &str) -> bool {
                let kept = self.inner.keeper.kept();
                let found = kept.iter().find(|kept| &**kept.id() == name);
                if let Some(kept) = found {
                    kept.order_now($crate::clock::wall());
                    self.inner.signal.wake();
                }
                found.is_some()
            }
        }

        impl core::fmt::Debug for Certificates {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct("Certificates").field("keeper", &self.inner.keeper).finish_non_exhaustive()
            }
        }

        impl Inner {
            /// Takes over what is stored of a certificate.
            $($async)? fn load(&self, kept: &$crate::keeper::Kept) {
                use $crate::storage::layout;

                let name = kept.name();
                let life = crate::storage::run(&self.storage, layout::load_json(&layout::renewal(&name)))$($await)*;
                let stored = crate::storage::run(&self.storage, layout::load_certificate(&name))$($await)*;
                self.keeper.loaded(kept, stored, life);
            }

            /// Takes the next step of a certificate, and returns when the one after it is due.
            $($async)? fn step(&self, kept: &$crate::keeper::Kept) -> acme_proto::time::Timestamp {
                use acme_proto::renewal::LifecycleStep;

                if !kept.is_loaded() {
                    self.load(kept)$($await)*;
                    self.signal.change();
                }
                let now = $crate::clock::wall();
                if self.solvers.is_empty() && self.keeper.own_kinds().is_empty() {
                    // A listener that starts wakes the certificates. What expires meanwhile is reported.
                    let _ = kept.next(now);
                    self.keeper.report_life(kept);
                    return $crate::keeper::look_again(now);
                }
                let until = match kept.next(now) {
                    LifecycleStep::FetchInfo { directory, question } => {
                        let client = self.client(kept, &directory)$($await)*;
                        let answer = match client {
                            Ok(client) => self.signal.unless_stopped(client.call(question))$($await)*,
                            Err(error) => Err(error),
                        };
                        kept.on_info(&answer, $crate::clock::wall());
                        now
                    }
                    LifecycleStep::Register { directory } => {
                        match self.signal.unless_stopped(self.register(kept, &directory))$($await)* {
                            Ok(()) => kept.on_registered(&directory),
                            Err(error) => kept.on_failed(&directory, &error, $crate::clock::wall()),
                        }
                        now
                    }
                    LifecycleStep::Order { directory, replaces } => {
                        // What made it due, such as a wish of the user, outlives a crash.
                        self.save_life(kept)$($await)*;
                        self.order(kept, &directory, replaces)$($await)*.unwrap_or(now)
                    }
                    LifecycleStep::Wait(until) => {
                        self.compare(kept)$($await)*;
                        until.min($crate::keeper::look_again(now))
                    }
                    _ => $crate::keeper::look_again(now),
                };
                self.keeper.report_life(kept);
                self.save_life(kept)$($await)*;
                until
            }

            /// Orders a certificate, unless another process does or did. Returns when to look again if one does.
            $($async)? fn order(
                &self,
                kept: &$crate::keeper::Kept,
                directory: &acme_proto::url::Url,
                replaces: Option<String>,
            ) -> Option<acme_proto::time::Timestamp> {
                use $crate::storage::layout;

                let lock = layout::issuance_lock(kept.name());
                let guard = match crate::storage::Storage::try_lock(&self.storage, &lock)$($await)* {
                    Ok(Some(guard)) => Ok(guard),
                    // The certificate that it waits for may be of an order before this one.
                    Ok(None) if self.compare(kept)$($await)* => return None,
                    Ok(None) => {
                        self.keeper.lock_is_held(kept, &lock, $crate::clock::wall());
                        return Some($crate::keeper::try_lock_again($crate::clock::wall()));
                    }
                    Err(error) => Err($crate::error::Error::from(error)),
                };
                kept.lock_is_free();
                if self.compare(kept)$($await)* {
                    return None;
                }
                kept.on_ordering(directory);
                self.keeper.report_life(kept);
                let (lasting, guard) = match guard {
                    Ok(guard) => (self.issue(kept, directory, replaces.clone())$($await)*, Some(guard)),
                    Err(error) => (Err(error), None),
                };
                let result = match lasting {
                    Err(error) if kept.does_without_storage(&error, $crate::clock::wall()) => {
                        self.issue_unstored(kept, directory, replaces)$($await)*
                    }
                    lasting => lasting,
                };
                let is_over = $crate::keeper::is_over(&result);
                let is_over = match result {
                    Ok(stored) => self.keep(kept, directory, stored)$($await)*,
                    Err(error) => {
                        if let Some(acme_proto::error::Error::NoAccount { .. }) = error.acme() {
                            self.keeper.set_registered(directory, false);
                        }
                        kept.on_failed(directory, &error, $crate::clock::wall());
                        is_over
                    }
                };
                // The key of the order is that of the certificate, which must be stored first.
                if is_over && kept.unsaved().is_none() {
                    self.clear_order(kept, directory)$($await)*;
                }
                drop(guard);
                None
            }

            /// Shows a new certificate and stores it. Returns whether its order is over.
            $($async)? fn keep(
                &self,
                kept: &$crate::keeper::Kept,
                directory: &acme_proto::url::Url,
                stored: $crate::storage::layout::StoredCertificate,
            ) -> bool {
                let served = self.keeper.serve(kept, directory, stored.clone(), $crate::clock::wall());
                self.keeper.report_life(kept);
                self.signal.change();
                match served {
                    $crate::keeper::Served::Shown => {
                        let _ = self.store(kept, &stored)$($await)*;
                        true
                    }
                    // It has a key, which nobody else has.
                    $crate::keeper::Served::Removed => self.store(kept, &stored)$($await)*,
                    $crate::keeper::Served::Replaced | $crate::keeper::Served::Useless => {
                        let aside = $crate::storage::layout::set_aside_certificate(kept.name(), &stored);
                        let saved = crate::storage::run(&self.storage, aside)$($await)*;
                        if let Err(error) = &saved {
                            self.keeper.report_storage(kept, error);
                        }
                        saved.is_ok()
                    }
                }
            }

            /// Goes on with the order in flight, or begins one.
            $($async)? fn issue(
                &self,
                kept: &$crate::keeper::Kept,
                directory: &acme_proto::url::Url,
                replaces: Option<String>,
            ) -> Result<$crate::storage::layout::StoredCertificate, $crate::error::Error> {
                use $crate::storage::layout;

                let client = self.client(kept, directory)$($await)*?;
                let (name, storage) = (self.keeper.order_name(kept, directory), &self.storage);
                if kept.wants_new_key() {
                    // One that was stored before the wish may be exposed as well.
                    for directory in self.keeper.directories() {
                        self.give_up_order(kept, &client, directory)$($await)*?;
                    }
                    kept.takes_new_key();
                }
                let found = crate::storage::run(storage, layout::load_order(&name))$($await)*?;
                let (snapshot, is_useless) = self.keeper.order_in_flight(kept, directory, found);
                if is_useless {
                    self.give_up_order(kept, &client, directory)$($await)*?;
                }
                let (kind, begun) = (self.keeper.key_kind(), $crate::clock::wall());
                let made = crate::storage::run(storage, layout::load_or_make_order_key(&name, kind))$($await)*?;
                if let Some(aside) = &made.damaged {
                    self.keeper.report_damage(kept, "the key of the order in flight", aside);
                }
                let key = $crate::keys::ProviderKey::from_pkcs8_pem(&made.key_pem, self.keeper.provider())?;
                let issue = match snapshot {
                    Some(snapshot) => client.resume(snapshot),
                    None => {
                        let issue = client.issue(kept.identifiers().iter().cloned());
                        replaces.into_iter().fold(issue, |issue, id| issue.replaces_id(id))
                    }
                };
                let in_flight = crate::storage::StoredInFlight::new(storage.clone(), &name);
                let stored = self.run(kept, issue.durable(in_flight).key(&key), made.key_pem)$($await)*?;
                let stored = if made.is_new { stored.with_key_made_at(begun) } else { stored };
                // Without it the next process asks the server.
                let _ = self.put(layout::save_json(&layout::session(directory), &client.memory()))$($await)*;
                Ok(stored.with_directory(directory.clone()).with_issued_at($crate::clock::wall()))
            }

            /// Orders a certificate whose order and key are only in memory, because the storage fails.
            $($async)? fn issue_unstored(
                &self,
                kept: &$crate::keeper::Kept,
                directory: &acme_proto::url::Url,
                replaces: Option<String>,
            ) -> Result<$crate::storage::layout::StoredCertificate, $crate::error::Error> {
                let client = self.client(kept, directory)$($await)*?;
                let begun = $crate::clock::wall();
                let pem = generate_key(self.keeper.key_kind())$($await)*?;
                let key = $crate::keys::ProviderKey::from_pkcs8_pem(&pem, self.keeper.provider())?;
                let issue = client.issue(kept.identifiers().iter().cloned());
                let issue = replaces.into_iter().fold(issue, |issue, id| issue.replaces_id(id));
                let stored = self.run(kept, issue.key(&key), pem)$($await)*?.with_key_made_at(begun);
                Ok(stored.with_directory(directory.clone()).with_issued_at($crate::clock::wall()))
            }

            /// Runs an issuance with every solver, and joins its result with the key.
            $($async)? fn run<'a>(
                &self,
                kept: &$crate::keeper::Kept,
                mut issue: crate::Issue<'a>,
                key_pem: $crate::storage::Zeroizing<String>,
            ) -> Result<$crate::storage::layout::StoredCertificate, $crate::error::Error> {
                for solver in self.all_solvers() {
                    issue = issue.solver(solver);
                }
                if let Some(limit) = kept.time_limit() {
                    issue = issue.time_limit(limit);
                }
                if let Some(change) = &self.issue {
                    issue = change(issue);
                }
                let issued = self.signal.cancels(issue).run()$($await)*?;
                for (challenge, reason) in issued.not_cleaned() {
                    self.keeper.report_not_cleaned(kept, challenge, reason.clone());
                }
                $crate::storage::layout::StoredCertificate::new(issued.chain().clone(), key_pem)
                    .map_err($crate::error::Error::Damaged)
            }

            /// Compares what is served with what is stored: adopts the certificate of another process, and writes
            /// again what is missing. Returns whether it adopted one.
            $($async)? fn compare(&self, kept: &$crate::keeper::Kept) -> bool {
                use $crate::storage::layout;

                let found = crate::storage::run(&self.storage, layout::load_certificate(kept.name()))$($await)*;
                let is_adopted = self.keeper.compared(kept, found, $crate::clock::wall());
                if is_adopted {
                    self.signal.change();
                } else {
                    self.save(kept)$($await)*;
                }
                is_adopted
            }

            /// Stores the certificate that is served, if it is not; its order is over then.
            $($async)? fn save(&self, kept: &$crate::keeper::Kept) {
                let Some(stored) = kept.unsaved() else { return };
                let _ = self.store(kept, &stored)$($await)*;
                if let Some(directory) = stored.directory().filter(|_| kept.unsaved().is_none()) {
                    self.clear_order(kept, directory)$($await)*;
                }
            }

            /// Stores a certificate, and returns whether the storage has it now.
            $($async)? fn store(
                &self,
                kept: &$crate::keeper::Kept,
                stored: &$crate::storage::layout::StoredCertificate,
            ) -> bool {
                let saved = self.put($crate::storage::layout::save_certificate(kept.name(), stored))$($await)*;
                let is_saved = saved.is_ok();
                self.keeper.saved(kept, saved);
                is_saved
            }

            /// Stores a value, if it can be written as one.
            $($async)? fn put(
                &self,
                access: Result<$crate::storage::Access<()>, $crate::storage::StorageError>,
            ) -> Result<(), $crate::storage::StorageError> {
                crate::storage::run(&self.storage, access?)$($await)*
            }

            /// Stores the life of a certificate, if it has changed.
            $($async)? fn save_life(&self, kept: &$crate::keeper::Kept) {
                let Some(life) = kept.changed_life() else { return };
                let key = $crate::storage::layout::renewal(kept.name());
                let saved = self.put($crate::storage::layout::save_json(&key, &life))$($await)*;
                if let Err(error) = saved {
                    kept.life_unsaved();
                    self.keeper.report_storage(kept, &error);
                }
            }

            /// Returns the client of a CA, with the account key from the storage.
            $($async)? fn client(
                &self,
                kept: &$crate::keeper::Kept,
                directory: &acme_proto::url::Url,
            ) -> Result<crate::Client, $crate::error::Error> {
                let place = self.place(directory);
                let mut place = place.lock()$($await)*;
                self.client_at(&mut place, kept, directory)$($await)*
            }

            /// Returns the place of a CA's client. Each has a lock of its own: a CA that does not respond holds up no
            /// other one.
            fn place(&self, directory: &acme_proto::url::Url) -> std::sync::Arc<Place> {
                let mut places = $crate::locked(&self.clients);
                std::sync::Arc::clone(places.entry(directory.clone()).or_default())
            }

            $($async)? fn client_at(
                &self,
                place: &mut $crate::keeper::Reached<crate::Client>,
                kept: &$crate::keeper::Kept,
                directory: &acme_proto::url::Url,
            ) -> Result<crate::Client, $crate::error::Error> {
                match place.get() {
                    Some(result) => result,
                    None => {
                        let result = self.signal.unless_stopped(self.connect(kept, directory))$($await)*;
                        place.set(result)
                    }
                }
            }

            $($async)? fn connect(
                &self,
                kept: &$crate::keeper::Kept,
                directory: &acme_proto::url::Url,
            ) -> Result<crate::Client, $crate::error::Error> {
                let account = self.account(kept, directory)$($await)*?;
                let key = $crate::keys::AccountKey::from(&account);
                let mut builder = crate::Client::builder(self.keeper.ca(directory)).key(key);
                builder = builder.provider(std::sync::Arc::clone(self.keeper.provider()));
                if let Some(url) = account.account() {
                    builder = builder.account_url(url.clone());
                    self.keeper.set_registered(directory, true);
                }
                if let Some((kid, mac_key)) = self.keeper.external_account(directory) {
                    builder = builder.external_account(kid, mac_key);
                }
                // What was known of the server is of use, and nothing depends on it.
                let known = $crate::storage::layout::load_json(&$crate::storage::layout::session(directory));
                if let Ok(found) = crate::storage::run(&self.storage, known)$($await)* {
                    if let $crate::storage::Found::Damaged { aside } = &found {
                        self.keeper.report_damage(kept, &format!("what was known of {directory}"), aside);
                    }
                    builder = found.intact().into_iter().fold(builder, |builder, known| builder.memory(known));
                }
                if let Some(change) = &self.client {
                    builder = change(builder);
                }
                builder.connect()$($await)*
            }

            /// Returns the account at a CA from the storage, with a new key if there is none that can be used.
            $($async)? fn account(
                &self,
                kept: &$crate::keeper::Kept,
                directory: &acme_proto::url::Url,
            ) -> Result<$crate::storage::layout::StoredAccount, $crate::error::Error> {
                let kind = self.keeper.account_key_kind();
                let access = $crate::storage::layout::load_or_make_account(directory, kind);
                let loaded = crate::storage::run(&self.storage, access)$($await)*?;
                for (damage, aside) in &loaded.damaged {
                    self.keeper.report_damage(kept, &format!("the account at {directory}: {damage}"), aside);
                }
                Ok(loaded.account)
            }

            /// Registers the account at a CA, unless it is known to exist.
            $($async)? fn register(
                &self,
                kept: &$crate::keeper::Kept,
                directory: &acme_proto::url::Url,
            ) -> Result<(), $crate::error::Error> {
                use $crate::storage::layout;

                let place = self.place(directory);
                let mut place = place.lock()$($await)*;
                let client = self.client_at(&mut place, kept, directory)$($await)*?;
                if self.keeper.is_registered(directory) {
                    return Ok(());
                }
                let lock = layout::registration_lock(directory);
                let limit = $crate::keeper::REGISTRATION_LIMIT;
                let guard = self.signal.lock_storage(&self.storage, &lock, limit)$($await)*?;
                let settings = self.keeper.settings();
                let mut register = client.register();
                for contact in &settings.contacts {
                    register = register.contact(contact);
                }
                if let Some((kid, mac_key)) = self.keeper.external_account(directory) {
                    register = register.external_account(kid, mac_key);
                }
                if let Some(terms) = &settings.terms {
                    register = register.agree_to_terms(|url| terms(url));
                }
                let entry = register.run()$($await)*?;
                let account = self.account(kept, directory)$($await)*?;
                let account = account.with_account(entry.url().clone()).with_contacts(settings.contacts.clone());
                crate::storage::run(&self.storage, layout::save_account(&account)?)$($await)*?;
                self.keeper.set_registered(directory, true);
                drop(guard);
                Ok(())
            }
        }
    };
}
