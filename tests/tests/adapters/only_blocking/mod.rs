//! What only acme-blocking has.

mod client;
mod issue;
mod pool;
mod shared_authorization;
mod threads;
