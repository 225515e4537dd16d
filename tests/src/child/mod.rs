//! The example programs as child processes.

mod chain;
mod files;
mod html;
mod killed;
mod program;
#[cfg(target_os = "linux")]
mod terminal;

pub use chain::{IssuedFiles, openssl};
pub use files::{ScratchDir, contents};
pub use html::HtmlServer;
pub use killed::Killed;
pub use program::{Child, Outcome, Program, example};
#[cfg(target_os = "linux")]
pub use terminal::AtTerminal;

/// Makes two tests of a function that takes a [`Program`]: `name::with_acme_tokio` and
/// `name::with_acme_blocking`.
#[macro_export]
macro_rules! for_both_programs {
    ($($name:ident, $function:ident;)*) => {$(
        mod $name {
            #[test]
            fn with_acme_tokio() {
                super::$function($crate::child::Program::Tokio);
            }

            #[test]
            fn with_acme_blocking() {
                super::$function($crate::child::Program::Blocking);
            }
        }
    )*};
}
