//! The contract of the core, and its reasons.
//!
//! # Shape
//!
//! *Flows and a passive session.* An ACME server sends nothing unasked, and issuances share only a
//! directory, an account, nonces, rate limits and a policy. So there is no driver task, channel or
//! waker. A [`Session`](crate::session::Session) is plain data that a driver locks for one
//! synchronous poll, and two issuances are two values. It follows that **no flow waits for another
//! flow's response**, since nothing would wake it: two flows may both fetch a directory. A flow may
//! wait for *time*. The session hands out slots of its rate limits, first come, first served, and an
//! unused slot expires. Where requests that are still out could fill the server's bucket, a request waits a moment
//! beyond its slot, and whoever asks first after a response is sent first.
//!
//! *One output enum and one rule.* A driver polls a flow until `Timeout` or `Done`. Time enters only
//! as `now`, so there is no `handle_timeout` to forget. `Timeout(t)` always has `t > now`, so no
//! driver spins. If `now` goes backwards, that flow keeps using the latest time that it has seen.
//!
//! *Signing is an output.* The core holds public keys only. A signer that takes two seconds answers
//! with an input two seconds later. If the nonce has expired by then, the request is retried like any
//! other badNonce.
//!
//! # Exchanges
//!
//! A flow starts *operations*, and its engine runs each as an *exchange*. [`call`](crate::call) begins with a theory of
//! operation: the life of an exchange, who owns what, and in which sequence things happen. An exchange may lack the
//! directory, the account's URL or a nonce; the engine fetches these by exchanges of its own. Each request is sent only
//! when something waits for its response, with one exception: while an order with N names is being created,
//! `min(N, max_in_flight) - 1` nonces are fetched, so that the authorizations can be read in parallel.
//!
//! Everything that is particular to an operation is in its own file, as hooks that the engine calls: its request, how a
//! response is read, what else the server may ask for, and what follows if the response is lost. The hooks are on a private supertrait of [`Operation`](crate::op::Operation), which seals the trait and keeps them out
//! of the documentation. A flow with several operations has an enum of them, which is an operation itself. The engine
//! could have been generic over a boxed operation instead; then each response would have to be downcast.
//!
//! # Keys
//!
//! A [`Rollover`](crate::rollover::Rollover) has its intent stored before it sends keyChange, and the
//! session knows both keys until the outcome is certain. If the server meanwhile refuses a request
//! signed by the old key, any flow signs it once more with the new key. If that request is accepted,
//! the change has taken effect. The same happens to a request that was signed before the change and
//! arrives after it. So the next flow that runs settles a lost response, in this process or in another
//! one that was given both keys. A change that did not take effect is sent again from the stored
//! intent.
//!
//! # Issuance
//!
//! There is no program counter. Private tables derive what is due from one-word views of the order, of each authorization
//! and of each selected challenge; they are pure and tested over all views. So resuming is reading the order and planning
//! again, a snapshot is small, and a newer version of this crate can resume what an older one began. The front page of
//! [`issuance`](crate::issuance) has the theory of operation, and the tables and a diagram of an order's life, which are
//! written from the code.
//!
//! *Polling* reads the order, one request a round. The first poll goes out at once, or when `Retry-After` says; the next
//! follow a geometric schedule. Every third round the authorizations are read too: some servers report a failed challenge
//! as an `error` in a challenge that stays `pending` forever. Such a challenge is responded to again, then given up with the
//! server's own words.
//!
//! *Publishing.* Choosing a kind of challenge ([`select`](crate::issuance::Issuance::select)) and publishing it are two
//! steps, because a durable flow saves in between: [`Provision`](crate::issuance::IssuanceEvent::Provision) comes only
//! when the challenge is in a stored snapshot. Only [`cleaned`](crate::issuance::Issuance::cleaned) removes it from there,
//! so a crash leaks no DNS record. [`CleanUp`](crate::issuance::IssuanceEvent::CleanUp) comes only after the result of
//! `Provision`: if an embedder made the two calls in parallel, the record could be removed before it is created. A
//! failed clean-up never turns a certificate into an error.
//!
//! *Many names.* After an input, only what it changed is planned again, so the work grows with the number of names
//! and not with its square. Each snapshot has the whole order, so changes are saved in batches. While more changes are
//! expected, a batch is saved when it has as many changes as the previous snapshot had challenges, or after half a
//! second and a millisecond for each of those. This delays the publishing of some challenges by at most that long. Without batches, an order with a
//! thousand names would write a million challenges.
//!
//! *Trust.* Tokens are base64url before they reach a path. Authorizations for names that were not ordered are refused.
//! A chain must hold nothing but certificates, and its leaf must have the CSR's key and exactly the order's names.
//! Otherwise the issuance fails, even though the CA considers the order valid.
//!
//! # Renewal
//!
//! The life of a certificate is a value and not a flow. Hours or weeks lie between two responses,
//! while processes end and start, so a [`Lifecycle`](crate::renewal::Lifecycle) is stored rather than
//! polled, and a cron job uses it just as a daemon does. It never fails: an error of renewal
//! information delays the next request for it, and the last twentieth of the lifetime ignores the
//! suggested window. For the same reason, an order drops `replaces` if the CA refuses it, rather than
//! fail.
//!
//! # What differs from the first plan, and why
//!
//! - `select` returns nothing. The challenge arrives as the event `Provision`, which puts the rule
//!   "save before acting" in one place and treats challenges from a snapshot in the same way.
//! - A lost newOrder is sent again without a search of the account's list of orders. Most public CAs
//!   offer no such list, and an orphaned order costs one pending order that nobody proves.
//! - Cancelling cleans up what is published. It deactivates authorizations only on request
//!   ([`Deactivation`](crate::issuance::Deactivation)), because other orders may use them.
//! - However an issuance ends, it reports challenges that may still be published by
//!   [`Notice::NotCleaned`](crate::notice::Notice). A durable issuance also keeps them in the snapshot.
//!   The limit for clean-ups is 150 seconds, because a hook may take two minutes.
//! - If the user refuses an offer, the order ends, because it can no longer be completed.
//! - A slot of the rate limits that nobody uses is not given to another request. The bucket refills
//!   with time.
//! - `acme-adapter` is a crate of its own. It holds what every adapter shares: files, locks, keys,
//!   clocks, child processes. It lies below `acme-proto/` because the two are used together. Neither
//!   acme-proto nor acme-adapter depends on a runtime.
//! - An adapter holds only what differs between runtimes. The loop around a flow (`driver`), the
//!   queue of calls to solvers (`solvers`) and the settings (`settings`) are state machines and plain
//!   data in `acme-adapter`. Macros (`facade`) write the types whose methods are `async` in one
//!   adapter only. A generic client would show its users a runtime parameter and boxed futures, and
//!   they would have to import a trait. `tests/checks/twins` counts the lines that are still equal.
//! - X.509 is written by this crate (see [`dependencies`](super::dependencies)).
//!
//! # Why not otherwise
//!
//! - *Typed request and response pairs only*: each adapter would implement nonces, retries and polling
//!   again, untested. The pairs exist as [`op`](crate::op).
//! - *A coroutine for each flow*: it runs one exchange at a time, and resuming needs a program counter.
//! - *One client machine with handles*: it needs a driver task, channels and wakers. Those pay where
//!   packets arrive unasked.
//! - *An async fn polled by hand*: it cannot be saved, inspected, cloned, or fuzzed by state.
