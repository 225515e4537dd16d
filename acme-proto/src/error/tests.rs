//! Messages: every error is a sentence, and its causes are others.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::error::Error as _;

use super::*;
use crate::request::Lost;
use crate::resource::Resource;
use crate::wire::InvalidObject;
use crate::x509::InvalidChain;

fn url() -> Url {
    Url::parse("https://ca.example/order/1").unwrap()
}

fn not_json() -> PeerFault {
    PeerFault::Object {
        status: 200,
        media_type: String::from("text/html"),
        fault: InvalidObject::NotJson { snippet: String::from("<html>") },
    }
}

fn transport() -> Error {
    let lost = Lost::NotSent(String::from("connection refused"));
    Error::Transport(Box::new(TransportError { url: url(), lost, tries: 4 }))
}

fn chain(error: &Error) -> Vec<String> {
    let mut messages = Vec::from([error.to_string()]);
    let mut cause = error.source();
    while let Some(error) = cause {
        messages.push(error.to_string());
        cause = error.source();
    }
    messages
}

#[test]
fn a_cause_is_the_source_and_is_not_repeated() {
    let late = DeadlinePassed { url: None, waiting_for: Resource::Order, last: Some(transport()) };
    let invalid_chain = InvalidChain::Pem(crate::pem::InvalidPem::NotUtf8);
    for (error, causes) in [
        (Error::Signer(SignFailed::UnknownKey), 0),
        (transport(), 0),
        (Error::Deadline(Box::new(late)), 1),
        (Error::peer(&url(), not_json()), 1),
        (Error::peer(&url(), PeerFault::Chain(invalid_chain)), 2),
        (Error::peer(&url(), PeerFault::NoLocation), 0),
        (Error::Input(InvalidInput::NoIdentifiers), 0),
        (Error::Misuse(Misuse::UnknownId), 0),
        (Error::Cancelled, 0),
    ] {
        let messages = chain(&error);
        assert_eq!(messages.len(), causes + 1, "{messages:?}");
        for (index, message) in messages.iter().enumerate() {
            let above = &messages[..index];
            assert!(!above.iter().any(|other| other.contains(message)), "{messages:?}");
        }
        assert_eq!(Report::new(&error).to_string(), messages.join(": "));
    }
}
