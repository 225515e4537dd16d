//! The requirement catalogue, and the macro by which a test cites a line of it.
//!
//! ```no_run
//! # let body = r#"{"protected":"","payload":"","signature":""}"#;
//! acme_conformance::covers!("8555-6.2-7", body.contains(r#""payload":"#));
//! ```
//!
//! The crates of the workspace take it as a path-only dev-dependency, which publishing strips.

mod catalogue;
mod coverage;
mod mutants;
mod page;
mod record;
mod scope;

pub use catalogue::{Catalogue, InvalidLine, Layer, Level, Requirement, catalogue};
pub use coverage::{Coverage, MAX_IDS_OF_A_TEST, UnknownId};
pub use mutants::{InvalidTable, Mutant, choose, parse_mutants};
pub use page::page;
pub use record::{check, test_name};
pub use scope::{Excused, Scope, ScopeFault, required};

/// Asserts a condition that a requirement of the catalogue asks for, and records that it was checked.
///
/// The message of a failure names the ID and the requirement; format arguments after the condition are added to it.
/// In place of one ID there may be several, in brackets, where one condition shows them all.
/// With `ACME_CONFORMANCE_OUT=DIR` set, the ID and the test are also appended to a file in DIR.
///
/// # Panics
///
/// If the condition is false, or if the catalogue has no such ID.
#[macro_export]
macro_rules! covers {
    ([$($id:expr),+ $(,)?], $condition:expr $(,)?) => {
        $crate::covers!([$($id),+], $condition, "{}", ::core::stringify!($condition))
    };
    ([$($id:expr),+ $(,)?], $condition:expr, $($detail:tt)+) => {{
        fn here() {}
        $crate::check(
            &[$($id),+],
            $condition,
            &|f| f.write_fmt(::core::format_args!($($detail)+)),
            &$crate::test_name(&here),
        );
    }};
    ($id:expr, $($rest:tt)+) => {
        $crate::covers!([$id], $($rest)+)
    };
}

/// Asserts that two values are equal, like [`covers!`]; a failure shows both.
///
/// # Panics
///
/// If the values differ, or if the catalogue has no such ID.
#[macro_export]
macro_rules! covers_eq {
    ($id:tt, $left:expr, $right:expr $(,)?) => {
        $crate::covers_eq!($id, $left, $right, "{}", ::core::stringify!($left))
    };
    ($id:tt, $left:expr, $right:expr, $($detail:tt)+) => {
        match (&$left, &$right) {
            (left, right) => $crate::covers!(
                $id,
                *left == *right,
                "{}\n  left: {:?}\n right: {:?}",
                ::core::format_args!($($detail)+),
                left,
                right
            ),
        }
    };
}
