//! The builder `KeyChange`.

/// Writes the type, but for its method `store` and how it is awaited. See [the contract](crate::facade).
#[doc(hidden)]
#[macro_export]
macro_rules! key_change {
    (
        async: [$($async:tt)?],
        await: [$($await:tt)*],
        $(#[$attribute:meta])*
    ) => {
        $(#[$attribute])*
        pub struct KeyChange<'a> {
            shared: std::sync::Arc<crate::shared::Shared>,
            settings: $crate::settings::KeyChangeSettings,
            store: Option<crate::in_flight::IntentStore<'a>>,
        }

        impl<'a> KeyChange<'a> {
            pub(crate) fn new(
                shared: &std::sync::Arc<crate::shared::Shared>,
                new_key: Option<$crate::keys::NewKey>,
            ) -> Self {
                let settings = $crate::settings::KeyChangeSettings { new_key, ..Default::default() };
                Self { shared: std::sync::Arc::clone(shared), settings, store: None }
            }

            /// Keeps both keys in this [`AccountFile`](crate::AccountFile) until the outcome is certain, then the one
            /// that the CA holds.
            ///
            /// A client that is made from a file with both keys finds out by itself which of them is the account's.
            pub fn account_file(mut self, path: impl Into<std::path::PathBuf>) -> Self {
                self.settings.file = Some(path.into());
                self
            }

            /// Sets a time limit other than the policy's.
            pub const fn time_limit(mut self, limit: core::time::Duration) -> Self {
                self.settings.time_limit = Some(limit);
                self
            }

            /// Changes the key, and returns the one that the account has from now on.
            ///
            /// A lost answer is settled by asking the CA which key it holds. If it cannot be asked either, both keys
            /// stay known: later requests find the right one, and
            /// [`Client::settle_key_change`](crate::Client::settle_key_change) makes it certain.
            ///
            /// # Errors
            /// Those of the core: the CA refused, has no key change, or knows the key as another account's; and
            /// those of the account file. After a refusal the account keeps its old key. After any other error it may have
            /// either key, and [`Client::settle_key_change`](crate::Client::settle_key_change) finds out which. An error
            /// of the account file can also come after the change has taken effect.
            pub $($async)? fn run(self) -> Result<acme_proto::jose::Jwk, $crate::error::Error> {
                let Self { shared, settings, store } = self;
                let account = shared.lock_account()$($await)*;
                let mut plan = settings.plan(&shared.state)?;
                let user = crate::in_flight::UserParts::for_key_change(plan.begin_file(), store, &account);
                let result = match plan.flow.take() {
                    Some(flow) => {
                        let handler = $crate::driver::KeyChanging::default();
                        crate::drive::drive(&shared, flow, handler, user)$($await)*
                    }
                    None => Ok(shared.state.account_key()),
                };
                match plan.end_file(&shared.state) {
                    Some(end) => {
                        let ended = crate::in_flight::on_disk(end)$($await)*;
                        result.and_then(|key| ended.map(|()| key))
                    }
                    None => result,
                }
            }
        }

        impl core::fmt::Debug for KeyChange<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct("KeyChange").field("file", &self.settings.file).finish_non_exhaustive()
            }
        }
    };
}
