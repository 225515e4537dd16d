//! Credentials for external account binding from ZeroSSL's own interface.
//!
//! ```no_run
//! use acme_blocking::zerossl::{self, EabRequest};
//! # fn run(client: acme_blocking::Client) -> Result<(), Box<dyn core::error::Error>> {
//! let credentials = zerossl::mint(&client, &EabRequest::by_email("me@example.org")?)?;
//! let (kid, mac_key) = credentials.into_parts(); // store them: they can be used again
//! let register = client.register().contact("mailto:me@example.org").agree_to_terms(|_url| true);
//! register.external_account(kid, mac_key.as_str()).run()?;
//! # Ok(())
//! # }
//! ```

pub use acme_proto::zerossl::{EabCredentials, EabRequest, MintError};

use crate::client::Client;
use crate::transport::Transport as _;

/// Requests credentials from ZeroSSL through the client's transport.
///
/// The client must be one for [`ZEROSSL`](crate::ZEROSSL), and need not be registered yet. Its observer does
/// not see this exchange, because the URL may contain the access key.
///
/// # Errors
/// See [`MintError`].
pub fn mint(client: &Client, request: &EabRequest) -> Result<EabCredentials, MintError> {
    let transmit = request.transmit()?;
    request.read(client.shared.transport.exchange(transmit))
}
