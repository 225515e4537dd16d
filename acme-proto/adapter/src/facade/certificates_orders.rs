//! What becomes of the stored state of an order that is over or given up.

/// Writes how the `Certificates` of an adapter end an order in flight. See [the contract](crate::facade).
#[doc(hidden)]
#[macro_export]
macro_rules! certificates_orders {
    (async: [$($async:tt)?], await: [$($await:tt)*] $(,)?) => {
        /// A solver that is asked for nothing but to remove, and notes what it has removed.
        struct Withdrawing {
            solver: BoxSolver,
            withdrawals: std::sync::Arc<$crate::keeper::Withdrawals>,
        }

        impl crate::Solver for Withdrawing {
            fn kinds(&self) -> &[acme_proto::wire::ChallengeKind] {
                crate::Solver::kinds(&self.solver)
            }

            fn rules(
                &self,
                kind: &acme_proto::wire::ChallengeKind,
            ) -> Option<acme_proto::challenge::ChallengeRules> {
                crate::Solver::rules(&self.solver, kind)
            }

            $($async)? fn present(
                &self,
                _challenge: &acme_proto::challenge::Challenge,
            ) -> Result<acme_proto::challenge::ChallengeResponse, $crate::error::BoxError> {
                Err("its order is given up".into())
            }

            $($async)? fn clean_up(
                &self,
                challenge: &acme_proto::challenge::Challenge,
            ) -> Result<(), $crate::error::BoxError> {
                let removed = crate::Solver::clean_up(&self.solver, challenge)$($await)*;
                self.withdrawals.note(challenge, &removed);
                removed
            }
        }

        impl Inner {
            /// Removes the state of an order that is over, with its key, and reports if that fails.
            $($async)? fn clear_order(&self, kept: &$crate::keeper::Kept, directory: &acme_proto::url::Url) {
                let name = self.keeper.order_name(kept, directory);
                let cleared = crate::storage::run(&self.storage, $crate::storage::layout::clear_order(name))$($await)*;
                if let Err(error) = cleared {
                    self.keeper.report_storage(kept, &error);
                }
            }

            /// Gives up the order in flight at a CA: removes what it has published, then its state with its key.
            $($async)? fn give_up_order(
                &self,
                kept: &$crate::keeper::Kept,
                client: &crate::Client,
                directory: &acme_proto::url::Url,
            ) -> Result<(), $crate::error::Error> {
                use $crate::storage::layout;

                let name = self.keeper.order_name(kept, directory);
                match crate::storage::run(&self.storage, layout::load_order(&name))$($await)*? {
                    $crate::storage::Found::Intact(order) => self.withdraw(kept, client, order)$($await)*,
                    $crate::storage::Found::Damaged { aside } => {
                        self.keeper.report_damage(kept, "the order in flight", &aside);
                    }
                    $crate::storage::Found::Missing => {}
                }
                Ok(crate::storage::run(&self.storage, layout::clear_order(name))$($await)*?)
            }

            /// Removes what an order has published, and reports what remains: nothing else knows of it.
            ///
            /// The order is resumed and cancelled at once. So the limits and locks are those of any issuance, and another
            /// one that has the same challenge keeps it.
            $($async)? fn withdraw(
                &self,
                kept: &$crate::keeper::Kept,
                client: &crate::Client,
                order: $crate::storage::layout::StoredOrder,
            ) {
                let (snapshot, key) = (order.snapshot, order.key_pem);
                let published = snapshot.challenges().to_vec();
                let key = key.and_then(|pem| $crate::keys::ProviderKey::from_pkcs8_pem(&pem, self.keeper.provider()).ok());
                let withdrawals = std::sync::Arc::<$crate::keeper::Withdrawals>::default();
                if let Some(key) = key.filter(|_| !published.is_empty()) {
                    let mut issue = client.resume(snapshot).key(&key);
                    for solver in self.all_solvers() {
                        issue = issue.solver(Withdrawing { solver, withdrawals: std::sync::Arc::clone(&withdrawals) });
                    }
                    // It ends by the cancellation; what could not be removed is known from the solvers.
                    let _ = at_once(issue).run()$($await)*;
                }
                self.keeper.report_remaining(kept, &published, &withdrawals);
            }

            /// Returns the solvers of the user, and then those of the server's own listeners.
            fn all_solvers(&self) -> Vec<BoxSolver> {
                let own = self.keeper.own_kinds().into_iter().map(|kind| {
                    let (keeper, storage) = (std::sync::Arc::clone(&self.keeper), self.storage.clone());
                    std::sync::Arc::new(Published { kinds: [kind], keeper, storage }) as BoxSolver
                });
                self.solvers.iter().cloned().chain(own).collect()
            }
        }
    };
}
