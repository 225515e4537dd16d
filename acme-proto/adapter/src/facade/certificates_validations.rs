//! What the servers with one storage do for each other when a CA validates.

/// Writes the solver of the server's own listeners, and the search for what other servers have published. See
/// [the contract](crate::facade).
#[doc(hidden)]
#[macro_export]
macro_rules! certificates_validations {
    (async: [$($async:tt)?], await: [$($await:tt)*] $(,)?) => {
        /// The solver of the server's own listeners: what it publishes, other servers with this storage see too.
        struct Published {
            kinds: [acme_proto::wire::ChallengeKind; 1],
            keeper: std::sync::Arc<$crate::keeper::Keeper>,
            storage: BoxStorage,
        }

        impl crate::Solver for Published {
            fn kinds(&self) -> &[acme_proto::wire::ChallengeKind] {
                &self.kinds
            }

            $($async)? fn present(
                &self,
                challenge: &acme_proto::challenge::Challenge,
            ) -> Result<acme_proto::challenge::ChallengeResponse, $crate::error::BoxError> {
                use $crate::storage::layout;

                self.keeper.validations().publish(challenge)?;
                let stored = layout::StoredValidation::new(challenge.clone(), $crate::clock::wall());
                let access = layout::save_json(&layout::validation(challenge), &stored)?;
                // If the storage fails, this server still answers.
                let _ = crate::storage::run(&self.storage, access)$($await)*;
                Ok(Default::default())
            }

            $($async)? fn clean_up(
                &self,
                challenge: &acme_proto::challenge::Challenge,
            ) -> Result<(), $crate::error::BoxError> {
                self.keeper.validations().withdraw(challenge);
                let key = $crate::storage::layout::validation(challenge);
                Ok(crate::storage::Storage::delete(&self.storage, &key)$($await)*?)
            }
        }

        impl Inner {
            /// Publishes the challenges of other processes that share the storage, so that a validation succeeds at
            /// whichever server it arrives. Strangers can ask for this: see
            /// [`Validations`]($crate::keeper::Validations).
            $($async)? fn find_validations(self: &std::sync::Arc<Self>) {
                use $crate::keeper::Validations;

                let asked = std::time::Instant::now();
                let last = self.sweep.lock()$($await)*;
                let Some(wait) = Validations::wait_to_search(*last, asked) else { return };
                self.search(last, wait)$($await)*;
            }

            $($async)? fn sweep_validations(&self) {
                use $crate::storage::layout;

                let validations = self.keeper.validations();
                let listed = crate::storage::Storage::list(&self.storage, &layout::validations())$($await)*;
                // What a storage that fails still has is unknown: what was found before stays published.
                let Ok(listed) = listed else { return };
                for key in validations.unknown(&listed) {
                    let found = crate::storage::run(&self.storage, layout::load_json(&key))$($await)*;
                    let found = found.ok().and_then($crate::storage::Found::intact);
                    let Some(found): Option<layout::StoredValidation> = found else { continue };
                    match found.current($crate::clock::wall()) {
                        Some(challenge) => validations.publish_foreign(key, challenge),
                        // It is of no use to anyone, and if it stays, it is looked at again.
                        None => drop(crate::storage::Storage::delete(&self.storage, &key)$($await)*),
                    }
                }
            }
        }
    };
}
