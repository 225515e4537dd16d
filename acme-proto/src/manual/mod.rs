//! Why it is built like this.

pub mod design;
