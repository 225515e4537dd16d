//! Obtains a certificate by dns-01, with records that a person publishes:
//! `cargo run --example dns01-by-hand -- '*.example.org'`.
//!
//! A program for a DNS provider looks the same: its `set_txt` and `remove_txt` call the provider's API.

use std::env;
use std::error::Error;
use std::io::{BufRead as _, stdin};

use acme_tokio::{
    AccountKey, BoxError, Client, Dns01, Dns01Solver, KeyKind, LETS_ENCRYPT_STAGING, ProviderKey,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("usage: dns01-by-hand NAME [DIRECTORY]")?;
    let directory = env::args().nth(2).unwrap_or_else(|| LETS_ENCRYPT_STAGING.into());
    let account_key = AccountKey::load_or_generate("account-key.pem", KeyKind::Es256)?;
    let client = Client::connect(&directory, account_key).await?;
    client.register().agree_to_terms(|_terms| true).await?;

    let solver = Dns01Solver::new(ByHand);
    let key = ProviderKey::load_or_generate("key.pem", KeyKind::Es256)?;
    let issued = client.issue([name.as_str()]).key(&key).solver(&solver).await?;
    std::fs::write("cert.pem", issued.chain().to_pem())?;
    Ok(())
}

/// Asks the person at the terminal to change the zone.
struct ByHand;

impl Dns01 for ByHand {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        println!("Add this record, then press Enter:\n{name}. TXT \"{value}\"");
        // Reading from the terminal blocks, so it must not run on the runtime's own thread.
        tokio::task::spawn_blocking(|| stdin().lock().read_line(&mut String::new())).await??;
        Ok(())
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        println!("Remove this record: {name}. TXT \"{value}\"");
        Ok(())
    }
}
