//! Which crates, how many, and why these.
//!
//! Counted as unique crates among the normal dependencies with default features, the crate itself left out;
//! `tests/checks/budgets` counts anew in every CI run and fails above the budget.
//!
//! The core:
//!
//! | crate | for | instead of |
//! | --- | --- | --- |
//! | `serde`, `serde_json` | JSON; objects are read as values, so that one bad member never fails its object | derived structs, which are all or nothing |
//! | `base64`, `sha2`, `hmac` | encodings, thumbprints, external account binding | |
//! | `iri-string` | RFC 3986 validation and resolution; no further crates | `url`, which normalizes and brings ICU |
//! | `der` | reading and writing the few X.509 structures that are needed | `x509-cert`, `rcgen`: no dates before 1970, a runtime key type, nine crates |
//! | `thiserror`, `zeroize` | error texts; the MAC key | |
//!
//! Not there on purpose:
//!
//! - *A date crate.* Three HTTP-date forms, RFC 3339 with a fraction of any length, and X.509 dates of the year 1 are
//!   200 lines here; no crate does all three.
//! - *`rcgen`.* A CSR and a tls-alpn-01 certificate are built as octets to be signed, so that a key in an HSM can sign
//!   them, and so that the core stays `no_std`. It is used by the test CA, which must not share our reading.
//! - *A PEM crate.* RFC 8555 section 11.4 wants the whole file refused when it holds anything but certificates; the
//!   usual crates skip what they do not know.
//!
//! The adapters add their HTTP stack, rustls with ring, and `rustls-platform-verifier`. Account keys sign through the
//! crypto provider that rustls links anyway, at no extra crate. `acme-adapter` is a crate of ours that both share: account
//! files, locks, keys and TLS configuration would else stand twice.
//!
//! Behind a feature that is off: `hickory-proto` writes and reads the DNS messages of the propagation check; the queries and
//! what follows from their answers are ours, for no resolver asks each authoritative server, and none runs without tokio.
//!
//! The minimum Rust version is 1.89, one above what the dependencies ask for: with it the standard library locks files,
//! which saves a crate and its unsafe code.
