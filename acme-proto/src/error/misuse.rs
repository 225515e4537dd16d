//! A breach of the contract by the driver.

/// A breach of the contract by the driver: a bug to be fixed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// An input or command names an id that this flow never gave out.
    #[error("bug in the driver: it named an id that this flow never gave out")]
    UnknownId,
    /// A flow was polled with another session than at first.
    #[error("bug in the driver: it passed another session than that of the first poll")]
    WrongSession,
    /// A command, or a poll, came after the end.
    #[error("bug in the driver: it goes on with a flow that has ended")]
    Finished,
    /// The flow did not ask for consent to terms of service.
    #[error("bug in the driver: it answered a request for consent that the flow did not make")]
    ConsentNotRequested,
    /// The flow did not ask for the intent of a rollover to be stored.
    #[error("bug in the driver: it said that an intent is stored which the flow did not hand out")]
    StoreNotRequested,
    /// The selected kind of challenge is not one that the CA offers for the authorization.
    #[error("bug in the driver: it selected a kind of challenge that is not offered")]
    KindNotOffered,
    /// The response to a challenge lacks a member that the kind of challenge requires, or has one that is not valid.
    #[error("bug in the driver or its solver: the challenge's response has no valid member {0}")]
    ResponseMember(&'static str),
    /// The flow needs the account's public key, which the session was not given.
    #[error("bug in the driver: the session has no account key")]
    NoAccountKey,
}
