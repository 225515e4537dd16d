//! A strict ACME certification authority for tests: one line in a test, or a program of its own.
//!
//! ```
//! use acme_testca::TestCa;
//!
//! let ca = TestCa::start();
//! assert!(ca.directory_url().starts_with("https://127.0.0.1:"));
//! assert!(ca.root_pem().starts_with("-----BEGIN CERTIFICATE-----"));
//! assert_eq!(ca.certificates_issued(), 0);
//! ```
//!
//! Any ACME client can be tested with it. It needs three things of the CA: the URL of its directory,
//! its root as the only one to trust, and the port at which the CA looks for the challenge. This is
//! a whole test with `acme-blocking`, by http-01:
//!
//! ```
//! use acme_blocking::{AccountKey, Client, Http01Listener, KeyKind, ProviderKey, Roots};
//! use acme_testca::TestCa;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ca = TestCa::start();
//! let client = Client::builder(ca.directory_url())
//!     .key(AccountKey::generate(KeyKind::Es256)?)
//!     .roots(Roots::Pem(ca.root_pem().into()))
//!     .connect()?;
//! client.register().contact("mailto:me@example.test").run()?;
//!
//! let solver = Http01Listener::bind(("127.0.0.1", ca.http_port()))?;
//! let key = ProviderKey::generate(KeyKind::Es256)?;
//! let issued = client.issue(["www.example.test"]).key(&key).solver(&solver).run()?;
//!
//! assert_eq!(issued.chain().certificates().len(), 2);
//! assert_eq!(ca.certificates_issued(), 1);
//! assert_eq!(ca.validations().len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! The example `testca-axum` is a web server that gets its certificate from an embedded CA, and renews it.
//!
//! The CA runs on a thread of its own until [`TestCa`] is dropped. It checks what RFC 8555, 8737,
//! 8738 and 9773 ask of clients (every JWS, nonce, URL and state), validates challenges for real,
//! and issues a real chain: a root, an intermediate, and leaf certificates with the order's names.
//! It shares no code with any ACME client.
//!
//! # From outside
//!
//! - All addresses are on loopback. One root ([`TestCa::root_pem`]) signs both the certificate of
//!   the HTTPS endpoint and, through the intermediate, everything that is issued. The endpoint
//!   speaks HTTP/2 and HTTP/1.1.
//! - Every name resolves to 127.0.0.1. IP identifiers that are loopback addresses are validated at
//!   that address, all others at 127.0.0.1. http-01 is looked for at [`TestCa::http_port`] instead
//!   of 80, tls-alpn-01 at [`TestCa::tls_port`] instead of 443; both can be set before and after
//!   the start.
//! - dns-account-01 and dns-persist-01 are offered when [`TestCaBuilder::challenges`] says so.
//! - TXT records are set with [`TestCa::set_txt`] and [`TestCa::clear_txt`], or from another
//!   process by the management endpoint; or the CA asks a DNS server ([`TestCaBuilder::dns`]).
//!
//! # The management endpoint
//!
//! It is on the same HTTPS listener, takes and answers JSON, and needs no authentication.
//!
//! | request | body | effect |
//! | --- | --- | --- |
//! | `POST /management/set-txt` | `{"host":"_acme-challenge.example.test.","value":"…"}` | adds one value to the name |
//! | `POST /management/clear-txt` | the same | removes that one value; the response is `{"removed":true}` or `false` |
//! | `GET /management/txt` | none | lists everything published: `{"_acme-challenge.example.test":["…"]}` |
//!
//! # Slow, demanding and faulty
//!
//! By default the CA is fast and correct: no `Retry-After`, no refused nonces, `finalize` answers
//! `valid`. Options of [`TestCaBuilder`] make it slow ([`latency`](TestCaBuilder::latency),
//! [`processing_polls`](TestCaBuilder::processing_polls),
//! [`ready_delay_polls`](TestCaBuilder::ready_delay_polls)) or demanding
//! ([`require_external_account`](TestCaBuilder::require_external_account),
//! [`require_terms`](TestCaBuilder::require_terms)), or as strict about the number of requests as Let's Encrypt
//! ([`request_limits`](TestCaBuilder::request_limits)); [`Quirks`] switch on what real servers do
//! differently; [`Faults`] make chosen requests fail, lost responses included:
//!
//! ```
//! use acme_testca::{FaultAction, FaultRule, Faults, Quirks, RequestKind, TestCa};
//!
//! let ca = TestCa::builder()
//!     .bad_nonce_percent(50)
//!     .quirks(Quirks { no_location_on_finalize: true, ..Quirks::default() })
//!     .faults(
//!         Faults::none()
//!             .with(FaultRule::next(FaultAction::DropAfter).on(RequestKind::Finalize))
//!             .with(FaultRule::next(FaultAction::unavailable(Some("1"))).on(RequestKind::NewOrder)),
//!     )
//!     .start()?;
//! # drop(ca);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`TestCa::requests`] lists the requests of clients, [`TestCa::validations`] the
//! validations, and [`TestCaBuilder::on_exchange`] calls back at each exchange.
//!
//! # Renewal
//!
//! Certificates live as long as [`TestCaBuilder::certificate_lifetime`] says, from the second on.
//! [`TestCaBuilder::time_lapse`] leaves the settings as they are in production, and makes
//! certificates age faster: those of 90 days live for 90 seconds. [`TestCa::set_renewal_window`] asks
//! for a replacement, and [`TestCa::advance_clock`] moves the CA's own clock, against that of the
//! clients.
//!
//! ```
//! use acme_testca::TestCa;
//!
//! let ca = TestCa::builder().time_lapse(86_400).start()?;
//! # drop(ca);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # The program
//!
//! With the feature `cli` there is a program too: `cargo install acme-testca --features cli`, then
//! `acme-testca --root-out root.pem`. Its `--help` lists every option.
//!
//! # Without I/O
//!
//! [`Ca`] is the same CA as a state machine: requests and the time go in, responses and requested
//! validations come out. A simulation can run it in virtual time.
//!
//! ```
//! use acme_testca::{Ca, CaConfig, CaRequest};
//!
//! let mut ca = Ca::new(CaConfig::default(), 1_700_000_000_000)?;
//! let request = CaRequest::new("GET", ca.directory_url()).with_header("User-Agent", "example");
//! assert_eq!(ca.handle(&request, 1_700_000_000_001).status, 200);
//! # Ok::<(), acme_testca::CaError>(())
//! ```
//!
//! # Limits
//!
//! It keeps everything in memory, checks no CAA records, publishes no CRL, asks DNS servers by UDP
//! only, and issues no certificates for keys on P-521 (accounts may use ES512).

mod authority;
mod server;

pub use authority::{
    Ca, CaConfig, CaError, CaRequest, CaResponse, ChallengeKind, Delivery, FaultAction, FaultRule,
    Faults, Identifier, Problem, Profile, Quirks, RequestKind, RequestLimits, RetryAfter,
    Revocation, Validation, ValidationId,
};
pub use server::{ExchangePhase, ExchangeRecord, TestCa, TestCaBuilder, ValidationRecord};
