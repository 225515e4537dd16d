//! The interop matrix: what each server can do with each adapter, tried for real, and the page that shows it.
//!
//! A test of a server says for every [`Feature`] what is to come of it, and [`run`] tries them all. It fails if one
//! ends otherwise, and else records what was seen in `interop/` of the target directory, from where the program
//! `interop` makes the manual's page.

mod cells;
mod client;
mod feature;
mod outcome;
mod page;
mod record;
mod solvers;
mod verify;
mod watch;

pub use client::{Adapter, Client, Job};
pub use feature::Feature;
pub use outcome::{Expect, Failure, typed};
pub use page::page;
pub use record::{Line, read_lines, write_lines};
pub use solvers::Hook;
pub use verify::verify;
pub use watch::{Exchange, Watch};

use crate::servers::Site;

/// The servers that one column of the matrix is made with: one program, configured in several ways.
#[derive(Clone, Copy, Debug)]
pub struct Sites<'a> {
    /// The one for everything that is not listed below.
    pub main: &'a Site,
    /// One that demands external account binding, if the server can.
    pub external: Option<&'a Site>,
    /// One that refuses half of all nonces and gives orders the authorizations of earlier ones, if the server can.
    pub odd: Option<&'a Site>,
}

/// Makes two tests of a function that takes an [`Adapter`]: `name::with_acme_tokio` and `name::with_acme_blocking`.
#[macro_export]
macro_rules! for_both_adapters {
    ($($name:ident, $function:ident;)*) => {$(
        mod $name {
            #[test]
            fn with_acme_tokio() {
                super::$function($crate::interop::Adapter::Tokio);
            }

            #[test]
            fn with_acme_blocking() {
                super::$function($crate::interop::Adapter::Blocking);
            }
        }
    )*};
}

/// Defines `EXPECTED`, the rows of one server's column: what is to come of each [`Feature`], as an [`Expect`].
#[macro_export]
macro_rules! expected {
    ($($feature:ident: $expect:expr,)*) => {
        #[allow(unused_imports, reason = "few servers have all three")]
        use $crate::interop::Expect::{Lacks, NotTried, Works};

        const EXPECTED: &[($crate::interop::Feature, $crate::interop::Expect)] =
            &[$(($crate::interop::Feature::$feature, $expect)),*];
    };
}

/// Tries every feature, compares with what is expected, and records what was seen.
///
/// # Panics
///
/// If a feature has no expectation or more than one, or ends otherwise than expected; all of them are listed.
pub fn run(adapter: Adapter, sites: Sites<'_>, expected: &[(Feature, Expect)]) {
    let main = sites.main;
    let mut lines = vec![Line::version(main.name(), main.version())];
    let mut wrong = Vec::new();
    for feature in Feature::ALL {
        let found: Vec<Expect> =
            expected.iter().filter(|(f, _)| *f == feature).map(|(_, expect)| *expect).collect();
        let [expect] = found[..] else {
            panic!("{} expectations for {feature}", found.len());
        };
        let outcome = match expect {
            Expect::NotTried(reason) => Ok(Line::not_tried(main.name(), feature, reason)),
            _ => expect.compare(feature, main.name(), cells::run(feature, adapter, sites)),
        };
        match outcome {
            Ok(line) => lines.push(line),
            Err(complaint) => wrong.push(complaint),
        }
    }
    assert!(wrong.is_empty(), "{} with {adapter}:\n{}", main.name(), wrong.join("\n"));
    write_lines(&format!("server-{}-{adapter}", record::file_name(main.name())), &lines);
}
