//! The example programs as child processes.

mod chain;
mod files;
mod html;
mod program;

pub use chain::{IssuedFiles, openssl};
pub use files::{ScratchDir, contents};
pub use html::HtmlServer;
pub use program::{Child, Outcome, Program};
