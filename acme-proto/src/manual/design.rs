//! The contract of the core, and its reasons.
//!
//! # Shape
//!
//! *Flows and a passive session.* Nothing in ACME arrives unasked, and the only state that issuances share is a directory,
//! an account, nonces, rate limits and a policy. So there is no driver task, channel or waker: a
//! [`Session`](crate::session::Session) is plain data that a driver locks for one synchronous poll, and two issuances are
//! two values. It follows that **no flow waits for another flow's answer**, for nobody would wake it: two flows may both
//! fetch a directory. Waiting for *time* is allowed: the session hands out slots of its rate limits, first come, first
//! served, and a slot that is not used lapses.
//!
//! *One output enum and one rule.* A flow is polled until `Timeout` or `Done`. Time enters only as `now`, so that there is
//! no `handle_timeout` to forget; `Timeout(Some(t))` always has `t > now`, so that no driver spins. A `now` that goes
//! backwards counts as the latest seen, within that flow only.
//!
//! *Signing is an output.* The core holds public keys. A signature that takes two seconds is an input that comes later; a
//! nonce that went stale meanwhile takes the ordinary badNonce path.
//!
//! # Exchanges
//!
//! A flow's exchanges are *lanes*. Each knows what it needs first (directory, account URL, nonce, slot), and one pass
//! over them hands out what is ready and notes what is missing, which then gets lanes of its own: no request is made that
//! nothing waits for, but for one kind: while an order with N names is made, `min(N, max_in_flight) - 1` nonces are
//! fetched, so that the authorizations can go out together. Nonces of a flow's own newNonce answers stay in that flow,
//! all others go to the session; two flows cannot starve each other.
//!
//! Each operation says what a lost answer means: send again (reads, newAccount, newOrder: at most one orphan order for
//! a loss, never finalized), read whether it landed (challenge, finalize, deactivation), or ask which key the server holds
//! (key change). What
//! provably was not sent goes out again. An answer of success that cannot be read is not lost: its `Location` says where
//! the account or the order is, and there it is read. 5xx and 429 wait for `Retry-After` or a jittered backoff; a `rateLimited` without
//! a time is an error at once, because those limits last for hours.
//!
//! # Keys
//!
//! A [`Rollover`](crate::rollover::Rollover) has its intent stored before keyChange leaves, and the session knows both keys
//! until the outcome is certain. Whichever flow is refused by the old key meanwhile signs again, once, by the new one; if
//! that is accepted, the change has landed. A request that was signed before the change and arrives after it takes the
//! same way. So a lost answer is settled by the next flow that runs, in this process or in another that was given both
//! keys, and the intent is there to see the change done that did not land.
//!
//! # Issuance
//!
//! There is no program counter. The private function `plan` derives what is due from the last known state of order and authorizations and
//! from local promises; it is pure and has a table test. So resuming is reading the order and planning again, a snapshot
//! is small, and a newer version of this crate can resume what an older one began.
//!
//! | order | due |
//! | --- | --- |
//! | none | newOrder |
//! | state unknown | read it |
//! | pending | each authorization on its own: read, offer, answer; when all are valid or answered, read the order |
//! | ready | finalize, or ask for the CSR |
//! | processing, or the CSR was sent | read it |
//! | valid | download |
//! | anything else | read once more what was answered, then fail with every reason |
//!
//! *Polling* reads the order, one request a round. The first poll goes out at once, or when `Retry-After` says; the next
//! follow a geometric schedule. Every third round the authorizations are read too: some servers report a failed challenge
//! as an `error` in a challenge that stays `pending` for ever. Such a challenge is answered again, then given up with the
//! server's own words.
//!
//! *Publishing.* Choosing a kind of challenge ([`select`](crate::issuance::Issuance::select)) and publishing it are two
//! steps, because a durable flow saves in between: [`Provision`](crate::issuance::IssuanceEvent::Provision) comes only
//! when the challenge is in a stored snapshot. Only [`cleaned`](crate::issuance::Issuance::cleaned) removes it from there,
//! so a crash leaks no DNS record. A failed clean-up never turns a certificate into an error.
//!
//! *Trust.* Tokens are base64url before they reach a path. Authorizations for names that were not ordered are refused.
//! A chain holds nothing but certificates, its leaf has the CSR's key and exactly the order's names; otherwise the
//! issuance fails, even though the CA is content.
//!
//! # Renewal
//!
//! When to renew is a value and not a flow: between two answers lie hours or weeks, in which processes end and start, so
//! a [`RenewalSchedule`](crate::renewal::RenewalSchedule) is stored rather than polled, and a cron job uses it as a
//! daemon does. It never fails: what goes wrong with renewal information costs time until the next question, and the
//! last twentieth of the lifetime belongs to nobody's window. In the same spirit an order gives up the certificate that
//! it was to replace, where a CA refuses that, rather than the new one.
//!
//! # What differs from the first plan, and why
//!
//! - `select` returns nothing; the challenge comes as the event `Provision`. One place for the write-ahead rule, and the
//!   same path for challenges that a snapshot brings back.
//! - A lost newOrder is sent again without looking through the account's list of orders first: most public CAs offer no
//!   such list, and the price of an orphan is one pending order that nobody answers.
//! - Cancelling takes back what is published; it deactivates authorizations only if told to
//!   ([`Deactivation`](crate::issuance::Deactivation)), for other orders may use them.
//! - An issuance that ends without a certificate tells by [`Notice::NotCleaned`](crate::notice::Notice) what may still be
//!   published; a durable one keeps it in the snapshot too. Clean-ups have 150 seconds, for a hook may take two minutes.
//! - The first offer that the user refuses ends the order, for it cannot be had any more.
//! - A slot of the rate limits that nobody uses is not given to another request; the bucket fills up with time.
//! - What every adapter shares is a crate of its own, `acme-adapter`: files, locks, keys, clocks, child processes. It lies below
//!   `acme-proto/` because the two are used together; neither the protocol nor this crate depends on a runtime.
//! - An adapter is what differs between runtimes, and no more. The loop around a flow (`driver`), the queue of calls to
//!   solvers (`solvers`) and the settings (`settings`) are state machines and plain data in `acme-adapter`. The types with
//!   methods that are `async` in one adapter only are written by macros (`facade`): a generic client would show its
//!   users a runtime parameter and boxed futures, and a trait would have to be imported. `tests/checks/twins` counts what
//!   still stands in both.
//! - X.509 is written by this crate (see [`dependencies`](super::dependencies)).
//!
//! # Why not otherwise
//!
//! - *Typed request and response pairs only*: nonces, retries and polling land in every adapter, twice, untested. The
//!   pairs are there, as [`op`](crate::op).
//! - *A coroutine for each flow*: one effect at a time, and resuming means a program counter.
//! - *One client machine with handles*: needs a driver task, channels and wakers; needed where packets arrive unasked.
//! - *An async fn polled by hand*: cannot be saved, inspected, cloned, or fuzzed by state.
