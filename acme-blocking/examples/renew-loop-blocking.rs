//! Keeps one certificate alive by a loop of its own, without a runtime and without `Certificates`:
//! `cargo run --example renew-loop-blocking -- example.org`.
//!
//! [`Lifecycle`] says what to do next; this program does it, says how it went, and stores the lifecycle. Copy it for a
//! device that has its own way to store a key, to publish a challenge or to wait. Here port 80 has to be free.

use std::error::Error;
use std::time::Duration;
use std::{env, fs, thread};

use acme_blocking::acme_adapter::clock;
use acme_blocking::acme_proto::{self, renewal::Lifecycle, renewal::LifecycleStep};
use acme_blocking::{
    AccountKey, Client, Error as AcmeError, Http01Listener, KeyKind, LETS_ENCRYPT_STAGING,
    ProviderKey,
};

const STATE: &str = "renewal.json";

fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("usage: renew-loop-blocking NAME [DIRECTORY]")?;
    let directory = env::args().nth(2).unwrap_or_else(|| LETS_ENCRYPT_STAGING.into());
    let client = Client::builder(&directory)
        .key(AccountKey::load_or_generate("account-key.pem", KeyKind::Es256)?)
        .connect()?;
    let address = env::var("HTTP01_ADDRESS").unwrap_or_else(|_| "[::]:80".into());
    let solver = Http01Listener::bind(address)?;
    let key = ProviderKey::load_or_generate("key.pem", KeyKind::Es256)?;

    let mut life = match fs::read(STATE) {
        Ok(stored) => serde_json::from_slice(&stored)?,
        Err(_) => Lifecycle::new([directory.parse()?], clock::seed()),
    };
    loop {
        match life.next(clock::wall()) {
            LifecycleStep::Register { directory } => {
                match client.register().agree_to_terms(|_terms| true).run() {
                    Ok(_) => life.on_registered(&directory),
                    Err(error) => life.on_failed(&directory, &acme(error)?, clock::wall()),
                }
            }
            LifecycleStep::Order { directory, replaces } => {
                life.on_ordering(&directory);
                let mut issue = client.issue([name.as_str()]).key(&key).solver(solver.handler());
                if let Some(certificate_id) = replaces {
                    issue = issue.replaces_id(certificate_id);
                }
                match issue.run() {
                    Ok(issued) => {
                        fs::write("cert.pem", issued.chain().to_pem())?;
                        life.on_issued(&directory, issued.chain().leaf(), clock::wall());
                    }
                    Err(error) => life.on_failed(&directory, &acme(error)?, clock::wall()),
                }
            }
            LifecycleStep::FetchInfo { question, .. } => match client.call(question) {
                Ok(entry) => drop(life.on_info(&entry, clock::wall())),
                Err(error) => drop(life.on_info_failed(&acme(error)?, clock::wall())),
            },
            // A clock that is set meanwhile is noticed within the hour.
            LifecycleStep::Wait(until) => thread::sleep(clock::until(until).min(HOUR)),
            other => return Err(format!("unknown step: {other:?}").into()),
        }
        while let Some(event) = life.poll_event() {
            println!("{event}");
        }
        fs::write(STATE, serde_json::to_vec(&life)?)?;
    }
}

/// Returns the error of the CA or the network; any other one ends the program.
fn acme(error: AcmeError) -> Result<acme_proto::error::Error, AcmeError> {
    match error {
        AcmeError::Acme(error) => Ok(error),
        other => Err(other),
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);
