//! Obtains a certificate while both private keys stay with a signing service:
//! `cargo run --example remote-signer -- example.org`.
//!
//! [`SigningService`] stands for a key management service or an HSM: this program sends it messages and gets signatures.

use std::env;
use std::error::Error;
use std::time::Duration;

use acme_tokio::acme_proto::flow::{SignFailed, SignRequest};
use acme_tokio::acme_proto::jose::{Jwk, Signature};
use acme_tokio::{
    Client, CsrBuilder, Http01Listener, Identifier, KeyKind, LETS_ENCRYPT_STAGING, ProviderKey,
    Signer,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("usage: remote-signer NAME [DIRECTORY]")?;
    let directory = env::args().nth(2).unwrap_or_else(|| LETS_ENCRYPT_STAGING.into());
    let account = SigningService::open("account-key.pem")?;
    let certificate = SigningService::open("key.pem")?;

    let client = Client::builder(&directory).signer(account).connect().await?;
    client.register().agree_to_terms(|_terms| true).await?;

    // The CSR is the only thing that the certificate's key signs.
    let names: [Identifier; 1] = [name.parse()?];
    let csr = CsrBuilder::new(&certificate.public_key(), &names);
    let signature = certificate.sign(&csr.to_be_signed()).await?;
    let csr = csr.finish(&signature)?;

    let address = env::var("HTTP01_ADDRESS").unwrap_or_else(|_| "[::]:80".into());
    let listener = Http01Listener::bind(address).await?;
    let issued = client.issue(names).csr(csr).solver(&listener).await?;
    std::fs::write("cert.pem", issued.chain().to_pem())?;
    Ok(())
}

/// A service that holds one key and signs with it; here the key is in a file, and the network is a pause.
struct SigningService(ProviderKey);

impl SigningService {
    fn open(file: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self(ProviderKey::load_or_generate(file, KeyKind::Es256)?))
    }

    fn public_key(&self) -> Jwk {
        self.0.public_key().clone()
    }

    async fn sign(&self, message: &[u8]) -> Result<Signature, SignFailed> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.0.sign(self.0.public_key().algorithm(), message)
    }
}

impl Signer for SigningService {
    fn account_key(&self) -> Jwk {
        self.public_key()
    }

    async fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        Self::sign(self, &request.message).await
    }
}
