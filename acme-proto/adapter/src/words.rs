//! What went wrong, in a few words for people.

use core::error::Error;
use std::io;
use std::net::SocketAddr;

/// Describes an error with its sources, outermost first, on one line of bounded length.
pub fn of(error: &(dyn Error + 'static)) -> String {
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

/// Says why an address cannot be listened on, and what to do; `None` for an address that does not parse.
pub fn of_listening(address: Option<SocketAddr>, error: &io::Error) -> String {
    let Some(address) = address else {
        return format!("not an address to listen on: {error}; give one such as [::]:80");
    };
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} is in use (at {address}): stop what listens there, or choose another port"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "port {port} may not be used (at {address}): get the privilege for ports below 1024, or choose a higher one"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("{address} is no address of this machine: listen on one that is")
        }
        _ => format!("cannot listen on {address}: {error}"),
    }
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
    }

    #[test]
    fn usual_errors_have_no_numbers() {
        assert_eq!(of(&io::Error::from(io::ErrorKind::ConnectionRefused)), "connection refused");
    }

    #[test]
    fn a_port_in_use_is_named_with_the_remedy() {
        let address = "127.0.0.1:80".parse().ok();
        let words = of_listening(address, &io::ErrorKind::AddrInUse.into());
        assert!(words.contains("port 80 is in use") && words.contains("choose another port"));
    }
}
