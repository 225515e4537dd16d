//! The requirement catalogue, and the macro by which a test cites a line of it.
//!
//! ```no_run
//! # let body = r#"{"protected":"","payload":"","signature":""}"#;
//! acme_conformance::covers!("8555-6.2-7", body.contains(r#""payload":"#));
//! ```
//!
//! The crates of the workspace take it as a path-only dev-dependency, which publishing strips.

mod catalogue;
mod cited;
mod record;
mod report;

pub use catalogue::{Catalogue, InvalidLine, Layer, Level, Requirement, catalogue};
pub use cited::{Cited, cited_in};
pub use record::{check, test_name};
pub use report::{Coverage, UnknownId};

/// Asserts a condition that a requirement of the catalogue asks for, and records that it was checked.
///
/// The message of a failure names the ID and the requirement; format arguments after the condition are added to it.
/// With `ACME_CONFORMANCE_OUT=DIR` set, the ID and the test are also appended to a file in DIR.
///
/// # Panics
///
/// If the condition is false, or if the catalogue has no such ID.
#[macro_export]
macro_rules! covers {
    ($id:expr, $condition:expr $(,)?) => {
        $crate::covers!($id, $condition, "{}", ::core::stringify!($condition))
    };
    ($id:expr, $condition:expr, $($detail:tt)+) => {{
        fn here() {}
        $crate::check(
            $id,
            $condition,
            &|f| f.write_fmt(::core::format_args!($($detail)+)),
            &$crate::test_name(&here),
        );
    }};
}
