//! Obtains a certificate by http-01: `cargo run --example http01-blocking -- example.org`.
//!
//! The name has to resolve to this machine, and port 80 has to be free. The keys stay in `account-key.pem` and `key.pem`
//! for the next run; the chain is written to `cert.pem`.

use std::env;
use std::error::Error;

use acme_blocking::{
    AccountKey, Client, Http01Listener, KeyKind, LETS_ENCRYPT_STAGING, ProviderKey,
};

fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("usage: http01-blocking NAME [DIRECTORY]")?;
    let directory = env::args().nth(2).unwrap_or_else(|| LETS_ENCRYPT_STAGING.into());

    // The key is on disk before the CA sees it: a lost key would be a lost account.
    let account_key = AccountKey::load_or_generate("account-key.pem", KeyKind::Es256)?;
    let client = Client::connect(&directory, account_key)?;

    // A CA that has an account with this key returns it, so registering again does no harm.
    let agree = |terms: &str| {
        println!("agreeing to the terms of service at {terms}");
        true
    };
    client.register().agree_to_terms(agree).run()?;

    let address = env::var("HTTP01_ADDRESS").unwrap_or_else(|_| "[::]:80".into());
    let listener = Http01Listener::bind(address)?;
    let key = ProviderKey::load_or_generate("key.pem", KeyKind::Es256)?;
    let issued = client.issue([name.as_str()]).key(&key).solver(&listener).run()?;

    std::fs::write("cert.pem", issued.chain().to_pem())?;
    println!("cert.pem is valid until {}", issued.not_after());
    Ok(())
}
