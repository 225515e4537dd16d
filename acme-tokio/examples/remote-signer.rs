//! Obtains a certificate while both private keys stay in other processes:
//! `cargo run --example remote-signer -- example.org`.
//!
//! [`SigningService`] stands for a key management service or an HSM: this program sends it messages and gets signatures.
//! Here the service is this program, started as `remote-signer kms FILE`, which alone reads the key.

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
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("usage: remote-signer NAME [DIRECTORY]")?;
    let second = env::args().nth(2);
    if name == "kms" {
        return serve(&second.ok_or("usage: remote-signer kms FILE")?);
    }
    let directory = second.unwrap_or_else(|| LETS_ENCRYPT_STAGING.into());
    let account = SigningService::start("account-key.pem").await?;
    let certificate = SigningService::start("key.pem").await?;

    let client = Client::builder(&directory).signer(account).connect().await?;
    client.register().agree_to_terms(|_terms| true).await?;

    // The CSR is the only thing that the certificate's key signs.
    let names: [Identifier; 1] = [name.parse()?];
    let csr = CsrBuilder::new(&certificate.public_key, &names);
    let signature = certificate.sign(&csr.to_be_signed()).await?;
    let csr = csr.finish(&signature)?;

    let address = env::var("HTTP01_ADDRESS").unwrap_or_else(|_| "[::]:80".into());
    let listener = Http01Listener::bind(address).await?;
    let issued = client.issue(names).csr(csr).solver(&listener).await?;
    std::fs::write("cert.pem", issued.chain().to_pem())?;
    Ok(())
}

/// A process that holds one key and signs with it.
struct SigningService {
    public_key: Jwk,
    requests: mpsc::Sender<Request>,
}

/// A message, and where its signature goes.
type Request = (Vec<u8>, oneshot::Sender<io::Result<Vec<u8>>>);

impl SigningService {
    async fn start(file: &str) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["kms", file]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut service = command.spawn()?;
        let mut input = service.stdin.take().ok_or("the service has no input")?;
        let mut output = service.stdout.take().ok_or("the service has no output")?;
        let public_key = Jwk::from_json(std::str::from_utf8(&read(&mut output).await?)?)?;
        let (requests, mut received) = mpsc::channel::<Request>(1);
        // The pipes belong to a task: a caller whose time is over leaves no half of a message in them, and no signature
        // that the next caller would take for its own.
        tokio::spawn(async move {
            while let Some((message, reply)) = received.recv().await {
                let signing = async {
                    write(&mut input, &message).await?;
                    read(&mut output).await
                };
                let signature = signing.await;
                let is_broken = signature.is_err();
                let _ = reply.send(signature);
                if is_broken {
                    break;
                }
            }
        });
        Ok(Self { public_key, requests })
    }

    async fn sign(&self, message: &[u8]) -> Result<Signature, SignFailed> {
        let failed = |error: io::Error| SignFailed::Failed(error.to_string());
        let ended = || SignFailed::Failed("the signing service has ended".into());
        let (reply, signature) = oneshot::channel();
        self.requests.send((message.to_vec(), reply)).await.map_err(|_| ended())?;
        let signature = signature.await.map_err(|_| ended())?.map_err(failed)?;
        Signature::from_bytes(self.public_key.algorithm(), &signature)
            .map_err(|error| SignFailed::Failed(error.to_string()))
    }
}

impl Signer for SigningService {
    fn account_key(&self) -> Jwk {
        self.public_key.clone()
    }

    async fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        Self::sign(self, &request.message).await
    }
}

/// The service: it says its public key, and then signs what it is sent until its input ends.
fn serve(file: &str) -> Result<(), Box<dyn Error>> {
    let key = ProviderKey::load_or_generate(file, KeyKind::Es256)?;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut say = |message: &[u8]| {
        let length = u32::try_from(message.len()).map_err(io::Error::other)?;
        output.write_all(&length.to_be_bytes())?;
        output.write_all(message)?;
        output.flush()
    };
    say(key.public_key().to_json().as_bytes())?;
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let mut message = vec![0; u32::from_be_bytes(length).try_into()?];
        input.read_exact(&mut message)?;
        let signature = key.sign(key.public_key().algorithm(), &message);
        say(signature.map_err(|error| error.to_string())?.as_bytes())?;
    }
    Ok(())
}

/// Reads a message, whose length comes before it.
async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    let length = from.read_u32().await?;
    from.take(length.into()).read_to_end(&mut message).await?;
    Ok(message)
}

async fn write(to: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    to.write_u32(length).await?;
    to.write_all(message).await?;
    to.flush().await
}
