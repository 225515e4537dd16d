//! Issues one certificate with acme-micro, as its documentation does.

use std::time::Duration;
use std::{env, fs};

use acme_micro::{Directory, DirectoryUrl, Error, create_p256_key};

/// The documentation waits five seconds between polls, for the sake of the CA's limits.
const WAIT: Duration = Duration::from_secs(5);

fn main() -> Result<(), Error> {
    let directory = env::var("ACME_DIRECTORY")?;
    let account = Directory::from_url(DirectoryUrl::Other(&directory))?.register_account(vec![])?;
    let names: Vec<String> = env::args().skip(1).collect();
    let others: Vec<&str> = names[1..].iter().map(String::as_str).collect();
    let mut order = account.new_order(&names[0], &others)?;
    let validated = loop {
        if let Some(validated) = order.confirm_validations() {
            break validated;
        }
        for authorization in order.authorizations()? {
            if authorization.need_challenge() {
                authorization.http_challenge().expect("there is one").validate(WAIT)?;
            }
        }
        order.refresh()?;
    };
    let issued = validated.finalize_pkey(create_p256_key()?, WAIT)?.download_cert()?;
    fs::write(env::var("CHAIN")?, issued.certificate())?;
    Ok(())
}
