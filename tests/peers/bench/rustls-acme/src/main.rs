//! Obtains one certificate with rustls-acme: its examples' loop over the states, which ends with the first certificate.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::{env, fs};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls_acme::{AccountCache, AcmeConfig, CertCache, EventOk, UseChallenge};
use tokio_stream::StreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(env::var("ACME_ROOT")?)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let issued = Issued::default();
    let mut state = AcmeConfig::new_with_client_config(env::args().skip(1), Arc::new(tls))
        .cache(issued.clone())
        .directory(env::var("ACME_DIRECTORY")?)
        .challenge_type(UseChallenge::Http01)
        .state();
    loop {
        match state.next().await.ok_or("the states ended")? {
            Ok(EventOk::CertCacheStore) => break,
            Ok(_) => {}
            Err(error) => eprintln!("{error}"),
        }
    }
    fs::write(env::var("CHAIN")?, &*issued.0.lock().expect("no thread panics"))?;
    Ok(())
}

/// Keeps the certificate in memory: what rustls-acme stores is all that it hands out.
#[derive(Clone, Default)]
struct Issued(Arc<Mutex<Vec<u8>>>);

#[async_trait::async_trait]
impl CertCache for Issued {
    type EC = Infallible;
    async fn load_cert(&self, _: &[String], _: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(None)
    }
    async fn store_cert(&self, _: &[String], _: &str, pem: &[u8]) -> Result<(), Infallible> {
        *self.0.lock().expect("no thread panics") = pem.to_vec();
        Ok(())
    }
}

#[async_trait::async_trait]
impl AccountCache for Issued {
    type EA = Infallible;
    async fn load_account(&self, _: &[String], _: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(None)
    }
    async fn store_account(&self, _: &[String], _: &str, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }
}
