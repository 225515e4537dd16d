//! What only acme-blocking has.

mod client;
mod issue;
mod pool;
