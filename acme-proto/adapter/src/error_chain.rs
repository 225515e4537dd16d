//! An error with its causes, on one line.

use core::error::Error;
use std::io;

use crate::tls_words;

/// Describes an error with its sources, outermost first, on one line of bounded length.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut chain = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = one(error);
        // An error of another crate may print its source and also return it.
        if !chain.contains(&text) {
            if !chain.is_empty() {
                chain.push_str(": ");
            }
            chain.push_str(&text);
        }
        next = error.source();
    }
    // A cause may hold a server's text. It must not write to a terminal or break a line of a log.
    chain.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect()
}

fn one(error: &(dyn Error + 'static)) -> String {
    if let Some(tls) = tls_words::inner(error) {
        return tls_words::of(tls);
    }
    match error.downcast_ref::<io::Error>() {
        Some(error) if error.get_ref().is_none() => io(error),
        _ => error.to_string(),
    }
}

/// Describes the usual errors of the system without their numbers.
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
        assert_eq!(error_chain(&outer), "line break");
    }

    #[test]
    fn failures_of_tls_are_in_words_and_once() {
        let fault = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let words = "the certificate is not issued by a trusted root";
        assert_eq!(error_chain(&fault), words);
        assert_eq!(error_chain(&io::Error::new(io::ErrorKind::InvalidData, fault)), words);
    }

    #[test]
    fn usual_errors_have_no_numbers() {
        assert_eq!(
            error_chain(&io::Error::from(io::ErrorKind::ConnectionRefused)),
            "connection refused"
        );
    }
}
