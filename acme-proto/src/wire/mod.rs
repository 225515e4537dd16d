//! The objects that a server sends.

mod text;

pub(crate) use text::{printable, snippet};
