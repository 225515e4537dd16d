//! The same for an account and a session that an earlier run kept in the folder KEPT; the first run makes them.

use std::{env, fs, path::PathBuf};

use acme_tokio::{AccountKey, BoxError, Client, Http01Handler, KeyKind, ProviderKey, Roots};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let kept = PathBuf::from(env::var("KEPT")?);
    let memory = kept.join("session.json");
    let mut builder = Client::builder(env::var("ACME_DIRECTORY")?)
        .key(AccountKey::load_or_generate(kept.join("account.pem"), KeyKind::Es256)?)
        .roots(Roots::Pem(fs::read(env::var("ACME_ROOT")?)?));
    let is_known = memory.exists();
    if is_known {
        builder = builder.memory(serde_json::from_slice(&fs::read(&memory)?)?);
    }
    let client = builder.connect().await?;
    if !is_known {
        client.register().agree_to_terms(|_terms| true).await?;
    }
    let key = ProviderKey::generate(KeyKind::Es256)?;
    let solver = Http01Handler::new();
    let issued = client.issue(env::args().skip(1)).key(&key).solver(&solver).await?;
    fs::write(memory, serde_json::to_vec(&client.memory())?)?;
    fs::write(env::var("CHAIN")?, issued.chain().to_pem())?;
    Ok(())
}
