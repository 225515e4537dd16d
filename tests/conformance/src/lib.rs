//! The requirement catalogue, and which of its lines the tests cover.
//!
//! A test cites a requirement by a comment beside the assertion that shows it:
//!
//! ```
//! let body = r#"{"protected":"","payload":"","signature":""}"#;
//! // covers 8555-6.2-7
//! assert!(body.contains(r#""payload":"#), "{body}");
//! ```
//!
//! The comments are read from the sources ([`citations`]). One counts if its test ran and passed ([`Run`]).

mod catalogue;
mod citation;
mod coverage;
mod mutants;
mod page;
mod run;
mod scope;

pub use catalogue::{Catalogue, InvalidLine, Layer, Level, Requirement, catalogue};
pub use citation::{Citation, citations};
pub use coverage::{CitationFault, Coverage, MAX_IDS_OF_A_TEST};
pub use mutants::{InvalidTable, Mutant, choose, parse_mutants};
pub use page::page;
pub use run::{Program, Run, RunError};
pub use scope::{Excused, Scope, ScopeFault, required};
