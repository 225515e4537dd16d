//! What only acme-tokio has.

mod client;
mod issue;
mod pool;
