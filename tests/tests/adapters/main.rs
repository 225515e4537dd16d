//! Both adapters, against servers on loopback. Needs nothing but Rust.

mod examples;
mod parity;
mod propagation;
mod responders;
mod same_names;
mod scenarios;
mod solver_kinds;
mod txt_solvers;
mod zerossl;
