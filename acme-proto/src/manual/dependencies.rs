//! The dependencies: how many, which, and why.
//!
//! The number counts unique crates among the normal dependencies with default features, without
//! the crate itself. `tests/checks/budgets` repeats the count in every CI run and fails above the
//! budget.
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
//! Deliberately absent:
//!
//! - *A date crate.* Three HTTP-date forms, RFC 3339 with a fraction of any length, and X.509 dates
//!   of the year 1 are 200 lines here; no crate does all three.
//! - *`rcgen`.* A CSR and a tls-alpn-01 certificate are built as octets to be signed, so that a key
//!   in an HSM can sign them, and so that the core stays `no_std`. The test CA uses `rcgen`,
//!   because it must not share our reading of the standards.
//! - *A PEM crate.* RFC 8555 Section 11.4 demands that the whole file is refused when it holds
//!   anything but certificates. The usual crates skip blocks that they do not know.
//!
//! The adapters add their HTTP stack, rustls with ring, and `rustls-platform-verifier`. Account
//! keys sign with the crypto provider that rustls links anyway, without another crate. Both
//! adapters share our crate `acme-adapter`, so that account files, locks, keys and TLS
//! configuration exist once.
//!
//! The feature `propagation`, off by default, adds `hickory-proto`, which writes and reads the DNS
//! messages of the propagation check. The queries are our own code: no resolver asks each
//! authoritative server, and none runs without tokio.
//!
//! The minimum Rust version is 1.89, one above that of the dependencies. Since 1.89 the standard
//! library locks files, which saves a crate with unsafe code.
