//! Issues one certificate with acme-blocking, for the names that are its arguments. WIDE lifts the limits of the policy,
//! and opens as many connections as it may.

use std::{env, fs};

use acme_blocking::acme_proto::policy::{Policy, Rates};
use acme_blocking::{AccountKey, BoxError, Client, Http01Handler, KeyKind, ProviderKey, Roots};

fn main() -> Result<(), BoxError> {
    let names: Vec<String> = env::args().skip(1).collect();
    let mut policy = Policy::default();
    policy.max_identifiers = policy.max_identifiers.max(names.len());
    let mut builder = Client::builder(env::var("ACME_DIRECTORY")?);
    if env::var_os("WIDE").is_some() {
        policy.rates = Rates::unlimited();
        builder = builder.connections(32);
    }
    let client = builder
        .key(AccountKey::generate(KeyKind::Es256)?)
        .roots(Roots::Pem(fs::read(env::var("ACME_ROOT")?)?))
        .policy(policy)
        .connect()?;
    client.register().agree_to_terms(|_terms| true).run()?;
    let key = ProviderKey::generate(KeyKind::Es256)?;
    let solver = Http01Handler::new();
    let issued = client.issue(names).key(&key).solver(&solver).run()?;
    fs::write(env::var("CHAIN")?, issued.chain().to_pem())?;
    Ok(())
}
