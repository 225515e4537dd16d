//! Obtains a certificate while another program holds both private keys:
//! `cargo run --example remote-signer -- example.org`.
//!
//! [`RemoteKey`] stands for a key in a key management service or an HSM: this program sends messages and gets signatures.
//! The service here is this program itself, started as `remote-signer kms FILE`, which alone reads the key.

use std::env;
use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::process::Stdio;

use acme_tokio::acme_proto::flow::{SignFailed, SignRequest};
use acme_tokio::acme_proto::jose::{Jwk, Signature};
use acme_tokio::{
    Client, CsrBuilder, Http01Listener, Identifier, KeyKind, LETS_ENCRYPT_STAGING, ProviderKey,
    Signer,
};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("usage: remote-signer NAME [DIRECTORY]")?;
    let second = env::args().nth(2);
    if name == "kms" {
        return serve(&second.ok_or("usage: remote-signer kms FILE")?);
    }
    let directory = second.unwrap_or_else(|| LETS_ENCRYPT_STAGING.into());
    let account = RemoteKey::open("account-key.pem").await?;
    let certificate = RemoteKey::open("key.pem").await?;

    let client = Client::builder(&directory).signer(account).connect().await?;
    client.register().agree_to_terms(|_terms| true).await?;

    // The CSR is the only thing that the certificate's key signs.
    let names: [Identifier; 1] = [name.parse()?];
    let csr = CsrBuilder::new(&certificate.public_key, &names);
    let signature = certificate.sign_message(&csr.to_be_signed()).await?;
    let csr = csr.finish(&signature)?;

    let address = env::var("HTTP01_ADDRESS").unwrap_or_else(|_| "[::]:80".into());
    let listener = Http01Listener::bind(address).await?;
    let issued = client.issue(names).csr(csr).solver(&listener).await?;
    std::fs::write("cert.pem", issued.chain().to_pem())?;
    Ok(())
}

struct RemoteKey {
    file: &'static str,
    public_key: Jwk,
}

impl RemoteKey {
    async fn open(file: &'static str) -> Result<Self, Box<dyn Error>> {
        let public_key = Jwk::from_json(&String::from_utf8(ask(file, b"").await?)?)?;
        Ok(Self { file, public_key })
    }

    async fn sign_message(&self, message: &[u8]) -> Result<Signature, SignFailed> {
        let signature = ask(self.file, message).await.map_err(failed)?;
        Signature::from_bytes(self.public_key.algorithm(), &signature).map_err(failed)
    }
}

impl Signer for RemoteKey {
    fn account_key(&self) -> Jwk {
        self.public_key.clone()
    }

    async fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        self.sign_message(&request.message).await
    }
}

fn failed(error: impl Error) -> SignFailed {
    SignFailed::Failed(error.to_string())
}

/// Returns the service's signature of a message, or its public key if there is no message.
async fn ask(file: &str, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["kms", file]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut service = command.spawn()?;
    // The pipe is closed here, and that ends the message.
    service.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?.write_all(message).await?;
    let answer = service.wait_with_output().await?;
    if answer.status.success() {
        Ok(answer.stdout)
    } else {
        Err(io::Error::other("the service refused"))
    }
}

/// The service.
fn serve(file: &str) -> Result<(), Box<dyn Error>> {
    let key = ProviderKey::load_or_generate(file, KeyKind::Es256)?;
    let mut message = Vec::new();
    io::stdin().read_to_end(&mut message)?;
    let public_key = key.public_key();
    let answer = match message.as_slice() {
        [] => public_key.to_json().into_bytes(),
        message => key.sign(public_key.algorithm(), message)?.as_bytes().to_vec(),
    };
    Ok(io::stdout().write_all(&answer)?)
}
