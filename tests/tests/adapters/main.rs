//! Both adapters, against servers on loopback. Needs nothing but Rust.

mod both;
mod certificates;
mod dns_updates;
mod examples;
mod field;
mod golden;
mod import;
mod mutations;
mod only_blocking;
mod only_tokio;
mod parity;
mod program;
mod propagation;
mod published_limits;
mod responders;
mod same_names;
mod scenarios;
mod server;
mod solver_kinds;
mod storage;
mod txt_solvers;
mod world;
mod zerossl;
