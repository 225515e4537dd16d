//! The services that Boulder consists of.

use std::fmt;

/// One of Boulder's services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The storage authority, which keeps everything in the database.
    Storage,
    /// The publisher, which brings precertificates to CT logs.
    Publisher,
    /// The nonce service, which makes nonces and knows which were used.
    Nonce,
    /// A remote validation authority.
    Remote1,
    /// A remote validation authority.
    Remote2,
    /// A remote validation authority.
    Remote3,
    /// The validation authority.
    Validation,
    /// The registration authority that the certificate authority asks for SCTs.
    RegistrationForLogs,
    /// The certificate authority.
    Certificate,
    /// The registration authority, which decides.
    Registration,
    /// The web front end, which speaks ACME.
    WebFrontEnd,
}

impl Part {
    /// All of them.
    pub(super) const ALL: [Self; 11] = [
        Self::Storage,
        Self::Publisher,
        Self::Nonce,
        Self::Remote1,
        Self::Remote2,
        Self::Remote3,
        Self::Validation,
        Self::RegistrationForLogs,
        Self::Certificate,
        Self::Registration,
        Self::WebFrontEnd,
    ];

    /// In which order they are started: each after those that it asks.
    pub(super) const STAGES: [&'static [Self]; 5] = [
        &[Self::Storage, Self::Publisher, Self::Nonce, Self::Remote1, Self::Remote2, Self::Remote3],
        &[Self::Validation, Self::RegistrationForLogs],
        &[Self::Certificate],
        &[Self::Registration],
        &[Self::WebFrontEnd],
    ];

    /// The command of the program `boulder`, the name in the certificate, and the port.
    const fn table(self) -> (&'static str, &'static str, u16) {
        match self {
            Self::Storage => ("boulder-sa", "sa", 9095),
            Self::Publisher => ("boulder-publisher", "publisher", 9091),
            Self::Nonce => ("nonce-service", "nonce", 9101),
            Self::Remote1 => ("remoteva", "rva", 9201),
            Self::Remote2 => ("remoteva", "rva", 9202),
            Self::Remote3 => ("remoteva", "rva", 9203),
            Self::Validation => ("boulder-va", "va", 9092),
            Self::RegistrationForLogs => ("boulder-ra", "ra", 9194),
            Self::Certificate => ("boulder-ca", "ca", 9093),
            Self::Registration => ("boulder-ra", "ra", 9094),
            Self::WebFrontEnd => ("boulder-wfe2", "wfe", super::config::port::WFE),
        }
    }

    pub(super) const fn command(self) -> &'static str {
        self.table().0
    }

    pub(super) const fn certificate(self) -> &'static str {
        self.table().1
    }

    /// Returns the port that shows that it is ready.
    pub(super) const fn port(self) -> u16 {
        self.table().2
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.command(), self.port())
    }
}
