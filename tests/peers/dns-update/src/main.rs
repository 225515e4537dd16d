//! A certificate by dns-01 through the crate `dns-update`, which knows the APIs of more than seventy DNS providers.
//!
//! `issue-dns-update DIRECTORY CA_PEM SERVER KEY_NAME ZONE` obtains one for the zone's name and all names below it. The
//! key's secret, in base64, is in the variable `TSIG_SECRET`, since others can read the arguments of a program.
//! The provider here is a DNS server that takes dynamic updates; every other constructor of `DnsUpdater`, such as
//! `new_cloudflare` or `new_route53`, fits in its place.

use acme_tokio::{AccountKey, BoxError, Client, Dns01, Dns01Solver, KeyKind, ProviderKey, Roots};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dns_update::{DnsRecord, DnsRecordType, DnsUpdater, TsigAlgorithm};

/// A zone at a DNS provider.
struct Zone {
    provider: DnsUpdater,
    origin: String,
}

impl Dns01 for Zone {
    async fn set_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        let value = vec![DnsRecord::TXT(value.to_owned())];
        let kind = DnsRecordType::TXT;
        Ok(self.provider.add_to_rrset(name, kind, 60, value, &self.origin).await?)
    }

    async fn remove_txt(&self, name: &str, value: &str) -> Result<(), BoxError> {
        let value = vec![DnsRecord::TXT(value.to_owned())];
        let kind = DnsRecordType::TXT;
        Ok(self.provider.remove_from_rrset(name, kind, value, &self.origin).await?)
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, ca_pem, server, key_name, zone] = &arguments[..] else {
        return Err("usage: DIRECTORY CA_PEM SERVER KEY_NAME ZONE".into());
    };
    let secret = STANDARD.decode(std::env::var("TSIG_SECRET")?)?;
    let provider = format!("tcp://{server}");
    let provider =
        DnsUpdater::new_rfc2136_tsig(provider, key_name, secret, TsigAlgorithm::HmacSha256)?;
    let solver = Dns01Solver::new(Zone { provider, origin: zone.clone() });

    let client = Client::builder(directory)
        .key(AccountKey::generate(KeyKind::Es256)?)
        .roots(Roots::Pem(std::fs::read(ca_pem)?))
        .connect()
        .await?;
    client.register().agree_to_terms(|_url| true).run().await?;
    let key = ProviderKey::generate(KeyKind::Es256)?;
    let names = [zone.clone(), format!("*.{zone}")];
    let issued = client.issue(names).key(&key).solver(solver).run().await?;
    print!("{}", issued.chain().to_pem());
    Ok(())
}
