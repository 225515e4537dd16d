//! What went wrong, in a few words for people.

use core::error::Error;
use std::io;

/// Describes an error with its sources, outermost first, on one line of bounded length.
pub(crate) fn of(error: &(dyn Error + 'static)) -> String {
    let mut words = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = one(error);
        if !words.contains(&text) {
            if !words.is_empty() {
                words.push_str(": ");
            }
            words.push_str(&text);
        }
        next = error.source();
    }
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect()
}

fn one(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<io::Error>() {
        Some(error) if error.get_ref().is_none() => io(error),
        _ => error.to_string(),
    }
}

/// Names the usual errors of the system without their numbers.
fn io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset => "connection reset".into(),
        io::ErrorKind::HostUnreachable => "host unreachable".into(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".into(),
        io::ErrorKind::UnexpectedEof => "connection closed early".into(),
        _ => error.to_string(),
    }
}

const MAX_CHARS: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_follow_once_each_on_one_line() {
        let inner = io::Error::other("line\nbreak");
        let outer = io::Error::other(inner);
        assert_eq!(of(&outer), "line break");
        assert_eq!(of(&io::Error::from_raw_os_error(111)), "connection refused");
    }
}
