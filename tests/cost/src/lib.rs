//! What the core costs, without I/O: time, allocations, memory. `cargo bench -p acme-cost` measures parts.

pub mod counting;
pub mod cpu;
pub mod many_names;
