//! Both adapters, against servers on loopback. Needs nothing but Rust.

mod examples;
mod made_up_kind;
mod parity;
mod propagation;
mod responders;
mod same_names;
mod scenarios;
mod txt_solvers;
mod zerossl;
