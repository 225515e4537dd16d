use acme_proto::wire::{Context, Problem};
use serde_json::Value;

use crate::check;

/// Reads a problem document of any content, displays it, and stores it.
///
/// # Panics
///
/// If the text has control characters or no bound, if there are more subproblems than the limit,
/// or if the problem changes when it is stored and read.
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
        // A stored problem is read without a context, and may have been written by anyone.
        if let Ok(problem) = serde_json::from_value::<Problem>(value) {
            bounded(&problem);
            stored(&problem);
        }
    }
}

/// Checks the bounds of a problem.
pub(crate) fn bounded(problem: &Problem) {
    check::is_plain(problem);
    check::is_plain(problem.kind());
    // The problem itself and twenty subproblems, each with an identifier and a URL, all escaped.
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
