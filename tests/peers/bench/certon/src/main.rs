//! Issues one certificate with certon: its ACME issuer alone, with a solver that has nothing to do.

use std::sync::Arc;
use std::{env, fs};

use certon::{AcmeIssuer, CertIssuer, FileStorage, KeyType, Solver, Storage};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names: Vec<String> = env::args().skip(1).collect();
    let storage: Arc<dyn Storage> = Arc::new(FileStorage::new(env::var("KEPT")?));
    let issuer = AcmeIssuer::builder()
        .ca(env::var("ACME_DIRECTORY")?)
        .trusted_roots(pem::parse(fs::read(env::var("ACME_ROOT")?)?)?.into_contents())
        .agreed(true)
        .disable_tlsalpn_challenge(true)
        .http01_solver(Arc::new(Nothing))
        .storage(storage)
        .build();
    let key = certon::crypto::generate_private_key(KeyType::EcdsaP256)?;
    let csr = certon::crypto::generate_csr(&key, &names, false)?;
    let issued = issuer.issue(&csr, &names).await?;
    fs::write(env::var("CHAIN")?, issued.certificate_pem)?;
    Ok(())
}

struct Nothing;

#[async_trait::async_trait]
impl Solver for Nothing {
    async fn present(&self, _: &str, _: &str, _: &str) -> certon::Result<()> {
        Ok(())
    }
    async fn cleanup(&self, _: &str, _: &str, _: &str) -> certon::Result<()> {
        Ok(())
    }
}
