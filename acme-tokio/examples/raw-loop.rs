//! Drives an issuance by hand: `cargo run --example raw-loop -- example.org`.
//!
//! This loop is what [`Client`] does, for one exchange at a time. Copy it to bring a network, a signer or a runtime of
//! your own; every other flow of `acme-proto` is driven by the same loop with other events.

use std::env;

use acme_tokio::acme_adapter::{clock::Clock, keyring::Keyring, keys};
use acme_tokio::acme_proto::flow::{Flow as _, Input, Output};
use acme_tokio::acme_proto::issuance::{Issuance, IssuanceEvent as Event};
use acme_tokio::acme_proto::session::Session;
use acme_tokio::{
    AccountKey, BoxError, ChallengeKind, Client, Http01Listener, HyperTransport, KeyKind,
    LETS_ENCRYPT_STAGING, ProviderKey, Roots, Solver as _, Transport as _,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let names = [env::args().nth(1).ok_or("usage: raw-loop NAME [DIRECTORY]")?.parse()?];
    let directory = env::args().nth(2).unwrap_or_else(|| LETS_ENCRYPT_STAGING.into());
    let account_key = AccountKey::load_or_generate("account-key.pem", KeyKind::Es256)?;
    let client = Client::connect(&directory, &account_key).await?;
    let account = client.register().agree_to_terms(|_terms| true).await?;

    let transport = HyperTransport::new(&keys::default_provider()?, &Roots::Platform)?;
    let (keyring, ..) = Keyring::open(Some(&account_key), &keys::default_provider()?)?;
    let key = ProviderKey::load_or_generate("key.pem", KeyKind::Es256)?;
    let address = env::var("HTTP01_ADDRESS").unwrap_or_else(|_| "[::]:80".into());
    let http = Http01Listener::bind(address).await?;

    let mut session = Session::new(directory.parse()?, 0)
        .with_account_key(client.account_key())
        .with_account_url(account.url().clone());
    let csr = keys::make_csr(&key, &names)?;
    let mut order = Issuance::new(names)?.with_csr(csr)?;
    let mut clock = Clock::start();
    let issued = loop {
        match order.poll_output(&mut session, clock.now()) {
            Output::Transmit(t) => {
                let input = Input::exchanged(t.id, transport.exchange(t).await);
                order.handle_input(&mut session, input, clock.now())?;
            }
            Output::Sign(sign) => {
                let input = Input::signed(sign.id, keyring.answer(&sign));
                order.handle_input(&mut session, input, clock.now())?;
            }
            Output::Event(Event::Authorize(offer)) => {
                order.select(&session, &offer.id(), &ChallengeKind::Http01)?;
            }
            Output::Event(Event::Provision(challenge)) => {
                order.ready_with(&challenge.id(), http.present(&challenge).await?)?;
            }
            Output::Event(Event::CleanUp(challenge)) => {
                http.clean_up(&challenge).await?;
                order.cleaned(&challenge.id())?;
            }
            Output::Notice(notice) => println!("{notice}"),
            Output::Timeout(time) => tokio::time::sleep(clock.wait_until(time)).await,
            Output::Done(result) => break result?,
            // Only a durable flow saves, and only one without a CSR asks for it.
            other => return Err(format!("not expected: {other:?}").into()),
        }
    };
    std::fs::write("cert.pem", issued.chain().to_pem())?;
    Ok(())
}
