use acme_proto::wire::{Context, Problem};
use serde_json::Value;

use crate::check;

/// Reads a problem document of any content, shows it, and stores it.
///
/// # Panics
///
/// If it cannot be shown in one bounded line, has more parts than are kept, or is another one after it was stored.
pub fn problem(data: &[u8]) {
    let base = check::base();
    let context = Context { url: &base, allow_http: false };
    match Problem::parse(data, context) {
        Err(error) => check::is_plain(&error),
        Ok(parsed) => {
            check::are_plain(&parsed.deviations);
            bounded(&parsed.value);
            stored(&parsed.value);
        }
    }
    if let Ok(value) = serde_json::from_slice::<Value>(data) {
        let problem = Problem::from_value(value.clone(), context).map(|parsed| parsed.value);
        let read = Problem::parse(data, context).map(|parsed| parsed.value);
        assert!(problem.is_ok() || read.is_err());
        // What was stored is read without a context, whatever it is.
        if let Ok(problem) = serde_json::from_value::<Problem>(value) {
            bounded(&problem);
            stored(&problem);
        }
    }
}

/// Checks everything about a problem that is bounded.
pub(crate) fn bounded(problem: &Problem) {
    check::is_plain(problem);
    check::is_plain(problem.kind());
    // A headline, twenty parts with a name and a page each, and the escapes of all.
    assert!(problem.to_string().chars().count() <= 1400 + 21 * 1000, "too long to be shown");
    assert!(count(problem, 0) <= Problem::MAX_SUBPROBLEMS);
}

fn count(problem: &Problem, depth: usize) -> usize {
    assert!(depth <= Problem::MAX_DEPTH);
    assert!(depth > 0 || problem.identifier().is_none());
    problem.subproblems().iter().map(|part| 1 + count(part, depth + 1)).sum()
}

fn stored(problem: &Problem) {
    let json = serde_json::to_value(problem).expect("a problem can be stored");
    if !check::has_fraction(&json) {
        let text = json.to_string();
        assert_eq!(serde_json::from_str::<Problem>(&text).as_ref().ok(), Some(problem), "{text}");
    }
}
