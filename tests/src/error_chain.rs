//! The rule for messages: a chain of errors prints no sentence twice.

use core::error::Error;

/// Passes a result on, after a look at its error.
///
/// # Panics
/// If the message of a cause is repeated by an error above it, or is empty.
pub fn checked<T, E: Error + 'static>(result: Result<T, E>) -> Result<T, E> {
    if let Err(error) = &result {
        check(error);
    }
    result
}

/// Checks an error and its causes.
///
/// # Panics
/// As [`checked`].
pub fn check(error: &(dyn Error + 'static)) {
    let mut above = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        assert!(!text.is_empty(), "{error:?} has no message");
        for message in &above {
            assert!(!message.contains(&text), "printed twice: {text:?} and {message:?}");
        }
        above.push(text);
        cause = error.source();
    }
}
