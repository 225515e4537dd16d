//! Obtains a certificate while both private keys stay in other processes:
//! `cargo run --example remote-signer-blocking -- example.org`.
//!
//! [`SigningService`] stands for a key management service or an HSM: this program sends it messages and gets signatures.
//! Here the service is this program, started as `remote-signer-blocking kms FILE`, which alone reads the key.

use std::env;
use std::error::Error;
use std::io::{self, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use acme_blocking::acme_proto::flow::{SignFailed, SignRequest};
use acme_blocking::acme_proto::jose::{Jwk, Signature};
use acme_blocking::{
    Client, CsrBuilder, Http01Listener, Identifier, KeyKind, LETS_ENCRYPT_STAGING, ProviderKey,
    Signer,
};

fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("usage: remote-signer-blocking NAME [DIRECTORY]")?;
    let second = env::args().nth(2);
    if name == "kms" {
        return serve(&second.ok_or("usage: remote-signer-blocking kms FILE")?);
    }
    let directory = second.unwrap_or_else(|| LETS_ENCRYPT_STAGING.into());
    let account = SigningService::start("account-key.pem")?;
    let certificate = SigningService::start("key.pem")?;

    let client = Client::builder(&directory).signer(account).connect()?;
    client.register().agree_to_terms(|_terms| true).run()?;

    // The CSR is the only thing that the certificate's key signs.
    let names: [Identifier; 1] = [name.parse()?];
    let csr = CsrBuilder::new(&certificate.public_key, &names);
    let signature = certificate.sign(&csr.to_be_signed())?;
    let csr = csr.finish(&signature)?;

    let address = env::var("HTTP01_ADDRESS").unwrap_or_else(|_| "[::]:80".into());
    let listener = Http01Listener::bind(address)?;
    let issued = client.issue(names).csr(csr).solver(&listener).run()?;
    std::fs::write("cert.pem", issued.chain().to_pem())?;
    Ok(())
}

/// A process that holds one key and signs with it.
struct SigningService {
    public_key: Jwk,
    pipes: Mutex<(ChildStdin, ChildStdout)>,
}

impl SigningService {
    fn start(file: &str) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["kms", file]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut service = command.spawn()?;
        let input = service.stdin.take().ok_or("the service has no input")?;
        let mut output = service.stdout.take().ok_or("the service has no output")?;
        let public_key = Jwk::from_json(std::str::from_utf8(&read(&mut output)?)?)?;
        Ok(Self { public_key, pipes: Mutex::new((input, output)) })
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignFailed> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let (input, output) = &mut *pipes;
        let signature = write(input, message).and_then(|()| read(output));
        let signature = signature.map_err(|error| SignFailed::Failed(error.to_string()))?;
        Signature::from_bytes(self.public_key.algorithm(), &signature)
            .map_err(|error| SignFailed::Failed(error.to_string()))
    }
}

impl Signer for SigningService {
    fn account_key(&self) -> Jwk {
        self.public_key.clone()
    }

    fn sign(&self, request: &SignRequest) -> Result<Signature, SignFailed> {
        Self::sign(self, &request.message)
    }
}

/// The service: it says its public key, and then signs what it is sent until its input ends.
fn serve(file: &str) -> Result<(), Box<dyn Error>> {
    let key = ProviderKey::load_or_generate(file, KeyKind::Es256)?;
    let (mut input, mut output) = (io::stdin(), io::stdout());
    write(&mut output, key.public_key().to_json().as_bytes())?;
    while let Ok(message) = read(&mut input) {
        let signature = key.sign(key.public_key().algorithm(), &message);
        write(&mut output, signature.map_err(|error| error.to_string())?.as_bytes())?;
    }
    Ok(())
}

/// Reads a message, whose length comes before it.
fn read(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut message = Vec::new();
    let length = u64::from(u32::from_be_bytes(length));
    from.take(length).read_to_end(&mut message)?;
    Ok(message)
}

fn write(to: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(message)?;
    to.flush()
}
