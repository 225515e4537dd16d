//! dns-01 (RFC 8555 section 8.4).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

use super::shared::Shared;
use crate::authority::{Problem, Validation};

pub(crate) async fn validate(shared: &Shared, validation: &Validation) -> Result<(), Problem> {
    let name = format!("_acme-challenge.{}", validation.identifier);
    let wanted = URL_SAFE_NO_PAD.encode(digest(&SHA256, validation.key_authorization.as_bytes()));
    let values = shared.txt_of(&name).await?;
    if values.is_empty() {
        return Err(Problem::new(400, "dns", format!("there is no TXT record at {name}")));
    }
    if values.contains(&wanted) {
        return Ok(());
    }
    Err(Problem::new(
        403,
        "incorrectResponse",
        format!("none of the {} TXT records at {name} has the right value", values.len()),
    ))
}
